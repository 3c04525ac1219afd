"""Words of the unsubscribe page in each of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen


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
        ),
    }
)
"""By language: one for each of `LANGUAGES`."""
