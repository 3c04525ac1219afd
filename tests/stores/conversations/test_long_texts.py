"""A long text is written before its event, found whole, and removed when nothing refers to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import dumps
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, NewEvent, Origin
from convalias.domain.conversations.long_texts import LONG, MessageTexts, TextRow
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable
from convalias.ports.records import Conflict, Replace, Write, Written
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.long_texts import LOOKED_AT_AGAIN, UNUSED_FOR, LongTexts
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.conversations.text_rows import TABLE, TextRows
from convalias.stores.conversations.threads import Threads
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended, TextMissing

T = TypeVar("T")
C1 = ConversationId("c1")
NAME = "texts/e1"
TEXT = "long " * LONG
A_LOT = 9


class Place:
    """One store and one place for blobs."""

    def __init__(self, records: memory.Records | None = None) -> None:
        self.clock = memory.Clock()
        self.records = records or memory.Records()
        self.blobs = memory.Blobs()
        self.texts = LongTexts(records=self.records, blobs=self.blobs, clock=self.clock)
        self.events = EventStore(records=self.records)

    def new(self, text: str = TEXT) -> NewEvent:
        message = MessageAdded(author=AccountAuthor(AccountId("ann"), verified=True), text=text, full_text=text)
        return NewEvent(EventId("e1"), C1, message, "k1", Origin.CHAT, self.clock.now())

    async def appended(self) -> ConversationEvent:
        event = placed(await self.texts.kept(self.new()))
        await self.events.append(event)
        return event

    async def names(self) -> list[str]:
        return list(await self.blobs.names("", after="", limit=A_LOT))

    async def rows(self) -> int:
        return len(await self.records.range(TABLE, encoded(C1), after="", limit=A_LOT))

    async def swept(self) -> int:
        return await self.texts.sweep(limit=A_LOT)


def placed(new: NewEvent) -> ConversationEvent:
    return ConversationEvent(
        new.id,
        new.conversation,
        Seq(1),
        new.happening,
        new.dedup_key,
        new.origin,
        new.occurred_at,
        appended_at=new.occurred_at,
    )


def message_of(event: ConversationEvent | NewEvent) -> MessageAdded:
    assert isinstance(event.happening, MessageAdded)
    return event.happening


async def test_a_long_text_lies_in_its_blob_and_comes_back_whole() -> None:
    here = Place()
    event = await here.appended()
    assert await here.names() == [NAME]
    assert len(message_of(event).text) < LONG
    (stored,) = await here.events.after(C1, 0, limit=A_LOT)
    assert stored == event
    found = message_of(await here.texts.whole(stored))
    assert (found.text, found.full_text, found.long) == (TEXT, TEXT, None)


async def test_a_short_text_stays_in_its_event() -> None:
    here = Place()
    new = here.new("hi")
    assert await here.texts.kept(new) is new
    assert await here.texts.whole(placed(new)) == placed(new)
    assert (await here.names(), await here.rows()) == ([], 0)


@pytest.mark.parametrize(
    ("octets", "because"),
    [
        (None, "not there"),
        (dumps(MessageTexts("another")), "another text"),
        (b"{}", "format"),
        (b"[", "JSON"),
    ],
)
async def test_a_text_that_is_gone_or_damaged_is_never_shown_short(octets: bytes | None, because: str) -> None:
    here = Place()
    event = await here.appended()
    await here.blobs.delete([NAME])
    if octets is not None:
        await here.blobs.put(NAME, octets)
    with pytest.raises(TextMissing, match="event 'e1'") as caught:
        await here.texts.whole(event)
    assert because in str(caught.value) or because == "format"


async def test_a_text_whose_event_was_appended_stays_and_its_row_ends() -> None:
    here = Place()
    event = await here.appended()
    assert (await here.swept(), await here.rows()) == (0, 1)
    await here.clock.advance(UNUSED_FOR)
    assert (await here.swept(), await here.rows()) == (1, 0)
    assert message_of(await here.texts.whole(event)).text == TEXT


async def test_a_text_without_an_event_is_removed_after_two_days_and_not_before() -> None:
    """Its event may still come: an append that waits, or a process that stands still."""
    here = Place()
    await here.texts.kept(here.new())
    await here.clock.advance(UNUSED_FOR - timedelta(seconds=1))
    assert (await here.swept(), await here.names()) == (0, [NAME])
    await here.clock.advance(timedelta(seconds=1))
    assert (await here.swept(), await here.names(), await here.rows()) == (1, [], 0)
    assert await here.swept() == 0


async def test_a_crash_between_any_two_calls_leaves_nothing_that_is_not_found() -> None:
    """The row, then the blob, then the event: whatever was the last, what is left is whole or is swept."""
    for last in range(3):
        here = Place()
        calls = 0

        async def dying(call: Callable[[], Awaitable[T]]) -> T:
            nonlocal calls
            calls += 1
            if calls > last:  # noqa: B023 - run within this turn
                raise Unavailable("died")
            return await call()

        class Records(memory.Records):
            async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
                return await dying(lambda: super(Records, self).write(writes))

        class Blobs(memory.Blobs):
            async def put(self, key: str, body: bytes) -> Put:
                return await dying(lambda: super(Blobs, self).put(key, body))

        records, blobs = Records(), Blobs()
        here.records = records
        here.blobs = blobs
        here.texts = LongTexts(records=records, blobs=blobs, clock=here.clock)
        here.events = EventStore(records=records)
        with pytest.raises(Unavailable):
            await here.appended()
        assert await here.events.after(C1, 0, limit=A_LOT) == []
        assert await here.rows() >= len(await here.names())  # no text without a row
        calls = -A_LOT
        await here.clock.advance(UNUSED_FOR)
        await here.swept()
        assert (await here.names(), await here.rows()) == ([], 0)


@pytest.mark.parametrize("is_swept_before", [False, True])
async def test_a_redacted_text_is_removed_at_the_next_look(*, is_swept_before: bool) -> None:
    here = Place()
    event = await here.appended()
    if is_swept_before:
        await here.clock.advance(UNUSED_FOR)
        await here.swept()
    await here.events.redact(evolve(event, happening=evolve(message_of(event), text="", full_text="", long=None)))
    assert await here.swept() == 1
    assert (await here.names(), await here.rows()) == ([], 0)


async def test_a_redaction_that_died_in_between_is_ended_by_the_sweeper() -> None:
    """The row stands before the body is replaced; whoever looked at it meanwhile finds it once more."""

    class Records(memory.Records):
        is_looked_at = False
        dies = False

        async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
            is_body = isinstance(writes[0], Replace) and writes[0].key.table == "events"
            if is_body and self.is_looked_at:
                await here.swept()
            if is_body:
                answers = await super().write(writes)
                if self.dies:
                    raise Unavailable("died")
                return answers
            return await super().write(writes)

    for dies in (False, True):
        records = Records()
        here = Place(records)
        event = await here.appended()
        records.is_looked_at, records.dies = not dies, dies
        blank = evolve(event, happening=evolve(message_of(event), text="", full_text="", long=None))
        if dies:
            with pytest.raises(Unavailable):
                await here.events.redact(blank)
        else:
            await here.events.redact(blank)
        records.is_looked_at = records.dies = False
        await here.swept()
        assert (await here.names(), await here.rows()) == ([], 0)


async def test_a_change_that_leaves_the_text_leaves_its_blob() -> None:
    here = Place()
    event = await here.appended()
    await here.events.redact(evolve(event, happening=evolve(message_of(event), subject="")))
    await here.swept()
    assert await here.names() == [NAME]


@pytest.mark.parametrize("what", ["event", "row"])
async def test_what_this_release_cannot_read_is_left_for_a_newer_one(what: str) -> None:
    here = Place()
    await here.appended()
    table, partition = ("events", encoded(C1)) if what == "event" else (TABLE, encoded(C1))
    (stored,) = await here.records.range(table, partition, after="", limit=A_LOT)
    await here.records.write([Replace(stored.key, stored.version, {**stored.body, "$": f"{what}/99"}, stored.due)])
    await here.clock.advance(UNUSED_FOR)
    assert (await here.swept(), await here.swept()) == (1, 0)
    assert (await here.names(), await here.rows()) == ([NAME], 1)
    await here.clock.advance(LOOKED_AT_AGAIN)
    assert await here.swept() == 1


async def test_a_row_that_is_always_changed_by_others_is_contended() -> None:
    class Busy(memory.Records):
        async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
            return [Conflict() for _ in writes]

    rows = TextRows(records=Busy())
    with pytest.raises(Contended):
        await rows.give_up(TextRow(C1, EventId("e1"), NAME), look_at=memory.Clock().now())


async def test_an_event_store_of_the_hosts_own_keeps_its_texts() -> None:
    here = Place()
    own = OwnConversations(
        events=here.events, folded=Threads(events=here.events, records=here.records), clock=here.clock
    )
    new = here.new()
    assert await own.kept(new) is new
    event = placed(new)
    assert await own.whole(event) is event
