"""Advice for the operator: one table, a row for each state of a mail, an event or a delivery.

The words "delivered", "good" and "ready" stand in no row of a state in which that is not so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, assert_never

from attrs import frozen

from convalias.domain.inbound.held import HoldState
from convalias.domain.inbound.outcomes import (
    Dead,
    Done,
    Effect,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Outcome,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.reasons import AnyReason, OwnReason, Reason
from convalias.domain.outbound.decision import is_postponed
from convalias.domain.outbound.delivery import WITHDRAWN, Delivery, DeliveryDecision, DeliveryState, IndexRow, Owner


class Situation(Enum):
    """The situation of a mail, an event or a delivery. In the order of urgency: the first one is told first."""

    UNREADABLE = "unreadable"
    DAMAGED = "damaged"
    PARKED = "parked"
    DEAD = "dead"
    UNDECIDABLE = "undecidable"
    FAILED = "failed"
    INDEX_FAILED = "index failed"
    UNCERTAIN = "uncertain"
    FAILED_FOR_GOOD = "failed for good"
    FAILING = "failing"
    WAITING = "waiting"
    UNDECIDED = "undecided"
    QUARANTINED = "quarantined"
    NO_RECIPIENT = "no recipient"
    REFUSED = "refused"
    HELD = "held"
    HELD_UNASKED = "held, nobody asked"
    HELD_UNREACHED = "held, nobody reached"
    HOLD_EXPIRED = "hold expired"
    HELD_APPROVED = "hold approved"
    STAND_IN = "stand-in"
    HANDED_OVER = "handed over"
    RETRIED = "retried"
    DUE = "due"
    IN_FLIGHT = "in flight"
    LEGACY_DUE = "legacy due"
    POSTPONED = "postponed"
    CLOCK_AHEAD = "decided by a clock that is ahead"
    LEGACY_TOLD = "legacy told"
    TOO_LATE = "too late"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REMOVED = "removed"
    DISCARDED = "discarded"
    HELD_REJECTED = "hold rejected"
    SENT = "sent"
    CARRIED_ELSEWHERE = "carried elsewhere"
    NOBODY_TOLD = "nobody told"
    DELIVERED = "delivered"


@frozen
class State:
    """A situation, and the text for the gap in its advice: an id, a time or a reason of ours."""

    situation: Situation
    about: str = ""
    reason: AnyReason | None = None
    """Of what was refused or ignored."""


@frozen(kw_only=True)
class Circumstances:
    """The facts that advice needs besides the decision."""

    now: datetime
    is_stand_in: bool = False
    """Whether the legacy relay is the one that only writes files."""
    letters: Collection[str] = ()
    """Ids of the dead letters about it that are there."""


ADVICE: Final[Mapping[Situation, str]] = MappingProxyType(
    {
        Situation.UNREADABLE: "{about} is in a format that this release cannot read: use a newer convalias",
        Situation.DAMAGED: "{about} is damaged: bring it back from a backup, then: convalias replay --dead",
        Situation.PARKED: "{about} is parked: mend what its letter names, or run a release that can read it; then: convalias replay --dead",
        Situation.DEAD: "mend what failed, then: convalias replay --job {about} (all of them: convalias replay --dead)",
        Situation.UNDECIDABLE: "nobody is told: mend what failed, then: convalias replay --job {about}",
        Situation.FAILED: "mend what the channel refused, then: convalias replay --job {about}",
        Situation.INDEX_FAILED: "the legacy index lacks it: mend the legacy relay, then: convalias replay --job {about}",
        Situation.UNCERTAIN: "it may have been sent, and nobody can tell: look at the channel's own log for {about}",
        Situation.FAILED_FOR_GOOD: "nothing tries it again: mend the recipient's address, or tell the recipient yourself",
        Situation.FAILING: "mend what failed ({about}); it is tried again by itself",
        Situation.WAITING: "it waits in the queue: see that an inbound worker runs, and what it logs (convalias doctor)",
        Situation.UNDECIDED: "nobody has decided who is told: see that feed and outbound workers run (convalias doctor)",
        Situation.QUARANTINED: "read the raw mail; it is kept and is not routed",
        Situation.NO_RECIPIENT: "see the provider's route: the mail came with no recipient that could be read",
        Situation.REFUSED: "{about}",
        Situation.HELD: "a participant may approve the hold (convalias show holds)",
        Situation.HELD_UNASKED: "nobody is asked about it: set base_url (convalias doctor), then a participant may approve it",
        Situation.HELD_UNREACHED: "no question reached a participant: mend what it says, and tell one of them of the mail",
        Situation.HOLD_EXPIRED: "nobody answered in time: the sender may write again",
        Situation.HELD_APPROVED: "it was approved and is not carried out yet: see that an inbound worker runs, and convalias dead list",
        Situation.STAND_IN: "the stand-in relay took it, which only writes files: see legacy-outbox and convalias show legacy",
        Situation.HANDED_OVER: "the legacy relay took it: look there what became of {about}",
        Situation.RETRIED: "it is tried again at {about}; what failed last stands beside it",
        Situation.DUE: "it is due: see that an outbound worker runs (convalias worker outbound; doctor)",
        Situation.IN_FLIGHT: "a call is under way, or its answer was lost: look again in a minute",
        Situation.LEGACY_DUE: "the legacy relay is to tell the recipients and was not called yet: look again in a minute",
        Situation.POSTPONED: "nothing: it waits for the bound of an hour (messages_an_hour, unverified_messages_an_hour) until {about}",
        Situation.CLOCK_AHEAD: "set the clocks of all machines by NTP: one that is ahead decided it, and it waits until {about}",
        Situation.LEGACY_TOLD: "the legacy relay was called and tells the recipients: look there for {about}",
        Situation.TOO_LATE: "nothing is sent: it was too old when it was decided; tell the recipient yourself",
        Situation.CANCELLED: "nothing is sent: {about}",
        Situation.EXPIRED: "nothing: the raw mail was deleted by retention",
        Situation.REMOVED: "nothing: the message was redacted or erased since",
        Situation.DISCARDED: "nothing is tried any more: its letter is gone; convalias replay --job {about} decides anew",
        Situation.HELD_REJECTED: "nothing: a participant turned it down",
        Situation.SENT: "nothing: it was sent; the channel has confirmed no arrival",
        Situation.CARRIED_ELSEWHERE: "nothing for this recipient: another address or post of the mail carries it",
        Situation.NOBODY_TOLD: "nothing: nobody else takes part in the conversation",
        Situation.DELIVERED: "nothing: it was delivered",
    }
)

BY_REASON: Final[Mapping[Reason, str]] = MappingProxyType(
    {  # `replay --job`, never `--all`: nobody hears of what `--all` adds
        Reason.NOT_OURS: "nothing: no recipient is at a domain of ours; see the provider's route if it should be",
        Reason.MALFORMED: "read the raw mail; it is over a limit of the reader and stays kept",
        Reason.MIME_AMBIGUOUS: "a participant may approve the hold",
        Reason.TOO_LARGE: "ask the sender for a smaller mail",
        Reason.TOO_MANY_RECIPIENTS: "ask the sender to write to fewer people",
        Reason.UNKNOWN_ALIAS: "look the alias up (convalias alias inspect); a typing error cannot be mended here",
        Reason.FORGED_ALIAS: "nothing, unless many: then somebody guesses aliases, or a key was removed (doctor)",
        Reason.EXPIRED_ALIAS: "issue a new alias (convalias alias mint CONVERSATION --as ACCOUNT), give it to the sender",
        Reason.REVOKED_ALIAS: "issue a new alias, if that was a mistake: convalias alias mint CONVERSATION --as ACCOUNT",
        Reason.CONVERSATION_CLOSED: "reopen the conversation, then: convalias replay --job {about}",
        Reason.UNKNOWN_SENDER: "add the address to the sender's account, then: convalias replay --job {about}",
        Reason.ACCOUNT_AMBIGUOUS: "several accounts share the address: the sender writes in the app, or from another",
        Reason.FROM_AMBIGUOUS: "ask the sender to write with a plain From",
        Reason.NOT_PARTICIPANT: "add the account to the conversation, then: convalias replay --job {about}",
        Reason.SPOOFED_SENDER: "nothing: DMARC failed; if it is genuine, the sender's domain must mend its records",
        Reason.BLOCKED_SENDER: "unblock the sender in the policy, then: convalias replay --job {about}",
        Reason.SPAM: "nothing; the sender may authenticate",
        Reason.AUTOMATED: "nothing: a machine wrote it",
        Reason.LOOP: "nothing: it is mail of our own, or a loop",
        Reason.BOUNCE: "nothing: a mail server wrote it",
        Reason.EMPTY: "ask the sender to write something",
        Reason.RATE_LIMITED: "wait, then: convalias replay --job {about}",
        Reason.DECLINED: "ask why the platform declined it, then: convalias replay --job {about}",
        Reason.NEEDS_APPROVAL: "a participant turned it down, or may approve the hold (convalias show holds)",
    }
)


def advice(states: Iterable[State]) -> str:
    """Return one line of advice about the most urgent of these states."""
    order = list(Situation)
    urgent = min(states, key=lambda state: order.index(state.situation))
    if urgent.reason is not None:
        return _by_reason(urgent.reason, urgent.about or "it")
    return ADVICE[urgent.situation].format(about=urgent.about or "it")


def _by_reason(reason: AnyReason, about: str) -> str:
    return reason.advice if isinstance(reason, OwnReason) else BY_REASON[reason].format(about=about)


def of_outcome(outcome: Outcome, record: RecordKey, *, letter: str | None) -> tuple[State, ...]:
    """The states of an outcome but for its effects. `letter`: the id of its dead letter, if that is there."""
    match outcome:
        case Done(effects=()):
            return (State(Situation.NO_RECIPIENT),)
        case Done():
            return ()
        case Dead():
            return (State(Situation.DISCARDED, record) if letter is None else State(Situation.DEAD, letter),)
        case Quarantined():
            return (State(Situation.QUARANTINED),)
        case Expired():
            return (State(Situation.EXPIRED),)
        case _:
            assert_never(outcome)


def of_effect(effect: Effect, record: RecordKey, *, is_stand_in: bool) -> State | None:
    """The state of one recipient's effect of that mail; None: its event or its hold tells more."""
    match effect:
        case Relayed() | Held():
            return None
        case HandedOver(external_id=external_id):
            return State(Situation.STAND_IN) if is_stand_in else State(Situation.HANDED_OVER, external_id)
        case Skipped():
            return State(Situation.CARRIED_ELSEWHERE)
        case Refused(reason=reason) | Ignored(reason=reason):
            return State(Situation.REFUSED, record, reason)
        case _:
            assert_never(effect)


