"""The two ways to write a mail so that its signature survives transport (RFC 6376 §3.4), each step linear."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from attrs import field, frozen

_LINE: Final = re.compile(rb"\r\n(?![ \t])")
_NAME: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_RUN: Final = re.compile(rb"[ \t]++")
_VALUE_OF_B: Final = re.compile(rb"((?:\A|;)[ \t\r\n]*+b[ \t\r\n]*+=)[^;]*+")


@frozen
class SignedField:
    """A field, as it came: `line` without its last line end, folded, in CRLF."""

    name: bytes
    """In lower case."""
    line: bytes
    value_at: int

    @property
    def value(self) -> bytes:
        """Return what follows the colon."""
        return self.line[self.value_at :]

    def canonical(self, *, relaxed: bool) -> bytes:
        """RFC 6376 §3.4.1 and §3.4.2, without the line end."""
        if not relaxed:
            return self.line
        value = _RUN.sub(b" ", self.value.replace(b"\r\n", b"")).strip(b" ")
        return self.name + b":" + value

    def unsigned(self) -> SignedField:
        """The same field with an empty `b=` (RFC 6376 §3.5)."""
        head = self.line[: self.value_at]
        return SignedField(self.name, head + _VALUE_OF_B.sub(rb"\1", self.value, count=1), self.value_at)


@frozen
class SignedMail:
    """A mail as signatures see it."""

    fields: tuple[SignedField, ...]
    body: bytes = field(repr=False)
    """As it came; bare LF counts as CRLF, for files are kept so."""

    @classmethod
    def of(cls, raw: bytes, body: int) -> SignedMail:
        """Take apart a mail whose body begins at that offset."""
        found: list[SignedField] = []
        for line in _LINE.split(with_crlf(raw[:body]).rstrip(b"\r\n")):
            name = _NAME.match(line)
            if name is not None:
                found.append(SignedField(name[1].lower(), line, name.end()))
        return cls(tuple(found), raw[body:])

    def all(self, name: bytes) -> list[SignedField]:
        """Every such field, from top to bottom."""
        return [one for one in self.fields if one.name == name]

    def chosen(self, names: Iterable[str]) -> list[SignedField]:
        """RFC 6376 §5.4.2: for each name the lowest field that was not taken yet, or nothing."""
        left: dict[bytes, list[SignedField]] = {}
        for one in self.fields:
            left.setdefault(one.name, []).append(one)
        taken: list[SignedField] = []
        for name in names:
            stack = left.get(name.encode("ascii"))
            if stack:
                taken.append(stack.pop())
        return taken

    def body_hash(self, *, relaxed: bool) -> bytes:
        """SHA-256 of the canonical body (RFC 6376 §3.4.3, §3.4.4)."""
        text = with_crlf(self.body)
        if relaxed:
            text = _relaxed(text)
        end = _end(text)
        digest = hashlib.sha256(memoryview(text)[:end])
        if end or not relaxed:  # an empty body is one line end when simple, and nothing when relaxed
            digest.update(b"\r\n")
        return digest.digest()


def with_crlf(octets: bytes) -> bytes:
    """The same octets with CRLF at every line end; a bare CR is none."""
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return octets
    if b"\r\n" in octets:
        octets = octets.replace(b"\r\n", b"\n")
    return octets.replace(b"\n", b"\r\n")


def _relaxed(text: bytes) -> bytes:
    """Runs of white space as one space, none at the end of a line.

    Halving the runs by whole-text replacement costs log2 of the longest one; a substitution match by match costs
    seconds on 25 MB of them.
    """
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    text = text.replace(b" \r\n", b"\r\n")
    return text.removesuffix(b" ")


def _end(text: bytes) -> int:
    """Where the text ends without the empty lines at its end, and without its last line end. Never byte by byte."""
    kept = len(text.rstrip(b"\r\n"))
    tail = text[kept:]
    if tail.endswith(b"\r"):
        return len(text)
    return kept + tail.rfind(b"\r\r") + 1  # behind the last bare CR there are whole line ends alone
