"""The text of a mail as answering machines repeat it: equal but for numbers and dates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

SHORT: Final = 40
"""Characters. People write `ok` three times in an hour, so a shorter text proves a machine only by its haste."""
_FOLDED: Final = 16 * 1024
"""Characters that are folded; what follows them counts as it is."""
_CODE: Final = re.compile(r"(?=\D*\d)[!-~]+")
"""A word of ASCII with a digit in it: a number, a time, the number of a ticket."""
_DIGITS: Final = re.compile(r"\d+")
_IN_BRACKETS: Final = "日月火水木金土일월화수목금토"
_OF_A_WEEK: Final = "一二三四五六日天"
_WEEKDAY: Final = re.compile(rf"(?<=[(\uff08])[{_IN_BRACKETS}](?=[)\uff09])|(?<=星期|禮拜|礼拜)[{_OF_A_WEEK}]")
_FOLDS: Final = re.compile(rf"[\d{_IN_BRACKETS}{_OF_A_WEEK}]")
"""A sign without which nothing in a word is folded."""
_NAMES: Final = frozenset(
    {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
     "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun", "am", "pm", "noon",
     "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
     "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
     "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonnabend", "sonntag",
     "mo", "di", "mi", "do", "fr", "sa", "so",
     "januar", "jänner", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember", "mrz", "okt", "dez",
     "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
     "lun", "mer", "jeu", "ven", "sam", "dim",
     "janvier", "février", "mars", "avril", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
     "janv", "févr", "avr", "juil", "déc",
     "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo",
     "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
     "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica",
     "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio", "settembre", "ottobre", "dicembre",
     "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag",
     "januari", "februari", "maart", "mei", "augustus",
     "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira",
     "janeiro", "fevereiro", "março", "maio", "junho", "julho", "setembro", "outubro", "novembro", "dezembro", "de"}
)  # fmt: skip
"""Names of months and days; folded only beside a number, for `May` and `so` are words as well."""


def is_short(text: str) -> bool:
    """Whether a text is too short to tell a machine by.

    >>> is_short("ok, thanks"), is_short("I am travelling until the end of the month.")
    (True, False)
    """
    return len(" ".join(text[: 8 * SHORT].split())) < SHORT


def folded(text: str) -> str:
    """Return a text with its numbers and dates folded, as responders count and date what they send.

    >>> folded("Ticket A7-19 of Sunday, 1 March: closed.")
    'Ticket # of #: closed.'
    """
    words = [_folded_word(word) for word in text.split()]
    for names in (range(len(words)), reversed(range(len(words)))):
        before = ""
        for place in names:
            if before == "#" and words[place].strip(",.;:()").casefold() in _NAMES:
                words[place] = "#" + _end_of(words[place])
            before = words[place].strip(",.;:()")
    return re.sub(r"(?:#,? )+(?=#)", "", " ".join(words))


def repeat_digest(text: str, attachments: Iterable[str]) -> str:
    """Return the digest under which two mails say the same: of the folded text, and of what is attached."""
    digest = hashlib.sha256()
    for part in (folded(text[:_FOLDED]), text[_FOLDED:], *sorted(attachments)):
        octets = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(octets), octets))
    return digest.hexdigest()


def _folded_word(word: str) -> str:
    if not _FOLDS.search(word):
        return word
    if _CODE.fullmatch(word):
        return "#" + _end_of(word)
    return _WEEKDAY.sub("#", _DIGITS.sub("#", word))


def _end_of(word: str) -> str:
    """The sign that ends a sentence or its part."""
    return word[-1] if word[-1] in ",.;:!?" else ""
