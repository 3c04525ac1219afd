"""A posted form, read while it streams in, within bounds on every axis."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import AsyncIterable
from typing import Final, Protocol

from attrs import Factory, define, field, frozen
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, QuerystringParser, parse_options_header

CUT: Final = 64 * 1024
"""What is kept of the body of a mail that is over the limit; of any field, while anything is left for it."""
HEADERS: Final = 256 * 1024
"""The largest header block that a mail may have: it stands before the body, so so much more is kept."""
BESIDE: Final = 1_000_000
"""All other fields together may have so much: the header fields of the mail come once more, as fields."""
LEAST: Final = 1_024
"""What is kept of each field in any case: signature and recipient may stand behind a mail that is too large."""
PATIENCE: Final = 4
"""Beyond so many times the bound of fields nobody waits for a signature any more."""
MOST_OPTIONS: Final = 2_048
"""Octets of one header line of a part, or of the request's content type."""
UNUSED: Final = b"stripped-"
"""The provider's own guesses at what is new in a text; hashed like everything, never kept."""
SIGNED: Final = frozenset({b"timestamp", b"token", b"signature"})
_ALWAYS: Final = SIGNED | {b"recipient", b"sender", b"body-mime", b"message-headers"}
"""Kept behind any number of other fields: without these a signed mail could be neither taken nor refused."""
_EXTENDED: Final = re.compile(rb";[ \t]*filename\*[ \t]*=", re.IGNORECASE)


class UnreadableForm(Exception):
    """The request is no form that this reader understands; `str()` says why."""


@frozen
class Bounds:
    """The bounds on how much of a request is taken in. Octets and counts."""

    mail: int = 25_000_000
    request: int = 100_000_000
    """Forms triple 8-bit text, so a request may be four times the mail."""
    fields: int = 4_000
    """Every header of the mail is posted as a field too."""
    name: int = 1_024
    files: int = 1_000


@frozen
class Part:
    """A part of a form as it was posted: a field or a file.

    `size` counts what was posted, `value` holds what was kept.
    """

    name: bytes
    value: bytes = field(repr=False)
    size: int
    digest: bytes = field(repr=False)
    """SHA-256 of all of it."""
    filename: bytes | None = None
    media_type: bytes = b"application/octet-stream"


@define
class Form:
    """All that was posted, in order. `overflow` says which bound was passed; the parts are then cut."""

    parts: list[Part] = Factory(list[Part])
    overflow: str | None = None

    def values(self, name: bytes) -> list[bytes]:
        """All values under exactly this name: `From` and `from` are two fields."""
        return [part.value for part in self.parts if part.name == name and part.filename is None]

    def count(self, name: bytes) -> int:
        """Count the parts that have exactly this name, files among them."""
        return sum(part.name == name for part in self.parts)

    def files(self) -> list[Part]:
        """Files that are there, whatever a count field claims."""
        return [part for part in self.parts if part.filename is not None]

    def digest(self) -> str:
        """Digest field names, values and file contents, sorted, without the fields that are signed; hex.

        Never over the HTTP octets: a retried multipart has another boundary.
        """
        rows = [
            (part.name, b"" if part.filename is None else b"f" + part.filename, part.digest)
            for part in self.parts
            if part.filename is not None or part.name not in SIGNED
        ]
        digest = hashlib.sha256()
        for row in sorted(rows):
            for cell in row:
                digest.update(b"%d:" % len(cell) + cell)
        return digest.hexdigest()


class _Parser(Protocol):
    def write(self, data: bytes) -> int: ...
    def finalize(self) -> None: ...


