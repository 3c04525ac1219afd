"""Functions of a host over the log: what they get when something is gone, unreadable or fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convalias.adapters import memory
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import UNREADABLE, EventRecord
from convalias.services.feed.handlers import EventHandler, wanted
from convalias.services.running.group_reader import GroupReader
from services.messaging_desk import ANN, C1, PEOPLE, Desk


class Hearing:
    """A conversation, its log, and a function that keeps what it hears, or fails at some text."""

    def __init__(self) -> None:
        self.desk = Desk(memory.Records(), mints=False)
        self.log = memory.EventLog(self.desk.clock)
        self.heard: list[str] = []
        self.fails_at = ""

    async def handle(self, event: ConversationEvent) -> None:
        assert isinstance(event.happening, MessageAdded)
        self.heard.append(event.happening.text)
        if event.happening.text == self.fails_at:
            raise ZeroDivisionError

    def handler(self) -> EventHandler:
        return EventHandler(
            handle=self.handle,
            kinds=wanted([MessageAdded]),
            reader=GroupReader(self.log, "search"),
            conversations=self.desk.messaging.conversations,
        )

    async def filled(self, *texts: str) -> Sequence[EventRecord]:
        await self.desk.messaging.create("apply", PEOPLE, conversation=C1)
        for text in texts:
            await self.desk.messaging.send(C1, text, author=ANN, key=text)
        events = await self.desk.messaging.events(C1, limit=100)
        return [record(event.id, event.seq, kind="message_added") for event in events]


def record(event: str, seq: int, *, kind: str) -> EventRecord:
    return EventRecord(ConversationId(C1), EventId(event), Seq(seq), kind, TraceId(""))


async def test_what_failed_comes_again_and_what_was_handed_over_before_it_does_not() -> None:
    here = Hearing()
    await here.log.publish(await here.filled("one", "two", "three"))
    handler, here.fails_at = here.handler(), "two"
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await handler.step()
    assert here.heard == ["one", "two", "two"]
    here.fails_at = ""
    assert await handler.step() > 0
    assert here.heard == ["one", "two", "two", "two", "three"]
    assert await handler.step() == 0


async def test_after_a_death_the_batch_comes_again_from_its_beginning() -> None:
    here = Hearing()
    await here.log.publish(await here.filled("one", "two"))
    here.fails_at = "two"
    with pytest.raises(ZeroDivisionError):
        await here.handler().step()
    here.fails_at = ""
    await here.handler().step()
    assert here.heard == ["one", "two", "one", "two"]


async def test_what_is_gone_or_of_another_kind_is_passed_over_and_what_nobody_could_read_is_looked_at() -> None:
    here = Hearing()
    created, *messages = await here.filled("one", "two")
    unreadable = [record(one.event, one.seq, kind=UNREADABLE) for one in (created, messages[0])]
    gone = record("e" * 26, 9, kind="message_added")
    other = record(messages[1].event, messages[1].seq, kind="read")
    await here.log.publish([*unreadable, gone, other])
    assert await here.handler().step() == 4
    assert here.heard == ["one"]


def test_no_kind_named_is_all_of_them() -> None:
    assert MessageAdded in wanted([])
    assert len(wanted([])) > len(wanted([MessageAdded])) == 1
    with pytest.raises(InvalidValue, match="kind of event"):
        wanted([str])  # type: ignore[list-item]
