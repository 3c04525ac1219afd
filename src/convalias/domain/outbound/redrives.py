"""Count what a redrive changed."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState


@frozen(kw_only=True)
class Redriven:
    """The result of a redrive, or of a dry run of it. Each figure counts deliveries: a recipient on a channel."""

    due: int = 0
    """Due again. An index call of legacy counts as one where the hub owns the deliveries."""
    cancelled: int = 0
    """Read in the meantime, or withdrawn: ended without a call."""
    too_late: int = 0
    """Older than the notify age: ended without a call."""
    failed: int = 0
    """The event of the letter cannot be read: the letter stays."""

    def plus(self, other: Redriven) -> Redriven:
        """Add both together."""
        return Redriven(
            due=self.due + other.due,
            cancelled=self.cancelled + other.cancelled,
            too_late=self.too_late + other.too_late,
            failed=self.failed + other.failed,
        )


def counted(before: DeliveryDecision | None, after: DeliveryDecision | None) -> Redriven:
    """Return what a redrive did to a decision. `after` is None if nothing changed, `before` if there was none."""
    if after is None:
        return Redriven()
    known = {} if before is None else {row.id: row.state for row in before.deliveries}
    states = [row.state for row in after.deliveries if known.get(row.id) is not row.state]
    # Of legacy's rows its one call is what is due: they are counted, not the call.
    index_alone = before is not None and not states
    return Redriven(
        due=states.count(DeliveryState.PLANNED) + index_alone,
        cancelled=states.count(DeliveryState.CANCELLED),
        too_late=states.count(DeliveryState.TOO_LATE),
    )
