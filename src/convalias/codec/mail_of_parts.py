"""A mail put together again from the parts that a provider took it apart into."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from attrs import field, frozen

HEADER_NAME: Final = re.compile(r"[!-9;-~]{1,200}")  # RFC 5322 §2.2: printable ASCII but the colon
_OF_THE_BODY: Final = frozenset({"content-type", "content-transfer-encoding", "mime-version", "content-disposition"})
_TOKEN: Final = re.compile(rb"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_REPORT: Final = re.compile(r"\s*multipart/report\b", re.IGNORECASE)
_REPORT_TYPE: Final = re.compile(r"report-type\s*=\s*\"?([A-Za-z0-9.+-]{1,60})", re.IGNORECASE)
_LONGEST_NAME: Final = 255
_LINE: Final = 57
"""Octets that make a base64 line of 76 characters (RFC 2045 §6.8)."""


@frozen(kw_only=True)
class AttachedPart:
    """A file of the mail."""

    name: str
    media_type: bytes
    """As the provider says it; anything that is no media type counts as `application/octet-stream`."""
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class MailParts:
    """The parts. Names of header fields fit `HEADER_NAME`; their values and all else may be any text or octets."""

    headers: Sequence[tuple[str, str]]
    """Those that describe the body are left out, but for the type of a report."""
    plain: bytes = field(default=b"", repr=False)
    """In UTF-8, as are the other two texts. Empty: there is none."""
    rich: bytes = field(default=b"", repr=False)
    calendar: bytes = field(default=b"", repr=False)
    files: Sequence[AttachedPart] = ()

    def octets(self) -> bytes:
        """Return the mail: the same octets for the same parts.

        All parts are in base64, and no value of a header field starts a line: nothing of a value can be structure.
        """
        # JSON may hold half a surrogate pair, which no mail does
        head = b"".join(
            f"{name}: {_unfolded(value)}\r\n".encode("utf-8", "replace")
            for name, value in self.headers
            if name.lower() not in _OF_THE_BODY
        )
        parts = [*self._texts(), *map(_attachment, self.files)]
        return head + b"MIME-Version: 1.0\r\n" + _multipart(_kind(self.headers), parts)

    def _texts(self) -> Iterable[bytes]:
        """The text. Plain and HTML are two renderings of one (RFC 2046 §5.1.4), not one behind the other.

        A mail without any has one empty text part: a multipart without parts would be read as its delimiter.
        """
        plain, rich, calendar = (
            [_part(f"Content-Type: {kind}; charset=utf-8".encode(), text)] if text else []
            for kind, text in (("text/plain", self.plain), ("text/html", self.rich), ("text/calendar", self.calendar))
        )
        found = [*plain, *rich] or [_part(b"Content-Type: text/plain; charset=utf-8", b"")]
        return [*([_multipart("multipart/alternative", found)] if len(found) > 1 else found), *calendar]


def _kind(headers: Sequence[tuple[str, str]]) -> str:
    """The outermost media type. A report stays one (RFC 6522 §3): nobody may take it for what a person wrote."""
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    report = _REPORT.match(kinds[0]) if kinds else None
    if report is None:
        return "multipart/mixed"
    named = _REPORT_TYPE.search(kinds[0])
    return f"multipart/report; report-type={named[1]}" if named else "multipart/report"


def _unfolded(value: str) -> str:
    """One line: what is folded is unfolded, and no value can start a line of its own."""
    return re.sub(r"[\r\n\0]+[ \t]*", " ", value)


def _multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    """From its Content-Type on. The boundary is a digest of the parts: none of them can hold it."""
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    boundary = f"=_convalias_{digest.hexdigest()[:32]}".encode()
    body = b"".join(b"--" + boundary + b"\r\n" + part for part in parts)
    head = b"Content-Type: " + kind.encode() + b'; boundary="' + boundary + b'"\r\n\r\n'
    return head + body + b"--" + boundary + b"--\r\n"


def _attachment(file: AttachedPart) -> bytes:
    media_type = _TOKEN.match(file.media_type)
    if media_type and media_type[0].lower().startswith((b"multipart/", b"message/")):  # base64 may not hold parts
        media_type = None
    name = quote(file.name[:_LONGEST_NAME], safe="", errors="replace")
    head = b"Content-Type: " + (media_type[0] if media_type else b"application/octet-stream")
    # RFC 2231 §4: percent-encoded UTF-8 on one line, so a name holds neither a quote nor a line of its own
    return _part(head + f"\r\nContent-Disposition: attachment; filename*=UTF-8''{name}".encode(), file.content)


def _part(head: bytes, value: bytes) -> bytes:
    lines = (base64.b64encode(value[at : at + _LINE]) for at in range(0, len(value), _LINE))
    return head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"
