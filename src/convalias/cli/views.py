"""Stored things as the JSON that `convalias show` and its kind print; fields may be added, never renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convalias.codec import kind_of
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, StatusNoted
from convalias.domain.conversations.participants import AccountAuthor, Author, Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.conversations.timeline import TimelineItem
from convalias.domain.conversations.visibility import nameless
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.held import HeldMail
from convalias.domain.migration.rollout import Moves
from convalias.domain.outbound.delivery import Delivery, DeliveryDecision
from convalias.domain.outbound.suppressions import Muted, Suppressed
from convalias.services.migration.rollout import Counts
from convalias.services.operations.operations import Story
from convalias.stores.conversations.parking import ParkedConversation
from convalias.stores.migration.rollouts import Setting

Json = Mapping[str, object]


def conversation(thread: ConversationThread, events: Sequence[ConversationEvent]) -> Json:
    """A conversation with everything that happened in it."""
    return {
        "id": thread.id,
        "use_case": thread.use_case,
        "state": thread.state.value,
        "participants": [participant(one) for one in shown_participants(thread)],
        "events": [event(one) for one in events],
    }


def shown_participants(thread: ConversationThread) -> Sequence[Participant]:
    """Show who takes part; nobody is named where the conversation was erased."""
    return [nameless(one) if thread.state is ThreadState.ERASED else one for one in thread.participants]


def participant(one: Participant) -> Json:
    """Show a participant."""
    return {"account": one.account, "role": one.role, "name": one.name}


def event(one: ConversationEvent) -> Json:
    """Show an event; what only messages have is null for the others."""
    said = one.happening if isinstance(one.happening, MessageAdded) else None
    return {
        "seq": one.seq,
        "id": one.id,
        "kind": kind_of(one.happening),
        "author": None if said is None else author(said.author),
        "origin": one.origin.value,
        "message_id": None if said is None else said.message_id,
        "dedup_key": one.dedup_key,
        "text": None if said is None else said.text,
        "occurred_at": one.occurred_at.isoformat(),
        "full_text": None if said is None else said.full_text,
        "subject": None if said is None else said.subject,
        "status": one.happening.status if isinstance(one.happening, StatusNoted) else None,
        "flags": [] if said is None else sorted(said.flags),
        "attachments": [] if said is None else [file.name for file in said.attachments],
    }


def author(one: Author) -> str:
    """The account, or `peripheral:<address>`."""
    return one.account if isinstance(one, AccountAuthor) else f"peripheral:{one.address.key}"


def delivery(decision: DeliveryDecision, row: Delivery) -> Json:
    """Show a notification of one recipient."""
    return {
        "notification_id": row.id,
        "event_id": decision.event,
        "conversation": decision.conversation,
        "recipient": row.recipient,
        "kind": row.kind.value,
        "channel": row.channel.value,
        "owner": decision.owner.value,
        "stage": decision.stage.value,
        "state": row.state.value,
        "attempts": row.attempts,
        "reason": row.reason,
        "next_at": None if row.next_at is None else row.next_at.isoformat(),
    }


def hold(mail: HeldMail, *, erased: bool = False) -> Json:
    """A mail that waits for a person; of an erased conversation not from whom."""
    return {
        "id": mail.id,
        "conversation": mail.conversation,
        "message_id": "" if erased else mail.message_id,
        "sender": None if mail.sender is None or erased else mail.sender.key,
        "reason": mail.reason.value,
        "state": mail.state.value,
        "since": mail.since.isoformat(),
    }


def suppressed(one: Suppressed) -> Json:
    """An address that takes no mail."""
    return {
        "kind": "address",
        "account": one.account,
        "address": one.address.key,
        "conversation": None,
        "status": one.status,
        "at": one.at.isoformat(),
    }


def muted(one: Muted) -> Json:
    """A conversation that a participant wants no mail about."""
    return {
        "kind": "conversation",
        "account": one.account,
        "address": None,
        "conversation": one.conversation,
        "status": "",
        "at": one.at.isoformat(),
    }


def dead(letter: DeadLetter) -> Json:
    """Work that was given up."""
    return {
        "id": letter.id,
        "reason": letter.reason,
        "attempts": letter.tries,
        "trace_id": letter.trace,
        "lane": letter.lane,
        "subject": letter.subject,
        "at": letter.at.isoformat(),
        "recipients": list(letter.recipients),
        "explanation": letter.explanation,
    }


def parked(one: ParkedConversation) -> Json:
    """A conversation that waits for a release that can read it."""
    return {
        "conversation": one.conversation,
        "seq": one.seq,
        "reason": one.because,
        "since": one.since.isoformat(),
        "id": one.letter.id,
    }


def dead_line(letter: DeadLetter) -> Json:
    """The same, for a table."""
    return {**dead(letter), "recipients": ", ".join(letter.recipients)}


def timeline_item(item: TimelineItem) -> Json:
    """A message as one reader may see it."""
    return {
        "id": item.id,
        "medium": item.medium.value,
        "author": item.author,
        "own": item.own,
        "text": item.text,
        "full_text": item.full_text,
        "subject": item.subject,
        "attachments": [file.name for file in item.attachments],
        "flags": sorted(item.flags),
        "redacted": item.redacted,
        "occurred_at": item.occurred_at.isoformat(),
        "answer_by": [medium.value for medium in item.answer_by],
    }


def story(told: Story, *, is_cut: bool = False) -> Json:
    """The way of one mail. `is_cut`: there may be more mails than were told of."""
    return {
        "cut": is_cut,
        "record": told.record,
        "trace_id": told.trace,
        "steps": [{"at": step.at.isoformat(), "what": step.what} for step in told.steps],
        "next": told.next,
    }


def setting(one: Setting) -> Json:
    """Show what is set for one use case on one axis."""
    return {
        "use_case": one.rollout.use_case,
        "axis": one.axis.value,
        "stage": one.rollout.stage.value,
        "basis_points": one.rollout.basis_points,
        "salt": one.rollout.salt,
        "floor": one.rollout.floor.value,
        "reason": one.rollout.reason,
        "by": one.by,
        "at": None if one.at is None else one.at.isoformat(),
    }


def moved(one: Setting, shares: Moves, counts: Counts) -> Json:
    """Show what a setting moved: shares in basis points by the buckets, conversations as far as they were counted."""
    return {
        "forward_basis_points": shares.forward,
        "back_basis_points": shares.back,
        "forward": counts.forward.get(one.axis, 0),
        "back": counts.back.get(one.axis, 0),
        "conversations": counts.conversations,
        "without_alias": counts.without_alias,
        "counted_all": counts.is_whole,
    }
