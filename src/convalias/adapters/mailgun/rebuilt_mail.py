"""The parsed form put together again into one mail: fields, files and `message-headers`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeGuard
from urllib.parse import quote

from convalias.adapters.mailgun.form import SIGNED, Form, Part

MOST_HEADERS: Final = 1_000
MOST_OCTETS: Final = 2_000_000
"""Of `message-headers`: the largest header block that is read, with every letter escaped."""
_OF_THE_BODY: Final = frozenset({"content-type", "content-transfer-encoding", "mime-version", "content-disposition"})
_NAME: Final = re.compile(r"[!-9;-~]{1,200}")  # RFC 5322 §2.2: printable ASCII but the colon
_TOKEN: Final = re.compile(rb"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_REPORT: Final = re.compile(r"\s*multipart/report\b", re.IGNORECASE)
_REPORT_TYPE: Final = re.compile(r"report-type\s*=\s*\"?([A-Za-z0-9.+-]{1,60})", re.IGNORECASE)
_LONGEST_NAME: Final = 255
_LINE: Final = 57
"""Octets that make a base64 line of 76 characters (RFC 2045 §6.8)."""


class CannotRebuild(ValueError):
    """`message-headers` is no list of name and value pairs; `str()` says what it is."""


def rebuild(form: Form) -> bytes:
    """Rebuild a mail from what the provider parsed: the same octets for every recipient and try.

    Raises `CannotRebuild`.

    Text parts come as UTF-8, attachments as they were posted, all in base64: nothing of a value can be structure.
    """
    headers = _headers(form)
    # JSON may hold half a surrogate pair, which no mail does
    head = b"".join(
        f"{name}: {_unfolded(value)}\r\n".encode("utf-8", "replace")
        for name, value in headers
        if name.lower() not in _OF_THE_BODY
    )
    parts = [*_texts(form), *map(_attachment, form.files())]
    return head + b"MIME-Version: 1.0\r\n" + _multipart(_kind(headers), parts)


def as_posted(form: Form) -> bytes:
    """The form itself, readable, for a mail that cannot be rebuilt: kept, never routed."""
    rows = [
        {
            "name": part.name.decode("utf-8", "replace"),
            "filename": None if part.filename is None else part.filename.decode("utf-8", "replace"),
            "base64": base64.b64encode(part.value).decode("ascii"),
        }
        for part in form.parts
        if part.filename is not None or part.name not in SIGNED
    ]
    return b"X-Convalias-Form: 1\r\n\r\n" + json.dumps(rows, indent=0).encode()


def _headers(form: Form) -> list[tuple[str, str]]:
    given = form.values(b"message-headers")
    if len(given) != 1:
        raise CannotRebuild("message-headers: expected exactly one")
    if len(given[0]) > MOST_OCTETS:
        raise CannotRebuild(f"message-headers: more than {MOST_OCTETS} octets")
    try:
        pairs: object = json.loads(given[0])
    except (ValueError, RecursionError) as error:
        raise CannotRebuild("message-headers: no JSON") from error
    if not _is_list(pairs) or len(pairs) > MOST_HEADERS:
        raise CannotRebuild(f"message-headers: expected a list of at most {MOST_HEADERS} pairs")
    return [_pair(pair) for pair in pairs]


def _kind(headers: list[tuple[str, str]]) -> str:
    """The outermost media type. A report stays one (RFC 6522 §3): nobody may take it for what a person wrote."""
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    report = _REPORT.match(kinds[0]) if kinds else None
    if report is None:
        return "multipart/mixed"
    named = _REPORT_TYPE.search(kinds[0])
    return f"multipart/report; report-type={named[1]}" if named else "multipart/report"


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _pair(pair: object) -> tuple[str, str]:
    if _is_list(pair) and len(pair) == 2:  # noqa: PLR2004 - a pair
        name, value = pair
        if isinstance(name, str) and isinstance(value, str) and _NAME.fullmatch(name):
            return name, value
    raise CannotRebuild("message-headers: expected pairs of header name and value")


def _unfolded(value: str) -> str:
    """One line: what is folded is unfolded, and no value can start a line of its own."""
    return re.sub(r"[\r\n\0]+[ \t]*", " ", value)


def _texts(form: Form) -> Iterable[bytes]:
    """The text. Plain and HTML are two renderings of one (RFC 2046 §5.1.4), not one behind the other.

    A mail without any has one empty text part: a multipart without parts would be read as its delimiter.
    """
    kinds = (("body-plain", "text/plain"), ("body-html", "text/html"), ("body-calendar", "text/calendar"))
    plain, rich, calendar = (
        [
            _part(f"Content-Type: {kind}; charset=utf-8".encode(), value)
            for value in form.values(name.encode())[:1]
            if value
        ]
        for name, kind in kinds
    )
    found = [*plain, *rich] or [_part(b"Content-Type: text/plain; charset=utf-8", b"")]
    return [*([_multipart("multipart/alternative", found)] if len(found) > 1 else found), *calendar]


def _multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    """From its Content-Type on. The boundary is a digest of the parts: none of them can hold it."""
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    boundary = f"=_convalias_{digest.hexdigest()[:32]}".encode()
    body = b"".join(b"--" + boundary + b"\r\n" + part for part in parts)
    head = b"Content-Type: " + kind.encode() + b'; boundary="' + boundary + b'"\r\n\r\n'
    return head + body + b"--" + boundary + b"--\r\n"


def _attachment(part: Part) -> bytes:
    media_type = _TOKEN.match(part.media_type)
    if media_type and media_type[0].lower().startswith((b"multipart/", b"message/")):  # base64 may not hold parts
        media_type = None
    name = quote((part.filename or b"").decode("utf-8", "replace")[:_LONGEST_NAME], safe="")
    head = b"Content-Type: " + (media_type[0] if media_type else b"application/octet-stream")
    # RFC 2231 §4: percent-encoded UTF-8 on one line, so a name holds neither a quote nor a line of its own
    return _part(head + f"\r\nContent-Disposition: attachment; filename*=UTF-8''{name}".encode(), part.value)


def _part(head: bytes, value: bytes) -> bytes:
    lines = (base64.b64encode(value[at : at + _LINE]) for at in range(0, len(value), _LINE))
    return head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"
