"""The ledger of deliveries: one decision per event, who works on it, what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CODEC, Codec, CodecError
from convalias.domain.ids import AccountId, ConversationId, EventId, UseCase
from convalias.domain.outbound.delivery import Channel, DeliveryDecision, DeliveryState, NotificationId, Owner
from convalias.domain.outbound.first_tries import Objection
from convalias.domain.outbound.lease import Results, Taken, nothing_against, receipted, redriven, settled, taken
from convalias.domain.outbound.suppressions import EventPlace
from convalias.ports.ambient import Incarnation
from convalias.ports.records import (
    Due,
    DuePlace,
    Insert,
    Key,
    Records,
    Replace,
    Stored,
    Written,
    due_after,
    due_pages,
    write_in_order,
)
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended
from convalias.stores.outbound.suppressions import placing

TABLE: Final = "decisions"
DUE: Final = "deliveries"
"""The lane of decisions that want attention."""
LEASED: Final = "deliveries.leased"
"""The lane of those that a worker holds; due when the lease ends."""
UNSURE: Final = "deliveries.uncertain"
"""The lane of decisions at rest of which something may have been sent, and nobody can tell. Nobody takes them."""
REST: Final = "deliveries.failed"
"""The lane of decisions at rest of which something failed. Nobody takes them."""
PAGE: Final = 500
MOST_HELD: Final = 1_000
"""So many leases are looked through for dead holders; more workers at once than that wait for time to end theirs."""
MOST_PASSED: Final = 1_000
"""So many due rows are looked through for some that are not of conversations which are passed over."""
TRIES: Final = 100
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)


def _nobody(partition: str) -> bool:
    del partition
    return False


@frozen
class Work:
    """A decision in somebody's hands, and the version that stands for it."""

    taken: Taken
    stored: Stored


@frozen
class GivenBack:
    """The result of `give_back`."""

    re_owned: int
    already_tried: int
    """These finish where they are."""


