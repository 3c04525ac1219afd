"""Change a decision under a lease: taken by a worker, its results, a receipt, a redrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import (
    TRANSITIONS,
    WITHDRAWN,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    Owner,
)
from convalias.domain.outbound.first_tries import Objection

IN_FLIGHT: Final = timedelta(seconds=60)
"""A call whose answer was lost may still arrive: before that, a channel that says "not sent" may yet send it."""
_ENDED: Final = frozenset({DeliveryState.CANCELLED, DeliveryState.TOO_LATE})


def nothing_against(recipient: AccountId) -> Objection | None:
    """Object to nothing."""
    del recipient
    return None


@frozen(kw_only=True)
class Taken:
    """A decision that one worker holds until `held_until`.

    `before`: the rows it has to act on, and the state each was in. A row that was PLANNED was surely not sent; any
    other may have been, by a worker that is gone or in a call whose answer was lost.
    """

    decision: DeliveryDecision
    before: Mapping[NotificationId, DeliveryState]
    index: bool
    """The index call is due."""
    taken_over: bool = False
    """Taken over from a worker that never released it: a call of that worker may still be in flight."""

    @property
    def rows(self) -> tuple[Delivery, ...]:
        """The rows to act on, as they were written down before the first call."""
        return tuple(row for row in self.decision.deliveries if row.id in self.before)


@frozen(kw_only=True)
class Results:
    """The results of a worker's calls: whole rows in place of those it took."""

    rows: Mapping[NotificationId, Delivery]
    index: IndexRow | None = None
    """None: the index row stays as it is."""


@frozen(kw_only=True)
class Loss:
    """A call that was given up: it becomes a dead letter."""

    delivery: NotificationId | None
    """None: the index call."""
    reason: str
    tries: int


def losses(results: Results) -> tuple[Loss, ...]:
    """Return what was given up, in order. What was withdrawn is no loss."""
    failed = [
        Loss(delivery=row.id, reason=row.reason, tries=row.attempts)
        for row in results.rows.values()
        if row.state is DeliveryState.FAILED
    ]
    index = results.index
    if index is not None and index.reason not in {"", WITHDRAWN}:
        failed.append(Loss(delivery=None, reason=f"index: {index.reason}", tries=index.attempts))
    return tuple(failed)


def taken(decision: DeliveryDecision, *, by: str, now: datetime, lease: timedelta) -> Taken:
    """The decision held by that worker; the mark `tried` and every row's own are set before the first call."""
    index_due = decision.index is not None and _is_due(decision.index.next_at, now)
    before = {row.id: row.state for row in decision.deliveries if _is_worked_on(decision, row, now, index=index_due)}
    taken_over = decision.held_until is not None
    rows = tuple(
        _tried(row, now) if row.id in before else _awaited(row, now) if taken_over else row
        for row in decision.deliveries
    )
    index = decision.index
    if index is not None and index_due:
        index = evolve(index, attempts=index.attempts + 1)
    held = evolve(
        decision, deliveries=rows, index=index, tried=decision.tried or now, holder=by, held_until=now + lease
    )
    return Taken(decision=held, before=before, index=index_due, taken_over=taken_over)


def settled(standing: DeliveryDecision, results: Results) -> DeliveryDecision:
    """Return the decision with its results and without its lease. A receipt that came first is kept: only rows still TRIED take a result."""
    rows = tuple(
        results.rows[row.id] if row.id in results.rows and row.state is DeliveryState.TRIED else row
        for row in standing.deliveries
    )
    index = standing.index if results.index is None else results.index
    return evolve(standing, deliveries=rows, index=index, holder="", held_until=None)


def receipted(
    decision: DeliveryDecision, notification: NotificationId, state: DeliveryState, *, receipt: str = ""
) -> DeliveryDecision | None:
    """The decision after a receipt (DELIVERED, FAILED), or None when it changes nothing: unknown, repeated, late."""
    row = decision.row(notification)
    if row is None or state not in TRANSITIONS[row.state]:
        return None
    told = evolve(row.becoming(state, reason="receipt"), receipt=receipt or row.receipt)
    return evolve(decision, deliveries=tuple(told if one.id == notification else one for one in decision.deliveries))


def redriven(
    decision: DeliveryDecision, *, now: datetime, objection: Callable[[AccountId], Objection | None] = nothing_against
) -> DeliveryDecision | None:
    """The decision with what failed due again, its tries counted anew; None when nothing had failed.

    A redrive is a first try: a row ends at once where `objection` says that its recipient must not be told any more.
    """
    failed = {row.id for row in decision.deliveries if row.state is DeliveryState.FAILED}
    index = decision.index
    given_up = index is not None and index.reason not in {"", WITHDRAWN}
    if not failed and not given_up:
        return None
    ours = decision.owner is Owner.HUB
    rows = tuple(
        _again(row, objection(row.recipient), next_at=now if ours else None) if row.id in failed else row
        for row in decision.deliveries
    )
    if index is not None and given_up:
        # Legacy tells everybody with its one call: not when nobody is to be told any more.
        nobody = not ours and bool(failed) and all(row.state in _ENDED for row in rows)
        suppressed = index.suppress_notification or nobody
        index = evolve(index, suppress_notification=suppressed, attempts=0, next_at=now, reason="")
    return evolve(decision, deliveries=rows, index=index)


def _again(row: Delivery, objection: Objection | None, *, next_at: datetime | None) -> Delivery:
    if objection is not None:
        return row.becoming(objection.state, reason=objection.reason)
    return evolve(row.becoming(DeliveryState.PLANNED, next_at=next_at), attempts=0, first_tried=None)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _is_worked_on(decision: DeliveryDecision, row: Delivery, now: datetime, *, index: bool) -> bool:
    """Rows of legacy go with its index call, until they are at rest."""
    if decision.owner is Owner.LEGACY:
        return index and row.state in {DeliveryState.PLANNED, DeliveryState.TRIED}
    return _is_due(row.next_at, now)


def _tried(row: Delivery, now: datetime) -> Delivery:
    """Its next attempt is written down. A due row that is TRIED already stays so: it may have been sent."""
    return evolve(
        row, state=DeliveryState.TRIED, attempts=row.attempts + 1, first_tried=row.first_tried or now, reason=""
    )


def _awaited(row: Delivery, now: datetime) -> Delivery:
    """The lease expired without a release. By the dead worker's clock this row may have been due, so wait IN_FLIGHT before asking."""
    if row.state is not DeliveryState.TRIED or row.next_at is None:
        return row
    return evolve(row, next_at=max(row.next_at, now + IN_FLIGHT))
