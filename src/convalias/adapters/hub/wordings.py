"""The words of ours in a notification, in each language that a deployment may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import frozen


@frozen(kw_only=True)
class Wording:
    """The words of ours in a notification. Plain text; markup in them is shown, not obeyed."""

    language: str = "en"
    """Of these words, as HTML names it."""
    subject: str = "Message in your conversation"
    """The same for every message: neither a preview nor a name."""
    attached: str = "Attached:"
    not_sent_along: str = "(not sent along: see the conversation)"
    harmful: str = "(withheld: a check found something harmful in this message)"
    empty: str = "(no text)"
    cut: str = "[The message goes on: see the conversation.]"
    footer: str = "Answer this e-mail to answer in the conversation."
    unanswerable: str = "This e-mail cannot be answered. Read and answer in the conversation on the platform."
    closed: str = "This conversation is closed: it takes no more messages."
    readers: str = "Your answer goes to {names}."
    """`{names}`: the author, and who else takes part."""
    others: str = "others"
    unverified: str = "Nobody could verify this message: the person it names may not have written it."
    cancelled: str = "Cancelled:"
    when: str = "When:"
    where: str = "Where:"
    repeats: str = "(repeats)"
    conversation: str = "Conversation:"
    stop: str = "No more e-mail about this conversation:"
    written: str = "Written on {when}."


WORDINGS: Final[Mapping[str, Wording]] = MappingProxyType(
    {
        "en": Wording(),
        "de": Wording(
            language="de",
            subject="Nachricht in Ihrer Unterhaltung",
            attached="Angehängt:",
            not_sent_along="(nicht mitgeschickt: siehe Unterhaltung)",
            harmful="(zurückgehalten: Eine Prüfung hat in dieser Nachricht etwas Schädliches gefunden)",
            empty="(kein Text)",
            cut="[Die Nachricht geht weiter: siehe Unterhaltung.]",
            footer="Antworten Sie auf diese E-Mail, um in der Unterhaltung zu antworten.",
            unanswerable="Auf diese E-Mail kann nicht geantwortet werden. Lesen und antworten Sie auf der Plattform.",
            closed="Diese Unterhaltung ist geschlossen: Sie nimmt keine Nachrichten mehr an.",
            readers="Ihre Antwort geht an {names}.",
            others="weitere",
            unverified="Diese Nachricht konnte nicht geprüft werden: Vielleicht hat die genannte Person sie nicht geschrieben.",
            cancelled="Abgesagt:",
            when="Wann:",
            where="Wo:",
            repeats="(wiederholt sich)",
            conversation="Unterhaltung:",
            stop="Keine E-Mails mehr zu dieser Unterhaltung:",
            written="Geschrieben am {when}.",
        ),
        "fr": Wording(
            language="fr",
            subject="Message dans votre conversation",
            attached="Pièces jointes :",
            not_sent_along="(non envoyée : voir la conversation)",
            harmful="(retenue : un contrôle a trouvé un contenu dangereux dans ce message)",
            empty="(sans texte)",
            cut="[Suite du message : voir la conversation.]",
            footer="Répondez à cet e-mail pour répondre dans la conversation.",
            unanswerable="Cet e-mail n'accepte pas de réponse. Lisez et répondez sur la plateforme.",
            closed="Cette conversation est close : elle n'accepte plus de messages.",
            readers="Votre réponse est envoyée à {names}.",
            others="d'autres",
            unverified="Ce message n'a pas pu être vérifié : la personne indiquée ne l'a peut-être pas écrit.",
            cancelled="Annulé :",
            when="Quand :",
            where="Où :",
            repeats="(se répète)",
            conversation="Conversation :",
            stop="Ne plus recevoir d'e-mails sur cette conversation :",
            written="Écrit le {when}.",
        ),
        "ja": Wording(
            language="ja",
            subject="会話にメッセージがあります",
            attached="添付ファイル:",
            not_sent_along="(メールには添付されていません。会話をご覧ください)",
            harmful="(このメッセージから有害なものが検出されたため、送信されていません)",
            empty="(本文なし)",
            cut="[続きは会話をご覧ください。]",
            footer="このメールに返信すると、会話に返信できます。",
            unanswerable="このメールには返信できません。プラットフォームの会話でお読みのうえご返信ください。",
            closed="この会話は終了しており、メッセージを受け付けていません。",
            readers="返信は {names} に届きます。",
            others="ほか",
            unverified="このメッセージは確認できませんでした。表示されている人が書いたものではない可能性があります。",
            cancelled="中止:",
            when="日時:",
            where="場所:",
            repeats="(繰り返し)",
            conversation="会話:",
            stop="この会話のメール配信を停止する:",
            written="{when} に書かれました。",
        ),
    }
)
"""By language."""


def wording_of(languages: Sequence[str]) -> Wording:
    """Return the words of the first language that there are words in; English ones if there are none."""
    return next((WORDINGS[one] for one in languages if one in WORDINGS), WORDINGS["en"])
