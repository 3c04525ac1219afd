"""Decide once per event who hears of it and who delivers: one insert, before any call."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, get_args

from attrs import Factory, evolve, field, frozen

from convalias.codec import CodecError, kind_of
from convalias.codec.formats import TAGS
from convalias.domain.conversations.events import Happening, MessageAdded
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.migration.rollout import Axis, Cohort, Stage
from convalias.domain.operations.numbers import GoneEvent
from convalias.domain.outbound.answering import ALL_THERE
from convalias.domain.outbound.decision import answered, decide, reowned
from convalias.domain.outbound.delivery import Channel, DeliveryDecision, Owner
from convalias.domain.outbound.first_tries import NOTIFY_WITHIN
from convalias.domain.outbound.scene import Scene
from convalias.domain.outbound.undecided import FIRST_PAUSE, UndecidedEvent, failing, pause
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.channels import ChannelChoice
from convalias.ports.errors import AdapterFailed, NotFound, Unavailable
from convalias.ports.event_log import UNPLACED, EventRecord
from convalias.services.conversations.stages import Stages
from convalias.services.outbound.answering import Answering
from convalias.services.outbound.pacing import Pacing
from convalias.services.outbound.sending import Sending
from convalias.services.running.faulty_work import FaultyWork
from convalias.services.running.outages import because
from convalias.stores.conversations.access import NOTHING_AHEAD, Ahead, ConversationAccess, EventGone
from convalias.stores.conversations.parking import Parking
from convalias.stores.errors import Contended, Parked
from convalias.stores.feed.gone import GoneEvents
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.outbound.ledger import GivenBack, Ledger
from convalias.stores.outbound.letters import LANE, decision_letter, subject_of
from convalias.stores.outbound.paces import Paces
from convalias.stores.outbound.undecided import UndecidedEvents, Unreadable, Waiting
from convalias.stores.remembering import remember

DECIDE_WITHIN: Final = timedelta(seconds=20)
SIDE_BY_SIDE: Final = 16
PATIENCE: Final = timedelta(seconds=5)
"""So long without any progress a batch waits for its last conversations. Then they wait, and the others go on."""
STRAGGLERS: Final = 8
"""More of them than this are no stragglers: all is slow."""
STUCK_AFTER: Final = 30
"""So many times in a row that nothing of a batch can be decided; then its events wait apart from the log. With the
pauses of a worker that is some minutes: an outage that ends before is told of as one, and moves nothing."""
TRIED_APART: Final = timedelta(seconds=30)
"""How long behind its time an event that waits apart may be tried: no batch of the log tries its conversation before."""
REMEMBERED: Final = 10_000
TAKEN_UP: Final = 100
"""So many events of a conversation are read at once when it is taken up again."""
UNTOLD: Final = frozenset(TAGS[kind] for kind in get_args(Happening) if kind is not MessageAdded)
"""Kinds that nobody is told of: they are read past. One that is not known here is looked at."""


class OnlyEmail:
    """Chooses e-mail for every participant."""

    async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
        """Return no wishes."""
        return {}


def _nothing() -> OrderedDict[ConversationId, Seq]:
    return OrderedDict()


def _none_stuck() -> OrderedDict[ConversationId, int]:
    return OrderedDict()


def _none_slow() -> OrderedDict[ConversationId, datetime]:
    return OrderedDict()


def _none_yet() -> OrderedDict[EventId, None]:
    return OrderedDict()


def _none_new() -> OrderedDict[ConversationId, None]:
    return OrderedDict()


@frozen
class _Shared:
    """What is read once for many decisions."""

    ahead: Ahead
    """Events of one conversation."""
    stages: Stages
    """Flags, where they are those of a batch."""


@frozen(kw_only=True)
class Deciding:
    """Decides about published events. Safe to repeat at any point, by any number of processes."""

    conversations: ConversationAccess
    stages: Stages
    answering: Answering
    ledger: Ledger
    dead_letters: DeadLetters
    clock: Clock
    telemetry: Telemetry
    channels: ChannelChoice = OnlyEmail()
    notify_within: timedelta = NOTIFY_WITHIN
    parking: Parking = field(default=Factory(lambda self: Parking(records=self.dead_letters.records), takes_self=True))
    undecided: UndecidedEvents = field(
        default=Factory(lambda self: UndecidedEvents(records=self.dead_letters.records), takes_self=True)
    )
    """Events of conversations that could not go on while others did."""
    sending: Sending | None = None
    """Sends what the event log brings as soon as it is decided, while a slot is free. None: all waits until it is due."""
    patience: timedelta = PATIENCE
    gone: GoneEvents = field(
        default=Factory(lambda self: GoneEvents(records=self.dead_letters.records), takes_self=True)
    )
    pacing: Pacing = field(default=Factory(lambda self: self._bounded(), takes_self=True))
    """How many messages of a conversation are mailed within an hour."""
    _seen: OrderedDict[ConversationId, Seq] = field(factory=_nothing, init=False, repr=False, eq=False)
    _decided: OrderedDict[EventId, None] = field(factory=_none_yet, init=False, repr=False, eq=False)
    """What this process has decided, or found decided: a log that comes again costs nothing."""
    _new: OrderedDict[ConversationId, None] = field(factory=_none_new, init=False, repr=False, eq=False)
    """Conversations whose last decision here was the first about its event. About the events of all others, who is
    read after a restart or a rewind, a decision most likely stands: one read finds it, where deciding takes five."""

    _faulty: FaultyWork = field(
        default=Factory(lambda self: FaultyWork(clock=self.clock), takes_self=True), init=False, repr=False, eq=False
    )
    """The events on which an adapter of the host fails."""
    _stuck: OrderedDict[ConversationId, int] = field(factory=_none_stuck, init=False, repr=False, eq=False)
    """Conversations that could not go on, and how often in a row."""
    _slow: OrderedDict[ConversationId, datetime] = field(factory=_none_slow, init=False, repr=False, eq=False)
    """Conversations whose events wait, and until when no other event of them is tried here."""

    async def decide(self, records: Sequence[EventRecord]) -> None:
        """Returned: each has its decision, or waits for it in the store; commit. Raised (`Unavailable`): commit nothing, and try again.

        A record that can never be decided about becomes a dead letter, and holds nobody up. One whose event the store
        does not have is noted and counted: after a restored backup there are many, and nothing to redrive. Where this release cannot
        read what it decides on, the conversation is parked from that event on. Conversations go side by side, the events
        of one in order. Where one cannot go on and another can, its events wait apart from the log, and no batch begins
        again for it; where none can, what they need is away, and the batch is tried again.
        """
        limit = asyncio.Semaphore(SIDE_BY_SIDE)
        groups = [[*group] for group in _by_conversation(records)]
        quick = [group for group in groups if not self._is_slow(group[0].conversation)]
        stages = self.stages.read_once()

        async def conversation(listed: Sequence[EventRecord]) -> bool:
            """Whether anything was decided that was not before."""
            async with limit:
                new = [one.event for one in listed if one.event not in self._decided]
                shared = _Shared(await self._ahead(listed), stages)
                for record in listed:
                    await self._in_order(record, shared)
            self._stuck.pop(listed[0].conversation, None)
            return any(event in self._decided for event in new)

        ends = await self._side_by_side([conversation(group) for group in quick])
        late = [(group, end) for group, end in zip(quick, ends, strict=True) if isinstance(end, BaseException)]
        for _, failure in late:
            if not isinstance(failure, Unavailable | Contended | TimeoutError):
                raise failure
        if late and not (
            any(end for end in ends if not isinstance(end, BaseException))
            or self._are_stuck([group for group, _ in late])
        ):
            raise Unavailable("what a delivery is decided on") from late[0][1]
        for group, failure in late:
            # Others go on: a batch that holds nothing else is no outage, and keeps nothing behind it waiting.
            remember(self._stuck, group[0].conversation, STUCK_AFTER, most=REMEMBERED)
            await self._put_aside(group, failure)
        for group in groups:
            if group not in quick:
                await self._put_aside(group, None)

    async def _side_by_side(self, work: Sequence[Coroutine[None, None, int]]) -> Sequence[int | BaseException]:
        """How each ended. The last ones are called off when nothing has ended for a while."""
        tasks = [asyncio.create_task(one) for one in work]
        try:
            pending = set(tasks)
            while pending:
                done, pending = await asyncio.wait(pending, timeout=self.patience.total_seconds())
                if not done and len(pending) <= min(STRAGGLERS, len(tasks) - 1):
                    break
        finally:
            late = [task for task in tasks if task.cancel()]
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        return [TimeoutError() if task in late else end for task, end in zip(tasks, ends, strict=True)]

    def _are_stuck(self, groups: Sequence[Sequence[EventRecord]]) -> bool:
        """Count that these could not go on, and return whether all of them have not for too often."""
        for group in groups:
            conversation = group[0].conversation
            remember(self._stuck, conversation, self._stuck.get(conversation, 0) + 1, most=REMEMBERED)
        return all(self._stuck.get(group[0].conversation, 0) >= STUCK_AFTER for group in groups)

    def _is_slow(self, conversation: ConversationId) -> bool:
        until = self._slow.get(conversation)
        return until is not None and until > self.clock.now()

    async def _put_aside(self, records: Sequence[EventRecord], failure: BaseException | None) -> None:
        """These are decided about by `take_up_undecided`. `failure`: what stopped the first; None: they were not tried."""
        now, conversation = self.clock.now(), records[0].conversation
        events: list[UndecidedEvent] = []
        seen = self._seen.get(conversation)
        last = records[0].seq if seen is None else seen
        for one in records:
            lost = last if seen is not None and one.seq > last + 1 else None
            seen = last = max(one.seq, last)
            if lost is not None or (one.kind not in UNTOLD and one.event not in self._decided):
                events.append(
                    UndecidedEvent(
                        conversation=conversation, event=one.event, seq=one.seq, since=now, trace=one.trace, after=lost
                    )
                )
        until = now + (_told_when(failure) or FIRST_PAUSE)
        if events:
            await self.undecided.put(events, due=until)
            self.telemetry.measure("mons.decisions.put_aside", len(events))
        if failure is not None:
            remember(self._slow, conversation, until + TRIED_APART, most=REMEMBERED)
        remember(self._seen, conversation, last, most=REMEMBERED)

    async def take_up_undecided(self, *, limit: int = TAKEN_UP) -> int:
        """Decide about events that wait; how many wait no more. Raises `Unavailable` if the store is away.

        A conversation that still cannot go on waits again, longer each time, and stops no other.
        """
        groups: dict[ConversationId, list[Waiting]] = {}
        for one in await self.undecided.due(now=self.clock.now(), limit=limit):
            if isinstance(one, Unreadable):
                await self.parking.aside(one.stored, because=one.because, at=self.clock.now())
                continue
            groups.setdefault(one.event.conversation, []).append(one)
        limited = asyncio.Semaphore(STRAGGLERS)

        async def conversation(listed: Sequence[Waiting]) -> int:
            async with limited:
                return await self._taken_up(sorted(listed, key=lambda one: one.event.seq))

        ends = await self._side_by_side([conversation(listed) for listed in groups.values()])
        for listed, end in zip(groups.values(), ends, strict=True):
            if isinstance(end, TimeoutError):  # called off; what it had decided about is no longer there
                await self._later(listed, end)
        failures = [end for end in ends if isinstance(end, BaseException)]
        if failures and len(failures) == len(ends):
            raise failures[0]
        return sum(end for end in ends if not isinstance(end, BaseException))

    async def _taken_up(self, waiting: Sequence[Waiting]) -> int:
        conversation = waiting[0].event.conversation
        for place, one in enumerate(waiting):
            event = one.event
            try:
                if event.after is not None:
                    await self._missing(conversation, event.after, event.seq, event.trace, self.stages)
                await self._guarded(
                    conversation,
                    event.event,
                    event.seq,
                    event.trace,
                    _Shared(NOTHING_AHEAD, self.stages),
                    since=event.failing_since,
                )
            except (Unavailable, Contended, TimeoutError) as failure:
                await self._later(waiting[place:], failure)
                return place
            await self.undecided.done(one)
        self._slow.pop(conversation, None)
        self._stuck.pop(conversation, None)
        return len(waiting)

    async def _later(self, waiting: Sequence[Waiting], failure: BaseException) -> None:
        """Let these wait on, and leave their conversation to `take_up_undecided` for as long."""
        now, event = self.clock.now(), waiting[0].event
        until = now + (_told_when(failure) or pause(event, now=now))
        if isinstance(failure, AdapterFailed):
            waiting = [evolve(waiting[0], event=failing(event, str(failure), now=now)), *waiting[1:]]
        await self.undecided.later(waiting, due=until)
        remember(self._slow, event.conversation, until + TRIED_APART, most=REMEMBERED)

    async def decide_one(
        self, conversation: ConversationId, event: EventId, seq: Seq, ahead: Ahead = NOTHING_AHEAD
    ) -> bool:
        """Decide about that event; whether the decision is new. Raises what stands in the way."""
        scene, decision = await self._drafted(conversation, event, seq, _Shared(ahead, self.stages))
        return decision is not None and await self._insert(decision, scene)

    async def _decide_and_send(self, conversation: ConversationId, event: EventId, seq: Seq, shared: _Shared) -> bool:
        """The same, and begin to send it."""
        read_at = self.clock.now()
        scene, decision = await self._drafted(conversation, event, seq, shared)
        return decision is not None and await self._insert(decision, scene, read_at=read_at)

    async def draft(self, conversation: ConversationId, event: EventId, seq: Seq) -> DeliveryDecision | None:
        """Return what would be decided about that event, or None for a kind that nobody is told of. Writes nothing.

        Whether aliases may be issued is not asked before `insert`, which may leave the event to legacy for that.
        """
        return (await self._drafted(conversation, event, seq, _Shared(NOTHING_AHEAD, self.stages)))[1]

    async def insert(self, decision: DeliveryDecision) -> bool:
        """Write it down, unless one stands for its event. True if this one does."""
        scene = await self.conversations.scene(decision.conversation, decision.event, decision.seq)
        return await self._insert(decision, scene)

    async def _drafted(
        self, conversation: ConversationId, event: EventId, seq: Seq, shared: _Shared
    ) -> tuple[Scene, DeliveryDecision | None]:
        scene = await self.conversations.scene(conversation, event, seq, shared.ahead)
        as_of = await self.conversations.as_of(scene)
        stage = (await shared.stages.of([as_of], Axis.OUTBOUND))[conversation]
        channels = await self.channels.of(as_of)
        now = self.clock.now()
        return scene, decide(scene.event, as_of, stage, channels, now=now, notify_within=self.notify_within)

    async def _insert(self, decision: DeliveryDecision, scene: Scene, *, read_at: datetime | None = None) -> bool:
        """Once there is an address to answer to, or it is known that none may be issued; due when its turn comes.

        `read_at`: when its scene was read, if it may be sent at once. What is due later is not.
        """
        provided = await self.answering.before(decision, scene)
        decision = answered(decision, provided.answer, has_legacy=self.answering.has_legacy)
        decision = await self.pacing.paced(decision, scene.event)
        is_new: bool | None = None
        is_due = decision.due_at is not None and decision.due_at <= self.clock.now()
        if self.sending is not None and read_at is not None and is_due:
            is_new = await self.sending.insert_and_send(decision, scene, read_at=read_at, aliases=provided.aliases)
        if is_new is None:
            is_new = await self.ledger.insert(decision)
        if not is_new:
            return False
        self.telemetry.measure("mons.decisions", 1, owner=decision.owner.value, stage=decision.stage.value)
        return True

    def _bounded(self) -> Pacing:
        return Pacing(
            conversations=self.conversations,
            paces=Paces(records=self.dead_letters.records),
            telemetry=self.telemetry,
        )

    async def give_back(self, use_case: UseCase) -> GivenBack:
        """Put what was not yet tried under the flag as it stands now, each as a whole. Repeatable.

        However many wait, they are read by pages. What is tried meanwhile may be counted twice.
        """
        changed = tried = 0
        async for decision in self.ledger.waiting(use_case):
            thread = await self._thread(decision.conversation) if decision.may_change_owner else None
            if thread is None:
                tried += 1
                continue
            stage = (await self.stages.of([thread], Axis.OUTBOUND))[thread.id]
            changed += await self._reown(decision, stage)
        return GivenBack(changed, tried)

    async def _thread(self, conversation: ConversationId) -> ConversationThread | None:
        """None too while it is parked: what it has is left where it is."""
        try:
            return await self.conversations.thread(conversation)
        except Parked:
            return None

    async def _reown(self, decision: DeliveryDecision, stage: Stage | Cohort) -> bool:
        """Under that stage as a whole; to the hub only once there is an address to answer to."""
        again, answer = reowned(decision, stage), ALL_THERE
        if again is not None and again.owner is Owner.HUB:
            try:
                scene = await self.conversations.scene(decision.conversation, decision.event, decision.seq)
            except (NotFound, Parked):  # no reason to stop at the others
                return False
            answer = (await self.answering.before(again, scene)).answer
        change = partial(reowned, stage=stage, answer=answer, has_legacy=self.answering.has_legacy)
        return await self.ledger.reown(decision, change)

    async def _ahead(self, records: Sequence[EventRecord]) -> Ahead:
        """Read the events of one conversation that are to be decided about, once.

        An event that stops this read is found, and told of, when each is read by itself.
        """
        seqs = [one.seq for one in records if one.kind not in UNTOLD and one.event not in self._decided]
        if not seqs:
            return NOTHING_AHEAD
        try:
            async with asyncio.timeout(DECIDE_WITHIN.total_seconds()):
                # What is sent at once needs what came before it, too.
                return await self.conversations.ahead(records[0].conversation, seqs, for_sends=self.sending is not None)
        except (AdapterFailed, Parked):
            return NOTHING_AHEAD
        except (Unavailable, Contended, TimeoutError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is
            return NOTHING_AHEAD

    async def _in_order(self, record: EventRecord, shared: _Shared) -> None:
        """A jump in seq says that the log has lost something: what lies between is read from the store."""
        last = self._seen.get(record.conversation)
        if last is not None and record.seq > last + 1:
            with self.telemetry.span("mons.deciding", record.trace):
                self.telemetry.measure("mons.feed.jumps", 1)
            await self._missing(record.conversation, last, record.seq, record.trace, shared.stages)
        if record.kind not in UNTOLD:
            await self._guarded(record.conversation, record.event, record.seq, record.trace, shared)
        remember(self._seen, record.conversation, max(record.seq, last or record.seq), most=REMEMBERED)

    async def _missing(self, conversation: ConversationId, last: Seq, before: Seq, trace: str, stages: Stages) -> None:
        """Decide about what came between these two seqs."""
        while last + 1 < before:
            try:
                page = await self.conversations.after(conversation, last, limit=min(TAKEN_UP, before - 1 - last))
                shared = _Shared(await self.conversations.ahead(conversation, [event.seq for event in page]), stages)
            except Parked as parked:
                await self._park(conversation, last + 1, parked.because, trace)
                return
            if not page:
                return
            for event in page:
                if kind_of(event.happening) not in UNTOLD:
                    await self._guarded(conversation, event.id, event.seq, event.trace, shared)
            last = page[-1].seq

    async def _guarded(
        self,
        conversation: ConversationId,
        event: EventId,
        seq: Seq,
        trace: str,
        shared: _Shared,
        *,
        since: datetime | None = None,
    ) -> None:
        """`since`: when an adapter of the host first failed on the event, where that was written down."""
        if event in self._decided:
            return
        try:
            async with asyncio.timeout(DECIDE_WITHIN.total_seconds()):
                asked = await self._decide_once(conversation, event, seq, shared)
            remember(self._decided, event, None, most=REMEMBERED)
            if asked:
                self._faulty.worked(event)
            else:  # of which no adapter knows
                self._faulty.forget(event)
        except (Parked, CodecError) as unreadable:
            await self._park_at(conversation, event, seq, trace, unreadable)
        except AdapterFailed as fault:
            if not self._faulty.is_hopeless(event, since=since):
                raise
            await self._bury(conversation, event, trace, why=str(fault))
        except (Unavailable, Contended, TimeoutError):
            raise
        except EventGone as unknown:
            if (
                seq == UNPLACED and self.conversations.keeps_events
            ):  # a record that nobody can read, not an event that a restored store has lost
                await self._bury(conversation, event, trace, why=because(unknown))
                return
            self.telemetry.measure("mons.events.gone", 1)
            await self.gone.note(GoneEvent(conversation=conversation, event=event, at=self.clock.now()))
        except Exception as poison:  # noqa: BLE001 - whatever it is: one record must not stop the log
            await self._bury(conversation, event, trace, why=because(poison))

    async def _park_at(
        self, conversation: ConversationId, event: EventId, seq: Seq, trace: str, unreadable: Parked | CodecError
    ) -> None:
        """This event waits, and all behind it. Where it has no seq, or that is not known, its letter is one of its own."""
        if seq == UNPLACED:
            told = type(unreadable).__name__ if isinstance(unreadable, Parked) else str(unreadable)
            await self._bury(conversation, event, trace, why=told)
            return
        why = unreadable.because if isinstance(unreadable, Parked) else str(unreadable)
        await self._park(conversation, seq, why, trace)

    async def _park(self, conversation: ConversationId, seq: int, why: str, trace: str) -> None:
        with self.telemetry.span("mons.deciding", trace):
            self.telemetry.measure("mons.decisions.parked", 1)
        await self.parking.park(conversation, seq, because=why, at=self.clock.now(), trace=trace)

    async def take_up(self, conversation: ConversationId, *, after: int) -> tuple[int, Seq]:
        """Decide in order about the events behind that seq that nobody decided about; how many, and the last seq.

        Raises `Parked` and `CodecError` while one of them cannot be read.
        """
        decided, last = 0, Seq(after)
        while page := await self.conversations.after(conversation, last, limit=TAKEN_UP):
            ahead = await self.conversations.ahead(conversation, [event.seq for event in page])
            for event in page:
                last = event.seq
                if kind_of(event.happening) in UNTOLD or await self._is_decided(conversation, event.id):
                    continue
                try:
                    decided += await self.decide_one(conversation, event.id, event.seq, ahead)
                except (Unavailable, Contended, TimeoutError, CodecError):
                    raise
                except Exception as poison:  # noqa: BLE001 - one event must not keep the others parked
                    await self._bury(conversation, event.id, event.trace, why=because(poison))
        return decided, last

    def unparked(self) -> Deciding:
        """The same for a redrive, which reads conversations that are parked."""
        conversations = self.conversations.unparked()
        aliasing = evolve(self.answering.aliasing, conversations=conversations)  # a lacking alias is an event, too
        return evolve(self, conversations=conversations, answering=evolve(self.answering, aliasing=aliasing))

    async def _is_decided(self, conversation: ConversationId, event: EventId) -> bool:
        """A decision in the format of a newer release is one, too."""
        try:
            return await self.ledger.get(conversation, event) is not None
        except CodecError:
            return True

    async def _decide_once(self, conversation: ConversationId, event: EventId, seq: Seq, shared: _Shared) -> bool:
        """Whether anybody was asked; a decision that stands is found by one read."""
        if conversation not in self._new and await self._is_decided(conversation, event):
            return False
        if await self._decide_and_send(conversation, event, seq, shared):
            remember(self._new, conversation, None, most=REMEMBERED)
        else:
            self._new.pop(conversation, None)
        return True

    async def _bury(self, conversation: ConversationId, event: EventId, trace: str, *, why: str) -> None:
        with self.telemetry.span("mons.deciding", trace):
            self.telemetry.measure("mons.delivery.failures", 1, reason="undecidable")
        letter = DeadLetter(
            id=decision_letter(conversation, event),
            lane=LANE,
            subject=subject_of(conversation, event),
            reason=f"no decision: {why}",
            tries=1,
            at=self.clock.now(),
            trace=TraceId(trace),
        )
        await self.dead_letters.put(letter)


def _told_when(failure: BaseException | None) -> timedelta | None:
    """When to try again, if who failed has said so."""
    return failure.retry_after if isinstance(failure, Unavailable) else None


def _by_conversation(records: Iterable[EventRecord]) -> Iterable[Sequence[EventRecord]]:
    grouped: dict[ConversationId, list[EventRecord]] = {}
    for record in records:
        grouped.setdefault(record.conversation, []).append(record)
    return grouped.values()