HOLDS: Final[Mapping[HoldState, Situation]] = MappingProxyType(
    {
        HoldState.HELD: Situation.HELD,
        HoldState.APPROVED: Situation.HELD_APPROVED,
        HoldState.REJECTED: Situation.HELD_REJECTED,
        HoldState.EXPIRED: Situation.HOLD_EXPIRED,
    }
)
"""The situation of a mail whose outcome still says that it is held, by the state of its hold."""


def of_delivery(decision: DeliveryDecision, row: Delivery, around: Circumstances) -> State:
    """The state of one recipient's delivery."""
    if row.state in _MOVING:
        return _moving(decision, row, now=around.now)
    if row.state is DeliveryState.SENT and decision.owner is Owner.LEGACY:
        return _told_by_legacy(decision, around)
    if row.state is DeliveryState.FAILED and row.id not in around.letters:
        return State(Situation.FAILED_FOR_GOOD)
    about = row.reason if row.state is DeliveryState.CANCELLED else row.id
    return State(_AT_REST[row.state], about)


_MOVING: Final = frozenset({DeliveryState.PLANNED, DeliveryState.TRIED})
_AT_REST: Final[Mapping[DeliveryState, Situation]] = MappingProxyType(
    {
        DeliveryState.SENT: Situation.SENT,
        DeliveryState.DELIVERED: Situation.DELIVERED,
        DeliveryState.FAILED: Situation.FAILED,
        DeliveryState.UNCERTAIN: Situation.UNCERTAIN,
        DeliveryState.CANCELLED: Situation.CANCELLED,
        DeliveryState.TOO_LATE: Situation.TOO_LATE,
    }
)


