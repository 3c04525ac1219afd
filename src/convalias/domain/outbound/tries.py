"""The next step of a delivery: send, ask, try again, or end. What its channel promises decides, as nothing here waits.

A row that was PLANNED when a worker took it was surely not sent. Any other may have been: then it is sent again only
if the channel still knows its key, else the channel is asked, else the row ends `uncertain`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Generic, TypeVar, assert_never

from attrs import evolve, frozen

from convalias.domain.outbound.channel_answers import Answer, Declined, NotSent, Sent, Unknown
from convalias.domain.outbound.delivery import WITHDRAWN, Delivery, DeliveryState, IndexRow
from convalias.domain.outbound.first_tries import Objection
from convalias.domain.outbound.lease import IN_FLIGHT
from convalias.domain.outbound.suppressions import WISHES

CALL_WITHIN: Final = timedelta(seconds=20)
NO_CHANNEL: Final = "NO_CHANNEL"
LEASE_ENDED: Final = "lease ended"
ON_ITS_WAY: Final = "InFlight"
"""The reason of a row of which a call may still arrive."""

R = TypeVar("R", Delivery, IndexRow)


class Ambiguity(Enum):
    """The policy for a notification that may have been sent when nobody can tell."""

    LEAVE = "leave"
    """It stays `uncertain`: perhaps none, never two."""
    RESEND = "resend"
    """It is sent again under the same Message-ID: perhaps two, never none."""


@frozen(kw_only=True)
class Persistence:
    """The limits on trying a delivery: doubled pauses with jitter, about twelve hours, then a dead letter.

    Workers that die use tries up within minutes. What may have been sent is asked about for a day, however often it
    was taken, and sent up to twice as often: after that it may be what they die of.
    """

    tries: int = 24
    asked_for: timedelta = timedelta(hours=24)
    first_pause: timedelta = timedelta(seconds=2)
    longest_pause: timedelta = timedelta(hours=1)
    ambiguity: Ambiguity = Ambiguity.LEAVE


@frozen(kw_only=True)
class Promises:
    """The promises of a channel. The default promises nothing."""

    remembers_keys_for: timedelta = timedelta(0)
    can_be_asked: bool = False
    is_served: bool = True
    """False: the hub has no such channel."""


UNSERVED: Final = Promises(is_served=False)


@frozen(kw_only=True)
class Facts:
    """The facts that decide a step, besides the row itself."""

    now: datetime
    promises: Promises = Promises()
    persistence: Persistence = Persistence()
    within: timedelta = CALL_WITHIN
    """How long a call may take."""
    all_arrived: bool = True
    """Whether all that earlier tries sent has arrived. False just after a worker died over the row."""


@frozen
class Send:
    """Send the notification. `doubtful`: an earlier try may have sent it."""

    doubtful: bool


@frozen
class Ask:
    """Ask the channel about the key."""


@frozen
class StartOver:
    """Decide as for a planned row: it was surely not sent."""


@frozen
class Retry(Generic[R]):
    """Write the row down, due again after a pause, and not before that time."""

    row: R
    not_before: datetime | None = None

    def due(self, at: datetime) -> R:
        """Return the row with its time. `at`: the end of the pause."""
        return evolve(self.row, next_at=at if self.not_before is None else max(at, self.not_before))


@frozen
class End(Generic[R]):
    """Write the row down: this worker does nothing more about it."""

    row: R


def time_for_call(until: datetime, facts: Facts) -> timedelta:
    """Return how long a call may take: never longer than the lease, which ends at `until`."""
    return min(facts.within, until - facts.now)


def next_step(
    row: Delivery, before: DeliveryState, objection: Objection | None, facts: Facts
) -> Send | Ask | Retry[Delivery] | End[Delivery]:
    """Return what is done about a row that was `before` when it was taken. An objection forbids a first try."""
    if not facts.promises.is_served:
        lost = DeliveryState.FAILED if before is DeliveryState.PLANNED else DeliveryState.UNCERTAIN
        return End(row.becoming(lost, reason=NO_CHANNEL))
    match before:
        case DeliveryState.PLANNED if objection is not None:
            return End(row.becoming(objection.state, reason=objection.reason))
        case DeliveryState.PLANNED:
            return Send(doubtful=False)
        case DeliveryState.UNCERTAIN if objection is not None:
            # Resent only for want of knowledge: nobody needs it any more.
            return End(row.becoming(DeliveryState.UNCERTAIN, reason=objection.reason))
        case DeliveryState.UNCERTAIN:
            return Send(doubtful=True)
        case _ if (objection is None or objection.reason != WITHDRAWN) and is_remembered(row, facts):
            return Send(doubtful=True)
        case _:
            return asked_or_left(row, "may have been sent", facts)


def is_remembered(row: Delivery, facts: Facts) -> bool:
    """Whether the channel still knows the key when the call arrives; counted from the first try, not the last.

    A memory shorter than a call may be on its way protects from nothing.
    """
    memory = facts.promises.remembers_keys_for
    if memory < IN_FLIGHT or _is_worn(row, facts):
        return False
    return _tried_for(row, facts) + facts.within <= memory


def asked_or_left(row: Delivery, reason: str, facts: Facts) -> Ask | Retry[Delivery] | End[Delivery]:
    """Return the step about a row that may have been sent: only the channel can tell."""
    return Ask() if facts.promises.can_be_asked else uncertain(row, reason, facts)


def after_answer(row: Delivery, answer: Answer, facts: Facts) -> StartOver | Retry[Delivery] | End[Delivery]:
    """Return what follows from the channel's answer about a row that may have been sent."""
    match answer:
        case Sent():
            return End(evolve(row.becoming(DeliveryState.SENT), receipt=answer.receipt))
        case NotSent() if not facts.all_arrived:
            return in_doubt(row, ON_ITS_WAY, facts)
        case NotSent() if _is_worn(row, facts):
            return End(row.becoming(DeliveryState.FAILED, reason="tries ran out: not sent"))
        case NotSent():
            return StartOver()
        case Unknown():
            return uncertain(row, "the channel cannot tell", facts)
        case _:
            assert_never(answer)


