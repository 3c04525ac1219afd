"""A world in which one conversation never answers and one always fails: nobody else waits, or begins again, for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import pytest
from attrs import define, evolve, field, frozen

from convalias.app.ports import Ports
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.domain.outbound.notifications import Notification
from convalias.ports.conversations import Conversations, Message, MessageRef, Thread
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventLog, EventRecord
from convalias.ports.event_log import Subscription as SubscriptionPort
from convalias.ports.hub import Declined, NotificationHub, Sent
from convalias.ports.records import Key, Stored
from convalias.ports.records import Records as RecordsPort
from convalias.testing.simulator import engines, ports
from convalias.testing.simulator.loop import VirtualLoop
from convalias.testing.simulator.weather import CALM
from convalias.testing.simulator.world import Shape, World

SLOW: Final = ConversationId("c0")
BROKEN: Final = ConversationId("c1")
OTHERS: Final = tuple(ConversationId(f"c{number}") for number in range(2, 8))
ANN, BOB = AccountId("ann"), AccountId("bob")
HANGS: Final = 150.0
"""Virtual seconds for which a call about the slow conversation hangs: longer than anybody waits for it."""
ROUNDS: Final = 18
PAUSE: Final = 10.0
"""Virtual seconds between two rounds of messages."""
BURST: Final = 12
"""Messages of a round in each of the two: more than are looked at side by side."""
MENDED: Final = 2 * 3600.0
"""Virtual seconds in which all that waited is told of: the mails of an hour are bounded, too."""
LEARNED: Final = 1
"""Rounds after which a process knows which conversations are slow."""


@define
class Trouble:
    """What goes wrong with the two, and what was asked about the others."""

    at: set[str] = field(factory=set[str])
    """Where it goes wrong now: `host`, `records`, `hub`."""
    met: Counter[str] = field(factory=Counter[str])
    """How many calls hung or failed, by conversation."""
    taken: Counter[str] = field(factory=Counter[str])
    """How often the notifier took each event from the log."""
    asked: Counter[str] = field(factory=Counter[str])
    """How often the channel was asked to send each notification."""

    async def meet(self, where: str, conversations: Collection[str]) -> None:
        """Hang, or fail, if this is about one of the two alone."""
        if where not in self.at or len({*conversations}) != 1:
            return
        (conversation,) = {*conversations}
        if conversation == SLOW:
            self.met[SLOW] += 1
            await asyncio.sleep(HANGS)
            raise TimeoutError
        if conversation == BROKEN:
            self.met[BROKEN] += 1
            raise Unavailable(where)


@define(slots=False)
class Records:
    """Records that cannot read what the two have."""

    port: RecordsPort
    trouble: Trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        await self.trouble.meet("records", [key.partition for key in keys])
        return await self.port.get(keys)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        await self.trouble.meet("records", [partition])
        return await self.port.range(table, partition, after=after, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        await self.trouble.meet("records", [partition])
        return await self.port.latest(table, partition)


@define(slots=False)
class Host:
    """Conversations of a host whose tables do not answer about the two."""

    port: Conversations
    trouble: Trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        await self.trouble.meet("host", [id])
        return await self.port.thread(id)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        await self.trouble.meet("host", [thread])
        return await self.port.find(thread, message=message, key=key)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        await self.trouble.meet("host", [one.thread for one in messages])
        await self.port.told(messages)


@define(slots=False)
class Hub:
    """A channel that counts what it is asked to send, and does not answer about the two."""

    port: NotificationHub
    trouble: Trouble

    @property
    def channels(self) -> Any:
        return self.port.channels

    async def send(self, notification: Notification) -> Sent | Declined:
        self.trouble.asked[notification.id] += 1
        await self.trouble.meet("hub", [notification.conversation])
        return await self.port.send(notification)


@define(slots=False)
class Log:
    """An event log that counts what is taken from it."""

    port: EventLog
    trouble: Trouble

    async def publish(self, records: Sequence[EventRecord]) -> None:
        await self.port.publish(records)

    def records(self, group: str) -> Subscription:
        return Subscription(self.port.records(group), self.trouble)


@define(slots=False)
class Subscription:
    port: SubscriptionPort
    trouble: Trouble

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        found = await self.port.take(limit=limit, wait=wait)
        self.trouble.taken.update(one.event for one in found)
        return found

    async def commit(self) -> None:
        await self.port.commit()

    async def close(self) -> None:
        await self.port.close()


@frozen
class Told:
    """What became of a world; of the others, how often each event or notification was passed on."""

    delays: Mapping[str, Sequence[float]]
    """By conversation, in the order of messages: from each to its notification, in virtual seconds."""
    published: Counter[int]
    taken: Counter[int]
    asked: Counter[int]
    met: Counter[str]
    untold: Sequence[str]
    twice: Sequence[str]
    failures: Sequence[str]


def text_of(notification: Notification) -> str:
    happening = notification.event.happening
    assert isinstance(happening, MessageAdded)
    return happening.text


async def opened(world: World, conversation: ConversationId) -> None:
    members = [Participant(ANN, name="Ann"), Participant(BOB, name="Bob")]
    use_case, platform = UseCase("hiring"), world.engines.platform
    if platform is not None:
        platform.open(conversation, members, use_case)
        return
    await world.ask("web", 0, lambda cv: cv.open_conversation(conversation, use_case=use_case, participants=members))


async def said(world: World, conversation: ConversationId, text: str) -> None:
    platform = world.engines.platform
    if platform is not None:
        platform.commit(platform.draft(conversation, ANN, text))
        world.rests.ring(ports.HOST)
        return
    await world.ask("web", 0, lambda cv: cv.messaging.send(conversation, text, author=ANN, key=text))


def counted(trouble: Trouble, given: Ports) -> Ports:
    """The ports of a worker, with what is asked for about the others counted, and what goes wrong about the two."""
    assert given.hub is not None
    instead: dict[str, Any] = {
        "records": Records(given.records, trouble),
        "events": Log(given.events, trouble),
        "hub": Hub(given.hub, trouble),
    }
    if given.conversations is not None:
        instead["conversations"] = Host(given.conversations, trouble)
    return evolve(given, **instead)


async def begun(trouble: Trouble, *, hosted: bool) -> World:
    """A world of one worker in which all conversations are open, and nothing goes wrong yet."""
    world = World(1, weather=CALM, shape=Shape(workers=1, hub=engines.HUBS[0], legacy=False, hosted=hosted))

    def alter(_: World, given: Ports) -> Ports:
        assert isinstance(given.clock, ports.Clock)
        return counted(trouble, given) if given.clock.process.role.startswith("worker") else given

    world.alter = alter
    for role in ("web-0", "worker-0"):
        world.boot(role)
    await asyncio.sleep(2.0)
    for name in (ANN, BOB):
        world.engines.directory.put(Account(name, (EmailAddress.parse(f"{name}@home.example"),), name=name))
    world.engines.flags.set(Rollout(UseCase("hiring"), Stage.NATIVE, 10_000, "salt"), Axis.MINTING)
    for conversation in (SLOW, BROKEN, *OTHERS):
        await opened(world, conversation)
    await asyncio.sleep(60.0)
    return world


def measured(world: World, trouble: Trouble, at: Mapping[str, float]) -> Told:
    """What the engines of a world hold in the end; `at`: when each message was said, by its text."""
    sent = [(one.at, one.notification, text_of(one.notification)) for one in world.engines.hub.sent]
    heard = Counter(text for _, _, text in sent)
    records = [record for partition in world.engines.log.partitions for record in partition.records]
    others = Counter(record.event for record in records if record.conversation in OTHERS)
    delays: dict[str, list[float]] = {}
    for when, notification, text in sorted(sent, key=lambda one: at[one[2]]):
        delays.setdefault(notification.conversation, []).append(when - at[text])
    return Told(
        delays=delays,
        published=Counter(others.values()),
        taken=Counter(trouble.taken[event] for event in others),
        asked=Counter(trouble.asked[one.id] for _, one, _ in sent if one.conversation in OTHERS),
        met=trouble.met,
        untold=[text for text in at if text not in heard],
        twice=[text for text, count in heard.items() if count > 1],
        failures=world.failures,
    )


def lived(at_fault: str, *, hosted: bool) -> Told:
    """Let a world live in which this is at fault about the two for some minutes, and is mended then."""

    async def story() -> Told:
        trouble, at = Trouble(), dict[str, float]()
        world = await begun(trouble, hosted=hosted)
        trouble.at = {at_fault}
        for _ in range(ROUNDS):
            for conversation in (*(SLOW, BROKEN) * BURST, *OTHERS):
                text = f"{conversation} {len(at)}"
                at[text] = world.now
                await said(world, conversation, text)
            await asyncio.sleep(PAUSE)
        trouble.at = set()
        await asyncio.sleep(MENDED)
        told = measured(world, trouble, at)
        await world.close()
        return told

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


def expect_that_others_went_on(told: Told, *, median: float, most: float) -> None:
    """Each message of the others once at each step, within so many seconds; those of the two once, after all."""
    assert told.failures == []
    assert told.untold == []
    assert told.twice == []
    assert {*told.published} == {*told.taken} == {*told.asked} == {1}
    assert told.asked.total() == len(OTHERS) * ROUNDS
    for conversation in OTHERS:
        first, later = told.delays[conversation][:LEARNED], told.delays[conversation][LEARNED:]
        assert max(first) < 15.0
        assert sorted(later)[len(later) // 2] < median
        assert max(later) < most


@pytest.mark.slow
@pytest.mark.parametrize("hosted", [False, True])
def test_nobody_waits_for_a_conversation_that_hangs_or_fails_in_the_feed_or_in_deciding(*, hosted: bool) -> None:
    told = lived("host" if hosted else "records", hosted=hosted)
    assert told.met[SLOW] > ROUNDS // 2
    assert told.met[BROKEN] > ROUNDS // 2
    expect_that_others_went_on(told, median=3.0 if hosted else 1.0, most=15.0 if hosted else 2.0)


@pytest.mark.slow
def test_nobody_waits_for_a_conversation_whose_channel_hangs_or_fails() -> None:
    told = lived("hub", hosted=False)
    assert told.met[SLOW] > 0
    assert told.met[BROKEN] > ROUNDS // 2
    expect_that_others_went_on(told, median=1.5, most=3.0)
