"""Names that people take for one another: a stranger whose name reads like a participant's is marked as such."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 200
"""Characters of a name that are compared: more are shown to nobody."""
# Letters of other scripts, and digits, that read like a Latin letter in common typefaces (after UTS 39 §4).
_LOOKALIKES: Final = {
    ord(other): latin
    for latin, others in {
        "a": "аαɑ@", "b": "вь", "c": "с", "d": "ԁ", "e": "е3", "g": "ɡԍ", "h": "нһ", "i": "іıι1!|lℓ", "j": "ј", "k": "кκ",
        "m": "м", "n": "η", "o": "оο0", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ5$", "t": "тτ", "u": "υ", "v": "ν", "w": "ԝ",
        "x": "хχ", "y": "у",
    }.items()
    for other in others
}  # fmt: skip
# Behind the letters above, which make l an i.
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("ci", "d"))
_WORD: Final = re.compile(r"[^\W_]+")


def skeleton(name: str) -> tuple[str, ...]:
    """The words of a name as eyes see them, in no order: two names of one skeleton are taken for one another.

    >>> skeleton("Stone, Bob") == skeleton("B\u043eb St\u00f6ne")
    True
    """
    text = unicodedata.normalize("NFKD", name[:_LONGEST])
    text = "".join(char for char in text if not unicodedata.combining(char)).casefold().translate(_LOOKALIKES)
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return tuple(sorted(_WORD.findall(text)))


def resembled(name: str, names: Iterable[str]) -> str | None:
    """The first of the participants' names that this one reads like, or None. An empty name resembles nobody."""
    words = skeleton(name)
    if not words:
        return None
    joined = "".join(words)
    return next((one for one in names if (found := skeleton(one)) == words or "".join(found) == joined), None)
