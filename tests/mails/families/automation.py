"""Was a person at the keyboard? One mail for every sign of the classes, and their honest look-alikes."""

from __future__ import annotations

from mails.families.common import ALIAS, Mail, clear, letter

HI = "Hello\n"
AWAY = "I am away until Monday.\n"


def marked(name: str, why: str, fields: str, mail_class: str, *, subject: str = "Re: the job", body: str = HI) -> Mail:
    """An ordinary letter that some fields make automatic, or fail to."""
    return letter(
        name, why, body, {"class": mail_class, "subject": subject}, subject=f"Subject: {subject}\n", fields=fields
    )


def report(name: str, why: str, mail_class: str, kind: str, part: str, fields: str = "", *, said: bool = True) -> Mail:
    """A multipart/report with its report-type, or without (`said=False`): then the part's type tells."""
    parameter = f" report-type={kind};" if said else ""
    return letter(
        name,
        why,
        f"--rep\nContent-Type: text/plain; charset=utf-8\n\nA report.\n--rep\nContent-Type: message/{kind}\n\n{part}\n"
        f"--rep\nContent-Type: text/rfc822-headers\n\nSubject: the job\nFrom: {ALIAS}\n\n--rep--\n",
        {"class": mail_class, "from": clear("postmaster@mx.example")},
        sender="From: Mail System <postmaster@mx.example>\n",
        fields=fields,
        content=f'Content-Type: multipart/report;{parameter} boundary="rep"\n',
    )


DSN = "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; mary@corp.example\nAction: failed\nStatus: 5.1.1\n"
ARF = "Feedback-Type: abuse\nUser-Agent: Loop/1.0\nVersion: 1\n"
MDN = f"Reporting-UA: Mail; 1.0\nFinal-Recipient: rfc822; {ALIAS}\nDisposition: manual-action/MDN-sent-manually; displayed\n"
HOP = "Received: from a.example by b.example; Mon, 2 Mar 2026 09:14:00 +0000\n"

