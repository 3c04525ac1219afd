"""Act on decisions that are due: take one, make its calls, write down what is known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from attrs import Factory, define, evolve, field, frozen

from convalias.codec import CodecError
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.ids import TraceId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.outbound import tries
from convalias.domain.outbound.delivery import (
    WITHDRAWN,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    Owner,
    explained,
    recipients_of,
)
from convalias.domain.outbound.index_calls import followed, given_up, parked_index
from convalias.domain.outbound.lease import Results, Taken, losses
from convalias.domain.outbound.scene import Scene
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.records import Stored
from convalias.services.outbound.calls import Attempt, Calls
from convalias.services.outbound.slots import SendingSlots
from convalias.services.running.log_lines import ids_of
from convalias.services.running.task_group import TaskGroup, called_off
from convalias.stores.conversations.access import NOTHING_AHEAD, Ahead, ConversationAccess, events_before
from convalias.stores.conversations.parking import Parking
from convalias.stores.encoding import encoded
from convalias.stores.errors import PARKED_FOR, Parked, StoreError
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.outbound.ledger import Ledger, Work
from convalias.stores.outbound.letters import LANE, index_letter, subject_of

LEASE: Final = timedelta(seconds=60)
"""Longer than all calls of one decision together, many of which run side by side. Behind its end none is made."""
RELEASE_WITHIN: Final = timedelta(seconds=10)
RELEASES: Final = 3
STALE: Final = timedelta(seconds=2)
"""What a decision was made on is read anew for its calls when it is older than that."""
RECIPIENTS_AT_ONCE: Final = 32
"""So many of one decision are sent to side by side."""
PATIENCE: Final = timedelta(seconds=2)
"""When none of a batch has ended for so long, the next batch begins beside it."""
DELIVERIES: Final = logging.getLogger("convalias.deliveries")
"""A line for each delivery that came to rest: INFO, WARNING for one that failed or is uncertain."""


def _no_rows() -> dict[NotificationId, Delivery]:
    return {}


@frozen
class _Progress:
    """What is known so far, so that a cancelled worker gives back no more than it must."""

    rows: dict[NotificationId, Delivery] = field(factory=_no_rows)
    index: list[IndexRow] = field(factory=list[IndexRow])

    def results(self) -> Results:
        return Results(rows=dict(self.rows), index=self.index[-1] if self.index else None)


@define
class _Together:
    """Decisions of one batch about one conversation, and what is read once for all of them."""

    due: list[Stored] = field(factory=list[Stored])
    ahead: Ahead | None = None
    failed: Exception | None = None
    """What stood in the way of reading that: none of them is called about."""
    turn: asyncio.Lock = field(factory=asyncio.Lock)

    def read(self) -> Ahead:
        """Return what was read. Raises what stood in the way."""
        if self.failed is not None:
            raise self.failed
        return self.ahead or NOTHING_AHEAD


def _together(due: Sequence[Stored]) -> Mapping[str, _Together]:
    found: dict[str, _Together] = {}
    for stored in due:
        found.setdefault(stored.key.partition, _Together()).due.append(stored)
    return found


@frozen(kw_only=True)
class Sending:
    """Index call and hub calls apart, each bounded; a crash anywhere leaves a decision that somebody takes over."""

    ledger: Ledger
    conversations: ConversationAccess
    calls: Calls
    dead_letters: DeadLetters
    clock: Clock
    telemetry: Telemetry
    lease: timedelta = LEASE
    slots: SendingSlots = field(factory=SendingSlots)
    patience: timedelta = PATIENCE
    parking: Parking = field(default=Factory(lambda self: Parking(records=self.dead_letters.records), takes_self=True))

    async def deliver_due(self, *, limit: int = 100) -> int:
        """Take what is due now, some side by side; how many decisions were worked on. Raises `Unavailable`.

        What stops one decision stops no other. It is raised when all have been worked on: a fault of ours always, what
        is away if there was nothing else. What takes long is left to end beside the next batch, which says what came of
        it, and a conversation that has all of its slots is passed over.
        """
        ended, earlier = self.slots.ended()
        due = await self.ledger.due(now=self.clock.now(), limit=limit, passing=self.slots.is_full)
        together = _together(due)
        sent = [task for task in await self._side_by_side(due, together) if not task.cancelled()]
        late = [task.exception() for task in sent]
        for error in late:
            if error is not None and not isinstance(error, Exception):
                raise error
        failures = [error for error in (*earlier, *late) if isinstance(error, Exception)]
        worked = ended + sum(task.result() for task, error in zip(sent, late, strict=True) if error is None)
        for failed in failures:
            if not isinstance(failed, PortError | StoreError | TimeoutError):
                raise failed
        if failures and not worked:
            raise Unavailable("the ledger of deliveries") from failures[0]
        return worked

    async def _side_by_side(
        self, due: Sequence[Stored], together: Mapping[str, _Together]
    ) -> Sequence[asyncio.Task[bool]]:
        """Return those that have ended. When none does for a while, who is sending goes on, and who waits is called off."""
        reading, sending = set(range(len(due))), set[int]()

        async def one(number: int, stored: Stored) -> bool:
            shared = together[stored.key.partition]
            await self._read_ahead(shared)  # before a slot is taken: a slow conversation holds none
            reading.discard(number)
            async with self.slots.slot(stored.key.partition):
                sending.add(number)
                return await self._one(stored, shared)

        tasks = {asyncio.create_task(one(number, stored)): number for number, stored in enumerate(due)}
        pending = set(tasks)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, timeout=self.patience.total_seconds())
                if not done and not reading:
                    break
        except BaseException:
            await called_off(tasks)
            raise
        for task in pending:
            if tasks[task] in sending:
                self.slots.go_on(task)
        await called_off([task for task in pending if tasks[task] not in sending])
        return [task for task in tasks if task not in pending]

    async def _read_ahead(self, together: _Together) -> None:
        """Read what the decisions of a batch about one conversation need, once."""
        async with together.turn:
            if together.ahead is not None or together.failed is not None:
                return
            listed = [self.ledger.read(stored) for stored in together.due] if len(together.due) > 1 else []
            decisions = [one for one in listed if one is not None]
            if not decisions:
                together.ahead = NOTHING_AHEAD
                return
            try:
                async with asyncio.timeout(self.calls.within.total_seconds()):
                    seqs = [one.seq for one in decisions]
                    together.ahead = await self.conversations.ahead(decisions[0].conversation, seqs, for_sends=True)
            except Exception as failed:  # noqa: BLE001 - it is that of each of them
                together.failed = failed

    async def _one(self, stored: Stored, together: _Together) -> bool:
        try:
            work = await self.ledger.take(stored, now=self.clock.now(), lease=self.lease)
        except CodecError as unreadable:
            await self.parking.aside(stored, because=str(unreadable), at=self.clock.now())
            return True
        if work is None:
            return False
        decision = work.taken.decision

        async def scene() -> Scene:
            return await self._scene(decision, together.read())

        return await self._work(work, scene)

    async def insert_and_send(
        self,
        decision: DeliveryDecision,
        scene: Scene,
        *,
        read_at: datetime,
        aliases: Sequence[ConversationAlias] | None = None,
    ) -> bool | None:
        """Write a new decision down as taken, and act on it beside the caller. False: one stands. None: no slot is free.

        `scene`: what it was decided on, read at `read_at`, with the `aliases` of its conversation; too long ago, and it is
        read anew.
        """
        place = encoded(decision.conversation)
        if not await self.slots.take_free(place):
            return None
        give_back = self.slots.giving_back(place)
        try:
            work = await self.ledger.insert_taken(decision, now=self.clock.now(), lease=self.lease)
        except BaseException:
            give_back()
            raise
        if work is None:
            give_back()
            return False

        async def fresh() -> Scene:
            if self.clock.now() - read_at > STALE:
                return await self._scene(decision)
            return await self._completed(scene, decision, aliases)

        async def send() -> bool:
            try:
                return await self._work(work, fresh)
            finally:
                give_back()

        self.slots.begin(send())
        return True

    async def _work(self, work: Work, scene: Callable[[], Awaitable[Scene]]) -> bool:
        progress = _Progress()
        try:
            await self._act(work.taken, progress, scene)
        except asyncio.CancelledError:
            # Released at once. A row without a result stays TRIED: its call may work yet. In a task of its own: in
            # one that is being cancelled, a timeout raises no `TimeoutError` before Python 3.11.4.
            with suppress(PortError, StoreError, TimeoutError):
                await asyncio.create_task(self._release(work, self._called_off(work.taken, progress.results())))
            raise
        results = progress.results()
        await self._bury(work.taken.decision, results)
        await self._release(work, results)
        return True

    def _called_off(self, held: Taken, known: Results) -> Results:
        """Return the rows without a result: they may have been sent. Legacy's go with its index call, which may be repeated at any time."""
        rows = held.rows if held.decision.owner is Owner.HUB else ()
        return evolve(known, rows={**{row.id: self.calls.called_off(row) for row in rows}, **known.rows})

    async def _act(self, held: Taken, progress: _Progress, read: Callable[[], Awaitable[Scene]]) -> None:
        decision = held.decision
        until = decision.held_until or self.clock.now()
        try:
            async with asyncio.timeout(self.calls.within.total_seconds()):
                scene = await read()
                if decision.owner is Owner.HUB:
                    await self.calls.place(decision, held.rows)
        except Exception as failed:  # noqa: BLE001 - nothing was called: what was fresh is planned again
            self._unread(held, failed, progress)
            return
        async with TaskGroup() as group:
            if held.index and decision.index is not None:
                group.create_task(self._index(held, decision.index, scene, progress, until))
            if decision.owner is Owner.HUB:
                attempt = Attempt(decision=decision, scene=scene, until=until, all_arrived=not held.taken_over)
                gate = asyncio.Semaphore(RECIPIENTS_AT_ONCE)
                for row in held.rows:
                    group.create_task(self._deliver(held, row, attempt, progress, gate))

    async def _scene(self, decision: DeliveryDecision, ahead: Ahead = NOTHING_AHEAD) -> Scene:
        """Look anew for every try, and once for all of its calls, at what became of the event and its conversation."""
        scene = await self.conversations.scene(decision.conversation, decision.event, decision.seq, ahead)
        return await self._completed(scene, decision)

    async def _completed(
        self, scene: Scene, decision: DeliveryDecision, aliases: Sequence[ConversationAlias] | None = None
    ) -> Scene:
        """The same with all that only a send needs. `aliases`: of its conversation, where they were just read."""
        contacts = self.calls.contacts
        if aliases is None:
            aliases = await contacts.aliases.of(decision.conversation)
        scene = evolve(scene, aliases=aliases)
        if decision.owner is not Owner.HUB:
            return scene
        scene = evolve(scene, event=await self.conversations.whole(scene.event))
        before = scene.before or await events_before(self.conversations, scene.event)
        masks = await contacts.masks(scene.event, scene.thread, before, shown_domains=self.calls.shown_domains)
        recipients = [row.recipient for row in decision.deliveries]
        readers = await self.conversations.readers(scene, recipients)
        mailboxes, names = await contacts.shown(recipients, scene.event, scene.thread)
        return evolve(scene, before=before, masks=masks, mailboxes=mailboxes, names=names, readers=readers)

    def _unread(self, held: Taken, failed: Exception, progress: _Progress) -> None:
        decision = held.decision
        if isinstance(failed, Parked):
            self._wait(held, failed, progress)
            return
        if held.index and decision.index is not None:
            progress.index.append(self.calls.index_later(decision.index, failed))
            self._follow_index(held, progress)
        if decision.owner is Owner.HUB:
            for row in held.rows:
                before, arrived = held.before[row.id], not held.taken_over
                progress.rows[row.id] = self.calls.uncalled(row, failed, before=before, all_arrived=arrived)

    def _wait(self, held: Taken, parked: Parked, progress: _Progress) -> None:
        """Nothing was called, and that was no try: all is due again when parked mail is looked at."""
        until = self.clock.now() + (parked.retry_after or PARKED_FOR)
        if held.index and held.decision.index is not None:
            progress.index.append(parked_index(held.decision.index, until=until))
        if held.decision.owner is Owner.HUB:
            for row in held.rows:
                progress.rows[row.id] = tries.parked(row, held.before[row.id], until=until)

    async def _index(self, held: Taken, index: IndexRow, scene: Scene, progress: _Progress, until: datetime) -> None:
        if scene.is_withdrawn:
            progress.index.append(given_up(index, WITHDRAWN))
        else:
            with self.telemetry.span("legacy.index", held.decision.trace):
                progress.index.append(await self.calls.index(index, scene, until=until))
        self._follow_index(held, progress)
        with self.telemetry.span("mons.delivery", held.decision.trace):
            self._count(held, held.rows if held.decision.owner is Owner.LEGACY else (), progress, scene)

    def _follow_index(self, held: Taken, progress: _Progress) -> None:
        """Legacy notifies with its index call: its rows end as that call does."""
        if held.decision.owner is Owner.LEGACY:
            progress.rows.update(followed(held.rows, progress.index[-1]))

    async def _deliver(
        self, held: Taken, row: Delivery, attempt: Attempt, progress: _Progress, gate: asyncio.Semaphore
    ) -> None:
        async with gate:
            with self.telemetry.span("hub.send", held.decision.trace, channel=row.channel.value):
                progress.rows[row.id] = await self.calls.deliver(row, attempt, before=held.before[row.id])
                self._count(held, (row,), progress, attempt.scene)

    def _count(self, held: Taken, rows: Sequence[Delivery], progress: _Progress, scene: Scene) -> None:
        owner = held.decision.owner.value
        for row in (progress.rows[row.id] for row in rows if row.id in progress.rows):
            _tell(row, held.decision)
            if row.state is DeliveryState.SENT:
                took = self.clock.now() - scene.event.appended_at
                self.telemetry.measure("mons.notifications.sent", 1, channel=row.channel.value, owner=owner)
                self.telemetry.measure("mons.delivery.latency", took.total_seconds(), channel=row.channel.value)
            elif row.state in {DeliveryState.CANCELLED, DeliveryState.TOO_LATE}:
                self.telemetry.measure("mons.notifications.withheld", 1, state=row.state.value, reason=row.reason)
            elif row.state in {DeliveryState.FAILED, DeliveryState.UNCERTAIN}:
                self.telemetry.measure("mons.delivery.failures", 1, channel=row.channel.value, state=row.state.value)

    async def _release(self, work: Work, results: Results) -> None:
        """Try a few times: a result that is not written down would be `uncertain` for the next worker."""
        left = RELEASES
        while True:
            left -= 1
            try:
                async with asyncio.timeout(RELEASE_WITHIN.total_seconds()):
                    if await self.ledger.release(work, results) is None:
                        self.telemetry.measure("mons.leases.lost", 1)
                    return
            except (PortError, TimeoutError):
                if not left:
                    raise

    async def _bury(self, decision: DeliveryDecision, results: Results) -> None:
        """Letters first: what is given up must be listed before it is no longer due."""
        for lost in losses(results):
            name = index_letter(decision.event) if lost.delivery is None else DeadLetterId(lost.delivery)
            letter = DeadLetter(
                id=name,
                lane=LANE,
                subject=subject_of(decision.conversation, decision.event),
                reason=lost.reason,
                tries=lost.tries,
                at=self.clock.now(),
                trace=TraceId(decision.trace),
                explanation=explained(decision, NotificationId(name)),
                recipients=recipients_of(decision, NotificationId(name)),
            )
            await self.dead_letters.put(letter)


def _tell(row: Delivery, decision: DeliveryDecision) -> None:
    """By its ids. Why a channel refused may quote an address: that stands in the dead letter."""
    if row.next_at is not None:
        return
    is_wrong = row.state in {DeliveryState.FAILED, DeliveryState.UNCERTAIN}
    why = f" ({row.reason})" if row.reason and not is_wrong else ""
    level = logging.WARNING if is_wrong else logging.INFO
    extra = {"trace": decision.trace} if decision.trace else {}  # a chat message has none
    DELIVERIES.log(level, "delivery %s: %s%s%s", row.id, row.state.value, why, ids_of(extra), extra=extra)
