"""Words of the page of an attached file in each of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen


@frozen(kw_only=True)
class AttachmentTexts:
    """Words of the page, as plain text. `{name}`, `{size}`, `{author}` and `{time}` are replaced."""

    title: str
    file: str
    octets: str
    decimal_mark: str
    by_them: str
    unverified: str
    expected: str
    download: str
    until: str
    ended: str


TEXTS: Final[Mapping[str, AttachmentTexts]] = MappingProxyType(
    {
        "en": AttachmentTexts(
            title="An attached file",
            file="{name}, {size}, from {author}.",
            octets="octets",
            decimal_mark=".",
            by_them="It was sent by this person, not by the platform.",
            unverified="It was sent in the name of this person; nobody could verify that.",
            expected="Open it only if you expected it.",
            download="Download the file",
            until="This link works until {time} UTC.",
            ended="It has ended. The file may still be in the conversation.",
        ),
        "de": AttachmentTexts(
            title="Eine angehängte Datei",
            file="{name}, {size}, von {author}.",
            octets="Byte",
            decimal_mark=",",
            by_them="Diese Person hat sie gesendet, nicht die Plattform.",
            unverified="Sie wurde im Namen dieser Person gesendet; niemand konnte das prüfen.",
            expected="Öffnen Sie sie nur, wenn Sie sie erwartet haben.",
            download="Datei herunterladen",
            until="Dieser Link gilt bis {time} UTC.",
            ended="Er ist abgelaufen. Die Datei ist vielleicht noch in der Unterhaltung.",
        ),
        "fr": AttachmentTexts(
            title="Un fichier joint",
            file="{name}, {size}, de {author}.",
            octets="octets",
            decimal_mark=",",
            by_them="Il a été envoyé par cette personne, et non par la plateforme.",
            unverified="Il a été envoyé au nom de cette personne ; personne n'a pu le vérifier.",
            expected="Ne l'ouvrez que si vous l'attendiez.",
            download="Télécharger le fichier",
            until="Ce lien fonctionne jusqu'au {time} UTC.",
            ended="Il a expiré. Le fichier est peut-être encore dans la conversation.",
        ),
        "ja": AttachmentTexts(
            title="添付ファイル",
            file="{name}（{size}）、送信者: {author}",
            octets="バイト",
            decimal_mark=".",
            by_them="このファイルは、プラットフォームではなく、この送信者が送信したものです。",
            unverified="このファイルはこの送信者の名前で送信されましたが、本人によるものか確認できませんでした。",
            expected="心当たりがある場合にのみ開いてください。",
            download="ファイルをダウンロード",
            until="このリンクは {time} UTC まで有効です。",
            ended="有効期限が切れました。ファイルは会話に残っている場合があります。",
        ),
    }
)
"""By language: one for each of `LANGUAGES`."""
