"""Draws mails for generated worlds, each with the facts that the model decides on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random

from doors import naive_mail as marks
from doors.from_shapes import AMBIGUOUS, HONEST, NOBODY, From, ambiguous, honest, nobody
from doors.naive_mail import MailFacts

AUTOMATIC_FIELDS = (
    (["Auto-Submitted: auto-replied"], marks.AUTO_REPLY),
    (["Auto-Submitted: Auto-Replied (vacation)"], marks.AUTO_REPLY),
    (["X-Autoreply: yes"], marks.AUTO_REPLY),
    (["X-Autorespond: yes"], marks.AUTO_REPLY),
    (["X-Autoresponder: x"], marks.AUTO_REPLY),
    (["X-Auto-Reply-From: x@y.example"], marks.AUTO_REPLY),
    (["Precedence: auto_reply"], marks.AUTO_REPLY),
    (["Auto-Submitted: auto-generated"], marks.AUTO_GENERATED),
    (["Auto-Submitted: auto-notified; owner=x"], marks.AUTO_GENERATED),
    (["Auto-Submitted: auto-generated (no)"], marks.AUTO_GENERATED),
    (["Precedence: bulk"], marks.BULK),
    (["Precedence: LIST"], marks.BULK),
    (["List-Id: X <x.list.example>"], marks.BULK),
    (["List-Unsubscribe: <https://x.example/u>"], marks.BULK),
    (["X-Failed-Recipients: x@y.example"], marks.BOUNCE),
    (["X-Convalias-Id: 1"], marks.OWN_FIELD),
    (["Received: from a by b; Sun, 01 Mar 2026 11:00:00 +0000"] * 51, marks.MANY_RECEIVED),
)
HARMLESS_FIELDS = (
    ["Auto-Submitted: no"],
    ["Auto-Submitted: No (really)"],
    ["X-Auto-Response-Suppress: All"],
    ["Precedence: first-class"],
    ["Received: from a by b; Sun, 01 Mar 2026 11:00:00 +0000"] * 50,
    ["Reply-To: somebody@nowhere.invalid"],
    ["Authentication-Results: mx.example; dmarc=pass; spf=pass"],
    ["X-Mailgun-Spf: Pass"],
    ["Return-Path: <>"],
    ["Delivered-To: gone-7@reply.example"],
)


@dataclass(slots=True)
class Draft:
    """A mail in the making: header lines, body lines, and the facts so far."""

    lines: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    subject: str | None = "Re: the job"
    content: str = "text/plain; charset=utf-8"
    textless: bool = False
    found: set[str] = field(default_factory=set)
    facts: MailFacts = MailFacts(None, frozenset(), mime_ambiguous=False)

    def note(self, **changes: object) -> None:
        """Change some of the facts."""
        self.facts = dataclasses.replace(self.facts, **changes)  # type: ignore[arg-type]  # names are checked at run time


def draw_from(rng: Random, address: str, others: Sequence[str], oddity: float) -> From:
    """A From of this address, honest or (as often as `oddity` says) not."""
    other = rng.choice([o for o in (*others, "x@evil.example", "ceo@corp.example") if o != address])
    if rng.random() >= oddity:
        plain = [shape for shape in HONEST if address.isascii() or not shape.ascii_only]
        return honest(rng.choice(plain), address, other)
    if rng.random() < 0.12:
        return nobody(rng.choice(NOBODY))
    sure = address in others or other in others  # whether an alias is a reading must not be left open
    return ambiguous(rng.choice([shape for shape in AMBIGUOUS if not (sure and shape.vague)]), address, other)


def draw_mail(
    rng: Random,
    *,
    sender: From,
    to_cc: Sequence[str],
    delivered: Sequence[str],
    alias_domain: str,
    number: int,
    now: datetime,
    oddity: float,
) -> tuple[bytes, MailFacts]:
    """A mail of this sender to these header recipients, with its facts."""
    draft = Draft()
    draft.note(sender=sender.sender, readings=sender.readings, delivered=tuple(delivered))
    if sender.sender is None:
        draft.note(mime_ambiguous=None)
    draft.lines += sender.lines
    _recipients(rng, draft, to_cc, delivered)
    _message_id(rng, draft, alias_domain, number, oddity)
    _date(rng, draft, now, oddity)
    if rng.random() < oddity:
        fields, mark = rng.choice(AUTOMATIC_FIELDS)
        draft.lines += fields
        draft.found.add(mark)
    elif rng.random() < 0.4:
        harmless = rng.choice(HARMLESS_FIELDS)
        draft.lines += harmless
        if harmless[0].startswith("Delivered-To"):
            draft.note(delivered=(*delivered, "gone-7@reply.example"))
    _content(rng, draft, oddity)
    if rng.random() < (0.4 if draft.textless else max(oddity / 2, 0.05)):
        _odd_field(rng, draft)
    _subject(rng, draft)
    there = {line.partition(":")[0].strip().lower() for line in draft.lines}
    draft.note(marks=frozenset(draft.found), shown=frozenset(there & {"from", "subject", "date"}))
    return _rendered(rng, draft), draft.facts


def _rendered(rng: Random, draft: Draft) -> bytes:
    head = list(draft.lines)
    if rng.random() < 0.3 and not any(line[:1] in ("\t", " ") for line in head):
        rng.shuffle(head)
    head += [f"Content-Type: {draft.content}", "MIME-Version: 1.0"]
    if draft.facts.mime_ambiguous is False and draft.facts.sender is not None and rng.random() < 0.04:
        head.append(rng.choice(["X-Spaced : yes", "X-Broken: a\rb", "X-Nul: a\0b", "a line without it"]))
        draft.note(mime_ambiguous=True)
    newline = rng.choice(["\n", "\r\n"])
    return newline.join([*head, "", *draft.body, ""]).encode("utf-8", "surrogateescape")


def _recipients(rng: Random, draft: Draft, to_cc: Sequence[str], delivered: Sequence[str]) -> None:
    forms = ("{}", "<{}>", "X <{}>", '"Doe, J" <{}>', "X (c, d) <{}>", "{} (x)")
    shown = [rng.choice(forms).format(address) for address in to_cc]
    cut = rng.randint(0, len(shown))
    draft.note(to=tuple(to_cc[:cut]), cc=tuple(to_cc[cut:]))
    for name, part in (("To", shown[:cut]), ("Cc", shown[cut:])):
        if part:
            text = rng.choice([", ", ",", " , "]).join(part)
            draft.lines.append(f"{rng.choice([name, name, name.lower()])}: {text}")
    for address in delivered:
        draft.lines.append(f"{rng.choice(['Delivered-To', 'X-Original-To', 'Envelope-To'])}: {address}")


def _message_id(rng: Random, draft: Draft, alias_domain: str, number: int, oddity: float) -> None:
    kind = rng.choice(["plain", "outlook", "plus", "nested", "bare", "folded", "spaced", "after"])
    written, inner = {
        "plain": (f"<m{number}@corp.example>", f"m{number}@corp.example"),
        "outlook": (f"<[{number}]@outlook.example>", f"[{number}]@outlook.example"),
        "plus": (f"<CA+{number}=X@mail.example>", f"CA+{number}=X@mail.example"),
        "nested": (f"<<a{number}>b@c.example>", f"<a{number}>b@c.example"),
        "bare": (f"b{number}@corp.example", f"b{number}@corp.example"),
        "folded": (f"\n <f{number}@corp.example>", f"f{number}@corp.example"),
        "spaced": (f"< s {number} @corp.example >", f"s{number}@corp.example"),
        "after": (f"<n{number}-noat> trailing", f"n{number}-noat"),
    }[kind]
    fields = [f"Message-ID: {written}"]
    message_id: str | None = f"<{inner}>"
    if rng.random() < oddity / 2:
        long = "x" * 1000
        choice = rng.randrange(7)
        fields = [[], ["Message-ID: "], ["Message-ID: <>"], ["Message-ID: <@>"], [f"Message-ID: <{long}@y>"]][
            choice % 5
        ]
        message_id = None
        if choice == 5:
            fields = ["Message-ID: <one@corp.example>", "Message-ID: <two@corp.example>"]
            draft.note(mime_ambiguous=None)
        elif choice == 6:
            fields, message_id = (
                [f"Message-ID: <o{number}@{alias_domain.upper()}>"],
                f"<o{number}@{alias_domain.upper()}>",
            )
    draft.lines += [line for each in fields for line in each.split("\n")]
    draft.note(message_id=message_id)


def _date(rng: Random, draft: Draft, now: datetime, oddity: float) -> None:
    day = timedelta(days=1)
    ages = [timedelta(minutes=1), timedelta(hours=3), -day * 400, day]
    if rng.random() < 0.35:
        ages = [day + timedelta(seconds=1), day * 9, day]
    date = now - rng.choice(ages)
    if rng.random() < oddity / 2:
        broken = rng.choice([[], ["Date: yesterday"], ["Date: "]])
        draft.lines += broken
    else:
        draft.lines.append(f"Date: {format_datetime(date)}")
        draft.note(date=date)


def _subject(rng: Random, draft: Draft) -> None:
    if draft.subject == "Re: the job" and not any(line.startswith("Subject") for line in draft.lines):
        if draft.textless and rng.random() < 0.7:
            draft.subject = rng.choice([None, "", "Re:", "RE: "])
        elif rng.random() < (0.4 if marks.AUTO_REPLY in draft.found else 0.03):
            draft.subject = "Out of office: back on Monday"
            draft.found.add(marks.AWAY_SUBJECT)
    if draft.subject is not None:
        draft.lines.append(f"Subject: {draft.subject}")
    draft.note(empty=draft.textless and not (draft.subject or "").lower().removeprefix("re:").strip())


def _odd_field(rng: Random, draft: Draft) -> None:
    odd, flag = True, None
    match rng.randrange(9 if draft.content.startswith("text/plain") else 7):
        case 0:
            draft.subject, flag = "Re: the\rjob", True
        case 1:
            draft.subject, flag = "Re: the\0job", True
        case 2:
            draft.lines.append("Subject: Re: the job")
        case 3:
            draft.lines += ["To: Team <team@else.example>", "To: Team <team@else.example>"]
            draft.note(to=(*draft.facts.to, "team@else.example", "team@else.example"))
        case 4 | 5:
            draft.lines += ["Date: Sun, 01 Mar 2026 11:59:00 +0000", "Date: Sun, 01 Mar 2026 11:58:00 +0000"]
        case 5 if not any(line.startswith("Auto-Submitted") for line in draft.lines):
            draft.lines += ["Auto-Submitted: no", "Auto-Submitted: no"]
        case 6:
            draft.lines.append("Cc: Te\0am (a\rb) <team@else.example>")
            draft.note(cc=(*draft.facts.cc, "team@else.example"))
            flag = True
        case 7:
            draft.lines.append("Content-Type: text/plain")
            odd, flag = False, True
        case _:
            draft.lines.append("Content-Transfer-Encoding: 8bits")
            odd, flag = False, True
    if odd:
        draft.note(odd_fields=True)
    draft.note(mime_ambiguous=flag if draft.facts.mime_ambiguous is not None else None)


TEXT = ["Hello,", "", "yes, tomorrow at ten."]
CALENDAR_PART = ("text/calendar; method=REPLY", ["BEGIN:VCALENDAR", "END:VCALENDAR"])
TEXT_PART = ("text/plain; charset=utf-8", TEXT)
EMOJI_PART = ("text/vnd.google.email-reaction+json", ['{"version": 1, "emoji": "+"}'])


def multipart(kind: str, *parts: tuple[str, list[str]]) -> tuple[str, list[str]]:
    """Content type and body lines of a multipart with these parts."""
    boundary = f"=_{len(parts)}-{sum(len(lines) for _, lines in parts)}"
    body = [line for part, lines in parts for line in (f"--{boundary}", f"Content-Type: {part}", "", *lines)]
    return f'{kind}; boundary="{boundary}"', [*body, f"--{boundary}--"]


def _content(rng: Random, draft: Draft, oddity: float) -> None:
    draft.body = TEXT
    if rng.random() < 0.03:
        draft.body, draft.textless = rng.choice([[], ["", "  "]]), True
        return
    if rng.random() >= oddity:
        return
    dsn = ("message/delivery-status", ["Reporting-MTA: dns; x.example", "", "Action: failed"])
    mdn = ("message/disposition-notification", ["Disposition: manual-action; displayed"])
    arf = ("message/feedback-report", ["Feedback-Type: abuse", "Version: 1"])
    inner = ["Content-Type: text/calendar", "", *CALENDAR_PART[1]]
    kinds: list[tuple[tuple[str, list[str]], str | None]] = [
        (multipart("multipart/report; report-type=delivery-status", TEXT_PART, dsn), marks.BOUNCE),
        (multipart("multipart/report", TEXT_PART, dsn), marks.BOUNCE),
        (multipart('multipart/REPORT; Report-Type="Disposition-Notification"', TEXT_PART, mdn), marks.READ_RECEIPT),
        (multipart("multipart/report", TEXT_PART, mdn), marks.READ_RECEIPT),
        (multipart("multipart/report; report-type=feedback-report", TEXT_PART, arf), marks.COMPLAINT),
        (
            multipart(
                "multipart/mixed", TEXT_PART, multipart("multipart/report; report-type=delivery-status", TEXT_PART, dsn)
            ),
            None,
        ),
        (multipart("multipart/alternative", TEXT_PART, CALENDAR_PART), marks.CALENDAR),
        (CALENDAR_PART, marks.CALENDAR),
        (multipart("multipart/alternative", TEXT_PART, EMOJI_PART), marks.REACTION),
        (multipart("multipart/mixed", TEXT_PART, ("message/rfc822", inner)), None),
        (("text/html; charset=utf-8", ["<p>yes</p>"]), None),
        (multipart("multipart/alternative", TEXT_PART, ("text/html", ["<p>yes</p>"])), None),
        (multipart("multipart/mixed", ("application/pdf; name=x.pdf", ["%PDF"])), None),
        (("application/pdf; name=x.pdf", ["%PDF"]), None),
    ]
    (draft.content, draft.body), mark = rng.choice(kinds)
    if mark:
        draft.found.add(mark)
