"""Names that people take for one another: a stranger whose name reads like a participant's is marked as such."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

_LONGEST: Final = 200
"""Characters of a name that are compared: more are shown to nobody."""
# Letters of other scripts, and digits, that read like a Latin letter in common typefaces (after UTS 39 §4).
_LOOKALIKES: Final = {
    ord(other): latin
    for latin, others in {
        "a": "аαɑ@ᴀ", "b": "вьʙ", "c": "сᴄ", "d": "ԁᴅ", "e": "е3ᴇ", "f": "ꜰ", "g": "ɡԍɢ", "h": "нһʜ", "i": "іıι1!|lℓɪʟ", "j": "јᴊ", "k": "кκᴋ",
        "m": "мᴍ", "n": "ηɴ", "o": "оο0ᴏ", "p": "рρᴘ", "q": "ԛ", "r": "гʀ", "s": "ѕ5$ꜱ", "t": "тτᴛ", "u": "υᴜ", "v": "νᴠ", "w": "ԝᴡ",
        "x": "хχ", "y": "уʏ", "z": "ᴢ",
    }.items()
    for other in others
}  # fmt: skip
# Behind the letters above, which make l an i.
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("ci", "d"))
_WORD: Final = re.compile(r"[^\W_]+")
_PUNCTUATION: Final = frozenset("@!|$")
_LETTERS_ALONE: Final = {other: latin for other, latin in _LOOKALIKES.items() if chr(other) not in _PUNCTUATION}
"""The table without marks that also stand between words: `Jobs!` may end in an exclamation mark or in an i."""
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by category, and no ink: Hangul fillers."""


def skeleton(name: str) -> tuple[str, ...]:
    """Return a key of a name as eyes see it: names with one key are mistaken for each other.

    >>> skeleton("Stone, Bob") == skeleton("Bоb Stöne")
    True
    """
    text = unicodedata.normalize("NFKD", name[:_LONGEST])
    text = "".join(char for char in text if not unicodedata.combining(char)).casefold().translate(_LOOKALIKES)
    return tuple(sorted(_WORD.findall(_paired(text))))


def resembled(name: str, names: Iterable[str]) -> str | None:
    """The first of the participants' names that this one reads like, or None. An empty name resembles nobody."""
    words = skeleton(name)
    if not words:
        return None
    joined = "".join(words)
    return next((one for one in names if (found := skeleton(one)) == words or "".join(found) == joined), None)


def holds_brand(name: str, brand: str) -> bool:
    """Whether the platform's name stands in a name as whole words, as eyes see them.

    Look-alikes are folded, marks without ink taken off, and gaps inside the name do not count.

    >>> holds_brand("J\u200b\u043ebs Fair Security", "Jobs Fair"), holds_brand("Simon", "on")
    (True, False)
    """
    shown = _inked(brand)
    return any(_stands_in(_inked(name), shown, table) for table in (_LOOKALIKES, _LETTERS_ALONE))


def _stands_in(name: str, brand: str, table: Mapping[int, str]) -> bool:
    """Whether some words of the name that follow one another read like all words of the brand."""
    wanted = _paired("".join(_WORD.findall(brand.translate(table))))
    words = _WORD.findall(name.translate(table))
    if not wanted:
        return False
    longest = 2 * len(wanted)  # a pair of letters may read as one
    for first in range(len(words)):
        run = ""
        for word in words[first:]:
            run += word
            if len(run) > longest:
                break
            if _paired(run) == wanted:
                return True
    return False


def _inked(text: str) -> str:
    """The text in small letters, without accents and without characters that show nothing."""
    decomposed = unicodedata.normalize("NFKD", text[:_LONGEST])
    seen = (char for char in decomposed if char not in _FILLERS and unicodedata.category(char) not in _NO_INK)
    return "".join(seen).casefold()


_NO_INK: Final = frozenset({"Mn", "Me", "Cf", "Cc"})


def _paired(text: str) -> str:
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return text
