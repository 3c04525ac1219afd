"""What people write above our quoted mail: own words in five languages, with what a cutter may trip over."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("en", "de", "fr", "ja", "es")

ASKED: Final = {
    "en": "Can you come on Tuesday at ten?\n\nPlease bring: your papers.\n\nJohn",
    "de": "Können Sie am Dienstag um zehn kommen?\n\nBitte mitbringen: Ihre Unterlagen.\n\nJohn",
    "fr": "Pouvez-vous venir mardi à dix heures ?\n\nMerci d'apporter : vos papiers.\n\nJohn",
    "ja": "火曜日の10時にお越しいただけますか。\n\n持ち物：書類\n\nジョン",
    "es": "¿Puede venir el martes a las diez?\n\nTraiga, por favor: sus papeles.\n\nJohn",
}
"""Our message, which they answer."""

SAID: Final = {
    "en": (
        "Yes, Tuesday works.",
        "Dear John,\n\nthank you for the invitation. I shall be there at ten.\n\nKind regards,\nMary",
        "Three questions:\n\n- Which room?\n- How long?\n- Who else?",
        "You wrote:\n\n> bring your papers\n\nWhich ones do you mean?",
        "On Tuesday I can come at 10:15, on Wednesday at 9:00.\nFrom my side both are fine.",
        "My new address is mary.jones@home.example: please use it from now on.",
        "Ok",
        "I am in.\n\n-- \nMary Jones\nCorp Ltd, 5 Hill Street\nPhone: +44 20 1234567\nwww.corp.example",
        "Date: Tuesday\nTime: ten\nPlace: your office\n\nIs that right?",
    ),
    "de": (
        "Ja, Dienstag passt.",
        "Guten Tag Herr Smith,\n\nvielen Dank, ich komme gern am 3.3. um 10 Uhr.\n\nViele Grüße\nMary Jones",
        "Drei Fragen:\n\n* Welcher Raum?\n* Wie lange?\n* Wer noch?",
        "Sie schrieben:\n\n> Bitte mitbringen: Ihre Unterlagen.\n\nWelche meinen Sie?",
        "Am Dienstag kann ich erst um 10:15 Uhr, am Mittwoch um 9:00 Uhr.",
        "Meine neue Adresse lautet mary.jones@home.example, bitte schreiben Sie dorthin.",
        "Passt",
        "Gern.\n\n--\nMary Jones\nCorp GmbH, Hügelstraße 5, Hamburg\nTel.: 040 1234567",
        "Wann: Dienstag\nWo: bei Ihnen\nWer: nur ich\n\nStimmt das so?",
    ),
    "fr": (
        "Oui, mardi me convient.",
        "Bonjour Monsieur,\n\nje vous remercie, je serai là à 10 h 00.\n\nCordialement,\nMary Jones",
        "Trois questions :\n\n- Quelle salle ?\n- Combien de temps ?\n- Qui d'autre ?",
        "Vous disiez :\n\n> apporter vos papiers\n\nLesquels ?",
        "Le mardi je peux venir à 10:15, le mercredi à 9:00.",
        "Ma nouvelle adresse : mary.jones@home.example, à utiliser désormais.",
        "D'accord",
        "Je viendrai.\n\n-- \nMary Jones\nCorp SA, 5 rue de la Colline\nTél. : 01 23 45 67 89",
        "Date : mardi\nHeure : dix heures\nLieu : chez vous\n\nC'est bien cela ?",
    ),
    "ja": (
        "火曜日で大丈夫です。",
        "スミス様\n\nお世話になっております。\n3月3日(火) 10:00に伺います。\n\nよろしくお願いいたします。\nメアリー",
        "質問が三つあります：\n\n・会場はどこですか\n・所要時間は\n・他に誰が来ますか",
        "ご連絡の件:\n\n> 持ち物：書類\n\nどの書類でしょうか。",
        "3月3日(火)は10:15、4日(水)は9:00から可能です。",
        "新しいアドレスは mary.jones@home.example です。今後はこちらにお願いします。",
        "了解です",
        "承知しました。\n\n--\nメアリー・ジョーンズ\nコープ株式会社\nTEL: 03-1234-5678",
        "日時：火曜日 10時\n場所：御社\n人数：1名\n\nこちらでよろしいでしょうか。",
    ),
    "es": (
        "Sí, el martes me va bien.",
        "Estimado señor Smith:\n\nmuchas gracias, allí estaré a las 10.\n\nUn saludo,\nMary Jones",
        "Tres preguntas:\n\n- ¿Qué sala?\n- ¿Cuánto dura?\n- ¿Quién más viene?",
        "Usted escribió:\n\n> traiga sus papeles\n\n¿Cuáles?",
        "El martes puedo a las 10:15, el miércoles a las 9:00.",
        "Mi nueva dirección es mary.jones@home.example: úsela a partir de ahora.",
        "Vale",
        "Voy.\n\n-- \nMary Jones\nCorp SL, calle de la Colina 5\nTel.: 91 123 45 67",
        "Fecha: martes\nHora: las diez\nLugar: su oficina\n\n¿Es correcto?",
    ),
}

SENT_FROM: Final = {
    "iphone": {
        "en": "Sent from my iPhone",
        "de": "Von meinem iPhone gesendet",
        "fr": "Envoyé de mon iPhone",
        "ja": "iPhoneから送信",
        "es": "Enviado desde mi iPhone",
    },
    "outlook": {
        "en": "Get Outlook for iOS<https://aka.example/o0ukef>",
        "de": "Outlook für iOS beziehen<https://aka.example/o0ukef>",
        "fr": "Télécharger Outlook pour iOS<https://aka.example/o0ukef>",
        "ja": "Outlook for iOS を入手<https://aka.example/o0ukef>",
        "es": "Obtener Outlook para iOS<https://aka.example/o0ukef>",
    },
    "yahoo": {
        "en": "Sent from Yahoo Mail on Android",
        "de": "Von Yahoo Mail auf Android gesendet",
        "fr": "Envoyé à partir de Yahoo Mail sur Android",
        "ja": "AndroidのYahooメールから送信",
        "es": "Enviado desde Yahoo Mail con Android",
    },
    "samsung": {
        "en": "Sent from my Galaxy",
        "de": "Von meinem Galaxy gesendet",
        "fr": "Envoyé depuis mon appareil Galaxy",
        "ja": "Galaxyから送信",
        "es": "Enviado desde mi Galaxy",
    },
    "k9": {
        "en": "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
        "de": "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        "fr": "Envoyé de mon appareil Android avec Courriel K-9 Mail.",
        "ja": "Android デバイスから K-9 Mail で送信",
        "es": "Enviado desde mi dispositivo Android con K-9 Mail.",
    },
    "proton": {
        "en": "Sent with [Proton Mail](https://proton.example/) secure email.",
        "de": "Gesendet mit [Proton Mail](https://proton.example/) sicherer E-Mail.",
        "fr": "Envoyé avec la messagerie sécurisée [Proton Mail](https://proton.example/).",
        "ja": "[Proton Mail](https://proton.example/) セキュアメールで送信",
        "es": "Enviado con el correo electrónico seguro de [Proton Mail](https://proton.example/).",
    },
}
