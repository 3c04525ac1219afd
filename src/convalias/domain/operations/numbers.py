"""Numbers about a deployment, each with the bound past which an operator has to look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from convalias.domain.ids import ConversationId, EventId


class Figure(Enum):
    """A figure that is counted or measured. The value is its name for people."""

    OLDEST_MAIL = "oldest mail without outcome"
    FEED_LAG = "feed lag"
    CONSUMER_LAG = "consumer lag"
    OVERDUE = "deliveries overdue"
    FAILING = "deliveries tried again"
    POSTPONED = "messages that wait for the bound of an hour"
    HOLDS = "mail held"
    UNCERTAIN = "uncertain deliveries"
    FAILED = "failed deliveries"
    PARKED = "parked conversations and records"
    QUARANTINED = "quarantined mail"
    GONE = "published events that the store does not have"
    INBOUND_WORKER = "inbound worker"
    FEED_WORKER = "feed worker"
    OUTBOUND_WORKER = "outbound worker"
    SKEW = "clocks apart"


class Unit(Enum):
    """The unit of a number."""

    SECONDS = "s"
    THINGS = ""


@frozen
class Bound:
    """Up to which value nobody needs to look, and what to do past it."""

    most: int
    unit: Unit
    mend: str


SEEN_WITHIN: Final = 45
"""Seconds: what stands still is said within a minute, and workers give a sign of life every twenty seconds."""

BOUNDS: Final[Mapping[Figure, Bound]] = MappingProxyType(
    {
        Figure.OLDEST_MAIL: Bound(
            SEEN_WITHIN, Unit.SECONDS, "see that an inbound worker runs (convalias worker inbound), and what it logs"
        ),
        Figure.FEED_LAG: Bound(
            SEEN_WITHIN, Unit.SECONDS, "see that a feed worker runs (convalias worker feed), and what it logs"
        ),
        Figure.CONSUMER_LAG: Bound(
            SEEN_WITHIN, Unit.SECONDS, "nobody decides who is told: see that an outbound worker runs, and what it logs"
        ),
        Figure.OVERDUE: Bound(
            SEEN_WITHIN, Unit.SECONDS, "see that an outbound worker runs (convalias worker outbound), and what it logs"
        ),
        Figure.FAILING: Bound(
            0, Unit.THINGS, "see what the channel or the legacy relay answers: convalias why, show deliveries"
        ),
        Figure.POSTPONED: Bound(
            0,
            Unit.THINGS,
            "somebody floods a conversation: convalias show deliveries; block the sender, or raise messages_an_hour or "
            "unverified_messages_an_hour for the next ones",
        ),
        Figure.HOLDS: Bound(7 * 86_400, Unit.SECONDS, "nobody answers: convalias show holds; is base_url set?"),
        Figure.UNCERTAIN: Bound(
            0,
            Unit.THINGS,
            "convalias show deliveries; ask the mail server's log; on_uncertain says what is done about the next ones",
        ),
        Figure.FAILED: Bound(
            0, Unit.THINGS, "convalias dead list, show deliveries; mend the cause; then replay --dead"
        ),
        Figure.PARKED: Bound(
            0,
            Unit.THINGS,
            "mend what the letters name, or run a release that can read them; then: convalias replay --dead",
        ),
        Figure.QUARANTINED: Bound(0, Unit.THINGS, "convalias why; read the raw mail"),
        Figure.INBOUND_WORKER: Bound(SEEN_WITHIN, Unit.SECONDS, "start it: convalias worker inbound"),
        Figure.FEED_WORKER: Bound(SEEN_WITHIN, Unit.SECONDS, "start it: convalias worker feed"),
        Figure.OUTBOUND_WORKER: Bound(SEEN_WITHIN, Unit.SECONDS, "start it: convalias worker outbound"),
        Figure.SKEW: Bound(5, Unit.SECONDS, "set the clocks of all machines by NTP: leases and due times go by them"),
        Figure.GONE: Bound(
            0,
            Unit.THINGS,
            "after a restored backup nothing: nobody is told of them, and the count ends a week later; else see whose "
            "store and event log are set",
        ),
    }
)


@frozen
class Number:
    """A figure with its present value. For ages `value` is that of the oldest, and `count` says how many there are."""

    figure: Figure
    value: int | None
    """In the unit of its bound; None: there is nothing to measure, or of a worker: it never gave a sign."""
    count: int | None = field(default=None, kw_only=True)
    at_least: bool = field(default=False, kw_only=True)
    """Whether counting ended at a limit: there may be more, or older ones."""

    @property
    def bound(self) -> Bound:
        """Past which somebody has to look."""
        return BOUNDS[self.figure]

    @property
    def is_past(self) -> bool:
        """Whether somebody has to look. A worker that nobody has ever seen is one that is gone."""
        if self.value is None:
            return self.figure in WORKERS.values()
        return self.value > self.bound.most

    def __str__(self) -> str:
        """The number and its bound, as people read them."""
        if self.value is None:
            return "no sign of life" if self.figure in WORKERS.values() else f"none (bound {_said(self.bound)})"
        least = "at least " if self.at_least else ""
        if self.figure in WORKERS.values():
            return f"last sign of life {self.value} s ago (bound {_said(self.bound)})"
        if self.bound.unit is Unit.THINGS:
            return f"{least}{self.value} (bound {_said(self.bound)})"
        if self.figure is Figure.SKEW:
            return f"a worker wrote {self.value} s ahead of this clock (bound {_said(self.bound)})"
        counted = "" if self.count is None else f"{least}{self.count}, "
        return f"{counted}the oldest for {self.value} s (bound {_said(self.bound)})"


def _said(bound: Bound) -> str:
    return f"{bound.most} s" if bound.unit is Unit.SECONDS else str(bound.most)


WORKERS: Final[Mapping[str, Figure]] = MappingProxyType(
    {
        "inbound": Figure.INBOUND_WORKER,
        "feed": Figure.FEED_WORKER,
        "outbound": Figure.OUTBOUND_WORKER,
    }
)
"""The figure of each kind of worker."""


@frozen(kw_only=True)
class SignOfLife:
    """A worker of one process did a step without an error, then."""

    worker: str
    incarnation: str
    at: datetime
    faults: str = ""
    """What adapters of the host raised in that process of late, by call, class and line; empty: nothing."""


def ahead(seen: Mapping[str, datetime], now: datetime) -> int:
    """Whole seconds by which the latest sign of life is ahead of this clock; none: 0."""
    return max((int((at - now).total_seconds()) for at in seen.values()), default=0)


def gone(seen: Mapping[str, datetime], now: datetime) -> tuple[str, ...]:
    """Kinds of workers that gave a sign of life once, and none for longer than their bound."""
    return tuple(
        worker for worker, figure in WORKERS.items() if worker in seen and age(seen[worker], now) > BOUNDS[figure].most
    )


@frozen(kw_only=True)
class GoneEvent:
    """The event log told of this event then, and the store did not have it."""

    conversation: ConversationId
    event: EventId
    at: datetime


def age(since: datetime, now: datetime) -> int:
    """Whole seconds; a clock that is ahead counts as none."""
    return max(int((now - since).total_seconds()), 0)