@frozen(kw_only=True)
class Ledger:
    """Compare-and-set on one record per event. Every call may be repeated. Raises `Unavailable`, `Contended`."""

    records: Records
    incarnation: Incarnation
    codec: Codec = CODEC

    async def insert(self, decision: DeliveryDecision) -> bool:
        """Write it down, unless one stands for that event: the first one holds, whatever flags say later."""
        return await self._inserted(*_with_place(decision)) is not None

    async def insert_taken(self, decision: DeliveryDecision, *, now: datetime, lease: timedelta) -> Work | None:
        """Write it down as taken by this process, which acts on it at once. None: one stands."""
        placed, place = _with_place(decision)
        work = taken(placed, by=self.incarnation.name, now=now, lease=lease)
        stored = await self._inserted(work.decision, place)
        return None if stored is None else Work(work, stored)

    async def _inserted(self, decision: DeliveryDecision, place: Sequence[Insert]) -> Stored | None:
        """Written behind the place of its event: a report may be faster than the call that it is about."""
        key, body, due = _key(decision.conversation, decision.event), self.codec.dump(decision), _due(decision)
        writes = [*place, Insert(key, body, due=due)]
        answers = await write_in_order(self.records, writes)
        if len(answers) < len(writes):  # the place is there: of one who died before the decision, or of one that stands
            answers = await self.records.write(writes[-1:])
        answer = answers[-1]
        return Stored(key, (), body, answer.version, due) if isinstance(answer, Written) else None

    async def get(self, conversation: ConversationId, event: EventId) -> DeliveryDecision | None:
        """The decision about that event, or None while there is none."""
        stored = await self._stored(_key(conversation, event))
        return None if stored is None else self._load(stored)

    async def of(self, conversation: ConversationId) -> AsyncIterator[DeliveryDecision]:
        """All decisions of a conversation that can be read, by event id."""
        after = ""
        while page := await self.records.range(TABLE, encoded(conversation), after=after, limit=PAGE):
            for stored in page:
                if (decision := self.read(stored)) is not None:
                    yield decision
            after = page[-1].key.id

    async def due(self, *, now: datetime, limit: int, passing: Callable[[str], bool] = _nobody) -> Sequence[Stored]:
        """Return what can be taken now: first what a gone worker or an expired lease left, then what is due.

        `passing`: partitions that are passed over, with what lies behind them in the lane, as far as `MOST_PASSED`.
        """
        held = await self.records.due(LEASED, until=now + timedelta(days=1), limit=MOST_HELD)
        found = [one for one in held if not passing(one.key.partition) and self._is_free(one, now)][:limit]
        size = looked = limit - len(found)
        page = await self.records.due(DUE, until=now, limit=size) if size else ()
        while page:
            found += [one for one in page if not passing(one.key.partition)]
            if len(page) < size or len(found) >= limit or looked >= MOST_PASSED:
                break
            looked += size
            page = await due_after(self.records, DUE, after=DuePlace.of(page[-1]), until=now, limit=size)
        return found[:limit]

    async def take(self, stored: Stored, *, now: datetime, lease: timedelta) -> Work | None:
        """Hold it, with every mark set that must stand before the first call. None: somebody was faster.

        Raises `CodecError` for a row that cannot be read.
        """
        work = taken(self._load(stored), by=self.incarnation.name, now=now, lease=lease)
        put = await self._replace(stored, work.decision)
        return None if put is None else Work(work, put)

    async def release(self, work: Work, results: Results) -> DeliveryDecision | None:
        """Write down what came of it, and let go. None: the lease had been taken over, the results are another's."""
        standing, stored = work.taken.decision, work.stored
        for _ in range(TRIES):
            if standing.holder != work.taken.decision.holder or standing.held_until != work.taken.decision.held_until:
                return None
            after = settled(standing, results)
            if await self._replace(stored, after) is not None:
                return after
            # A receipt came in between, or this very write did and its answer was lost.
            stored = (await self.records.get([stored.key]))[stored.key]
            standing = self._load(stored)
        raise Contended("release of a delivery")

    async def receipt(
        self,
        conversation: ConversationId,
        event: EventId,
        notification: NotificationId,
        state: DeliveryState,
        *,
        receipt: str = "",
    ) -> bool:
        """Note a receipt (DELIVERED or FAILED), in any order. False: it changed nothing."""
        key = _key(conversation, event)
        changed = await self._change(key, lambda one: receipted(one, notification, state, receipt=receipt))
        return changed is not None

    async def redrive(
        self,
        conversation: ConversationId,
        event: EventId,
        *,
        now: datetime,
        objection: Callable[[AccountId], Objection | None] = nothing_against,
    ) -> DeliveryDecision | None:
        """Make what failed for that event due again, unless there is an objection. None: nothing had failed."""
        return await self._change(_key(conversation, event), lambda one: redriven(one, now=now, objection=objection))

    async def waiting(self, use_case: UseCase) -> AsyncIterator[DeliveryDecision]:
        """Each unfinished decision of a use case, read by pages, as it stood when its page was read.

        What changes hands meanwhile may come twice: due, and then as taken.
        """
        for lane in (DUE, LEASED):
            async for page in due_pages(self.records, lane, until=_FAR, size=PAGE):
                for row in page:
                    if (one := self.read(row)) is not None and one.use_case == use_case:
                        yield one

    async def reown(
        self, decision: DeliveryDecision, change: Callable[[DeliveryDecision], DeliveryDecision | None]
    ) -> bool:
        """Change its owner as a whole. False: it may not, or need not."""
        return await self._change(_key(decision.conversation, decision.event), change) is not None

    async def _change(
        self, key: Key, change: Callable[[DeliveryDecision], DeliveryDecision | None]
    ) -> DeliveryDecision | None:
        for _ in range(TRIES):
            stored = await self._stored(key)
            after = None if stored is None else change(self._load(stored))
            if stored is None or after is None:
                return None
            if await self._replace(stored, after) is not None:
                return after
        raise Contended("change of a delivery")

    async def _replace(self, stored: Stored, decision: DeliveryDecision) -> Stored | None:
        body, due = self.codec.dump(decision), _due(decision)
        (answer,) = await self.records.write([Replace(stored.key, stored.version, body, due)])
        if not isinstance(answer, Written):
            return None
        return Stored(stored.key, stored.also, body, answer.version, due)

    async def _stored(self, key: Key) -> Stored | None:
        return (await self.records.get([key])).get(key)

    def _is_free(self, stored: Stored, now: datetime) -> bool:
        try:
            held = self._load(stored)
        except CodecError:  # whose it is cannot be told: not before the lease ends
            return stored.due is None or stored.due.at <= now
        return held.held_until is None or held.held_until <= now or self.incarnation.is_gone(held.holder)

    def read(self, stored: Stored) -> DeliveryDecision | None:
        """Read a row that is due, or None if this release cannot."""
        try:
            return self._load(stored)
        except CodecError:
            return None

    def _load(self, stored: Stored) -> DeliveryDecision:
        return self.codec.load(stored.body, DeliveryDecision)


def _key(conversation: ConversationId, event: EventId) -> Key:
    return Key(TABLE, encoded(conversation), encoded(event))


def _with_place(decision: DeliveryDecision) -> tuple[DeliveryDecision, Sequence[Insert]]:
    """The decision, and what is to be written before it: nothing where nobody is mailed by us."""
    first = next((row.id for row in decision.deliveries if row.channel is Channel.EMAIL), None)
    if decision.owner is not Owner.HUB or first is None:
        return evolve(decision, placed=False), ()
    place = EventPlace(event=decision.event, conversation=decision.conversation)
    return evolve(decision, placed=True), (placing(first, place),)


def _due(decision: DeliveryDecision) -> Due | None:
    if decision.held_until is not None:
        return Due(LEASED, decision.held_until)
    if decision.due_at is not None:
        return Due(DUE, decision.due_at)
    states = {row.state for row in decision.deliveries}
    since = decision.tried or decision.decided_at
    if DeliveryState.UNCERTAIN in states:
        return Due(UNSURE, since)
    return Due(REST, since) if DeliveryState.FAILED in states else None
