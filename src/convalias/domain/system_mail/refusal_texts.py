"""The words of a refusal, in each language that a deployment may ask for."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from convalias.domain.mail.reasons import CONSEQUENCES, GONE, LANGUAGES, OwnReason, Reason
from convalias.domain.system_mail.letters import RefusalLetter

DEFAULT_LANGUAGES: Final = ("en",)
_WIDTH: Final = 72
_SUBJECTS: Final = {
    "en": "Your message was not delivered",
    "de": "Ihre Nachricht wurde nicht zugestellt",
    "fr": "Votre message n'a pas été remis",
    "ja": "メッセージをお届けできませんでした",
}
_GONE: Final = {
    "en": GONE,
    "de": "Diese E-Mail-Adresse ist nicht mehr gültig, oder Ihre Nachricht kam nicht von einer Adresse, die bei uns "
    "registriert ist. Bitte schreiben Sie von der Adresse, mit der Sie registriert sind, oder öffnen Sie die "
    "Unterhaltung in der App.",
    "fr": "Cette adresse e-mail n'est plus valable, ou votre message ne vient pas d'une adresse enregistrée chez nous. "
    "Veuillez écrire depuis l'adresse de votre inscription, ou ouvrir la conversation dans l'application.",
    "ja": "このメールアドレスはすでに無効であるか、またはご登録のないアドレスから送信されています。"
    "ご登録のメールアドレスから送信するか、アプリで会話を開いてください。",
}
_OTHERS: Final[Mapping[str, Mapping[Reason, str]]] = {
    "de": {
        Reason.TOO_LARGE: "Diese Nachricht ist zu groß. Bitte senden Sie sie mit kleineren Anhängen.",
        Reason.TOO_MANY_RECIPIENTS: "Diese Nachricht hat zu viele Empfänger.",
        Reason.CONVERSATION_CLOSED: "Diese Unterhaltung ist geschlossen und nimmt keine Nachrichten mehr an.",
        Reason.UNKNOWN_SENDER: "Wir kennen diese Adresse nicht. Bitte antworten Sie von der Adresse, mit der Sie "
        "registriert sind.",
        Reason.ACCOUNT_AMBIGUOUS: "Mehrere Konten benutzen diese Adresse. Bitte antworten Sie in der App oder von einer "
        "eigenen Adresse.",
        Reason.NOT_PARTICIPANT: "Sie nehmen an dieser Unterhaltung nicht teil. Bitte antworten Sie von der Adresse, mit "
        "der Sie registriert sind.",
        Reason.EMPTY: "Diese Nachricht ist leer.",
        Reason.NEEDS_APPROVAL: "Niemand in der Unterhaltung hat diese Nachricht zugelassen. Bitte öffnen Sie sie in der App.",
        Reason.DECLINED: "Diese Unterhaltung hat Ihre Nachricht nicht angenommen. Bitte öffnen Sie sie in der App.",
        Reason.RATE_LIMITED: "Zu viele Nachrichten in kurzer Zeit. Bitte versuchen Sie es später noch einmal.",
    },
    "fr": {
        Reason.TOO_LARGE: "Ce message est trop volumineux. Veuillez le renvoyer avec des pièces jointes plus petites.",
        Reason.TOO_MANY_RECIPIENTS: "Ce message a trop de destinataires.",
        Reason.CONVERSATION_CLOSED: "Cette conversation est close et n'accepte plus de messages.",
        Reason.UNKNOWN_SENDER: "Nous ne connaissons pas cette adresse. Veuillez répondre depuis l'adresse de votre inscription.",
        Reason.ACCOUNT_AMBIGUOUS: "Plusieurs comptes utilisent cette adresse. Veuillez répondre dans l'application, ou depuis "
        "une adresse personnelle.",
        Reason.NOT_PARTICIPANT: "Vous ne participez pas à cette conversation. Veuillez répondre depuis l'adresse de votre "
        "inscription.",
        Reason.EMPTY: "Ce message est vide.",
        Reason.NEEDS_APPROVAL: "Personne dans la conversation n'a accepté ce message. Veuillez l'ouvrir dans l'application.",
        Reason.DECLINED: "Cette conversation n'a pas accepté votre message. Veuillez l'ouvrir dans l'application.",
        Reason.RATE_LIMITED: "Trop de messages en peu de temps. Veuillez réessayer plus tard.",
    },
    "ja": {
        Reason.TOO_LARGE: "メッセージのサイズが大きすぎます。添付ファイルを小さくして、もう一度送信してください。",
        Reason.TOO_MANY_RECIPIENTS: "宛先が多すぎます。",
        Reason.CONVERSATION_CLOSED: "この会話は終了しており、メッセージを受け付けていません。",
        Reason.UNKNOWN_SENDER: "このアドレスは登録されていません。ご登録のメールアドレスから返信してください。",
        Reason.ACCOUNT_AMBIGUOUS: "このアドレスは複数のアカウントで使われています。アプリで返信するか、ご自身のアドレスから返信してください。",
        Reason.NOT_PARTICIPANT: "あなたはこの会話に参加していません。ご登録のメールアドレスから返信してください。",
        Reason.EMPTY: "メッセージに内容がありません。",
        Reason.NEEDS_APPROVAL: "会話の参加者による承認がなかったため、このメッセージは届きませんでした。アプリで会話を開いてください。",
        Reason.DECLINED: "この会話はメッセージを受け付けませんでした。アプリで会話を開いてください。",
        Reason.RATE_LIMITED: "短時間に多くのメッセージが送信されました。しばらくしてからもう一度お試しください。",
    },
}
_OF_COUNTRIES: Final = {
    "at": "de",
    "li": "de",
    "jp": "ja",
    "gb": "en",
    "uk": "en",
    "us": "en",
    "ie": "en",
    "au": "en",
    "nz": "en",
}


@frozen(kw_only=True)
class RefusalText:
    """Subject and text of a refusal, and the languages in it. Lines are short, and end in LF."""

    subject: str
    text: str
    languages: tuple[str, ...]


def refusal_text(letter: RefusalLetter, languages: Sequence[str] = DEFAULT_LANGUAGES) -> RefusalText:
    """Return the words of a refusal.

    A participant reads the reason, in the language of the conversation if that is known. Everybody else reads one text
    in all `languages` of the deployment, whatever the reason: a language of the conversation would prove an alias real.
    """
    if letter.to_participant and letter.language in LANGUAGES:
        languages = (letter.language,)
    return RefusalText(
        subject=" / ".join(_SUBJECTS[one] for one in languages),
        text="\n".join(_wrapped(_words(letter, one)) for one in languages),
        languages=tuple(languages),
    )


def language_of(market: str | None) -> str:
    """Return the language of a market by its name; empty if that tells none of `LANGUAGES`.

    >>> language_of("de"), language_of("fr-CA"), language_of("JP"), language_of("ch")
    ('de', 'fr', 'ja', '')
    """
    parts = re.split(r"[-_ .]", (market or "").casefold())
    named = next((part for part in parts if part in LANGUAGES), None)
    return named or next((_OF_COUNTRIES[part] for part in parts if part in _OF_COUNTRIES), "")


def _words(letter: RefusalLetter, language: str) -> str:
    if not letter.to_participant:
        return _GONE[language]
    if isinstance(letter.reason, OwnReason):
        return letter.reason.refusal(language) or _GONE[language]
    if language == "en":
        return CONSEQUENCES[letter.reason].public_text
    return _OTHERS[language].get(letter.reason, _GONE[language])


def _wrapped(text: str) -> str:
    """Lines for readers that wrap none; Japanese has no spaces, and ends a line with a sentence."""
    sentences = text.replace("。", "。\n").split("\n")
    lines = [line for one in sentences for line in textwrap.wrap(one, _WIDTH, break_long_words=False)]
    return "\n".join([*lines, ""])
