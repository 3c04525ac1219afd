"""The tree of a mail's parts, found by offsets in one walk over the raw bytes; nothing is decoded here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import define, frozen

from convalias.adapters.mime import limits
from convalias.adapters.mime.fields import Block, read_block, unfolded
from convalias.adapters.mime.limits import OverLimit
from convalias.adapters.mime.parameters import NOTHING, Labelled, read_parameters

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+*'`|~%{}-]++/[a-z0-9!#$&^_.+*'`|~%{}-]++")
# RFC 2046 §5.1.1: two hyphens, the boundary, perhaps two hyphens more, white space, the end of the line.
_TAIL: Final = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")
# What programs write that mean plain text or HTML, and what is no media type at all (RFC 2045 §5.1).
_MISNAMED: Final = {
    **dict.fromkeys(("html", "html/text", "text-html", "text_html", "text\\html", "text/htm", "text/xhtml",
                     "application/html", "application/xhtml+xml"), "text/html"),
    **dict.fromkeys(("plain/text", "text/text", "text/ascii", "text/txt", "application/text"), "text/plain"),
}  # fmt: skip
# A line that begins like a delimiter, and under it a field of MIME.
_DELIMITER: Final = re.compile(
    rb"^--([^\s][^\r\n]{0,255}?)[ \t]*+\r?\nContent-[A-Za-z-]{2,30}+[ \t]*+:", re.IGNORECASE | re.MULTILINE
)
_MULTI_PART: Final = re.compile(rb"mime|multi-?part", re.IGNORECASE)
_IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})
_KNOWN: Final = _IDENTITY | {"base64", "quoted-printable"}
_MULTIPART_ENCODINGS: Final = _IDENTITY
_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})


@frozen
class Part:
    """An entity: its type, its fields, and where its body lies."""

    media_type: str
    labels: Labelled
    disposition: Labelled
    encoding: str
    """`base64`, `quoted-printable`, or empty: as it stands."""
    block: Block
    start: int
    end: int
    children: tuple[Part, ...] = ()
    """Parts of a multipart, or the one message in a message/rfc822."""

    def leaves(self) -> Iterator[Part]:
        """Every leaf outside message/rfc822 (which itself is one here), in order."""
        if self.media_type in _MESSAGES or not self.children:
            yield self
            return
        for child in self.children:
            yield from child.leaves()


@define
class Tree:
    """The result of a walk: the root and what parsers disagree about."""

    data: bytes
    odd: bool = False
    parts: int = 0
    header_octets: int = 0
    scanned: int = 0
    """Octets in which delimiters were looked for, each level of nesting again."""
    binary: bool = False
    """Some body is declared `binary`: bare CR and NUL are at home in it (RFC 2045 §2.9)."""

    def entity(self, block: Block, end: int, depth: int, inherited: str = "text/plain") -> Part:
        """The entity of that header block, whose body ends at `end`. `OverLimit` when it is too much."""
        if depth > limits.NESTING:
            raise OverLimit("nesting", depth)
        if block.over is not None:
            raise block.over
        labels, media_type = self._labels(block, inherited)
        disposition = read_parameters(block.first(b"content-disposition"))
        encoding = self._encoding(block, media_type)
        start = min(block.body, end)
        children: tuple[Part, ...] = ()
        if media_type.startswith("multipart/"):
            children = self._children(media_type, labels, start, end, depth)
            if not children:
                media_type, end = "text/plain", self._above_closing(labels, start, end)
        elif media_type in _MESSAGES and not encoding:
            children = (self.entity(self._inner(start, end), end, depth + 1),)
        return Part(media_type, labels, disposition, encoding, block, start, end, children)

    def _inner(self, start: int, end: int) -> Block:
        """The header block of a part, or of the message in one."""
        block = read_block(self.data, start, end)
        self.header_octets += block.body - start
        if self.header_octets > limits.PART_HEADERS:
            raise OverLimit("header_block", self.header_octets)
        if block.odd or block.bare:
            self.odd = True
        return block

    def _labels(self, block: Block, inherited: str) -> tuple[Labelled, str]:
        """Content-Type (RFC 2045 §5.2: what is missing or broken is plain text)."""
        values = block.all(b"content-type")
        if not values:
            return NOTHING, inherited
        labels = read_parameters(next((value for value in values if unfolded(value)), values[0]))
        if len(values) > 1 or "boundary" in labels.repeated:
            self.odd = True
        media_type = _MISNAMED.get(labels.value, labels.value)
        if not _TYPE.fullmatch(media_type):
            return labels, _misspelt_multipart(media_type, labels)
        return labels, media_type

    def _encoding(self, block: Block, media_type: str) -> str:
        """Content-Transfer-Encoding; one that is unknown is read as identity and noted."""
        values = block.all(b"content-transfer-encoding")
        if not values:
            return ""
        name = unfolded(values[0]).decode("latin-1").lower()
        self.binary = self.binary or name == "binary"
        if name not in _KNOWN or (len(values) > 1 and len({unfolded(value).lower() for value in values}) > 1):
            self.odd = True
        if media_type.startswith("multipart/") and name not in _MULTIPART_ENCODINGS:
            self.odd = True
            return ""
        return name if name in _KNOWN and name not in _IDENTITY else ""

    def _children(self, media_type: str, labels: Labelled, start: int, end: int, depth: int) -> tuple[Part, ...]:
        """The parts of a multipart; none when it has no delimiter, neither of its boundary nor one plain to see."""
        spans: list[tuple[int, int]] = []
        boundary = _boundary(labels)
        if boundary:
            spans = self._spans(start, end, boundary, depth)
        if not spans and (boundary := self._other_boundary(start, end)):
            self.odd = True
            spans = self._spans(start, end, boundary, depth)
        self.parts += len(spans)
        if self.parts > limits.PARTS:
            raise OverLimit("parts", self.parts)
        inherited = "message/rfc822" if media_type == "multipart/digest" else "text/plain"  # RFC 2046 §5.1.5
        children: list[Part] = []
        for first, last in spans:
            children.append(self.entity(self._inner(first, last), last, depth + 1, inherited))
        return tuple(children)

    def _spans(self, start: int, end: int, boundary: bytes, depth: int) -> list[tuple[int, int]]:
        """Where the parts lie between the delimiters of that boundary."""
        if len(boundary) > limits.BOUNDARY:
            raise OverLimit("boundary", len(boundary))
        self.scanned += end - start
        if self.scanned > limits.SCANNED:
            raise OverLimit("nesting", depth)
        return delimited(self.data, start, end, boundary, room=limits.PARTS - self.parts)

    def _other_boundary(self, start: int, end: int) -> bytes:
        """The boundary that the first delimiter line shows, if there is one and nothing but a notice above it."""
        found = _DELIMITER.search(self.data, start, end)
        if found is None:
            return b""
        above = self.data[start : found.start()].strip()
        return b"" if above and not _MULTI_PART.search(above) else found[1]

    def _above_closing(self, labels: Labelled, start: int, end: int) -> int:
        """Where the text of a multipart without parts ends: closing delimiters at its end are none of it."""
        boundary = _boundary(labels)
        if not boundary:
            return end
        lowest = max(start, end - _CLOSINGS)
        tail = self.data[lowest:end]
        lines = tail.splitlines(keepends=True)
        closing = b"--" + boundary + b"--"
        while lines and lines[-1].strip() in {b"", closing} and (len(lines) > 1 or lowest == start):
            lines.pop()
        kept = sum(map(len, lines))
        return lowest + kept if closing in tail[kept:] else end


def _misspelt_multipart(media_type: str, labels: Labelled) -> str:
    """The type of what is no media type: with a boundary a multipart, such as `multipart` or `multipart/multipart/mixed`."""
    if not media_type.startswith("multipart") or not _boundary(labels):
        return "text/plain"
    kind = f"multipart/{media_type.rpartition('/')[2]}"
    return kind if media_type.startswith("multipart/") and _TYPE.fullmatch(kind) else "multipart/mixed"


_CLOSINGS: Final = 64 * 1024
"""Octets at the end of a multipart without parts in which its closing delimiters are looked for."""


def _boundary(labels: Labelled) -> bytes:
    return labels.octets("boundary").rstrip()


def delimited(data: bytes, start: int, end: int, boundary: bytes, *, room: int) -> list[tuple[int, int]]:
    """Return where the parts between the delimiters of that boundary lie, at most one more than there is room for."""
    marker = b"--" + boundary
    spans: list[tuple[int, int]] = []
    opened = -1
    for line, after, closing in _delimiters(data, start, end, marker):
        if opened >= 0:
            last = line - 1 if line > opened else line
            if last > opened and data.startswith(b"\r", last - 1):  # the line end before a delimiter belongs to it
                last -= 1
            spans.append((opened, max(last, opened)))
            if len(spans) > room:
                return spans
        opened = -1 if closing else after
        if closing:
            break
    if opened >= 0:
        spans.append((opened, end))
    return spans


def _delimiters(data: bytes, start: int, end: int, marker: bytes) -> Iterator[tuple[int, int, bool]]:
    """Every delimiter line: where it begins, where the next line begins, and whether it closes.

    `OverLimit` after too many lines that only begin like one: each level of nesting would look at them again.
    """
    lookalikes = 0
    at = start if data.startswith(marker, start, end) else _next(data, start, end, marker)
    while at >= 0:
        tail = _TAIL.match(data, at + len(marker), end)
        if tail is None:
            lookalikes += 1
            if lookalikes > limits.LOOKALIKES:
                raise OverLimit("parts", lookalikes)
            at = _next(data, at + 1, end, marker)
            continue
        yield at, tail.end(), tail[1] is not None
        at = tail.end() if data.startswith(marker, tail.end(), end) else _next(data, tail.end(), end, marker)


def _next(data: bytes, start: int, end: int, marker: bytes) -> int:
    """Where the next line that begins with the marker begins, or -1."""
    found = data.find(b"\n" + marker, max(start - 1, 0), end)
    return found + 1 if found >= 0 else -1
