"""The messages of a host are published once the host tells of them, and the host is told afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve, field

from convalias.adapters import memory
from convalias.domain.conversations.host_messages import host_event_id
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.ports.conversations import Message, MessageRef, Thread
from convalias.ports.errors import AdapterFailed, Rejected, Unavailable
from convalias.ports.event_log import UNPLACED, EventRecord
from convalias.services.feed import untold_feed
from convalias.services.feed.untold_feed import OF_ONE_THREAD, UntoldFeed
from convalias.services.running import faulty_work
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.conversations.listing import Listing
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.outbound.letters import LANE, subject_of
from ports.minimal.talks import Conversations
from services.feed.test_change_feed import Log

C1 = ConversationId("c1")


@define
class Wayward(Conversations):
    """A host whose adapter fails on some messages, and does not find others."""

    broken: dict[str, Exception] = field(factory=dict[str, Exception])
    hidden: set[str] = field(factory=set[str])
    told_failure: Exception | None = None

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        if message in self.broken:
            raise self.broken[message or ""]
        return None if message in self.hidden else await super().find(thread, message=message, key=key)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        if self.told_failure is not None:
            raise self.told_failure
        await super().told(messages)


class FailingLog(Log):
    fails: Exception | None = None

    async def publish(self, records: Sequence[EventRecord]) -> None:
        if self.fails is not None:
            raise self.fails
        await super().publish(records)


@define
class Stage:
    host: Wayward
    log: FailingLog
    clock: memory.Clock
    telemetry: memory.Telemetry
    records: memory.Records
    feed: UntoldFeed

    def say(self, text: str = "x") -> str:
        return self.host.tables.say("c1", "ann", text, at=self.clock.now())

    def ref(self, message: str) -> MessageRef:
        return MessageRef("c1", message)

    async def letters(self) -> list[DeadLetter]:
        return [one async for one in DeadLetters(records=self.records).list(LANE)]

    @property
    def events(self) -> list[str]:
        return [one.event for one in self.log.published]


def stage(**more: Any) -> Stage:
    host, clock, records = Wayward(), memory.Clock(), memory.Records()
    host.tables.open("c1", Participant.of("ann"), Participant.of("bob"))
    log, telemetry = FailingLog(), memory.Telemetry()
    feed = UntoldFeed(
        conversations=HostConversations(port=host, rows=HostRows(records=records), clock=clock),
        log=log,
        listing=Listing(records=records),
        dead_letters=DeadLetters(records=records),
        clock=clock,
        telemetry=telemetry,
        **more,
    )
    return Stage(host, log, clock, telemetry, records, feed)


async def test_what_is_untold_is_published_without_a_number_and_then_told() -> None:
    here = stage(batch=2)
    ids = [here.say(f"{number}") for number in range(5)]
    assert await here.feed.drain() == 5
    assert here.events == [host_event_id(C1, one) for one in ids]
    assert {(one.seq, one.kind) for one in here.log.published} == {(UNPLACED, "message_added")}
    assert here.host.tables.told == {here.ref(one) for one in ids}
    assert await here.feed.step() == 0
    pages = [page async for page in Listing(records=here.records).pages(UseCase("hiring"))]
    assert pages == [["c1"]]
    await here.feed.close()


async def test_nothing_is_told_before_it_is_published() -> None:
    here = stage()
    message = here.say()
    here.log.fails = Unavailable("log")
    with pytest.raises(Unavailable):
        await here.feed.step()
    assert here.host.tables.told == set()
    here.log.fails = None
    assert await here.feed.step() == 1
    assert here.events == [host_event_id(C1, message)]


async def test_what_could_not_be_told_is_published_again_under_the_same_id() -> None:
    here = stage()
    here.say()
    here.host.told_failure = ConnectionError()
    with pytest.raises(ConnectionError):
        await here.feed.step()
    here.host.told_failure = None
    await here.feed.step()
    assert len(here.events) == 2
    assert len(set(here.events)) == 1


async def test_what_commits_late_is_not_passed_over() -> None:
    here = stage()
    early = here.say("early")
    late = here.host.tables.messages.pop(("c1", early))
    here.say("on time")
    await here.feed.drain()
    here.host.tables.messages["c1", early] = late
    assert await here.feed.drain() == 1
    assert here.events[-1] == host_event_id(C1, early)


async def test_a_message_that_is_not_found_waits_a_minute_and_keeps_nobody_waiting() -> None:
    here = stage(batch=1)
    hidden = here.say("hidden")
    here.host.hidden.add(hidden)
    here.say("other")
    assert await here.feed.step() == 0
    assert await here.feed.step() == 1  # there is room beside what waits
    await here.clock.advance(timedelta(seconds=59))
    assert await here.feed.step() == 0
    await here.clock.advance(timedelta(seconds=1))
    assert await here.feed.step() == 1
    assert here.ref(hidden) in here.host.tables.told
    assert host_event_id(C1, hidden) not in here.events


async def test_a_message_that_comes_late_within_the_minute_is_published() -> None:
    here = stage()
    hidden = here.say("hidden")
    here.host.hidden.add(hidden)
    assert await here.feed.step() == 0
    here.host.hidden.clear()
    assert await here.feed.step() == 1


async def test_an_outage_is_waited_for_however_long() -> None:
    here = stage()
    broken = here.say()
    here.host.broken[broken] = Unavailable("database")
    for _ in range(3):
        with pytest.raises(Unavailable):
            await here.feed.step()
        await here.clock.advance(timedelta(days=1))
    assert here.host.tables.told == set()


async def test_a_message_on_which_the_adapter_fails_alone_becomes_a_letter() -> None:
    here = stage()
    broken = here.say("broken")
    here.host.broken[broken] = AdapterFailed("conversations.find", "KeyError at own/talks.py:7")
    with pytest.raises(AdapterFailed):
        await here.feed.step()
    done = []
    for minutes in (1, 3, 3):
        await here.clock.advance(timedelta(minutes=minutes))
        here.say("other")
        done.append(await here.feed.step())
    assert done == [1, 1, 2]
    (letter,) = await here.letters()
    assert letter.subject == subject_of(C1, host_event_id(C1, broken))
    assert letter.reason == "not published: conversations.find of the host: KeyError at own/talks.py:7"
    assert here.ref(broken) in here.host.tables.told
    assert host_event_id(C1, broken) not in here.events


async def test_what_is_older_than_the_first_start_is_told_and_not_published() -> None:
    here = stage()
    here.host.tables.say("c1", "ann", "past", at=here.clock.now() - timedelta(seconds=1))
    assert await here.feed.step() == 1
    assert here.events == []
    await here.clock.advance(timedelta(days=9))
    again = evolve(here.feed)  # a later process: its beginning is the first one's
    here.host.tables.say("c1", "ann", "between", at=here.clock.now() - timedelta(days=8))
    assert await again.step() == 1
    assert len(here.events) == 1


async def test_what_the_log_refuses_for_good_is_a_letter_and_the_others_are_published() -> None:
    here = stage()
    bad, good = here.say("bad"), here.say("good")

    class Choosy(Log):
        async def publish(self, records: Sequence[EventRecord]) -> None:
            if any(one.event == host_event_id(C1, bad) for one in records):
                raise Rejected("too long")
            await super().publish(records)

    log = Choosy()
    feed = evolve(here.feed, log=log)
    assert await feed.step() == 2
    assert [one.event for one in log.published] == [host_event_id(C1, good)]
    (letter,) = await here.letters()
    assert "the event log refuses it: Rejected" in letter.reason


async def test_a_host_that_never_answers_is_away() -> None:
    class Silent(Wayward):
        async def untold(self, *, limit: int) -> Sequence[MessageRef]:
            await asyncio.Event().wait()
            return ()

    here = stage(within=timedelta(milliseconds=5))
    silent = Silent(here.host.tables)
    feed = evolve(here.feed, conversations=evolve(here.feed.conversations, port=silent))
    with pytest.raises(Unavailable):
        await feed.step()


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untold_feed, "REMEMBERED", 1)
    monkeypatch.setattr(faulty_work, "REMEMBERED", 1)
    here = stage()
    for name in ("c2", "c3"):
        here.host.tables.open(name, Participant.of("ann"))
        here.host.tables.say(name, "ann", "x", at=here.clock.now())
    here.host.tables.say("erased", "ann", "x", at=here.clock.now())
    here.host.hidden.update({here.say(), here.say()})
    assert await here.feed.step() == 3
    assert len(here.feed._listed) == 1
    assert len(here.feed._sought) == 1


async def test_messages_that_are_never_found_keep_no_other_waiting() -> None:
    """Ten conversations in which the host never answers, beside two hundred messages of others."""

    class Hanging(Wayward):
        asked = 0

        async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
            if message in self.hidden:
                self.asked += 1
                await asyncio.Event().wait()
            return await super().find(thread, message=message, key=key)

    here = stage(patience=timedelta(milliseconds=200), batch=300)
    host = Hanging(here.host.tables)
    host.hidden = {here.say() for _ in range(10)}
    others = [here.say() for _ in range(200)]
    feed = evolve(here.feed, conversations=evolve(here.feed.conversations, port=host))
    noted = await feed.step() + await feed.step()
    assert noted == 200
    assert here.events == [host_event_id(C1, one) for one in others]
    late = here.say()
    asked = host.asked
    assert await feed.step() == 1
    assert here.events[-1] == host_event_id(C1, late)
    assert host.asked > asked  # after the others, and again the next time
    host.hidden.clear()
    assert await feed.step() == 10
    assert len(here.events) == 211


class Slow(Wayward):
    """A host that never answers about one thread."""

    asked = 0
    most = 0

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        self.most = limit
        return await super().untold(limit=limit)

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        if id == "c1":
            self.asked += 1
            await asyncio.Event().wait()
        return await super().thread(id)


async def test_a_thread_that_never_answers_keeps_no_other_waiting_for_one_step() -> None:
    here = stage(patience=timedelta(milliseconds=200))
    host = Slow(here.host.tables)
    for _ in range(20):
        here.say()
    host.tables.open("c2", Participant.of("ann"), Participant.of("bob"))
    others = [host.tables.say("c2", "ann", "x", at=here.clock.now()) for _ in range(5)]
    feed = evolve(here.feed, conversations=evolve(here.feed.conversations, port=host))
    assert await feed.step() == 5
    assert here.events == [host_event_id(ConversationId("c2"), one) for one in others]
    assert host.asked == OF_ONE_THREAD
    # What is new in another thread is published before anything of the slow one is looked at.
    host.tables.say("c2", "ann", "later", at=here.clock.now())
    asked_before: list[int] = []
    publish = here.log.publish

    async def noted(records: Sequence[EventRecord]) -> None:
        asked_before.append(host.asked)
        await publish(records)

    here.log.publish = noted  # type: ignore[method-assign]
    assert await feed.step() == 1
    assert asked_before == [OF_ONE_THREAD]
    assert await feed.step() == 0
    assert host.most >= 100 + 20  # room for a whole batch beside all twenty that wait
