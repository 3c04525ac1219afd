"""Content-Transfer-Encoding undone: bytes to bytes, never an exception, linear."""

from __future__ import annotations

import binascii
import re
from typing import Final

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OTHERS: Final = bytes(octet for octet in range(256) if octet not in _ALPHABET + b"=")
_OCTETS: Final = _ALPHABET + b"="
_PADDED: Final = re.compile(rb"[A-Za-z0-9+/]{6,}+={1,2}(?=\s)")
"""The last of base64, and something behind it on its line."""
_BLANKS: Final = re.compile(rb"=[ \t]++(?=\r?\n|\Z)")
"""A soft line break behind which a server has put blanks: they are to be deleted (RFC 2045 §6.7, rule 3)."""
_SHORT: Final = 20
"""Octets of a line below which letters of base64 may as well be a word."""
_STRETCHES: Final = 1_000


def undone(octets: bytes, encoding: str) -> bytes:
    """The content behind the encoding `base64`, `quoted-printable` or none."""
    match encoding:
        case "base64":
            return _base64(octets)
        case "quoted-printable":
            return binascii.a2b_qp(_BLANKS.sub(b"=", octets))
        case _:
            return octets


def words_undone(octets: bytes, encoding: str) -> bytes:
    """The content of a text part. Base64 that is none is text, and so is what follows its last line.

    Gateways and lists write their notices below a body without a look at how it is encoded.
    """
    if encoding != "base64":
        return undone(octets, encoding)
    end = _end_of_base64(octets)
    below = octets[end:].strip(b"\r\n ")
    if not below:
        return _base64(octets)
    above = _base64(octets[:end])
    return above + b"\n\n" + below if above else below


def _end_of_base64(octets: bytes) -> int:
    """Where the last line of base64 ends; 0 when not even the first is base64."""
    at = end = width = lines = 0
    apart = False
    for line in octets.splitlines(keepends=True):
        at += len(line)
        content = line.strip()
        if not content:
            apart = lines > 0
            continue
        lines += 1
        padded = _PADDED.match(content)
        if padded is not None and not _is_base64(content):
            return at - len(line) + line.index(padded[0]) + len(padded[0])
        if not _is_base64(content) or (apart and _is_word(content)):
            break
        width, end = width or len(content), at
        if content.endswith(b"=") or len(content) < width:  # only the last line is padded, or shorter
            return at if _is_footer(octets[at:]) else len(octets)
    return 0 if lines == 1 and _is_word(octets[:end].strip()) else end


def _is_base64(line: bytes) -> bool:
    """Whether it is a line of base64, perhaps with a few octets damaged on the way."""
    foreign = len(line.translate(None, _OCTETS))
    return not foreign or (len(line) > _SHORT and foreign * 10 <= len(line) and b" " not in line)


def _is_word(line: bytes) -> bool:
    """Whether a line is a word in the letters of base64: of a length that no encoder writes, and no text behind it."""
    if len(line) >= _SHORT or len(line) % 4 == 0:
        return False
    try:
        return not _base64(line).decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return True


def _is_footer(octets: bytes) -> bool:
    """Whether what stands below a last line is anything but base64 that was concatenated."""
    lines = [content for line in octets.splitlines() if (content := line.strip())]
    joined = b"".join(lines)
    if any(line.translate(None, _OCTETS) for line in lines) or len(joined) % 4:
        return bool(lines)
    return not any(len(line) >= _SHORT or line.endswith(b"=") for line in lines)


def goes_on_after_padding(octets: bytes) -> bool:
    """Base64 that goes on behind its padding: some parsers stop there, some do not (RFC 2045 §6.8)."""
    return b"=" in octets.rstrip(b"= \t\r\n")


def _base64(octets: bytes) -> bytes:
    """Tolerant: foreign characters are passed over, what was concatenated is read on, a torn end is dropped."""
    if not goes_on_after_padding(octets):
        return _stretch(octets.rstrip(b"= \t\r\n") + b"==")
    stretches = re.split(rb"=++", octets, maxsplit=_STRETCHES)
    return b"".join(_stretch(stretch + b"==") for stretch in stretches[:_STRETCHES])


def _stretch(octets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        kept = octets.translate(None, _OTHERS + b"=")
        if len(kept) % 4 == 1:
            kept = kept[:-1]
        return binascii.a2b_base64(kept + b"==")
