"""Bytes to text under the label they came with, read as browsers read it and without an exception."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE, charmap_decode
from functools import cache
from typing import Final

from convalias.adapters.mime import limits
from convalias.adapters.mime.japanese import from_euc_jp, from_iso_2022_jp
from convalias.adapters.mime.labels import (
    BY_OCTET,
    GUESSED,
    ISO_2022_JP,
    LABELS,
    UTF_32,
    hinted,
    is_refused,
    respelled,
)

_ESCAPES: Final = re.compile(rb"\x1b[$(]")
_LONGEST_LABEL: Final = 64
# One character of UTF-8 in more than one octet (Unicode §3.9, table 3-7; overlong forms aside).
_MULTIPLE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_ASCII: Final = bytes(range(128))
_NO_LETTERS: Final = bytes(octet for octet in range(256) if not bytes((octet,)).isalpha())
# In GBK the single octet 0x80 is the euro sign (Encoding Standard §10.2.1); Python's gb18030 lacks it.
_GBK_UNIT: Final = re.compile(rb"[\x81-\xfe].|\x80", re.DOTALL)


def decode(octets: bytes, label: str, *, stepwise: int = limits.JAPANESE) -> str:
    """Text of those bytes under that label; what does not fit becomes replacement characters. Never raises.

    A label that nobody knows says nothing, and one under which valid UTF-8 cannot be read is wrong.
    `stepwise`: octets that may be read step by step, where a charset asks for that; longer text is read more simply.
    """
    if octets.startswith(BOM_UTF8):  # Encoding Standard §6.1: the mark outdoes the label
        return octets[len(BOM_UTF8) :].decode("utf-8", "replace")
    name = _plain(label)
    if not is_known(name):
        if is_refused(name):
            return octets.decode("ascii", "replace")
        known = respelled(name)
        if known is None:
            return _unlabelled(octets, name, stepwise)
        name = known
    if name in GUESSED:
        return guess(octets, stepwise=stepwise)
    if name in ISO_2022_JP:
        return _iso_2022_jp(octets, stepwise)
    text = _by_codec(octets, LABELS[name], stepwise)
    return _as_utf_8(octets) or text if "\ufffd" in text else text


def is_known(label: str) -> bool:
    """Whether the label, as it is written, names a charset or says that it names none."""
    name = _plain(label)
    return name in LABELS or name in GUESSED or name in ISO_2022_JP


def _plain(label: str) -> str:
    return label[:_LONGEST_LABEL].strip().strip("\"'").lower()


def _unlabelled(octets: bytes, name: str, stepwise: int) -> str:
    """Text under a label that nobody knows: valid UTF-8, what the label hints at, or a guess."""
    if name in UTF_32 and len(octets) % 4 == 0:
        try:
            return octets.decode("utf-32" if octets.startswith((BOM_UTF32_LE, BOM_UTF32_BE)) else "utf-32-le")
        except UnicodeDecodeError:
            pass
    codec = hinted(name)
    if codec is None or octets.isascii():
        return guess(octets, stepwise=stepwise)
    return _as_utf_8(octets) or _by_codec(octets, codec, stepwise)


def _as_utf_8(octets: bytes) -> str:
    """The octets as UTF-8; empty if they are none."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _by_codec(octets: bytes, codec: str, stepwise: int) -> str:
    match codec:
        case "utf-8":
            return _utf_8(octets)
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


def _utf_8(octets: bytes) -> str:
    """UTF-8; lines that are none, but plainly windows-1252, are read so: the label was wrong, or a gateway added them."""
    text = _as_utf_8(octets)
    if text or not octets:
        return text
    text = octets.decode("utf-8", "replace")
    if text.count("\n") + 1 > limits.LINES or not any(map(_is_western, octets.split(b"\n"))):
        return text
    lines = octets.split(b"\n")
    return "\n".join([_western(line) if _is_western(line) else line.decode("utf-8", "replace") for line in lines])


def _is_western(line: bytes) -> bool:
    """Whether a line holds ASCII letters with single octets above ASCII among them, and nothing of UTF-8."""
    if line.isascii() or _MULTIPLE.search(line):
        return False
    return len(line.translate(None, _ASCII)) <= len(line.translate(None, _NO_LETTERS))


def _utf_16(octets: bytes, codec: str, stepwise: int) -> str:
    """UTF-16. Each broken surrogate costs as much as a thousand letters: of a long text with one the ASCII stays.

    Text with blanks or line ends has NULs in UTF-16: where they are missing, the label is wrong.
    """
    if octets.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        codec = "utf-16"
    elif b"\0" not in octets and (b"\n" in octets or b" " in octets) and (text := _as_utf_8(octets)):
        return text
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