async def read_form(content_type: str, chunks: AsyncIterable[bytes], *, bounds: Bounds) -> Form:
    """Read a multipart or urlencoded form. Raises `UnreadableForm`.

    Memory: the mail's bound twice, and a few MB. What follows the request's bound, or four times the bound of
    fields, is not read.
    """
    form = Form()
    parser, intake = _parser(content_type, form, bounds)
    left = bounds.request
    try:
        async for chunk in chunks:
            parser.write(chunk[:left])
            left -= len(chunk)
            if left < 0 or intake.seen > PATIENCE * bounds.fields:
                intake.break_off()
                return form
        parser.finalize()
    except FormParserError as error:
        raise UnreadableForm(str(error)) from error
    if not intake.complete:
        raise UnreadableForm("the form ends in the middle")
    return form


def _parser(content_type: str, form: Form, bounds: Bounds) -> tuple[_Parser, _Intake]:
    kind, options = _options(content_type)
    if kind == b"multipart/form-data" and options.get(b"boundary"):
        intake = _Intake(form, bounds)
        try:
            return _multipart(options[b"boundary"], intake), intake
        except FormParserError as error:
            raise UnreadableForm(str(error)) from error
    if kind == b"application/x-www-form-urlencoded":
        escaped = _EscapedIntake(form, bounds)
        return _querystring(escaped), escaped
    raise UnreadableForm("expected multipart/form-data or application/x-www-form-urlencoded")


def _multipart(boundary: bytes, intake: _Intake) -> _Parser:
    return MultipartParser(
        boundary,
        {
            "on_part_begin": intake.begin,
            "on_part_data": intake.data,
            "on_part_end": intake.end,
            "on_header_field": intake.header_field,
            "on_header_value": intake.header_value,
            "on_header_end": intake.header_end,
            "on_headers_finished": intake.headers_finished,
            "on_end": intake.finish,
        },
    )


def _querystring(intake: _EscapedIntake) -> _Parser:
    return QuerystringParser(
        {
            "on_field_start": intake.begin,
            "on_field_name": intake.name_data,
            "on_field_data": intake.data,
            "on_field_end": intake.end,
            "on_end": intake.finish,
        }
    )


def _options(header: str) -> tuple[bytes, dict[bytes, bytes]]:
    """A header with parameters. Its parser takes quadratic time, so what it gets is short."""
    if len(header) > MOST_OPTIONS:
        raise UnreadableForm(f"a header of more than {MOST_OPTIONS} octets")
    try:
        kind, options = parse_options_header(header)
    except ValueError as error:  # letters beyond Latin-1, which no header has
        raise UnreadableForm("a header that is no text") from error
    return kind.lower(), options


