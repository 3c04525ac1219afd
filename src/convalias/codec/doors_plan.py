"""A decision written as the plan of `convalias explain` (format 1), its keys in the documented order.

The meaning of each key: docs/reference/doors.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from convalias.domain.conversations.events import HARMFUL, MIME_AMBIGUOUS, SPAM, SYNTHETIC_ID
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor
from convalias.domain.mail.checks import Finding
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import InboundMail, MessageEnvelope, Oddity, UnreadableMail
from convalias.domain.routing.explanation import Json
from convalias.domain.routing.plan import Decision, RoutingPlan, TryAgain
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    Ruling,
    SkipOverlap,
    Verdict,
)
from convalias.ports.mail import ReadMail

FORMAT: Final = 1


def write_plan(decision: Decision) -> Mapping[str, Json]:
    """The decision as JSON. A `TryAgain` is a plan without verdicts and with `retry` true."""
    mail = decision.case.mail
    verdicts, tell_sender = _verdicts(decision)
    return {
        "format": FORMAT,
        "message_id": None if mail.message_id is None else str(mail.message_id),
        "automation": mail.mail_class.value if isinstance(mail, MessageEnvelope) else None,
        "retry": isinstance(decision, TryAgain),
        "verdicts": verdicts,
        "tell_sender": tell_sender,
        "record": decision.explain().data(),
    }


def write_content(read: ReadMail) -> Json:
    """Write what the reader made of a mail; null for a mail over a limit."""
    if not isinstance(read.mail, MessageEnvelope):
        return None
    content = read.mail.content
    attachments: list[Json] = [
        {
            "name": one.described.name,
            "type": one.described.media_type,
            "size": one.described.size,
            "inline": one.inline,
        }
        for one in read.attachments
    ]
    return {
        "subject": content.subject,
        "text": content.text,
        "full_text": content.full_text,
        "empty": content.empty,
        "attachments": attachments,
    }


def _verdicts(decision: Decision) -> tuple[list[Json], bool]:
    match decision:
        case RoutingPlan():
            verified, flags = _verified(decision.case.mail), _flags(decision.case.mail)
            rows: list[Json] = [_verdict(ruling, flags, verified=verified) for ruling in decision]
            return rows, decision.tell_sender
        case TryAgain():
            return [], False
        case _:  # pragma: no cover
            assert_never(decision)


def _verdict(ruling: Ruling, flags: list[str], *, verified: bool) -> dict[str, Json]:
    outcome, reason, author, key = _said(ruling.verdict)
    return {
        "recipient": ruling.recipient.address.key,
        "outcome": outcome,
        "reason": reason,
        "conversation": ruling.conversation,
        "author": None if author is None else _author(author),
        "author_kind": None if author is None else _kind(author),
        "verified": verified,
        "dedup_key": None if key is None else str(key),
        "rule": ruling.number,
        "rule_name": ruling.rule,
        "source": ruling.recipient.source.value,
        "flags": [*flags],
    }


def _said(verdict: Verdict) -> tuple[str, str | None, Author | None, MailKey | None]:
    """Outcome, reason, author, dedup key."""
    match verdict:
        case RelayToConversation():
            return "relay", None, verdict.author, verdict.dedup_key
        case HandToLegacy():
            return "legacy", None, None, None
        case SkipOverlap():
            return "skip", None, None, None
        case Hold():
            return "hold", verdict.reason.value, verdict.author, verdict.dedup_key
        case Reject():
            return "reject", verdict.reason.value, None, None
        case Ignore():
            return "ignore", verdict.reason.value, None, None
        case _:  # pragma: no cover
            assert_never(verdict)


def _author(author: Author) -> str:
    match author:
        case AccountAuthor():
            return author.account
        case PeripheralAuthor():
            return f"peripheral:{author.address.key}"
        case _:  # pragma: no cover
            assert_never(author)


def _kind(author: Author) -> str:
    return author.standing.value if isinstance(author, AccountAuthor) else "peripheral"


def _verified(mail: InboundMail) -> bool:
    return isinstance(mail, MessageEnvelope) and mail.verified


def _flags(mail: InboundMail) -> list[str]:
    if isinstance(mail, UnreadableMail):
        return []
    flags = {
        SPAM: mail.spam,
        HARMFUL: mail.checked is not None and mail.checked.finding is Finding.HARMFUL,
        MIME_AMBIGUOUS: bool(mail.oddities & {Oddity.HEADER, Oddity.BODY}),
        SYNTHETIC_ID: mail.message_id.synthetic,
    }
    return [name for name, holds in flags.items() if holds]
