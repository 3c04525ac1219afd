"""Text of others, as a terminal may show it."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, format characters (bidi marks among them), surrogates, and separators that begin a line."""


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
