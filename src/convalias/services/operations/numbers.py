"""The numbers of a deployment, each read with a bound: no table is gone through whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

from attrs import frozen

from convalias.codec import CodecError, load
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.held import HeldMail, HoldState
from convalias.domain.operations.numbers import WORKERS, Figure, Number, age, ahead
from convalias.domain.outbound.decision import is_postponed
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState, is_failing
from convalias.domain.outbound.undecided import UndecidedEvent
from convalias.ports.ambient import Clock
from convalias.ports.event_log import EventLog, Lagging
from convalias.ports.records import Records, Stored
from convalias.services.operations.mail_finding import LOOK_BACK
from convalias.services.operations.operations import Operations
from convalias.services.outbound.notifier import GROUP
from convalias.stores.approvals.holds import HOLDS
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.conversations.event_store import FEED
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS
from convalias.stores.deployment.signs import Signs
from convalias.stores.feed.gone import GoneEvents
from convalias.stores.outbound.ledger import DUE, LEASED, REST, UNSURE
from convalias.stores.outbound.undecided import LANE as UNDECIDED

MOST: Final = 1_000
"""So many rows of a lane are counted; beyond that a number is "at least"."""
LETTERS: Final = "dead_letters"
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
Reading = Callable[[], Awaitable[Number | None]]


@frozen(kw_only=True)
class Numbers:
    """Reads only. Each reading raises `Unavailable` by itself."""

    records: Records
    events: EventLog
    conversations: ConversationAccess
    operations: Operations
    signs: Signs
    clock: Clock
    polls_feed: bool = True
    """False: a change stream feeds the log, and the feed's lane is empty."""

    def readings(self) -> Sequence[tuple[Figure, Reading]]:
        """Return how each figure is read; a reading answers None if this deployment cannot tell."""
        return (
            (Figure.OLDEST_MAIL, self._oldest_mail),
            (Figure.FEED_LAG, self._feed_lag),
            (Figure.CONSUMER_LAG, self._consumer_lag),
            (Figure.OVERDUE, self._overdue),
            (Figure.FAILING, self._failing),
            (Figure.POSTPONED, self._postponed),
            (Figure.HOLDS, self._holds),
            (Figure.UNCERTAIN, partial(self._at_rest, Figure.UNCERTAIN, UNSURE, DeliveryState.UNCERTAIN)),
            (Figure.FAILED, partial(self._at_rest, Figure.FAILED, REST, DeliveryState.FAILED)),
            (Figure.PARKED, self._parked),
            (Figure.QUARANTINED, self._quarantined),
            (Figure.SKEW, self._skew),
            (Figure.GONE, self._gone),
            *((figure, partial(self._sign, worker, figure)) for worker, figure in WORKERS.items()),
        )

    async def _oldest_mail(self) -> Number:
        waiting = await self.operations.oldest_waiting(since=self.clock.now() - LOOK_BACK)
        return Number(
            Figure.OLDEST_MAIL,
            None if waiting.oldest is None else age(waiting.oldest, self.clock.now()),
            count=waiting.count or None,
            at_least=waiting.at_least,
        )

    async def _feed_lag(self) -> Number | None:
        if not self.polls_feed:
            return None
        rows = await self.records.due(FEED, until=_FAR, limit=MOST)
        return self._lane(Figure.FEED_LAG, rows)

    async def _consumer_lag(self) -> Number | None:
        """Events that nobody has decided about: those of the log, and those that wait apart from it."""
        rows = await self.records.due(UNDECIDED, until=_FAR, limit=MOST)
        lag = await self.events.lag(GROUP) if isinstance(self.events, Lagging) else None
        if lag is None and not rows:
            return None
        apart = sorted((one for row in rows if (one := _undecided(row))), key=lambda one: one.since)
        first = [(one.conversation, one.event) for one in apart[:1]]
        first += [] if lag is None or lag.first is None else [(lag.first.conversation, lag.first.event)]
        ages = [await self._waited(conversation, event) for conversation, event in first]
        count = len(rows) + (0 if lag is None else lag.count)
        return Number(Figure.CONSUMER_LAG, max(ages, default=None), count=count or None, at_least=len(rows) == MOST)

    async def _waited(self, conversation: ConversationId, event: EventId) -> int:
        found = await self.conversations.keyed(conversation, key=event)
        return 0 if found is None else age(found.appended_at, self.clock.now())

    async def _overdue(self) -> Number:
        """Leases that ended count too: whoever held them is gone."""
        now = self.clock.now()
        due = await self.records.due(DUE, until=now, limit=MOST)
        ended = await self.records.due(LEASED, until=now, limit=MOST)
        return self._lane(Figure.OVERDUE, sorted([*due, *ended], key=_due_at))

    async def _failing(self) -> Number:
        """Decisions whose last call failed, in back-off or due again."""
        rows = await self.records.due(DUE, until=_FAR, limit=MOST)
        count = 0
        for row in rows:
            with suppress(CodecError):
                count += is_failing(load(row.body, DeliveryDecision))
        return Number(Figure.FAILING, count, at_least=len(rows) == MOST)

    async def _postponed(self) -> Number:
        """Decisions that nobody has acted on, whose time has not come."""
        now = self.clock.now()
        rows = await self.records.due(DUE, until=_FAR, limit=MOST)
        count = 0
        for row in rows:
            with suppress(CodecError):
                count += _due_at(row) > now and is_postponed(load(row.body, DeliveryDecision), now)
        return Number(Figure.POSTPONED, count, at_least=len(rows) == MOST)

    async def _holds(self) -> Number:
        rows = await self.records.due(HOLDS, until=_FAR, limit=MOST)
        since: list[datetime] = []
        for row in rows:
            with suppress(CodecError):
                hold = load(row.body, HeldMail)
                since += [hold.since] if hold.state is HoldState.HELD else []
        oldest = min(since, default=None)
        return Number(
            Figure.HOLDS,
            None if oldest is None else age(oldest, self.clock.now()),
            count=len(since) or None,
            at_least=len(rows) == MOST,
        )

    async def _at_rest(self, figure: Figure, lane: str, state: DeliveryState) -> Number:
        rows = await self.records.due(lane, until=_FAR, limit=MOST)
        count = 0
        for row in rows:
            with suppress(CodecError):
                count += sum(one.state is state for one in load(row.body, DeliveryDecision).deliveries)
        return Number(figure, count, at_least=len(rows) == MOST)

    async def _parked(self) -> Number:
        """Count what waits by its letter: unreadable here, or failed on for too long by an adapter of the host."""
        lanes = [await self.records.range(LETTERS, lane, after="", limit=MOST) for lane in (CONVERSATIONS, RECORDS)]
        return Number(Figure.PARKED, sum(map(len, lanes)), at_least=any(len(rows) == MOST for rows in lanes))

    async def _quarantined(self) -> Number:
        counted = await self.operations.quarantined()
        return Number(Figure.QUARANTINED, counted.count, at_least=counted.at_least)

    async def _skew(self) -> Number:
        apart = ahead(await self.signs.latest(), self.clock.now())
        return Number(Figure.SKEW, apart if apart > 0 else None)

    async def _gone(self) -> Number:
        count = await GoneEvents(records=self.records).count(limit=MOST)
        return Number(Figure.GONE, count, at_least=count == MOST)

    async def _sign(self, worker: str, figure: Figure) -> Number:
        seen = (await self.signs.latest()).get(worker)
        return Number(figure, None if seen is None else age(seen, self.clock.now()))

    def _lane(self, figure: Figure, rows: Sequence[Stored]) -> Number:
        if not rows:
            return Number(figure, None)
        return Number(figure, age(_due_at(rows[0]), self.clock.now()), count=len(rows), at_least=len(rows) >= MOST)


def _undecided(row: Stored) -> UndecidedEvent | None:
    """None: one that this release cannot read."""
    with suppress(CodecError):
        return load(row.body, UndecidedEvent)
    return None


def _due_at(row: Stored) -> datetime:
    return _FAR if row.due is None else row.due.at
