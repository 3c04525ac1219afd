"""Words that all pages share in each of their languages, and the language that a browser asks for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from convalias.domain.mail.reasons import LANGUAGES

MOST_ASKED: Final = 20
"""Languages of a header that are looked at."""


@frozen(kw_only=True)
class PageTexts:
    """Words of any page, as plain text."""

    away_title: str
    away: str
    unchanged_title: str
    unreadable_form: str
    ended_title: str


TEXTS: Final[Mapping[str, PageTexts]] = MappingProxyType(
    {
        "en": PageTexts(
            away_title="Please try again",
            away="This page cannot be shown right now.",
            unchanged_title="Nothing was changed",
            unreadable_form="The form could not be read. Please open the link again.",
            ended_title="This link is no longer valid",
        ),
        "de": PageTexts(
            away_title="Bitte versuchen Sie es noch einmal",
            away="Diese Seite kann gerade nicht angezeigt werden.",
            unchanged_title="Es wurde nichts geändert",
            unreadable_form="Das Formular war nicht lesbar. Bitte öffnen Sie den Link noch einmal.",
            ended_title="Dieser Link ist nicht mehr gültig",
        ),
        "fr": PageTexts(
            away_title="Veuillez réessayer",
            away="Cette page ne peut pas être affichée pour le moment.",
            unchanged_title="Rien n'a été modifié",
            unreadable_form="Le formulaire n'a pas pu être lu. Veuillez ouvrir de nouveau le lien.",
            ended_title="Ce lien n'est plus valable",
        ),
        "ja": PageTexts(
            away_title="もう一度お試しください",
            away="現在このページを表示できません。",
            unchanged_title="変更はありません",
            unreadable_form="フォームを読み取れませんでした。もう一度リンクを開いてください。",
            ended_title="このリンクはすでに無効です",
        ),
    }
)
"""By language: one for each of `LANGUAGES`."""


def language_asked(accept_language: str) -> str:
    """Return which of `LANGUAGES` a browser asks for most (RFC 9110 §12.5.4); English where it asks for none.

    >>> language_asked("fr-CH, fr;q=0.9, en;q=0.8"), language_asked("en;q=0.2, DE-at;q=0.7"), language_asked("xx")
    ('fr', 'de', 'en')
    """
    asked = [_weighed(one) for one in accept_language.split(",", MOST_ASKED)[:MOST_ASKED]]
    best = max((one for one in asked if one[1] in LANGUAGES), key=lambda one: one[0], default=(0.0, "en"))
    return best[1] if best[0] > 0 else "en"


def _weighed(one: str) -> tuple[float, str]:
    """Weight and primary tag. What is not well-formed weighs nothing."""
    tag, _, parameter = one.strip().partition(";")
    name, _, value = parameter.strip().partition("=")
    language = tag.strip().partition("-")[0].lower()
    if not parameter:
        return 1.0, language
    digits = value.strip().replace(".", "", 1)
    usable = name.strip().lower() == "q" and digits.isascii() and digits.isdecimal() and len(digits) <= 4  # noqa: PLR2004
    return (float(value) if usable else 0.0), language
