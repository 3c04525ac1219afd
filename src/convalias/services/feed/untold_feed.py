"""Publish the messages of a host to the event log: what it has not told of yet, at least once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from attrs import Factory, field, frozen

from convalias.domain.conversations import storable
from convalias.domain.conversations.events import ConversationEvent, Origin
from convalias.domain.conversations.host_messages import host_event_id
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.outbound.decision import FAULTY_FOR
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.conversations import MessageRef
from convalias.ports.errors import AdapterFailed, Rejected, Unavailable
from convalias.ports.event_log import EventLog
from convalias.services.feed.change_feed import Feed, measure, record
from convalias.services.running.faulty_work import FaultyWork
from convalias.services.running.outages import because
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.conversations.listing import Listing
from convalias.stores.encoding import digest
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.outbound.letters import LANE, decision_letter, subject_of
from convalias.stores.remembering import remember

BATCH: Final = 100
WITHIN: Final = timedelta(seconds=30)
SOUGHT_FOR: Final = timedelta(minutes=1)
"""How long a message is looked for that the host told of and does not find."""
REMEMBERED: Final = 10_000
SIDE_BY_SIDE: Final = 8
OF_ONE_THREAD: Final = 6
"""So many of them may be of one thread: the others have room, if its messages are never found."""
LOOKS_WITHIN: Final = timedelta(seconds=18)
"""How long messages are looked at in one step: longer than the guard waits for one call, shorter than a step."""
PATIENCE: Final = timedelta(seconds=5)
"""So long without any progress a step waits for its last messages; then these come again, after the others."""
FAILS_FOR_ALL: Final = 8
"""So many messages, one by one, on which `told` fails before it has worked for one: it fails for all."""
NOTED_AGAIN: Final = timedelta(minutes=1)
"""How often the host is told again of a message that it could not note."""
TOLD_IN_VAIN: Final = 3
"""So often `told` returned for a message of which the host tells all the same: it is not committed. Once is a restore."""
NAMELESS: Final = ConversationId("nameless")
"""Stands in a dead letter for ids that no store can keep."""
IN_VAIN: Final = "it returns, and the host tells of the same message again: is it committed?"
Looked: TypeAlias = ConversationEvent | Exception | None
"""A message, None where the host does not find it, or what its adapter raised."""


def _none_listed() -> OrderedDict[ConversationId, None]:
    return OrderedDict()


def _none_noted() -> OrderedDict[MessageRef, int]:
    return OrderedDict()


@frozen(kw_only=True)
class UntoldFeed(Feed):
    """Asks the host what it has not told of, publishes that, and then tells the host. Any number of processes may.

    There is no cursor: what commits late comes late, and is not passed over. A message that cannot be found waits a
    minute. If the host's adapter fails on one message only, that becomes a dead letter. Neither keeps others waiting. What
    was written before the first start is given to `told`, and nobody is mailed about it.
    """

    conversations: HostConversations
    log: EventLog
    listing: Listing
    dead_letters: DeadLetters
    clock: Clock
    telemetry: Telemetry
    batch: int = BATCH
    within: timedelta = WITHIN
    looks_within: timedelta = LOOKS_WITHIN
    patience: timedelta = PATIENCE
    _sought: FaultyWork = field(
        default=Factory(lambda self: FaultyWork(clock=self.clock), takes_self=True), init=False, repr=False, eq=False
    )
    """Messages that were not found, or on which the host's adapter failed."""
    _missing: dict[MessageRef, datetime] = field(factory=dict[MessageRef, datetime], init=False, repr=False, eq=False)
    """Messages that the last look did not find: since when none has."""
    _late: set[MessageRef] = field(factory=set[MessageRef], init=False, repr=False, eq=False)
    """Messages beside those in their threads, when they were told of last."""
    _unnoted: dict[MessageRef, tuple[datetime, datetime]] = field(
        factory=dict[MessageRef, tuple[datetime, datetime]], init=False, repr=False, eq=False
    )
    """What is published and `told` fails on, or does nothing for: since when, and when that was tried last."""
    _noted: OrderedDict[MessageRef, int] = field(factory=_none_noted, init=False, repr=False, eq=False)
    """How often `told` returned for each of the last messages."""
    _made_at: datetime = field(
        default=Factory(lambda self: self.clock.now(), takes_self=True), init=False, repr=False, eq=False
    )
    _begun: list[datetime] = field(factory=list[datetime], init=False, repr=False, eq=False)
    """The first start, once it was read: what is older than that is nobody's news."""
    _listed: OrderedDict[ConversationId, None] = field(factory=_none_listed, init=False, repr=False, eq=False)

    async def step(self) -> int:
        """Publish one batch; how many messages the host need not tell of again. Raises `Unavailable`; repeatable."""
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self._step()
        except TimeoutError as late:
            raise Unavailable("change feed", retry_after=self.within) from late

    async def close(self) -> None:
        """Close the feed; it holds nothing."""

    async def _step(self) -> int:
        beginning = await self._beginning()
        # Beside what waits here there is always room for what is new.
        limit = self.batch + len(self._sought) + len(self._late) + len(self._unnoted)
        refs = await self.conversations.port.untold(limit=limit)
        if len(refs) < limit:  # all there are: what is not among them was noted after all
            for ref in self._unnoted.keys() - frozenset(refs):
                del self._unnoted[ref]
        if not refs:
            return 0
        refs = list(dict.fromkeys(refs))
        for ref in refs:
            if self._noted.get(ref, 0) >= TOLD_IN_VAIN:
                self._unnoted.setdefault(ref, (self.clock.now(), self.clock.now()))
        nameless = [ref for ref in refs if not _is_storable(ref)]
        asked = [ref for ref in refs if ref not in self._unnoted and ref not in nameless]
        for ref in nameless:
            await self._bury_nameless(ref)
        noted, failures = await self._note(nameless), list[Exception]()
        # Threads in which a message was slow or failed come last, and such messages behind the others of their threads:
        # what is in no such thread is published and noted by then.
        threads = {ref.thread for ref in asked if ref in self._sought}
        late = sorted((ref for ref in asked if ref.thread in threads), key=lambda ref: ref in self._sought)
        self._late.clear()
        self._late.update(ref for ref in late if ref not in self._sought)
        for some in ([ref for ref in asked if ref.thread not in threads], late):
            count, failed = await self._told_of(some, beginning)
            noted += count
            failures += failed
        noted += await self._note_late([ref for ref in refs if ref in self._unnoted])
        if failures and not noted:
            raise failures[0]
        return noted

    async def _told_of(self, refs: Sequence[MessageRef], beginning: datetime) -> tuple[int, Sequence[Exception]]:
        """Publish these and tell the host; how many it noted, and what the others failed with."""
        looked = await self._looked(refs)
        found = {ref: one for ref, one in looked.items() if isinstance(one, ConversationEvent)}
        for ref in found:
            self._sought.worked(ref)
            self._missing.pop(ref, None)
        await self._publish([event for event in found.values() if self._is_news(event, beginning)])
        given_up = [ref for ref, one in looked.items() if ref not in found and await self._is_given_up(ref, one)]
        noted = await self._note([*found, *given_up])
        return noted, [one for ref, one in looked.items() if isinstance(one, Exception) and ref not in given_up]

    async def _note(self, refs: Sequence[MessageRef]) -> int:
        """Tell the host that these need not come again; how many it noted.

        One on which its adapter fails must not bring all others again and again: it is found by halves, and noted by
        itself later. Raises what the adapter raised where it notes nothing.
        """
        failed, noted, waiting = list[MessageRef](), 0, [list(refs)] if refs else []
        while waiting:
            some = waiting.pop()
            try:
                await self.conversations.port.told(some)
                noted += len(some)
                for ref in some:
                    remember(self._noted, ref, self._noted.get(ref, 0) + 1, most=REMEMBERED)
            except AdapterFailed:
                if len(some) > 1:
                    half = len(some) // 2
                    waiting += [some[half:], some[:half]]
                    continue
                failed += some
                if not noted and (len(failed) >= FAILS_FOR_ALL or not waiting):
                    raise  # not on one of them: it notes nothing at all
        for ref in failed:
            self._unnoted[ref] = self.clock.now(), self.clock.now()
        return noted

    async def _note_late(self, refs: Sequence[MessageRef]) -> int:
        """Tell the host once more of what is published, and what it could not note; in the end an operator hears of it.

        Raises `AdapterFailed` where `told` returns, and changes nothing.
        """
        now, noted = self.clock.now(), 0
        for ref in refs:
            since, tried = self._unnoted[ref]
            if now - tried < NOTED_AGAIN:
                continue
            try:
                await self.conversations.port.told([ref])
            except AdapterFailed as fault:
                if now - since >= FAULTY_FOR:
                    event = host_event_id(ConversationId(ref.thread), ref.message)
                    await self._bury(ConversationId(ref.thread), event, str(fault), what="published, and not noted")
                self._unnoted[ref] = since, now
                return noted  # the others in a moment: each may take its time to fail
            if self._noted.get(ref, 0) >= TOLD_IN_VAIN:
                self._unnoted[ref] = since, now
                raise AdapterFailed("conversations.told", IN_VAIN)
            del self._unnoted[ref]
            noted += 1
        return noted

    async def _beginning(self) -> datetime:
        """When this feed was made for the first time, in whichever process."""
        if not self._begun:
            self._begun.append(await self.conversations.rows.first_start(self._made_at))
        return self._begun[0]

    async def _looked(self, refs: Sequence[MessageRef]) -> dict[MessageRef, Looked]:
        """What each is, side by side: one message must not keep the others waiting.

        Who is not looked at in time comes again, and last if the look had begun.
        """
        gate = asyncio.Semaphore(SIDE_BY_SIDE)
        turns = {ref.thread: asyncio.Semaphore(OF_ONE_THREAD) for ref in refs}
        begun: set[MessageRef] = set()

        async def look(ref: MessageRef) -> Looked:
            async with turns[ref.thread], gate:
                begun.add(ref)
                try:
                    event = await self.conversations.found(ref)
                    if event is not None:
                        await self._list(event.conversation)
                except Exception as failed:  # noqa: BLE001 - whatever an adapter raises
                    return failed
                return event

        looks = {ref: asyncio.create_task(look(ref)) for ref in refs}
        if not looks:
            return {}
        try:
            await self._waited(looks.values())
            for ref, one in looks.items():
                if ref in begun and not one.done():
                    self._sought.since(ref)
        finally:
            late = [one for one in looks.values() if not one.done()]
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return {ref: one.result() for ref, one in looks.items() if not one.cancelled()}

    async def _waited(self, looks: Iterable[asyncio.Task[Looked]]) -> None:
        """Until all have ended, until time is up, or until none has ended for a while."""
        pending, end = set(looks), asyncio.get_running_loop().time() + self.looks_within.total_seconds()
        while pending and (left := end - asyncio.get_running_loop().time()) > 0:
            done, pending = await asyncio.wait(pending, timeout=min(left, self.patience.total_seconds()))
            if not done:
                return

    def _is_news(self, event: ConversationEvent, beginning: datetime) -> bool:
        """Whether a message is younger than the first start; what came by mail always is."""
        if event.origin is not Origin.CHAT or event.occurred_at >= beginning:
            return True
        self.telemetry.measure("convs.feed.past", 1)
        return False

    async def _publish(self, news: Sequence[ConversationEvent]) -> None:
        if not news:
            return
        try:
            await self.log.publish([record(event) for event in news])
        except Rejected:
            await self._one_by_one(news)
        measure(self.telemetry, self.clock, [event.appended_at for event in news])

    async def _one_by_one(self, news: Sequence[ConversationEvent]) -> None:
        """The log refuses one of them for good: that one becomes a dead letter, the others are published."""
        for event in news:
            try:
                await self.log.publish([record(event)])
            except Rejected as refused:
                name = type(refused).__name__
                await self._bury(event.conversation, event.id, f"the event log refuses it: {name}")

    async def _list(self, conversation: ConversationId) -> None:
        """For `rollout`, which asks which conversations a use case has."""
        if conversation in self._listed:
            return
        thread = await self.conversations.thread(conversation)
        if thread is not None:
            await self.listing.add(thread.use_case, conversation)
        remember(self._listed, conversation, None, most=REMEMBERED)

    async def _is_given_up(self, ref: MessageRef, looked: Looked) -> bool:
        """Whether a message need not be looked for again: withdrawn before it was told of, or failed on for too long."""
        self._sought.since(ref)
        if not isinstance(looked, Exception):
            # From the first look that did not find it: one that failed says nothing about the message.
            missing = self._missing.setdefault(ref, self.clock.now())
            is_over = self.clock.now() - missing >= SOUGHT_FOR
            if is_over:
                self.telemetry.measure("convs.feed.withdrawn", 1)
        elif isinstance(looked, Unavailable) and not isinstance(looked, AdapterFailed):
            is_over = False  # an outage, however long
        else:
            is_over = self._sought.is_hopeless(ref)
            if is_over:
                seen = await self.conversations.unfound(ref)
                await self._bury(seen.conversation, seen.event, because(looked))
        if is_over:
            self._sought.forget(ref)
        if is_over or isinstance(looked, Exception):
            self._missing.pop(ref, None)
        return is_over

    async def _bury_nameless(self, ref: MessageRef) -> None:
        """One whose ids no store can keep: they will never be others."""
        name = digest("nameless", ascii(ref.thread), ascii(ref.message))
        await self._bury(NAMELESS, EventId(name), "no store can keep the id of the message, or of its conversation")

    async def _bury(
        self, conversation: ConversationId, event: EventId, why: str, *, what: str = "not published"
    ) -> None:
        """The host need not tell of it again: what is left is the letter, which a redrive decides about."""
        letter = DeadLetter(
            id=decision_letter(conversation, event),
            lane=LANE,
            subject=subject_of(conversation, event),
            reason=f"{what}: {why}",
            tries=1,
            at=self.clock.now(),
        )
        await self.dead_letters.put(letter)


def _is_storable(ref: MessageRef) -> bool:
    try:
        storable.conversation_id(ref.thread)
        storable.identifier("message", ref.message)
    except storable.Unstorable:
        return False
    return True
