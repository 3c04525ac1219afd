"""How each program introduces what it quotes, in the language it is set to; `{who}` is our From as it shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mails.families.common import ALIAS

NAME: Final = "John Smith (via Jobs)"
WHO: Final = f"{NAME} <{ALIAS}>"

LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "gmail": {
        "en": f"On Mon, Mar 2, 2026 at 9:14 AM {NAME} <\n{ALIAS}> wrote:",
        "de": f"Am Mo., 2. März 2026 um 09:14 Uhr schrieb {NAME} <\n{ALIAS}>:",
        "fr": f"Le lun. 2 mars 2026 à 09:14, {NAME} <{ALIAS}>\na écrit :",
        "ja": f"2026年3月2日(月) 9:14 {NAME} <{ALIAS}>:",
        "es": f"El lun, 2 mar 2026 a las 9:14, {NAME} (<\n{ALIAS}>) escribió:",
    },
    "gmail-mobile": {
        "en": f"On Mon, Mar 2, 2026, 9:14 AM {WHO}\nwrote:",
        "de": f"{WHO} schrieb am Mo., 2. März 2026,\n09:14:",
        "fr": f"Le lun. 2 mars 2026, 09:14, {WHO} a\nécrit :",
        "ja": f"2026年3月2日(月) 9:14 {WHO}:",
        "es": f"El lun, 2 mar 2026, 9:14, {WHO}\nescribió:",
    },
    "apple": {
        "en": f"On Mar 2, 2026, at 9:14 AM, {WHO} wrote:",
        "de": f"Am 02.03.2026 um 09:14 schrieb {WHO}:",
        "fr": f"Le 2 mars 2026 à 09:14, {WHO} a écrit :",
        "ja": f"2026/03/02 9:14、{WHO}のメール:",
        "es": f"El 2 mar 2026, a las 9:14, {WHO} escribió:",
    },
    "yahoo": {
        "en": f"On Monday, March 2, 2026 at 09:14:00 AM GMT+1, {WHO} wrote:",
        "de": f"Am Montag, 2. März 2026 um 09:14:00 MEZ hat {WHO} Folgendes geschrieben:",
        "fr": f"Le lundi 2 mars 2026 à 09:14:00 UTC+1, {WHO} a écrit :",
        "ja": f"2026年3月2日月曜日 9:14:00 JST、{NAME}<{ALIAS}>さんが書きました:",
        "es": f"El lunes, 2 de marzo de 2026, 09:14:00 CET, {WHO} escribió:",
    },
    "yahoo-mobile": {
        "en": f"On Mon, Mar 2, 2026 at 9:14 AM, {NAME}<{ALIAS}> wrote:",
        "de": f"Am Mo., März 2, 2026 at 9:14 schrieb {NAME}<{ALIAS}>:",
        "fr": f"Le lun., mars 2, 2026 at 9:14, {NAME}<{ALIAS}> a écrit :",
        "ja": f"2026年3月2日(月) 9:14、{NAME}<{ALIAS}>さんが書きました：",
        "es": f"El lun., mar. 2, 2026 a la(s) 9:14, {NAME}<{ALIAS}> escribió:",
    },
    "thunderbird": {  # its usual line names nobody's address
        "en": f"On 3/2/26 9:14 AM, {NAME} wrote:",
        "de": f"Am 02.03.26 um 09:14 schrieb {NAME}:",
        "fr": f"Le 02/03/2026 à 09:14, {NAME} a écrit :",
        "ja": f"On 2026/03/02 9:14, {NAME} wrote:",
        "es": f"El 2/3/26 a las 9:14, {NAME} escribió:",
    },
    "proton": {
        "en": f"On Monday, March 2nd, 2026 at 9:14 AM, {WHO} wrote:",
        "de": f"Am Montag, 2. März 2026 um 09:14, {WHO} schrieb:",
        "fr": f"Le lundi 2 mars 2026 à 09:14, {WHO} a écrit :",
        "ja": f"2026年3月2日月曜日 9:14、{WHO} は書きました:",
        "es": f"El lunes, 2 de marzo de 2026 a las 9:14, {WHO} escribió:",
    },
    "k9": {
        "en": f'On March 2, 2026 9:14:00 AM GMT+01:00, "{NAME}" <{ALIAS}> wrote:',
        "de": f'Am 2. März 2026 09:14:00 MEZ schrieb "{NAME}" <{ALIAS}>:',
        "fr": f'Le 2 mars 2026 09:14:00 GMT+01:00, "{NAME}" <{ALIAS}> a écrit :',
        "ja": f'2026年3月2日 9:14:00 JST、"{NAME}" <{ALIAS}>のメール:',
        "es": f'El 2 de marzo de 2026 9:14:00 CET, "{NAME}" <{ALIAS}> escribió:',
    },
    "zoho": {  # ends in hyphens, no colon
        "en": f"---- On Mon, 02 Mar 2026 09:14:00 +0100 {WHO} wrote ---",
        "de": f"---- Am Mo., 02 März 2026 09:14:00 +0100 {WHO} schrieb ----",
        "fr": f"---- Le lun., 02 mars 2026 09:14:00 +0100 {WHO} écrit ----",
        "ja": f"---- 2026年3月2日(月) 9:14:00 +0900 {WHO} 様の作成内容 ----",
        "es": f"---- El lun, 02 mar 2026 09:14:00 +0100 {WHO} escribió ----",
    },
}

FIELDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "en": ("From", "Sent", "To", "Subject"),
    "de": ("Von", "Gesendet", "An", "Betreff"),
    "fr": ("De\u00a0", "Envoyé\u00a0", "À\u00a0", "Objet\u00a0"),
    "ja": ("差出人", "送信日時", "宛先", "件名"),
    "es": ("De", "Enviado el", "Para", "Asunto"),
}
"""From, Sent, To and Subject of a header block."""
SENT: Final[Mapping[str, str]] = {
    "en": "Monday, March 2, 2026 9:14 AM",
    "de": "Montag, 2. März 2026 09:14",
    "fr": "lundi 2 mars 2026 09:14",
    "ja": "2026年3月2日 9:14",
    "es": "lunes, 2 de marzo de 2026 9:14",
}
ORIGINAL: Final[Mapping[str, str]] = {
    "en": "Original Message",
    "de": "Ursprüngliche Nachricht",
    "fr": "Message d'origine",
    "ja": "元のメッセージ",
    "es": "Mensaje original",
}
SUBJECT: Final = "Message in your conversation [K7QX]"
TO: Final = "Mary Jones <mary@corp.example>"


def block(language: str, who: str = WHO) -> str:
    """A header block as Outlook writes it."""
    values = (who, SENT[language], TO, SUBJECT)
    return "\n".join(f"{name}: {value}" for name, value in zip(FIELDS[language], values, strict=True))
