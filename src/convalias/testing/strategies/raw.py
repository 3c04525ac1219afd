"""Mails as bytes: small, readable ones that a mail program could have sent, and what they arrive with."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable
from typing import Final, TypeAlias

from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.testing.strategies.addresses import arrivals
from convalias.testing.strategies.mails import evidences, return_paths
from convalias.testing.strategies.places import ALIASES, LEGACY, SENDERS

_LISTED: Final = (*ALIASES, *LEGACY)
_NAMES: Final = ("{1}", "{1} (Ann)", "Ann Ray <{1}>", '"Ray, Ann" <{1}>', "=?utf-8?q?Jos=C3=A9?= <{1}>")
_SUBJECTS: Final = ("Hello", "", "Re: Hello", "=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=")
_DATES: Final = (
    "Sun, 01 Mar 2026 12:00:00 +0000",
    "1 Mar 2026 21:00 +0900",
    "Fri, 27 Feb 2026 12:00:00 GMT",
    "yesterday",
)
_MARKS: Final = (
    "",
    "Auto-Submitted: auto-replied",
    "List-Id: <jobs.list.example>",
    "Precedence: bulk",
    "Auto-Submitted: no",
    "In-Reply-To: <0@corp.example>",
    "X-Odd: a",
)
_TEXTS: Final = (
    "Hello",
    "",
    "Hello\n\nOn Sunday Ann wrote:\n> Good morning",
    "Grüße aus Köln",
    "こんにちは",
    "-- \nAnn",
    "...\n.",
)
_BOUNDARY: Final = "=-="

Body: TypeAlias = tuple[list[str], bytes]
"""Fields that say how a body is written, and the body."""


@st.composite
def raw_mails(draw: st.DrawFn, listed: tuple[EmailAddress, ...] = _LISTED, *, sender: str | None = None) -> bytes:
    """A mail as bytes, of a dozen lines at most; shrinks to From, To, Message-ID and `Hello`.

    `listed` are the addresses that it is likely to name, `sender` the only address in its From. Every one can be read;
    some are automatic, some have an unreadable date, no text, or text in another charset and encoding.
    """
    who = sender or str(draw(st.sampled_from(SENDERS)))
    fields = [f"From: {draw(st.sampled_from(_NAMES)).format('', who)}"]
    fields += [f"To: {', '.join(map(str, draw(st.lists(arrivals(listed), min_size=1, max_size=2))))}"]
    fields += [f"Cc: {one}" for one in draw(st.lists(arrivals(listed), max_size=1))]
    fields += [f"Subject: {one}" for one in draw(st.lists(st.sampled_from(_SUBJECTS), max_size=1))]
    fields += [f"Date: {one}" for one in draw(st.lists(st.sampled_from(_DATES), max_size=1))]
    fields += [f"Message-ID: <{draw(st.sampled_from(('1', '2')))}@corp.example>"]
    fields += [mark for mark in [draw(st.sampled_from(_MARKS))] if mark]
    header, body = draw(_bodies())
    lines = "\n".join([*fields, *header, "", ""])
    raw = lines.encode() + body
    return draw(st.sampled_from((raw, raw.replace(b"\n", b"\r\n"))))


def _bodies() -> st.SearchStrategy[Body]:
    """The fields of a body, and the body."""
    ways: tuple[Callable[[str], Body], ...] = (_plain, _quoted_printable, _base64, _alternative, _with_file)
    return st.one_of(*(st.builds(way, st.sampled_from(_TEXTS)) for way in ways))


def _plain(text: str) -> Body:
    if text.isascii():
        return [], text.encode() + b"\n"
    return ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"], text.encode() + b"\n"


def _quoted_printable(text: str) -> Body:
    header = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    return [*header, "Content-Transfer-Encoding: quoted-printable"], quopri.encodestring(text.encode() + b"\n")


def _base64(text: str) -> Body:
    header = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"]
    return header, base64.encodebytes(text.encode())


def _alternative(text: str) -> Body:
    html = f"<p>{text}</p>"
    return _parts("alternative", ("text/plain; charset=utf-8", text), ("text/html; charset=utf-8", html))


def _with_file(text: str) -> Body:
    return _parts("mixed", ("text/plain; charset=utf-8", text), ('application/pdf; name="cv.pdf"', "%PDF-1.4"))


def _parts(kind: str, *parts: tuple[str, str]) -> Body:
    header = ["MIME-Version: 1.0", f'Content-Type: multipart/{kind}; boundary="{_BOUNDARY}"']
    body = "".join(f"--{_BOUNDARY}\nContent-Type: {media_type}\n\n{content}\n" for media_type, content in parts)
    return header, f"{body}--{_BOUNDARY}--\n".encode()


def incoming_mails(listed: tuple[EmailAddress, ...] = _LISTED) -> st.SearchStrategy[IncomingMail]:
    """A post of a raw mail: what a receiver accepts."""
    return st.builds(
        IncomingMail,
        raw_mails(listed),
        recipients=st.lists(arrivals(listed), max_size=2).map(tuple),
        sender=return_paths(),
        evidence=st.none() | evidences(),
        spam=st.sampled_from((False, False, True)),
    )
