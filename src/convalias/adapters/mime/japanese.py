"""Japanese octets to text by the table of cp932: with NEC's and IBM's characters, whatever the encoding."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_SHIFT: Final = re.compile(rb"\x1b(\$[@B]|\$\([@DB]|\([BJIH])|[\r\n]++")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# JIS X 0201, the Roman half: two characters that ASCII has otherwise. A price is a price in yen.
_ROMAN: Final = {0x5C: "\N{YEN SIGN}", 0x7E: "\N{OVERLINE}"}
_HIGH: Final = bytes(octet | 0x80 if 0x21 <= octet <= 0x7E else octet for octet in range(256))  # noqa: PLR2004
# Where the table of the standard and that of cp932, which browsers use, have different characters in one place.
_AS_SHOWN: Final = {"\u301c": "\uff5e", "\u2016": "\u2225", "\u2212": "\uff0d"}
_ROWS: Final = range(0x21, 0x7F)


def from_iso_2022_jp(octets: bytes) -> str:
    """ISO-2022-JP (RFC 1468). Total.

    Two octets of a kanji segment are one code unit of UTF-16, which one translation maps: no step per character.
    """
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


def from_euc_jp(octets: bytes) -> str:
    """EUC-JP; with NEC's characters, which the later standard has in the same place. Total."""
    try:
        text = octets.decode("euc_jp")
    except UnicodeDecodeError:
        text = octets.decode("euc_jis_2004", "replace")
    for standard, shown in _AS_SHOWN.items():
        text = text.replace(standard, shown)
    return text


def _segment(octets: bytes, state: bytes) -> str:
    """One stretch in one character set."""
    if not octets:
        return ""
    match state:
        case b"$@" | b"$B" | b"$(B" | b"$(@":
            even = octets[: len(octets) & ~1]
            return _kanji_of(even) + ("" if len(octets) == len(even) else _REPLACEMENT)
        case b"(I":
            return octets.translate(_HIGH).decode("cp932", "replace")
        case b"(J":
            return octets.decode("utf-8", "replace").translate(_ROMAN)
        case b"$(D":
            return b"\x8f".join(
                [b"", *(octets.translate(_HIGH)[at : at + 2] for at in range(0, len(octets), 2))]
            ).decode("euc_jp", "replace")
        case _:
            return octets.decode("utf-8", "replace")


def _kanji_of(pairs: bytes) -> str:
    """Row and cell, two octets below 0x80 each."""
    return pairs.decode("utf-16-be", "replace").translate(_kanji())


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
