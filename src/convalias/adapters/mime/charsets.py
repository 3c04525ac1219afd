"""Bytes to text under the label they came with, read as browsers read it and without an exception."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, charmap_decode
from functools import cache
from typing import Final

from convalias.adapters.mime import limits
from convalias.adapters.mime.japanese import from_euc_jp, from_iso_2022_jp
from convalias.adapters.mime.labels import BY_OCTET, GUESSED, ISO_2022_JP, LABELS

_ESCAPES: Final = re.compile(rb"\x1b[$(]")
_LONGEST_LABEL: Final = 64
# In GBK the single octet 0x80 is the euro sign (Encoding Standard §10.2.1); Python's gb18030 lacks it.
_GBK_UNIT: Final = re.compile(rb"[\x81-\xfe].|\x80", re.DOTALL)


def decode(octets: bytes, label: str, *, stepwise: int = limits.JAPANESE) -> str:
    """Text of those bytes under that label; what does not fit becomes replacement characters. Never raises.

    `stepwise`: octets that may be read step by step, where a charset asks for that; longer text is read more simply.
    """
    name = label[:_LONGEST_LABEL].strip().strip("\"'").lower()
    if octets.startswith(BOM_UTF8):  # Encoding Standard §6.1: the mark outdoes the label
        return octets[len(BOM_UTF8) :].decode("utf-8", "replace")
    if name in GUESSED:
        return guess(octets, stepwise=stepwise)
    if name in ISO_2022_JP:
        return _iso_2022_jp(octets, stepwise)
    codec = LABELS.get(name)
    if codec is None:
        return octets.decode("ascii", "replace")
    return _by_codec(octets, codec, stepwise)


def _by_codec(octets: bytes, codec: str, stepwise: int) -> str:
    match codec:
        case "euc_jp":
            return from_euc_jp(octets)
        case "gb18030" if b"\x80" in octets and len(octets) <= stepwise:
            octets = _GBK_UNIT.sub(lambda found: b"\xa2\xe3" if found[0] == b"\x80" else found[0], octets)
            return octets.decode(codec, "replace")
        case "utf-16-le" | "utf-16-be":
            return _utf_16(octets, codec, stepwise)
        case _ if codec in BY_OCTET:
            return _by_octet(octets, codec)
        case _:
            return octets.decode(codec, "replace")


def _utf_16(octets: bytes, codec: str, stepwise: int) -> str:
    """UTF-16. Each broken surrogate costs as much as a thousand letters: of a long text with one the ASCII stays."""
    if octets.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        codec = "utf-16"
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        if len(octets) <= stepwise:
            return octets.decode(codec, "replace")
        return octets.translate(None, b"\0").decode("ascii", "replace")


def _by_octet(octets: bytes, codec: str) -> str:
    """Text in a charset of single octets, through a table of characters, as the standard library's codecs do it."""
    return charmap_decode(octets, "replace", _characters(codec))[0]  # pyright: ignore[reportArgumentType]


@cache
def _characters(codec: str) -> str:
    """The 256 characters of a charset of single octets: the codecs themselves are slow on octets they lack."""
    return "".join(bytes((octet,)).decode(codec, "replace") for octet in range(256))


def guess(octets: bytes, *, stepwise: int = limits.JAPANESE) -> str:
    """Text of bytes that claim to be ASCII: ASCII, Japanese by its escapes, else UTF-8, else windows-1252."""
    if b"\x1b" in octets and _ESCAPES.search(octets):
        return _iso_2022_jp(octets, stepwise)
    return _western(octets)


def _western(octets: bytes) -> str:
    """UTF-8 (of which ASCII is a part), else windows-1252."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return _by_octet(octets, "cp1252")


def _iso_2022_jp(octets: bytes, stepwise: int) -> str:
    """ISO-2022-JP, unless nothing in it is; a very long text by the plain standard."""
    if b"\x1b" not in octets:
        return _western(octets)
    if len(octets) > stepwise:
        return octets.decode("iso2022_jp", "replace")
    return from_iso_2022_jp(octets)
