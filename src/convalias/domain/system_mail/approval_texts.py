"""Words of the mail that asks about held mail, and of the page of each, in each of their languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from convalias.domain.approvals.holds import FOUND, PROOF, Proof
from convalias.domain.inbound.held import HoldState
from convalias.domain.mail.checks import Finding


@frozen(kw_only=True)
class ApprovalTexts:
    """Words of mail and page, as plain text. `{sender}` and `{time}` are replaced by what their names say."""

    subject: str
    mail_head: str
    mail_sender: str
    mail_until: str
    mail_foot: str
    """It stands below the links."""

    waiting_title: str
    decided_title: str
    received: str
    until: str
    unreadable_sender: str
    states: Mapping[HoldState, str]
    proofs: Mapping[Proof, str]
    findings: Mapping[Finding, str]
    question: str
    this_mail: str
    this_address: str
    this_list: str
    """With `{by_list}`, its List-Id."""
    allow: str
    deny: str
    ended: str


TEXTS: Final[Mapping[str, ApprovalTexts]] = MappingProxyType(
    {
        "en": ApprovalTexts(
            subject="Messages wait for your approval",
            mail_head="Messages to one of your conversations wait until somebody who takes part has looked at them.",
            mail_sender="From {sender}.",
            mail_until="It waits until {time} UTC:",
            mail_foot="Each link shows one message and asks before anything happens. It is meant for you alone.",
            waiting_title="A message waits",
            decided_title="A held message",
            received="From {sender}, received {time} UTC.",
            until="It can be answered until {time} UTC.",
            unreadable_sender="an unreadable sender",
            states={
                HoldState.HELD: "It waits for an answer.",
                HoldState.APPROVED: "It was let in.",
                HoldState.REJECTED: "It was turned down.",
                HoldState.EXPIRED: "It has expired: nobody answered in time.",
            },
            proofs=PROOF,
            findings=FOUND,
            question="What do you let in?",
            this_mail="this message",
            this_address="this message and later ones from this address",
            this_list="this message and later ones that come by the mailing list {by_list}",
            allow="Let it in",
            deny="Turn it down",
            ended="It has expired, or what it was about is settled.",
        ),
        "de": ApprovalTexts(
            subject="Nachrichten warten auf Ihre Freigabe",
            mail_head="Nachrichten an eine Ihrer Unterhaltungen warten, bis jemand, der daran teilnimmt, sie angesehen hat.",
            mail_sender="Von {sender}.",
            mail_until="Sie wartet bis {time} UTC:",
            mail_foot="Jeder Link zeigt eine Nachricht und fragt, bevor etwas geschieht. Er ist nur für Sie bestimmt.",
            waiting_title="Eine Nachricht wartet",
            decided_title="Eine zurückgehaltene Nachricht",
            received="Von {sender}, eingegangen am {time} UTC.",
            until="Sie kann bis {time} UTC beantwortet werden.",
            unreadable_sender="einem unlesbaren Absender",
            states={
                HoldState.HELD: "Sie wartet auf eine Antwort.",
                HoldState.APPROVED: "Sie wurde zugelassen.",
                HoldState.REJECTED: "Sie wurde abgelehnt.",
                HoldState.EXPIRED: "Sie ist abgelaufen: Niemand hat rechtzeitig geantwortet.",
            },
            proofs={
                Proof.CONFIRMED: "Die Domain des Absenders bestätigt, dass die E-Mail von dieser Adresse kommt.",
                Proof.SIGNED: "Eine Signatur der Domain des Absenders bestätigt, dass die E-Mail einmal von dieser Adresse "
                "gesendet wurde. Nichts bestätigt, dass sie an diese Unterhaltung gesendet wurde.",
                Proof.UNPROVED: "Nichts belegt, dass die E-Mail von dieser Adresse kommt.",
                Proof.DOUBTFUL: "Eine Prüfung dieser Adresse ist fehlgeschlagen: Die E-Mail kann von jemand anderem sein.",
                Proof.SPOOFED: "Die Domain des Absenders sagt, dass die E-Mail nicht von dieser Adresse kommt.",
            },
            findings={
                Finding.HARMFUL: "Ein Prüfprogramm sagt, dass die E-Mail schädlich ist.",
                Finding.SPAM: "Ein Prüfprogramm sagt, dass die E-Mail Spam ist.",
                Finding.HELD_UNSEEN: "Das Prüfprogramm für schädliche E-Mails konnte diese E-Mail nicht ansehen.",
            },
            question="Was lassen Sie zu?",
            this_mail="diese Nachricht",
            this_address="diese Nachricht und spätere von dieser Adresse",
            this_list="diese Nachricht und spätere, die über die Mailingliste {by_list} kommen",
            allow="Zulassen",
            deny="Ablehnen",
            ended="Er ist abgelaufen, oder worum es ging, ist erledigt.",
        ),
        "fr": ApprovalTexts(
            subject="Des messages attendent votre accord",
            mail_head="Des messages à l'une de vos conversations attendent que quelqu'un qui y participe les ait examinés.",
            mail_sender="De {sender}.",
            mail_until="Il attend jusqu'au {time} UTC :",
            mail_foot="Chaque lien montre un message et demande votre avis avant toute action. Il n'est destiné qu'à vous.",
            waiting_title="Un message attend",
            decided_title="Un message retenu",
            received="De {sender}, reçu le {time} UTC.",
            until="Vous pouvez répondre jusqu'au {time} UTC.",
            unreadable_sender="un expéditeur illisible",
            states={
                HoldState.HELD: "Il attend une réponse.",
                HoldState.APPROVED: "Il a été accepté.",
                HoldState.REJECTED: "Il a été refusé.",
                HoldState.EXPIRED: "Il a expiré : personne n'a répondu à temps.",
            },
            proofs={
                Proof.CONFIRMED: "Le domaine de l'expéditeur confirme que l'e-mail vient de cette adresse.",
                Proof.SIGNED: "Une signature du domaine de l'expéditeur confirme que l'e-mail a été envoyé un jour depuis cette "
                "adresse. Rien ne confirme qu'il a été envoyé à cette conversation.",
                Proof.UNPROVED: "Rien ne prouve que l'e-mail vient de cette adresse.",
                Proof.DOUBTFUL: "Une vérification de cette adresse a échoué : l'e-mail vient peut-être de quelqu'un d'autre.",
                Proof.SPOOFED: "Le domaine de l'expéditeur dit que l'e-mail ne vient pas de cette adresse.",
            },
            findings={
                Finding.HARMFUL: "Un programme de contrôle dit que l'e-mail est nuisible.",
                Finding.SPAM: "Un programme de contrôle dit que l'e-mail est indésirable.",
                Finding.HELD_UNSEEN: "Le programme de contrôle des e-mails nuisibles n'a pas pu examiner cet e-mail.",
            },
            question="Qu'acceptez-vous ?",
            this_mail="ce message",
            this_address="ce message et les suivants de cette adresse",
            this_list="ce message et les suivants qui arrivent par la liste de diffusion {by_list}",
            allow="Accepter",
            deny="Refuser",
            ended="Il a expiré, ou la question est réglée.",
        ),
        "ja": ApprovalTexts(
            subject="承認待ちのメッセージがあるためご確認ください",
            mail_head="あなたが参加している会話あてのメッセージが、参加者の確認を待っています。",
            mail_sender="差出人: {sender}",
            mail_until="{time} UTC まで保留されます:",
            mail_foot="各リンクではメッセージを一件ずつ確認でき、操作の前に確認画面が表示されます。リンクはあなた専用です。",
            waiting_title="承認待ちのメッセージがあります",
            decided_title="保留されたメッセージ",
            received="差出人: {sender}、受信日時: {time} UTC",
            until="{time} UTC まで回答できます。",
            unreadable_sender="読み取れない差出人",
            states={
                HoldState.HELD: "回答を待っています。",
                HoldState.APPROVED: "承認されました。",
                HoldState.REJECTED: "拒否されました。",
                HoldState.EXPIRED: "期限内に回答がなかったため、期限切れになりました。",
            },
            proofs={
                Proof.CONFIRMED: "差出人のドメインは、このメールがこのアドレスから送信されたことを確認しています。",
                Proof.SIGNED: "差出人のドメインの署名により、このメールが過去にこのアドレスから送信されたことは確認できます。"
                "この会話あてに送信されたことは確認できません。",
                Proof.UNPROVED: "このメールがこのアドレスから送信されたという証明はありません。",
                Proof.DOUBTFUL: "このアドレスの確認に失敗しました。別の人からのメールである可能性があります。",
                Proof.SPOOFED: "差出人のドメインは、このメールがこのアドレスからのものではないとしています。",
            },
            findings={
                Finding.HARMFUL: "検査プログラムは、このメールを有害と判定しました。",
                Finding.SPAM: "検査プログラムは、このメールを迷惑メールと判定しました。",
                Finding.HELD_UNSEEN: "有害なメールの検査プログラムは、このメールを検査できませんでした。",
            },
            question="何を承認しますか",
            this_mail="このメッセージ",
            this_address="このメッセージと、このアドレスからの今後のメッセージ",
            this_list="このメッセージと、メーリングリスト {by_list} 経由の今後のメッセージ",
            allow="承認する",
            deny="拒否する",
            ended="期限が切れたか、すでに対応が済んでいます。",
        ),
    }
)
"""By language: one for each of `LANGUAGES`."""
