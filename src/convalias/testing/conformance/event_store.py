"""EventStore: two unique constraints, and reads that see every answered append."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from attrs import evolve

from convalias.domain.conversations.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.ports.event_store import Append, EventStore
from convalias.testing.conformance.check import Open, agree, is_there, nothing, suite

MakeEventStore: TypeAlias = Open[EventStore]
"""Opens the store at a place. The same place opened twice is one store, seen by two processes."""

_HERE: Final = ConversationId("c1")
_NOON: Final = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def _event(
    seq: int, *, key: str | None = None, conversation: ConversationId = _HERE, text: str = "hi"
) -> ConversationEvent:
    return ConversationEvent(
        id=EventId(f"e{seq}-{key or seq}"),
        conversation=conversation,
        seq=Seq(seq),
        happening=MessageAdded(author=AccountAuthor(AccountId("a1")), text=text),
        dedup_key=key or f"key-{seq}",
        origin=Origin.CHAT,
        occurred_at=_NOON,
        appended_at=_NOON + timedelta(seconds=seq),
    )


async def _appended(store: EventStore, *events: ConversationEvent) -> None:
    for event in events:
        agree(f"event {event.seq} is appended", await store.append(event), Append.APPENDED)


async def an_appended_event_comes_back_as_it_was(open_: MakeEventStore) -> None:
    """Every field, by each way of reading."""
    event = _event(1, text="Grüße, 日本語 👋🏽")
    async with open_("a") as store:
        await _appended(store, event)
        agree("last gives it", await store.last(_HERE), event)
        agree("keyed gives it by dedup key", await store.keyed(_HERE, key=event.dedup_key), event)
        agree("keyed gives it by event id", await store.keyed(_HERE, key=event.id), event)
        agree("after gives it", list(await store.after(_HERE, 0, limit=9)), [event])


async def a_seq_is_taken_once(open_: MakeEventStore) -> None:
    """Append under the same seq with the same key and with another; what was there stays."""
    async with open_("a") as store:
        await _appended(store, _event(1))
        agree("the seq is taken", await store.append(_event(1, key="other")), Append.TAKEN)
        agree("the first event stays", await store.last(_HERE), _event(1))


async def a_dedup_key_is_taken_once(open_: MakeEventStore) -> None:
    """Append under the same key with another seq; a repeated append is TAKEN too."""
    async with open_("a") as store:
        await _appended(store, _event(1, key="k"))
        agree("the key is taken", await store.append(_event(2, key="k")), Append.TAKEN)
        agree("so is the whole event", await store.append(_event(1, key="k")), Append.TAKEN)
        agree("nothing was added", await store.last(_HERE), _event(1, key="k"))


async def conversations_are_apart(open_: MakeEventStore) -> None:
    """Each has its own seqs and keys."""
    there = ConversationId("c2")
    async with open_("a") as store:
        await _appended(
            store, _event(1, key="k"), _event(1, key="k", conversation=there), _event(2, conversation=there)
        )
        agree("the other's events are not here", await store.last(_HERE), _event(1, key="k"))
        agree("its own are there", len(await store.after(there, 0, limit=9)), 2)


async def what_is_not_there_is_none(open_: MakeEventStore) -> None:
    """No error."""
    async with open_("a") as store:
        agree("no last event", await store.last(_HERE), None)
        agree("no such key", await store.keyed(_HERE, key="k"), None)
        nothing("nothing behind the beginning", await store.after(_HERE, 0, limit=9))


async def after_ascends_by_seq_up_to_its_limit(open_: MakeEventStore) -> None:
    """Compare by number, not by text."""
    async with open_("a") as store:
        await _appended(store, *(_event(seq) for seq in range(1, 13)))
        agree("2 to 12", [one.seq for one in await store.after(_HERE, 1, limit=100)], list(range(2, 13)))
        agree("two behind 8", [one.seq for one in await store.after(_HERE, 8, limit=2)], [9, 10])


async def last_is_the_highest_seq(open_: MakeEventStore) -> None:
    """Compare by number, not by text."""
    async with open_("a") as store:
        await _appended(store, *(_event(seq) for seq in range(1, 12)))
        last = await store.last(_HERE)
        last = is_there("11 is behind 9", last)
        agree("11 is behind 9", last.seq, 11)


async def a_redacted_event_keeps_its_seq_and_key(open_: MakeEventStore) -> None:
    """Append once more: a replay cannot bring the event back."""
    async with open_("a") as store:
        await _appended(store, _event(1), _event(2))
        redacted = evolve(_event(1), happening=MessageAdded(author=AccountAuthor(AccountId("a1")), text=""))
        await store.redact(redacted)
        await store.redact(redacted)
        agree("the event under its key, without its text", await store.keyed(_HERE, key="key-1"), redacted)
        agree("its seq is taken", await store.append(_event(1)), Append.TAKEN)
        agree("so is its key", await store.append(_event(3, key="key-1")), Append.TAKEN)
        agree("it is in its place", [one.seq for one in await store.after(_HERE, 0, limit=9)], [1, 2])


async def of_concurrent_appends_of_one_seq_one_is_appended(open_: MakeEventStore) -> None:
    """Two processes."""
    async with open_("a") as one, open_("a") as two:
        tries = [
            store.append(_event(1, key=f"{turn}-{name}"))
            for turn in range(8)
            for name, store in (("x", one), ("y", two))
        ]
        answers = await asyncio.gather(*tries)
        agree("exactly one has the seq", answers.count(Append.APPENDED), 1)


async def what_was_answered_is_seen_by_every_process(open_: MakeEventStore) -> None:
    """Look from another process at once."""
    async with open_("a") as one, open_("a") as two:
        for seq in range(1, 6):
            await _appended(one, _event(seq))
            agree("last sees it", await two.last(_HERE), _event(seq))
            is_there("keyed sees it", await two.keyed(_HERE, key=f"key-{seq}"))


async def what_was_answered_is_there_after_everybody_left(open_: MakeEventStore) -> None:
    """Durable."""
    async with open_("a") as store:
        await _appended(store, _event(1))
    async with open_("a") as store:
        agree("the event is there", await store.last(_HERE), _event(1))
        agree("so is its key", await store.append(_event(2, key="key-1")), Append.TAKEN)


EVENT_STORE: Final = suite(
    an_appended_event_comes_back_as_it_was,
    a_seq_is_taken_once,
    a_dedup_key_is_taken_once,
    conversations_are_apart,
    what_is_not_there_is_none,
    after_ascends_by_seq_up_to_its_limit,
    last_is_the_highest_seq,
    a_redacted_event_keeps_its_seq_and_key,
    of_concurrent_appends_of_one_seq_one_is_appended,
    what_was_answered_is_seen_by_every_process,
    what_was_answered_is_there_after_everybody_left,
)
"""Promises of `EventStore`."""