MAILS: tuple[Mail, ...] = (
    marked("auto-own-field", "our own field", "X-Convalias-Id: 01HQ\n", "own"),
    letter(
        "auto-own-id",
        "a Message-ID whose right side is an alias domain",
        HI,
        {"class": "own", "message_id": "<n.1@Reply.Example>"},
        message_id="Message-ID: <n.1@Reply.Example>\n",
    ),
    letter(
        "auto-own-from",
        "From is an alias",
        HI,
        {"class": "own", "from": clear(ALIAS)},
        sender=f"From: John <{ALIAS}>\n",
    ),
    letter(
        "auto-own-one-reading",
        "an ambiguous From with one reading at an alias domain",
        HI,
        {"class": "own", "from": {"kind": "ambiguous", "readings": [ALIAS, "mary@corp.example"]}},
        sender=f"From: {ALIAS}, mary@corp.example\n",
    ),
    marked("auto-own-received", "60 Received fields: a loop", 60 * HOP, "own"),
    marked("auto-received-50", "50 Received fields are none", 50 * HOP, "human"),
    report("auto-complaint", "an abuse report (RFC 5965)", "complaint", "feedback-report", ARF),
    report("auto-complaint-untyped", "the same without report-type", "complaint", "feedback-report", ARF, said=False),
    report("auto-receipt", "a disposition notification (RFC 8098)", "read_receipt", "disposition-notification", MDN),
    report(
        "auto-receipt-untyped",
        "the same without report-type",
        "read_receipt",
        "disposition-notification",
        MDN,
        said=False,
    ),
    report("auto-bounce", "a delivery status (RFC 3464)", "bounce", "delivery-status", DSN),
    report("auto-bounce-untyped", "the same without report-type", "bounce", "delivery-status", DSN, said=False),
    report(
        "auto-bounce-replied",
        "a bounce that says auto-replied is a bounce",
        "bounce",
        "delivery-status",
        DSN,
        "Auto-Submitted: auto-replied\n",
    ),
    marked(
        "auto-bounce-field",
        "Exim's field",
        "X-Failed-Recipients: mary@corp.example\n",
        "bounce",
        body="A message could not be delivered.\n",
    ),
    letter(
        "auto-bounce-forwarded",
        "a person forwards a bounce: the top-level type is no report",
        "--mix\nContent-Type: text/plain; charset=utf-8\n\nWhat is this?\n--mix\nContent-Type: message/rfc822\n\n"
        'From: postmaster@mx.example\nX-Failed-Recipients: x@y.example\nContent-Type: multipart/report; report-type=delivery-status; boundary="r"\n\n'
        f"--r\nContent-Type: message/delivery-status\n\n{DSN}\n--r--\n--mix--\n",
        {"text_starts": "What is this?"},
        content='Content-Type: multipart/mixed; boundary="mix"\n',
    ),
    marked(
        "auto-away-rfc3834",
        "the standard form",
        "Auto-Submitted: auto-replied\n",
        "out_of_office",
        subject="Out of Office: the job",
        body=AWAY,
    ),
    marked(
        "auto-away-field",
        "another mark, the subject says it",
        "X-Autoreply: yes\n",
        "out_of_office",
        subject="Out of office Re: the job",
        body=AWAY,
    ),
    marked(
        "auto-reply-gmail",
        "Gmail's responder",
        "Auto-Submitted: auto-replied\nPrecedence: bulk\nX-Autoreply: yes\n",
        "auto_reply",
        body=AWAY,
    ),
    marked(
        "auto-reply-sieve",
        "a token with a comment",
        "Auto-Submitted: auto-replied (vacation)\n",
        "auto_reply",
        body="Thanks.\n",
    ),
    marked("auto-reply-case", "tokens know no case", "auto-submitted: AUTO-REPLIED\n", "auto_reply"),
    marked(
        "auto-reply-parameter",
        "a token with a parameter (RFC 5436)",
        'Auto-Submitted: auto-replied; owner-email="m@corp.example"\n',
        "auto_reply",
    ),
    marked("auto-reply-autorespond", "X-Autorespond", "X-Autorespond: the job\n", "auto_reply"),
    marked("auto-reply-autoresponder", "X-Autoresponder", "X-Autoresponder: yes\n", "auto_reply"),
    marked("auto-reply-from", "X-Auto-Reply-From", "X-Auto-Reply-From: mary@corp.example\n", "auto_reply"),
    marked("auto-reply-precedence", "Precedence: auto_reply", "Precedence: auto_reply\n", "auto_reply"),
    marked(
        "auto-reply-list",
        "an auto-reply that came over a list is one",
        "Auto-Submitted: auto-replied\nList-Id: <t.lists.example>\n",
        "auto_reply",
    ),
    marked(
        "auto-away-subject-only",
        "a subject alone is no mark",
        "",
        "human",
        subject="Out of Office: who covers?",
        body="Who covers for me?\n",
    ),
    letter(
        "auto-away-german",
        "German; which of the two is a matter of words",
        "Ich bin bis Montag nicht im Haus.\n",
        {"class_in": ["out_of_office", "auto_reply"], "subject": "Abwesenheitsnotiz: the job"},
        subject="Subject: Abwesenheitsnotiz: the job\n",
        fields="Auto-Submitted: auto-replied\n",
        omit=("class",),
    ),
    marked("auto-generated", "a notice", "Auto-Submitted: auto-generated\n", "auto_generated"),
    marked(
        "auto-generated-exchange",
        "Exchange's automatic reply says auto-generated",
        "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n",
        "out_of_office",
        subject="Automatic reply: the job",
    ),
    marked(
        "auto-generated-comment",
        "a token with a comment",
        "Auto-Submitted: auto-generated (warning-timeout)\n",
        "auto_generated",
    ),
    marked("auto-generated-notified", "another token", "Auto-Submitted: auto-notified\n", "auto_generated"),
    marked(
        "auto-generated-list",
        "before bulk",
        "Auto-Submitted: auto-generated\nList-Id: <x.example>\nPrecedence: bulk\n",
        "auto_generated",
    ),
    marked("auto-bulk-list-id", "a list", "List-Id: Talk <talk.lists.example>\n", "bulk"),
    marked("auto-bulk-list-help", "any field List-*", "List-Help: <mailto:help@lists.example>\n", "bulk"),
    marked("auto-bulk-precedence", "Precedence: bulk", "Precedence: BULK\n", "bulk"),
    marked("auto-bulk-precedence-list", "Precedence: list", "Precedence: list\n", "bulk"),
    marked("auto-human-junk", "Precedence: junk alone is bulk", "Precedence: junk\n", "bulk"),
    marked("auto-human-no", "Auto-Submitted: no", "Auto-Submitted: no\n", "human"),
    marked("auto-human-no-comment", "no, with a comment", "Auto-Submitted: no (a person wrote this)\n", "human"),
    marked("auto-human-suppress", "Exchange adds this to a person's mail", "X-Auto-Response-Suppress: All\n", "human"),
    marked("auto-human-return-path", "a Return-Path field is never read", "Return-Path: <>\n", "human"),
    letter(
        "auto-calendar",
        "an answer to an invitation, as Exchange sends it",
        "--alt\nContent-Type: text/plain; charset=utf-8\n\nI shall come.\n--alt\nContent-Type: text/calendar; charset=utf-8; method=REPLY\n\n"
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n--alt--\n",
        {"class": "calendar", "text_starts": "I shall come."},
        content='Content-Type: multipart/alternative; boundary="alt"\n',
    ),
    letter(
        "auto-reaction",
        "Gmail's reaction",
        "--alt\nContent-Type: text/plain; charset=utf-8\n\n\U0001f44d\n--alt\nContent-Type: text/vnd.google.email-reaction+json; charset=utf-8\n\n"
        '{"emoji": "\U0001f44d", "version": 1}\n--alt\nContent-Type: text/html; charset=utf-8\n\n<p>\U0001f44d</p>\n--alt--\n',
        {"class": "reaction"},
        content='Content-Type: multipart/alternative; boundary="alt"\n',
    ),
)