class _Intake:
    """Parts under construction; what is over a bound is counted and hashed, not kept."""

    def __init__(self, form: Form, bounds: Bounds) -> None:
        self.complete = False
        self._form = form
        self._bounds = bounds
        self._kept = 0
        self._files = 0
        self.seen = 0
        self.begin()

    def begin(self) -> None:
        self._name = bytearray()
        self._value = bytearray()
        self._size = 0
        self._hash = hashlib.sha256()
        self._filename: bytes | None = None
        self._media_type = b"application/octet-stream"
        self._header = bytearray()
        self._header_value = bytearray()
        self._is_cut = False

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._bound_header()

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._bound_header()

    def header_end(self) -> None:
        name, value = bytes(self._header).lower(), bytes(self._header_value)
        self._header.clear()
        self._header_value.clear()
        if name == b"content-disposition":
            # latin-1 carries any octet through; browsers and Mailgun write UTF-8 here (RFC 7578 §5.1)
            _, options = _options(value.decode("latin-1"))
            self._name = bytearray(options.get(b"name", b""))
            # RFC 7578 §4.2 forbids `filename*`, so its text is not believed; a file it is all the same
            self._filename = options.get(b"filename", b"" if _EXTENDED.search(value) else None)
        elif name == b"content-type":
            self._media_type = value

    def headers_finished(self) -> None:
        if len(self._name) > self._bounds.name:
            self._overflow("name")

    def data(self, data: bytes, start: int, end: int) -> None:
        self._keep(data[start:end])

    def end(self) -> None:
        self.seen += 1
        self._files += self._filename is not None
        if len(self._form.parts) >= self._bounds.fields or self._files > self._bounds.files:
            self._overflow("fields")
            if bytes(self._name) not in _ALWAYS or len(self._form.parts) >= 2 * self._bounds.fields:
                return
        self._form.parts.append(
            Part(
                bytes(self._name[: self._bounds.name]),
                bytes(self._value),
                self._size,
                self._hash.digest(),
                self._filename,
                self._media_type,
            )
        )

    def finish(self) -> None:
        self.complete = True

    def break_off(self) -> None:
        """No more is read: the part under construction is one, as far as it goes.

        How far depends on the length of the boundary, which a retry draws anew: its digest is that of its beginning.
        """
        self._form.overflow = "request" if self.seen <= PATIENCE * self._bounds.fields else "fields"
        if self._name:
            self._hash = hashlib.sha256(self._value[:LEAST])
            self.end()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        self._hash.update(piece)
        if self._is_cut or self._name.startswith(UNUSED):
            return
        before = len(self._value)
        self._value += piece
        left = self._bounds.mail + BESIDE - self._kept
        if self._size > self._bounds.mail or len(piece) > left:
            self._overflow("mail")
            self._is_cut = True
            del self._value[max(LEAST, min(HEADERS + CUT, before + left)) :]
        self._kept += len(self._value) - before

    def _bound_header(self) -> None:
        if len(self._header) + len(self._header_value) > MOST_OPTIONS:
            raise UnreadableForm(f"a header of more than {MOST_OPTIONS} octets")

    def _overflow(self, which: str) -> None:
        if self._form.overflow is None:
            self._form.overflow = which


class _EscapedIntake(_Intake):
    """The same for an urlencoded form, whose names and values are percent-encoded."""

    def begin(self) -> None:
        super().begin()
        self._rest = b""

    def name_data(self, data: bytes, start: int, end: int) -> None:
        """An escaped name takes three octets for one; what is longer shows as over the bound."""
        self._name += data[start : min(end, start + 3 * self._bounds.name + 1 - len(self._name))]

    def data(self, data: bytes, start: int, end: int) -> None:
        piece = self._rest + data[start:end].replace(b"+", b" ")
        cut = piece.rfind(b"%", max(0, len(piece) - 2))  # an escape may be split between two chunks
        piece, self._rest = (piece[:cut], piece[cut:]) if cut >= 0 else (piece, b"")
        self._keep(_unescaped(piece))

    def end(self) -> None:
        self._keep(_unescaped(self._rest))
        name = bytes(self._name).replace(b"+", b" ")
        if len(name) > 3 * self._bounds.name:  # cut, and perhaps within an escape
            self._overflow("name")
            name = _whole(name)
        self._name = bytearray(_unescaped(name))
        self.headers_finished()
        super().end()

    def break_off(self) -> None:
        """As above; an escape of which the end was not read is none."""
        self._rest = b""
        self._name = bytearray(_whole(bytes(self._name)))
        super().break_off()


def _whole(name: bytes) -> bytes:
    """Without half an escape at its end."""
    half = name.rfind(b"%", max(0, len(name) - 2))
    return name if half < 0 else name[:half]


def _unescaped(piece: bytes) -> bytes:
    """Percent-decoding (RFC 3986 §2.1), by the decoder of quoted-printable: the same escapes with another sign.

    `urllib.parse` takes half a second a megabyte for nothing but escapes, from whoever may post. Each escape makes two
    octets less; a soft line break (RFC 2045 §6.7) would too, and has no meaning here.
    """
    escaped = piece.replace(b"=", b"%3D")
    octets = binascii.a2b_qp(escaped.replace(b"%", b"="))
    if len(escaped) - len(octets) != 2 * escaped.count(b"%") or b"%\n" in escaped or b"%\r" in escaped:
        raise UnreadableForm("a percent sign that starts no escape")
    return octets
