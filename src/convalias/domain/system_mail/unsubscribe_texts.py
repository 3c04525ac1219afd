"""Words of the unsubscribe page in each of its languages, and the language that a browser asks for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from convalias.domain.system_mail.refusal_texts import LANGUAGES

MOST_ASKED: Final = 20
"""Languages of a header that are looked at."""


@frozen(kw_only=True)
class UnsubscribeTexts:
    """Words of the page, as plain text."""

    mailed_title: str
    mailed: str
    stop: str
    muted_title: str
    muted: str
    resume: str
    no_link_title: str
    no_link: str
    away_title: str
    away: str
    unchanged_title: str


TEXTS: Final[Mapping[str, UnsubscribeTexts]] = MappingProxyType(
    {
        "en": UnsubscribeTexts(
            mailed_title="E-mail about a conversation",
            mailed="You get e-mail about one conversation.",
            stop="Stop this e-mail",
            muted_title="E-mail is stopped",
            muted="You get no more e-mail about this conversation. Other conversations stay as they are, and you can "
            "still read this one on the platform.",
            resume="Send it again",
            no_link_title="This link is not valid",
            no_link="Please open it as it stands in the mail.",
            away_title="Please try again",
            away="This page cannot be shown right now.",
            unchanged_title="Nothing was changed",
        ),
        "de": UnsubscribeTexts(
            mailed_title="E-Mails zu einer Unterhaltung",
            mailed="Sie erhalten E-Mails zu einer Unterhaltung.",
            stop="Keine E-Mails mehr dazu",
            muted_title="Die E-Mails sind abbestellt",
            muted="Sie erhalten zu dieser Unterhaltung keine E-Mails mehr. Andere Unterhaltungen bleiben, wie sie sind, "
            "und auf der Plattform können Sie diese weiterhin lesen.",
            resume="Wieder E-Mails senden",
            no_link_title="Dieser Link ist ungültig",
            no_link="Bitte öffnen Sie ihn so, wie er in der E-Mail steht.",
            away_title="Bitte versuchen Sie es noch einmal",
            away="Diese Seite kann gerade nicht angezeigt werden.",
            unchanged_title="Es wurde nichts geändert",
        ),
        "fr": UnsubscribeTexts(
            mailed_title="E-mails sur une conversation",
            mailed="Vous recevez des e-mails sur une conversation.",
            stop="Ne plus recevoir ces e-mails",
            muted_title="Les e-mails sont arrêtés",
            muted="Vous ne recevez plus d'e-mails sur cette conversation. Les autres conversations restent inchangées, et "
            "vous pouvez toujours lire celle-ci sur la plateforme.",
            resume="Recevoir de nouveau ces e-mails",
            no_link_title="Ce lien n'est pas valable",
            no_link="Veuillez l'ouvrir tel qu'il figure dans l'e-mail.",
            away_title="Veuillez réessayer",
            away="Cette page ne peut pas être affichée pour le moment.",
            unchanged_title="Rien n'a été modifié",
        ),
        "ja": UnsubscribeTexts(
            mailed_title="会話に関するメール",
            mailed="この会話に関するメールが届く設定になっています。",
            stop="このメールを停止する",
            muted_title="メールを停止しました",
            muted="この会話に関するメールは今後届きません。ほかの会話の設定は変わりません。この会話は引き続きプラットフォームでお読みいただけます。",
            resume="メールを再開する",
            no_link_title="このリンクは無効です",
            no_link="メールに記載されているとおりのリンクを開いてください。",
            away_title="もう一度お試しください",
            away="現在このページを表示できません。",
            unchanged_title="変更はありません",
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
