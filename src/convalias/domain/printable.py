"""Text of others, as a terminal or a line of ours may show it."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, format characters (bidi marks among them), surrogates, and separators that begin a line."""
# Controls never reach a screen or a header of ours; bidi marks turn `gpj.exe` into a picture (Unicode TR 36 §3).
_UNSEEN: Final = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " "),
    **dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF), None),
}


def counted(number: int, thing: str) -> str:
    """Return a number with its noun, in the plural where English has one.

    >>> counted(1, "conversation"), counted(0, "conversation")
    ('1 conversation', '0 conversations')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def visible(text: str, *, lines: bool = False) -> str:
    r"""Write what moves the cursor, colours or turns the text around as its code. `lines`: keep line ends and tabs.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    kept = {"\n", "\t"} if lines else set[str]()
    return "".join(
        char.encode("unicode_escape").decode() if char not in kept and unicodedata.category(char) in _HIDDEN else char
        for char in text
    )


def one_line(text: str) -> str:
    """Return a text without controls and bidi marks; white space is one space, none outside."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(text.translate(_UNSEEN).split())
