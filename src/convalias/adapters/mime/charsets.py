"""Charset labels as browsers read them, and bytes to text without an exception."""

from __future__ import annotations

import re
from codecs import charmap_decode
from functools import cache
from typing import Final

from convalias.adapters.mime import limits

# The Encoding Standard (WHATWG) §4.2: labels name the superset that people mean, not the registered charset.
_LABELS: Final = {
    **dict.fromkeys(
        ("utf-8", "utf8", "unicode-1-1-utf-8", "utf-8-strict", "x-unicode20utf8", "unicode11utf8"), "utf-8"
    ),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j", "cp932", "ms932"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "x-gbk", "cp936", "gb_2312-80", "gb_2312", "chinese"), "gb18030"),
    **dict.fromkeys(
        ("ks_c_5601", "ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "ksc_5601", "euc-kr", "cp949", "korean",
         "windows-949"), "cp949",
    ),
    **dict.fromkeys(
        ("iso-8859-1", "iso8859-1", "iso_8859-1", "iso88591", "latin1", "latin-1", "l1", "windows-1252", "cp1252",
         "x-cp1252", "cp819", "ibm819"), "cp1252",
    ),
    **dict.fromkeys(("iso-8859-9", "latin5", "l5", "windows-1254", "cp1254"), "cp1254"),
    **dict.fromkeys(("iso-8859-11", "tis-620", "windows-874", "cp874"), "cp874"),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5", "x-x-big5", "csbig5"), "big5hkscs"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e", "logical", "visual"), "iso8859-8"),
    **dict.fromkeys(("macintosh", "x-mac-roman", "mac", "csmacintosh"), "mac-roman"),
    **dict.fromkeys(("x-euc-jp", "euc-jp", "ujis"), "euc_jp"),
    **dict.fromkeys(("utf-16", "utf-16le", "ucs-2", "iso-10646-ucs-2", "unicode", "csunicode"), "utf-16-le"),
    "utf-16be": "utf-16-be",
    "x-user-defined": "cp1252",
}  # fmt: skip
_PLAIN: Final = frozenset(
    f"{family}{number}"
    for family, numbers in {
        "iso-8859-": (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16),
        "windows-": (1250, 1251, 1253, 1255, 1256, 1257, 1258),
        "cp": (437, 850, 852, 855, 858, 866, 1250, 1251, 1253, 1255, 1256, 1257, 1258),
        "koi8-": ("r", "u"),
    }.items()
    for number in numbers
)
"""Labels that Python knows under the same name. All others (utf-7, idna, base64 ...) are unknown."""
_BY_OCTET: Final = frozenset({"cp1252", "cp1254", "cp874", "iso8859-8", "mac-roman"})
_ASCII: Final = frozenset({"", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "7bit", "8bit", "default", "none"})
_JAPANESE: Final = frozenset(
    {"iso-2022-jp", "csiso2022jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-ms", "cp50220", "cp50221"}
)
_SHIFT: Final = re.compile(rb"\x1b(\$[@B]|\$\([@DB]|\([BJIH])|[\r\n]++")
_ESCAPES: Final = re.compile(rb"\x1b[$(]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def decode(octets: bytes, label: str) -> str:
    """Text of those bytes under that label; what does not fit becomes replacement characters. Never raises."""
    name = label.strip().strip("\"'").lower()
    if name in _ASCII:
        return guess(octets)
    if name in _JAPANESE:
        return _iso_2022_jp(octets)
    codec = _LABELS.get(name) or (name if name in _PLAIN else None)
    if codec is None:
        return octets.decode("ascii", "replace")
    if codec in _BY_OCTET or codec in _PLAIN:
        return _by_octet(octets, codec)
    return octets.decode(codec, "replace")


def _by_octet(octets: bytes, codec: str) -> str:
    """Text in a charset of single octets, through a table of characters, as the standard library's codecs do it."""
    return charmap_decode(octets, "replace", _characters(codec))[0]  # pyright: ignore[reportArgumentType]


@cache
def _characters(codec: str) -> str:
    """The 256 characters of a charset of single octets: the codecs themselves are slow on octets they lack."""
    return "".join(bytes((octet,)).decode(codec, "replace") for octet in range(256))


def guess(octets: bytes) -> str:
    """Text of bytes that claim to be ASCII: ASCII, Japanese by its escapes, else UTF-8, else windows-1252."""
    if b"\x1b" in octets and _ESCAPES.search(octets):
        return _iso_2022_jp(octets)
    return _western(octets)


def _western(octets: bytes) -> str:
    """UTF-8 (of which ASCII is a part), else windows-1252."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return _by_octet(octets, "cp1252")


def _iso_2022_jp(octets: bytes) -> str:
    """ISO-2022-JP (RFC 1468) by the table of cp932, so with NEC's and IBM's characters.

    Two octets of a kanji segment are one code unit of UTF-16, which one translation maps: no step per character.
    """
    if b"\x1b" not in octets:
        return _western(octets)
    if len(octets) > limits.JAPANESE:
        return octets.decode("iso2022_jp", "replace")
    shown: list[str] = []
    state, start = b"(B", 0
    for found in _SHIFT.finditer(octets):
        shown.append(_segment(octets[start : found.start()], state))
        if found[1] is None:  # a line end: the shift ends there, whether or not the escape was lost
            shown.append(found[0].decode("ascii"))
            state = b"(B" if state != b"(I" else state
        else:
            state = found[1]
        start = found.end()
    shown.append(_segment(octets[start:], state))
    return "".join(shown)


def _segment(octets: bytes, state: bytes) -> str:
    """One stretch in one character set."""
    if not octets:
        return ""
    match state:
        case b"$@" | b"$B" | b"$(B" | b"$(@":
            even = octets[: len(octets) & ~1]
            tail = "" if len(octets) == len(even) else _REPLACEMENT
            return even.decode("utf-16-be", "replace").translate(_kanji()) + tail
        case b"(I":
            return octets.translate(_HIGH).decode("cp932", "replace")
        case b"$(D":
            return b"\x8f".join(
                [b"", *(octets.translate(_HIGH)[at : at + 2] for at in range(0, len(octets), 2))]
            ).decode("euc_jp", "replace")
        case _:
            return _western(octets)


_HIGH: Final = bytes(octet | 0x80 if 0x21 <= octet <= 0x7E else octet for octet in range(256))  # noqa: PLR2004
_ROWS: Final = range(0x21, 0x7F)


@cache
def _kanji() -> dict[int, str]:
    """JIS row and cell as one number -> the character that cp932 has there."""
    table: dict[int, str] = {}
    for row in _ROWS:
        lead = ((row + 1) >> 1) + (0x70 if row < 0x5F else 0xB0)  # noqa: PLR2004 - the arithmetic of Shift JIS
        for cell in _ROWS:
            trail = cell + (0x7E if row % 2 == 0 else 0x1F if cell < 0x60 else 0x20)  # noqa: PLR2004
            table[row << 8 | cell] = bytes((lead, trail)).decode("cp932", "replace")[:1]
    return table
