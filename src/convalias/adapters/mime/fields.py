"""Header blocks of raw bytes: where a block ends, its fields, and what parsers disagree about in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from convalias.adapters.mime import limits
from convalias.adapters.mime.limits import OverLimit

# RFC 5322 §2.2: a field goes on as long as lines begin with white space.
_BREAK: Final = re.compile(rb"\r?\n(?![ \t])")
# RFC 5322 §2.2: a name is printable ASCII but the colon; §4.5.8 allows white space before the colon, obsoletely.
_NAME: Final = re.compile(rb"([!-9;-~]++)([ \t]*+):")
_HIDDEN_FROM: Final = re.compile(rb"\r[ \t]*+from[ \t]*+:([^\r\n]*+)", re.IGNORECASE)
_WHOLE_FIELDS: Final = frozenset({b"from", b"to", b"cc", b"message-id", b"content-type"})
"""Fields of which half is worse than nothing: over the limit they make the mail unreadable."""


@frozen
class Block:
    """The fields of one entity, in order, names in lower case, values as they came (folded)."""

    fields: tuple[tuple[bytes, bytes], ...] = ()
    body: int = 0
    """Where the body begins."""
    over: OverLimit | None = None
    """The first limit that is passed; the fields up to it are here."""
    odd: bool = False
    """A line that is no field, or white space before a colon."""
    spaced: frozenset[bytes] = frozenset()
    """Names written with white space before their colon."""
    bare: frozenset[bytes] = frozenset()
    """Names of the fields that hold a bare CR or a NUL; the empty name for a line that is no field."""
    hidden_from: tuple[bytes, ...] = ()
    """What stands behind a bare CR and `From:`: a field to some parsers."""
    named: Mapping[bytes, list[bytes]] = field(factory=dict[bytes, list[bytes]])

    def all(self, name: bytes) -> list[bytes]:
        """Every value of that field, in order."""
        return self.named.get(name, [])

    def first(self, name: bytes) -> bytes | None:
        """The first value of that field, or None."""
        values = self.named.get(name)
        return values[0] if values else None


def unfolded(value: bytes) -> bytes:
    """A value without its line ends and outer white space (RFC 5322 §2.2.3)."""
    if b"\n" in value:
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return value.strip()


def read_block(data: bytes, start: int, end: int) -> Block:
    """Read the header block that begins at `start`. One pass; never looks further than a block may be long."""
    if start >= end or data.startswith(b"\n", start, end):
        return Block(body=min(start + 1, end))
    if data.startswith(b"\r\n", start, end):
        return Block(body=start + 2)
    stop, body, over = _extent(data, start, end)
    block = data[start:stop].removesuffix(b"\r")
    lines = _BREAK.split(block, limits.HEADERS)
    if len(lines) > limits.HEADERS:
        found = limits.HEADERS + len(_BREAK.findall(lines.pop())) + 1
        over = over or OverLimit("headers", found)
    return _fields(block, lines, start=start, body=body, over=over)


def _extent(data: bytes, start: int, end: int) -> tuple[int, int, OverLimit | None]:
    """Where the block stops, where its body begins, and whether it is too long."""
    stop, body = _empty_line(data, start, min(end, start + limits.HEADER_BLOCK + 4))
    if stop < 0 and end - start > limits.HEADER_BLOCK + 4:  # only one block of a mail comes here: it is refused
        stop, body = _empty_line(data, start, end)
    if stop < 0:
        stop, body = end - data.endswith(b"\n", start, end), end
    length = stop - start - data.endswith(b"\r", start, stop)
    if length <= limits.HEADER_BLOCK:
        return stop, body, None
    return start + limits.HEADER_BLOCK, body, OverLimit("header_block", length)


def _empty_line(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the line before the first empty line ends, and where the line after it begins; -1 when there is none."""
    stop = data.find(b"\n\n", start, end)
    crlf = data.find(b"\n\r\n", start, end if stop < 0 else stop)
    return (crlf, crlf + 3) if crlf >= 0 else (stop, stop + 2)


def _fields(block: bytes, lines: list[bytes], *, start: int, body: int, over: OverLimit | None) -> Block:
    """Take the lines apart. Lines that are no field are passed over, but those at the end belong to the body.

    So does what follows a delimiter of parts, if that is fields of MIME alone: the empty line above is missing.
    """
    damaged = block.count(b"\r") != block.count(b"\r\n") or b"\0" in block
    fields: list[tuple[bytes, bytes]] = []
    named: dict[bytes, list[bytes]] = {}
    spaced: set[bytes] = set()
    bare: set[bytes] = set()
    strays, trailing = 0, 0
    torn: tuple[int, int] | None = None
    for number, line in enumerate(lines):
        found = _NAME.match(line)
        if found is None:
            strays, trailing = strays + 1, trailing + 1
            name = b""
            if torn is None and line.startswith(b"--"):
                torn = number, len(fields)
        else:
            trailing = 0
            name = found[1].lower()
            # Nothing that rules read may hide below a line that servers pass over.
            torn = torn if name.startswith(b"content-") else None
            if len(line) > limits.HEADER:
                if name in _WHOLE_FIELDS:
                    over = over or OverLimit("header", len(line))
                line = _cut(name, line, found.end())  # noqa: PLW2901 - the same line, shorter
            value = line[found.end() :]
            fields.append((name, value))
            named.setdefault(name, []).append(value)
            if found[2]:
                spaced.add(name)
        if damaged and _is_damaged(line):
            bare.add(name)
    if torn is not None and torn[1] < len(fields) and over is None:
        body = start + _offset(block, torn[0])
        fields, named = _above(fields, torn[1])
    elif trailing and over is None:
        body = start + _offset(block, len(lines) - trailing)
    hidden = tuple(_HIDDEN_FROM.findall(block)) if damaged else ()
    return Block(tuple(fields), body, over, bool(strays or spaced), frozenset(spaced), frozenset(bare), hidden, named)


def _above(fields: list[tuple[bytes, bytes]], count: int) -> tuple[list[tuple[bytes, bytes]], dict[bytes, list[bytes]]]:
    """The first fields, and the same by name."""
    named: dict[bytes, list[bytes]] = {}
    for name, value in fields[:count]:
        named.setdefault(name, []).append(value)
    return fields[:count], named


def _is_damaged(line: bytes) -> bool:
    """Whether it holds a bare CR or a NUL (RFC 5322 §2.2, §4.1)."""
    return b"\0" in line or line.count(b"\r") != line.count(b"\r\n")


def _cut(name: bytes, line: bytes, colon: int) -> bytes:
    """As much of a field as may be: its beginning, but of References the end, where the thread is."""
    if name != b"references":
        return line[: limits.HEADER]
    return line[:colon] + line[colon - limits.HEADER :]


def _offset(block: bytes, line: int) -> int:
    """Where line number `line` of the block begins."""
    ends = _BREAK.finditer(block)
    return next((found.end() for number, found in enumerate(ends, 1) if number == line), 0)
