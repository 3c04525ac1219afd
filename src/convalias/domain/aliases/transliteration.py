"""Names in other alphabets, written in a-z: small tables, no dictionary."""

from __future__ import annotations

import unicodedata
from typing import Final

_LATIN: Final = "ßss øo łl đd æae œoe þth ðd ħh ŧt ŋng ĸk ſs əe ıi"
"""Latin letters that are no base letter with a mark."""

_GREEK: Final = "αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr σs τt υy φf χch ψps ωo ςs"
"""ISO 843 transcription, a letter each."""

_CYRILLIC: Final = """
аa бb вv гg дd еe жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ъ ыy ь эe юyu яya ёyo
іi їyi єye ґg ўu ђdj јj љlj њnj ћc џdz ѓgj ќkj ѕdz
"""
"""BGN/PCGN, simplified; the two signs are silent."""

_ROWS: Final = {
    "": "あa いi うu えe おo んn ゔvu ぁa ぃi ぅu ぇe ぉo ゎwa",
    "k": "かka きki くku けke こko がga ぎgi ぐgu げge ごgo",
    "s": "さsa しshi すsu せse そso ざza じji ずzu ぜze ぞzo",
    "t": "たta ちchi つtsu てte とto だda ぢji づzu でde どdo",
    "n": "なna にni ぬnu ねne のno",
    "h": "はha ひhi ふfu へhe ほho ばba びbi ぶbu べbe ぼbo ぱpa ぴpi ぷpu ぺpe ぽpo",
    "m": "まma みmi むmu めme もmo",
    "r": "らra りri るru れre ろro",
    "y": "やya ゆyu よyo わwa ゐi ゑe をo",
}
_KANA: Final = {entry[0]: entry[1:] for row in _ROWS.values() for entry in row.split()}
"""Hepburn, without long vowels. Katakana is looked up as hiragana."""
_GLIDES: Final = {"ゃ": "a", "ゅ": "u", "ょ": "o"}
_DOUBLING: Final = "っ"
_LONG: Final = "ー"
_KATAKANA: Final = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}

_TABLES: Final = {entry[0]: entry[1:] for entry in f"{_LATIN} {_GREEK} {_CYRILLIC}".split()}


def latin(word: str) -> str:
    """Write a word (NFKC) in lower-case a-z; digits and signs stay. Empty when a letter of it is in no table.

    >>> latin("Müller"), latin("Ελένη"), latin("Юрий"), latin("キョウコ"), latin("山田")
    ('muller', 'eleni', 'yuriy', 'kyouko', '')
    """
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    kana = lowered.translate(_KATAKANA)
    if any(char in _KANA for char in kana):
        return _romaji(kana)
    return _by_letter(lowered)


def _by_letter(word: str) -> str:
    written: list[str] = []
    for char in word:
        text = _letter(char)
        if text is None:
            return ""
        written.append(text)
    return "".join(written)


def _letter(char: str) -> str | None:
    """One letter in a-z, "" for what makes no sound; None for a letter of no table."""
    if char.isascii():
        return char
    if (found := _TABLES.get(char)) is not None:
        return found
    if _is_mark(char):
        return ""
    base = unicodedata.normalize("NFKD", char)
    if len(base) > 1 or base.isascii():
        plain = [one for one in base if not _is_mark(one)]
        letters = [one if one.isascii() else _TABLES.get(one) for one in plain]
        return None if None in letters else "".join(letter or "" for letter in letters)
    return None if char.isalpha() else " "


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _romaji(word: str) -> str:
    written = ""
    doubled = False
    for char in word:
        if char == _DOUBLING:
            doubled = True
            continue
        sound = _KANA.get(char)
        if sound is None:
            written = _glided(written, char)
            if not written:
                return ""
            continue
        written += ("t" if sound.startswith("ch") else sound[0]) + sound if doubled else sound
        doubled = False
    return written


def _glided(written: str, char: str) -> str:
    """What was written, and a sign that only changes it; empty when the sign is none of kana."""
    if char == _LONG:
        return written
    vowel = _GLIDES.get(char)
    if vowel is None:
        return written + char if char.isascii() else ""
    # ki + ya is kya, but shi + ya is sha (Hepburn)
    stem = written.removesuffix("i")
    return stem + vowel if stem.endswith(("sh", "ch", "j")) else f"{stem}y{vowel}"
