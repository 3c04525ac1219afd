"""What a host's adapter fails on for one message holds up no other, and is a dead letter at last that names the line."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.ports.conversations import Message, MessageRef, Thread
from convalias.ports.errors import AdapterFailed, Unavailable
from convalias.services.feed.untold_feed import BATCH, FAILS_FOR_ALL, NOTED_AGAIN, SIDE_BY_SIDE, SOUGHT_FOR, UntoldFeed
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.conversations.listing import Listing
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.testing.simulator.loop import VirtualLoop
from ports.minimal import talks

LINE = "KeyError at app/talks.py:3 in Talks"
DAY = timedelta(days=1)


class Talks(talks.Conversations):
    """A host whose call fails on some messages or threads, or never answers about them."""

    call = ""
    on: Collection[str] = ()
    hangs = False

    async def _fail(self, call: str, names: Collection[str]) -> None:
        if call == self.call and not frozenset(self.on).isdisjoint(names):
            if self.hangs:
                await asyncio.sleep(10**6)
            raise AdapterFailed(f"conversations.{call}", f"{LINE}.{call}")

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        await self._fail("thread", {id})
        return await super().thread(id)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        await self._fail("find", {str(message)})
        return await super().find(thread, message=message, key=key)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        await self._fail("told", {one.message for one in messages})
        await super().told(messages)


class Feed:
    """A feed over a host with two threads."""

    def __init__(self) -> None:
        self.clock, self.records, self.host = memory.Clock(), memory.Records(), Talks()
        self.log = memory.EventLog(clock=self.clock)
        for thread in ("c1", "c2"):
            self.host.tables.open(thread, Participant.of("ann"))
        self.letters = DeadLetters(records=self.records)
        self.listing = Listing(records=self.records)
        self.feed = UntoldFeed(
            conversations=HostConversations(port=self.host, rows=HostRows(records=self.records), clock=self.clock),
            log=self.log,
            listing=self.listing,
            dead_letters=self.letters,
            clock=self.clock,
            telemetry=memory.Telemetry(),
        )

    def say(self, thread: str = "c1") -> MessageRef:
        return MessageRef(thread, self.host.tables.say(thread, "ann", "Hello", at=self.clock.now()))

    def fail(self, call: str, *on: str, hangs: bool = False) -> None:
        self.host.call, self.host.on, self.host.hangs = call, on, hangs

    async def reasons(self) -> list[str]:
        return [one.reason async for one in self.letters.list("deliveries")]

    async def published(self) -> int:
        return len(await self.log.records("test").take(limit=1_000, wait=timedelta(0)))

    @property
    def told(self) -> set[MessageRef]:
        return self.host.tables.told


@pytest.mark.parametrize("call", ["find", "thread"])
async def test_a_message_that_the_host_cannot_give_holds_up_no_other_and_is_a_letter_at_last(call: str) -> None:
    here = Feed()
    bad = here.say("c1")
    here.fail(call, bad.message if call == "find" else "c1")
    with pytest.raises(AdapterFailed):
        await here.feed.step()
    good: set[MessageRef] = set()
    for minutes in (6, 3, 2):
        assert here.told == good
        await here.clock.advance(timedelta(minutes=minutes))
        good.add(here.say("c2"))
        assert await here.feed.step() == (2 if minutes == 2 else 1)
    assert here.told == {*good, bad}
    assert await here.published() == 3
    assert await here.reasons() == [f"not published: conversations.{call} of the host: {LINE}.{call}"]


async def test_what_the_host_cannot_give_for_a_day_is_a_letter_though_nothing_else_happens() -> None:
    here = Feed()
    bad = here.say()
    here.fail("find", bad.message)
    for _ in range(2):
        with pytest.raises(AdapterFailed):
            await here.feed.step()
        await here.clock.advance(DAY / 2)
    assert await here.feed.step() == 1
    assert here.told == {bad}


async def test_a_conversation_is_listed_though_its_first_message_failed() -> None:
    here = Feed()
    here.say("c1")
    here.fail("thread", "c1")
    with pytest.raises(AdapterFailed):
        await here.feed.step()
    here.fail("")
    assert await here.feed.step() == 1
    assert [[*page] async for page in here.listing.pages(UseCase("hiring"))] == [["c1"]]


async def test_a_message_that_the_host_cannot_note_keeps_no_other_untold_and_is_published_once() -> None:
    here = Feed()
    refs = [here.say() for _ in range(9)]
    bad = refs[4]
    here.fail("told", bad.message)
    assert await here.feed.step() == 8
    assert here.told == {*refs} - {bad}
    for _ in range(3):
        await here.clock.advance(timedelta(minutes=2))
        assert await here.feed.step() == 0
    assert await here.published() == 9
    assert await here.reasons() == []
    await here.clock.advance(DAY)
    await here.feed.step()
    assert await here.reasons() == [f"published, and not noted: conversations.told of the host: {LINE}.told"]
    here.fail("")
    assert await here.feed.step() == 0, "it was tried a moment ago"
    await here.clock.advance(timedelta(minutes=2))
    assert await here.feed.step() == 1
    assert here.told == {*refs}
    assert await here.published() == 9


async def test_beside_what_the_host_cannot_note_there_is_room_for_what_is_new() -> None:
    here = Feed()
    here.say("c2")
    bad = [here.say() for _ in range(3)]
    here.fail("told", *(one.message for one in bad))
    assert await here.feed.step() == 1
    new = [here.say("c2") for _ in range(BATCH)]
    assert await here.feed.step() == BATCH
    assert {*new} <= here.told


async def test_what_was_noted_though_the_call_failed_is_no_more_thought_of() -> None:
    here = Feed()
    good, bad = here.say(), here.say()
    here.fail("told", bad.message)
    assert await here.feed.step() == 1
    here.told.add(bad)
    assert await here.feed.step() == 0
    here.told.remove(bad)  # as after a restore of the host's tables
    here.fail("")
    assert await here.feed.step() == 1
    assert here.told == {good, bad}


@pytest.mark.parametrize("number", [1, FAILS_FOR_ALL - 1, 4 * FAILS_FOR_ALL])
async def test_a_host_that_can_note_nothing_is_tried_again_with_all(number: int) -> None:
    here = Feed()
    refs = [here.say() for _ in range(number)]
    here.fail("told", *(one.message for one in refs))
    with pytest.raises(AdapterFailed):
        await here.feed.step()
    here.fail("")
    assert await here.feed.step() == number
    assert here.told == {*refs}


async def test_the_minute_of_a_message_that_is_not_found_begins_when_it_is_not_found() -> None:
    """Seed 10093 of 200 mails: our store was away for minutes, then a replica was behind once, and nobody was told."""

    class Behind(Talks):
        looks: list[Exception | None] = []  # noqa: RUF012 - of each host its own, below

        async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
            if not self.looks:
                return await super().find(thread, message=message, key=key)
            if (look := self.looks.pop(0)) is not None:
                raise look
            return None

    away = Unavailable("store")
    here = Feed()
    here.host = Behind(here.host.tables)
    here.host.looks = [away, away, None, away, None]
    here.feed = evolve(here.feed, conversations=evolve(here.feed.conversations, port=here.host))
    ref = here.say()
    for _ in range(5):
        with suppress(Unavailable):
            assert await here.feed.step() == 0
        await here.clock.advance(SOUGHT_FOR)
    assert await here.feed.step() == 1
    assert here.told == {ref}
    assert await here.published() == 1


async def test_a_told_that_changes_nothing_is_an_outage_that_says_so_and_not_a_loop() -> None:
    """As where the commit was forgotten: it was asked, and told, some thousand times a second."""

    class Forgetful(Talks):
        calls = 0

        async def told(self, messages: Sequence[MessageRef]) -> None:
            self.calls += 1

    here = Feed()
    here.host = Forgetful(here.host.tables)
    here.feed = evolve(here.feed, conversations=evolve(here.feed.conversations, port=here.host))
    here.say()
    assert [await here.feed.step() for _ in range(6)] == [1, 1, 1, 0, 0, 0]
    await here.clock.advance(NOTED_AGAIN)
    with pytest.raises(AdapterFailed, match=r"^conversations\.told of the host: it returns, and .* is it committed\?$"):
        await here.feed.step()
    assert await here.feed.step() == 0
    assert here.host.calls == 4
    here.host = Talks(here.host.tables)  # mended
    here.feed.conversations.port.told = here.host.told  # type: ignore[method-assign]
    await here.clock.advance(NOTED_AGAIN)
    with suppress(AdapterFailed):
        await here.feed.step()
    assert [await here.feed.step() for _ in range(2)] == [0, 0]
    assert len(here.told) == 1


async def test_a_store_that_is_away_at_a_told_is_waited_for() -> None:
    class Away(Talks):
        async def told(self, messages: Sequence[MessageRef]) -> None:
            raise Unavailable("the host's database")

    here = Feed()
    here.host.__class__ = Away
    here.say()
    with pytest.raises(Unavailable, match="the host's database"):
        await here.feed.step()


@pytest.mark.parametrize("ref", [("c\0", "7"), ("c" * 300, "7"), ("c1", "\ud800"), ("c1", "7" * 300)])
async def test_a_message_whose_ids_no_store_can_keep_is_a_letter_at_once(ref: tuple[str, str]) -> None:
    class Odd(Talks):
        async def untold(self, *, limit: int) -> Sequence[MessageRef]:
            odd = MessageRef(*ref)
            return [*([] if odd in self.tables.told else [odd]), *await super().untold(limit=limit)]

    here = Feed()
    here.host.__class__ = Odd
    good = here.say()
    assert await here.feed.step() == 2
    assert here.told == {good, MessageRef(*ref)}
    assert await here.reasons() == ["not published: no store can keep the id of the message, or of its conversation"]
    assert await here.feed.step() == 0


def test_messages_about_which_the_host_never_answers_hold_up_no_other() -> None:
    """Unguarded, and more than a step has time for: those that failed before come behind the others."""

    async def story() -> None:
        here = Feed()
        bad = [here.say() for _ in range(5 * SIDE_BY_SIDE)]
        here.fail("find", *(one.message for one in bad), hangs=True)
        assert await here.feed.step() == 0
        here.fail("find", *(one.message for one in bad))
        with pytest.raises(AdapterFailed):
            await here.feed.step()
        here.fail("find", *(one.message for one in bad), hangs=True)
        good = here.say("c2")
        assert await here.feed.step() == 1
        assert here.told == {good}

    loop = VirtualLoop()
    try:
        loop.run_until_complete(story())
    finally:
        loop.close()
