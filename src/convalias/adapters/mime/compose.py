"""Outgoing mail as bytes: no value of a draft can add a line, a field or an address."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from attrs import evolve, frozen

from convalias.adapters.mime import writing
from convalias.domain.errors import InvalidValue
from convalias.domain.mail.file_names import neutralised
from convalias.ports.drafts import AttachedFile, Draft

_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{0,80}={0,2}")
_LONGEST_LINE: Final = 900  # RFC 5322 §2.1.1 says 998; relays that add a character exist
_NEWLINES: Final = re.compile(r"\r\n?|\n|\x85|\u2028|\u2029")
_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FROM_LINE: Final = re.compile(rb"^From ", re.MULTILINE)
_QP_LINE: Final = 76
_MOSTLY_ASCII: Final = 6
"""Quoted-printable while at most every sixth octet needs it, else base64 is shorter."""


@frozen
class _Entity:
    """One MIME entity: its fields and its body, CRLF line ends."""

    fields: tuple[tuple[str, str], ...]
    body: bytes

    def octets(self) -> bytes:
        return writing.written(self.fields) + b"\r\n" + self.body


def compose(draft: Draft) -> bytes:
    """The finished mail. `InvalidValue` when an id, token or address of the draft is none.

    The same draft is the same bytes, boundaries included: a retry sends what was sent.
    """
    entity = _body(draft)
    return writing.written(_header(draft)) + entity.octets()


def needs_smtputf8(draft: Draft) -> bool:
    """Whether an address of it has letters beyond ASCII, so that only SMTPUTF8 (RFC 6531) can carry it."""
    return not (draft.to.wire.isascii() and draft.sender.wire.isascii())


def _header(draft: Draft) -> tuple[tuple[str, str], ...]:
    """All fields of the mail itself. Those that are empty are left out."""
    if draft.date.tzinfo is None:
        raise InvalidValue("date of a draft", found=draft.date, expected="an aware time")
    name = writing.display_name(draft.sender_name, draft.via)
    sender = draft.sender.wire
    unsubscribe = draft.unsubscribe
    return (
        ("From", f"{writing.phrase(name)} <{sender}>" if name else sender),
        ("To", draft.to.wire),
        ("Subject", writing.unstructured(draft.subject)),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", writing.message_id(draft.message_id)),
        ("In-Reply-To", writing.message_ids([draft.in_reply_to] if draft.in_reply_to else [])),
        ("References", writing.message_ids(draft.references)),
        ("Thread-Index", _base64("Thread-Index", draft.thread_index)),
        ("Thread-Topic", writing.unstructured(draft.thread_topic) if draft.thread_index else ""),
        ("Content-Language", ", ".join(writing.token("Content-Language", one) for one in draft.languages)),
        ("Auto-Submitted", draft.auto_submitted or ""),  # RFC 3834 §5
        # Exchange: no delivery or read receipts; for what no person wrote, no answer of any kind.
        ("X-Auto-Response-Suppress", "All" if draft.auto_submitted else "DR, RN, NRN"),
        ("List-Unsubscribe", writing.https("unsubscribe address", unsubscribe) if unsubscribe else ""),  # RFC 2369
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click" if unsubscribe else ""),  # RFC 8058 §3.1
        ("Feedback-ID", writing.token("Feedback-ID", draft.feedback_id) if draft.feedback_id else ""),
        ("X-Convalias-Id", writing.token("X-Convalias-Id", draft.mark) if draft.mark else ""),
        ("MIME-Version", "1.0"),
    )


def _base64(what: str, text: str) -> str:
    if not _BASE64.fullmatch(text):
        raise InvalidValue(what, found=text, expected="base64")
    return text


def _body(draft: Draft) -> _Entity:
    """Text, HTML and calendar entry as alternatives; with attachments all of it in a multipart/mixed."""
    forms = [_text("plain", draft.text)]
    if draft.html is not None:
        forms.append(_text("html", draft.html))
    if draft.calendar is not None:
        # Last, as the richest form (RFC 2046 §5.1.4); RFC 6047 §2.4 wants the method in the type.
        method = writing.token("method of a calendar entry", draft.calendar.method)
        forms.append(_text(f"calendar; method={method}", draft.calendar.text))
    body = forms[0] if len(forms) == 1 else _multipart("alternative", forms)
    if len(forms) > 1 and draft.attachments:
        # Programs that write a mail anew put an empty line behind an inner multipart: a signature would not fit.
        body = evolve(body, body=body.body + b"\r\n")
    if draft.attachments:
        body = _multipart("mixed", [body, *map(_attachment, draft.attachments)])
    return body


def _text(subtype: str, text: str) -> _Entity:
    """A text part in UTF-8, in the shortest transfer encoding that carries it."""
    lines = _NEWLINES.sub("\n", _NOT_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    octets = lines.rstrip("\n").encode("utf-8", "replace") + b"\n"
    longest = max(map(len, octets.split(b"\n")))
    if octets.isascii() and longest <= _LONGEST_LINE and not _FROM_LINE.search(octets):
        encoding = "7bit"
    elif len(octets.translate(None, _ASCII)) * _MOSTLY_ASCII <= len(octets):
        encoding, octets = "quoted-printable", _hide_from(binascii.b2a_qp(octets, istext=True))
    else:
        encoding, octets = "base64", base64.encodebytes(octets.replace(b"\n", b"\r\n"))
    fields = (("Content-Type", f"text/{subtype}; charset=utf-8"), ("Content-Transfer-Encoding", encoding))
    return _Entity(fields, octets.replace(b"\n", b"\r\n"))


def _hide_from(quoted: bytes) -> bytes:
    """Encode the F of lines that begin with `From `: a mailbox file on the way would write `>From` and break DKIM."""
    if not _FROM_LINE.search(quoted):
        return quoted
    lines = quoted.split(b"\n")
    for number, line in enumerate(lines):
        if line.startswith(b"From "):
            # A soft break keeps the line within 76 characters (RFC 2045 §6.7) if it was full.
            lines[number] = b"=46rom" + (b" " if len(line) <= _QP_LINE - 2 else b" =\n") + line[len("From ") :]
    return _hide_from(b"\n".join(lines))


_ASCII: Final = bytes(range(128))


def _attachment(one: AttachedFile) -> _Entity:
    """An attached file, its bytes unchanged. Messages and multiparts may not be in base64 (RFC 2046 §5.2.1)."""
    kind = one.media_type.lower()
    if not _TYPE.fullmatch(kind) or kind.startswith(("message/", "multipart/")):
        kind = "application/octet-stream"
    name = neutralised(one.name, kind)
    plain = name.isascii() and "\\" not in name
    # RFC 2183 §2.3, RFC 2231 §4
    named = f'filename="{name}"' if plain else f"filename*=utf-8''{quote(name, safe='')}"
    fields = (
        ("Content-Type", kind),
        ("Content-Disposition", f"attachment; {named}"),
        ("Content-Transfer-Encoding", "base64"),
    )
    return _Entity(fields, base64.encodebytes(one.content).replace(b"\n", b"\r\n"))


def _multipart(subtype: str, parts: Sequence[_Entity]) -> _Entity:
    """The parts between a boundary that is a digest of them, so that none of them can hold it."""
    octets = [part.octets() for part in parts]
    boundary = "=_" + hashlib.sha256(b"\0".join(octets)).hexdigest()[:40]
    line = b"--" + boundary.encode("ascii")
    body = b"".join(line + b"\r\n" + part + (b"" if part.endswith(b"\r\n") else b"\r\n") for part in octets)
    return _Entity((("Content-Type", f'multipart/{subtype}; boundary="{boundary}"'),), body + line + b"--\r\n")
