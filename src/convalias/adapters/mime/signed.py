"""Text inside a signature: S/MIME that encloses what it signs (CMS), and OpenPGP's clear-signed text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_DATA: Final = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_SEQUENCE, _SET, _INTEGER, _OID, _OCTETS, _EXPLICIT = 0x30, 0x31, 0x02, 0x06, 0x04, 0xA0
_CONSTRUCTED: Final = 0x20
_LONG: Final = 0x80
_LENGTH_OCTETS: Final = 4
_CHUNKS: Final = 100_000
"""Pieces in which the enclosed octets may come: OpenSSL writes one for each 4 kB."""
_DEEP: Final = 4
_BEGIN: Final = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*+\n(?:[A-Za-z][A-Za-z-]{0,30}+:[^\n]*+\n)*+[ \t]*+\n?", re.MULTILINE
)
_END: Final = re.compile(r"^-----END PGP SIGNATURE-----[ \t]*+(?:\n|\Z)", re.MULTILINE)
_SIGNATURE: Final = re.compile(r"^-----BEGIN PGP SIGNATURE-----[ \t]*+$", re.MULTILINE)
_ESCAPED: Final = re.compile(r"^- ", re.MULTILINE)


def enclosed(octets: bytes) -> bytes | None:
    """Return what S/MIME's signed-data encloses (RFC 5652 §5); None when it is something else, or torn."""
    try:
        kind, content = _fields(octets, 0, len(octets), _SEQUENCE, (_OID, _EXPLICIT))
        if octets[slice(*kind)] != _SIGNED_DATA:
            return None
        *_, encapsulated = _fields(octets, *content, _SEQUENCE, (_INTEGER, _SET, _SEQUENCE))
        kind, content = _inside(octets, *encapsulated, (_OID, _EXPLICIT))
        if octets[slice(*kind)] != _DATA:
            return None
        return b"".join(_chunks(octets, *content, 0))
    except ValueError:
        return None


def _fields(octets: bytes, start: int, end: int, tag: int, tags: tuple[int, ...]) -> list[tuple[int, int]]:
    """Where the contents of the first fields of that constructed value lie; they have these tags."""
    found, first, last, _ = _value(octets, start, end)
    if found != tag:
        raise ValueError
    return _inside(octets, first, last, tags)


def _inside(octets: bytes, at: int, end: int, tags: tuple[int, ...]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for tag in tags:
        found, first, last, at = _value(octets, at, end)
        if found != tag:
            raise ValueError
        spans.append((first, last))
    return spans


def _chunks(octets: bytes, at: int, end: int, depth: int) -> Iterator[bytes]:
    """The octet strings of one octet string, which may come in pieces (X.690 §8.7)."""
    for _ in range(_CHUNKS):
        if at >= end or octets.startswith(b"\0\0", at):
            return
        tag, first, last, at = _value(octets, at, end)
        if tag == _OCTETS:
            yield octets[first:last]
        elif tag == _OCTETS | _CONSTRUCTED and depth < _DEEP:
            yield from _chunks(octets, first, last, depth + 1)
        else:
            raise ValueError
    raise ValueError


def _value(octets: bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Tag, where the content begins and ends, and where the next value begins.

    A value of indefinite length (X.690 §8.1.3.6) is taken to go on to the end: its parts are read in order, and what
    follows them is not looked at. Only octet strings in pieces need more, and `_chunks` stops at their end mark.
    """
    if at + 2 > end:
        raise ValueError
    tag, length = octets[at], octets[at + 1]
    at += 2
    if length == _LONG:
        return tag, at, end, end
    if length > _LONG:
        count = length - _LONG
        if count > _LENGTH_OCTETS or at + count > end:
            raise ValueError
        length = int.from_bytes(octets[at : at + count])
        at += count
    if at + length > end:
        raise ValueError
    return tag, at, at + length, at + length


def without_armour(text: str) -> str:
    """Text without the armour of clear-signed messages (RFC 9580 §7): what was signed stays, and what is around it."""
    pieces: list[str] = []
    at = 0
    while (begin := _BEGIN.search(text, at)) is not None:
        signature = _SIGNATURE.search(text, begin.end())
        end = None if signature is None else _END.search(text, signature.end())
        if signature is None or end is None:
            break
        pieces += [text[at : begin.start()], _ESCAPED.sub("", text[begin.end() : signature.start()])]
        at = end.end()
    return "".join([*pieces, text[at:]]) if at else text