def after_sending(row: Delivery, answer: Sent | Declined, facts: Facts, *, doubtful: bool) -> End[Delivery]:
    """Return what follows when the channel answered the call that sends.

    A channel that has forgotten the key declines this call alone: what an earlier one sent stays unknown.
    """
    match answer:
        case Sent():
            return End(evolve(row.becoming(DeliveryState.SENT), receipt=answer.receipt))
        case Declined() if doubtful and not is_remembered(row, facts):
            return End(row.becoming(DeliveryState.UNCERTAIN, reason=answer.reason))
        case Declined():
            return End(row.becoming(DeliveryState.FAILED, reason=answer.reason))
        case _:
            assert_never(answer)


def not_called(row: Delivery, before: DeliveryState, because: str, facts: Facts) -> Retry[Delivery] | End[Delivery]:
    """Return what follows a try that made no call. A row that was fresh is planned again; any other may have been sent."""
    if before is DeliveryState.PLANNED:
        return not_sent(row, because, facts, doubtful=False)
    return in_doubt(row, because, facts)


def not_sent(row: Delivery, because: str, facts: Facts, *, doubtful: bool) -> Retry[Delivery] | End[Delivery]:
    """Return what follows a try that surely sent nothing. What an earlier try may have sent stays unknown."""
    if row.attempts >= facts.persistence.tries and not (doubtful and _can_still_be_asked(row, facts)):
        state = DeliveryState.UNCERTAIN if doubtful else DeliveryState.FAILED
        return End(row.becoming(state, reason=f"tries ran out: {because}"))
    if doubtful:
        return Retry(evolve(row, reason=because))
    # Surely not sent: what the hub remembers keys from begins with the next try.
    return Retry(evolve(row.becoming(DeliveryState.PLANNED, reason=because), first_tried=None))


def ambiguous(row: Delivery, because: str, facts: Facts) -> Retry[Delivery] | End[Delivery]:
    """Return what follows a call that may have sent. It is repeated only if the channel can tell a second from the first."""
    if is_remembered(row, facts):
        return not_sent(row, because, facts, doubtful=True)
    if not facts.promises.can_be_asked:
        return uncertain(row, because, facts)
    return in_doubt(row, because, evolve(facts, all_arrived=False))


def in_doubt(row: Delivery, because: str, facts: Facts) -> Retry[Delivery] | End[Delivery]:
    """Return what follows when nothing was learned. The channel is asked when a lost call can no longer arrive."""
    step = not_sent(row, because, facts, doubtful=True)
    if facts.all_arrived or isinstance(step, End):
        return step
    return Retry(step.row, not_before=facts.now + IN_FLIGHT)


def impossible(row: Delivery, reason: str, facts: Facts, *, doubtful: bool) -> Ask | Retry[Delivery] | End[Delivery]:
    """Return what is done about a row that cannot be sent now, for that reason."""
    if doubtful:
        return asked_or_left(row, reason, facts)
    return End(row.becoming(DeliveryState.CANCELLED if reason in WISHES else DeliveryState.FAILED, reason=reason))


def called_off(row: Delivery, facts: Facts) -> Retry[Delivery] | End[Delivery]:
    """Return what follows when the call was cancelled: it may arrive all the same."""
    if not facts.promises.can_be_asked or is_remembered(row, facts):
        return End(row)
    return in_doubt(row, ON_ITS_WAY, evolve(facts, all_arrived=False))


def uncertain(row: Delivery, reason: str, facts: Facts) -> Retry[Delivery] | End[Delivery]:
    """Return what follows when nobody can tell whether it was sent: the policy decides."""
    left = row.becoming(DeliveryState.UNCERTAIN, reason=reason)
    resends = facts.persistence.ambiguity is Ambiguity.RESEND and row.attempts < facts.persistence.tries
    return Retry(left) if resends else End(left)


def parked(row: Delivery, before: DeliveryState, *, until: datetime) -> Delivery:
    """Return the row as it was when it was taken: nothing was called, and that was no try."""
    waiting = evolve(row, next_at=until, reason="parked", attempts=row.attempts - 1)
    if before is not DeliveryState.PLANNED:
        return waiting
    return evolve(waiting, state=DeliveryState.PLANNED, first_tried=None)


def _can_still_be_asked(row: Delivery, facts: Facts) -> bool:
    """The channel can tell, and may not have had the time to."""
    return facts.promises.can_be_asked and _tried_for(row, facts) < facts.persistence.asked_for


def _is_worn(row: Delivery, facts: Facts) -> bool:
    """Taken so often that sending it may be what kills the workers."""
    return row.attempts > 2 * facts.persistence.tries


def _tried_for(row: Delivery, facts: Facts) -> timedelta:
    return facts.now - (row.first_tried or facts.now)