def _moving(decision: DeliveryDecision, row: Delivery, *, now: datetime) -> State:
    ours = decision.owner is Owner.HUB
    call = row if ours or decision.index is None else decision.index
    if call.next_at is not None and call.next_at > now:
        return State(_awaited(decision, now=now), f"{call.next_at:%Y-%m-%d %H:%M:%S}")
    if not ours:
        return State(Situation.LEGACY_DUE)
    return State(Situation.DUE if row.state is DeliveryState.PLANNED else Situation.IN_FLIGHT)


def _awaited(decision: DeliveryDecision, *, now: datetime) -> Situation:
    """The situation of what is due later."""
    if decision.tried is not None:
        return Situation.RETRIED
    return Situation.POSTPONED if is_postponed(decision, now) else Situation.CLOCK_AHEAD


def of_decision(decision: DeliveryDecision, around: Circumstances, *, index_letter: str) -> tuple[State, ...]:
    """The states of a decision: of each delivery, and of the call of the legacy index."""
    states = [of_delivery(decision, row, around) for row in decision.deliveries]
    if has_failed(decision.index):
        states.append(State(Situation.INDEX_FAILED, index_letter))
    if states:
        return tuple(states)
    if decision.owner is Owner.LEGACY and decision.index is None:  # it came from there
        return (_told_by_legacy(decision, around),)
    return (State(Situation.NOBODY_TOLD),)


def _told_by_legacy(decision: DeliveryDecision, around: Circumstances) -> State:
    return State(Situation.STAND_IN) if around.is_stand_in else State(Situation.LEGACY_TOLD, decision.event)


def has_failed(index: IndexRow | None) -> bool:
    """Whether the call of the legacy index was given up."""
    return index is not None and index.reason not in {"", WITHDRAWN} and index.next_at is None and not index.done
