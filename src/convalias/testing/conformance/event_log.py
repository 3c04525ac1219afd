"""EventLog: at least once to each group, in order per conversation."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventLog, EventRecord, Subscription
from convalias.testing.conformance.check import Timed, agree, at_least, at_most, nothing, one_of, suite

MakeEventLog: TypeAlias = Timed[EventLog]
"""Opens the log at a place, and lets time pass for it."""

_PATIENCE: Final = timedelta(seconds=10)
_TURNS: Final = 400


def _events(conversation: str, first: int, last: int) -> list[EventRecord]:
    return [
        EventRecord(
            ConversationId(conversation),
            EventId(f"{conversation}-{number}"),
            Seq(number),
            "message_added",
            TraceId(f"t{number}"),
        )
        for number in range(first, last + 1)
    ]


async def _read(
    make: MakeEventLog, reader: Subscription, count: int, *, limit: int = 100, commit: bool = False
) -> list[EventRecord]:
    """At least `count` records, or what came in good time: joining a group may take a while."""
    found: list[EventRecord] = []
    for _ in range(_TURNS):
        if len(found) >= count:
            break
        taken = await _taken(make, reader, limit)
        found += taken
        if commit:
            await reader.commit()
    return found


async def _taken(make: MakeEventLog, reader: Subscription, limit: int) -> Sequence[EventRecord]:
    taking = asyncio.create_task(reader.take(limit=limit, wait=timedelta(seconds=0.1)))
    await asyncio.sleep(0)
    while not taking.done():
        await make.pass_time(timedelta(seconds=0.05))
    return await taking


def _by_conversation(records: Sequence[EventRecord]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for one in records:
        found[one.conversation].append(one.seq)
    return dict(found)


async def what_is_published_is_read_as_it_was(make: MakeEventLog) -> None:
    """Every field, also by another process."""
    published = _events("c1", 1, 3)
    async with make.open("a") as one, make.open("a") as two:
        await one.publish(published)
        await one.publish([])
        reader = two.records("g")
        agree("the records come as they were published", await _read(make, reader, 3), published)
        await reader.close()


async def a_conversation_is_read_in_the_order_published(make: MakeEventLog) -> None:
    """Among others, over many calls."""
    async with make.open("a") as log:
        for number in range(1, 21):
            await log.publish([*_events("c1", number, number), *_events("c2", number, number)])
        reader = log.records("g")
        found = _by_conversation(await _read(make, reader, 40, limit=7))
        agree("each conversation in its order", found, {"c1": list(range(1, 21)), "c2": list(range(1, 21))})
        await reader.close()


async def a_new_group_starts_at_the_beginning(make: MakeEventLog) -> None:
    """However late it comes, whatever others have read."""
    async with make.open("a") as log:
        await log.publish(_events("c1", 1, 3))
        first = log.records("early")
        await _read(make, first, 3, commit=True)
        second = log.records("late")
        agree("the late group gets all", len(await _read(make, second, 3)), 3)
        await first.close()
        await second.close()


async def a_reader_does_not_repeat_itself(make: MakeEventLog) -> None:
    """Expect nothing twice, committed or not."""
    async with make.open("a") as log:
        await log.publish(_events("c1", 1, 2))
        reader = log.records("g")
        await _read(make, reader, 2)
        await log.publish(_events("c1", 3, 3))
        agree("only the new one comes", [one.seq for one in await _read(make, reader, 1)], [3])
        await reader.close()


async def a_take_gives_at_most_its_limit(make: MakeEventLog) -> None:
    """Expect the rest the next time."""
    async with make.open("a") as log:
        await log.publish(_events("c1", 1, 5))
        reader = log.records("g")
        sizes: list[int] = []
        for _ in range(_TURNS):
            if sum(sizes) >= 5:  # noqa: PLR2004 - as many as were published
                break
            sizes.append(len(await _taken(make, reader, 2)))
        agree("five in all, two at most at once", sum(sizes), 5)
        at_most("five in all, two at most at once", max(sizes), 2)
        await reader.close()


async def what_was_committed_does_not_come_again(make: MakeEventLog) -> None:
    """Read in the same group from another process."""
    async with make.open("a") as one, make.open("a") as two:
        await one.publish(_events("c1", 1, 3))
        reader = one.records("g")
        await _read(make, reader, 3, commit=True)
        await reader.close()
        await one.publish(_events("c1", 4, 4))
        successor = two.records("g")
        agree("reading goes on behind it", [record.seq for record in await _read(make, successor, 1)], [4])
        await successor.close()


async def what_was_not_committed_comes_again(make: MakeEventLog) -> None:
    """Expect the records at some reader, after their reader has left."""
    async with make.open("a") as log:
        await log.publish(_events("c1", 1, 3))
        reader = log.records("g")
        await _read(make, reader, 3)
        await reader.close()
        successor = log.records("g")
        agree("all three come again", [one.seq for one in await _read(make, successor, 3)], [1, 2, 3])
        await successor.close()


async def a_commit_covers_what_was_taken_and_no_more(make: MakeEventLog) -> None:
    """Expect what was published since the take."""
    async with make.open("a") as log:
        await log.publish(_events("c1", 1, 4))
        reader = log.records("g")
        taken = await _read(make, reader, 1, limit=1)
        await log.publish(_events("c1", 5, 5))
        await reader.commit()
        await reader.close()
        successor = log.records("g")
        agree("one was taken", len(taken), 1)
        agree("the others are still to come", [one.seq for one in await _read(make, successor, 4)], [2, 3, 4, 5])
        await successor.close()


async def two_readers_of_a_group_keep_order_and_leave_nothing_out(make: MakeEventLog) -> None:
    """However the group shares its work, and when one of them leaves."""
    seen: list[EventRecord] = []
    async with make.open("a") as one, make.open("a") as two:
        readers = [one.records("g"), two.records("g")]
        await one.publish([*_events("c1", 1, 10), *_events("c2", 1, 10)])
        for turn in range(_TURNS):
            if len({record.event for record in seen}) == 20:  # noqa: PLR2004 - all that was published
                break
            if turn == 2 and len(readers) == 2:  # noqa: PLR2004
                await readers.pop(0).close()
            for reader in readers:
                seen += await _taken(make, reader, 3)
                await reader.commit()
        for reader in readers:
            await reader.close()
    for conversation, seqs in _by_conversation(seen).items():
        agree(f"the events of {conversation}, for the first time in order", _first_times(seqs), list(range(1, 11)))
    at_least("events that came, some more than once", len(seen), 20)


def _first_times(seqs: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(seqs))


async def a_take_waits_for_an_event(make: MakeEventLog) -> None:
    """Published by another process; and ends empty-handed when none comes."""
    async with make.open("a") as one, make.open("a") as two:
        reader = one.records("g")
        nothing("none is there yet", await _taken(make, reader, 1))
        waiting = asyncio.create_task(reader.take(limit=1, wait=_PATIENCE))
        await make.pass_time(timedelta(seconds=0.2))
        await two.publish(_events("c1", 1, 1))
        for _ in range(_TURNS):
            if waiting.done():
                break
            await make.pass_time(timedelta(seconds=0.05))
        agree("it comes", [record.seq for record in await waiting], [1])
        await reader.close()


async def what_was_answered_is_there_after_everybody_left(make: MakeEventLog) -> None:
    """Durable: events and positions."""
    async with make.open("a") as log:
        await log.publish(_events("c1", 1, 3))
        reader = log.records("g")
        await _read(make, reader, 2, limit=2)
        await reader.commit()
        await reader.close()
    async with make.open("a") as log:
        reader = log.records("g")
        found = [one.seq for one in await _read(make, reader, 1)]
        one_of("reading goes on where it was committed", found, ([3], [2, 3]))
        await reader.close()


EVENT_LOG: Final = suite(
    what_is_published_is_read_as_it_was,
    a_conversation_is_read_in_the_order_published,
    a_new_group_starts_at_the_beginning,
    a_reader_does_not_repeat_itself,
    a_take_gives_at_most_its_limit,
    what_was_committed_does_not_come_again,
    what_was_not_committed_comes_again,
    a_commit_covers_what_was_taken_and_no_more,
    two_readers_of_a_group_keep_order_and_leave_nothing_out,
    a_take_waits_for_an_event,
    what_was_answered_is_there_after_everybody_left,
)
"""Promises of `EventLog`."""
