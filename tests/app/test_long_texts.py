"""A mail of any length on its whole way: what is written and read of it stays bounded, and what is told is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from convalias.adapters import memory
from convalias.adapters.mime.limits import SHOWN
from convalias.app import Convalias
from convalias.domain.conversations.events import MessageAdded, NewEvent, Origin
from convalias.domain.conversations.long_texts import LONG
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import EventId
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import FOR_EVER, Guarantee, Sent
from convalias.ports.records import Conflict, Key, Stored, Write, Written

ANN = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
BOB = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])


class Records(memory.Records):
    """Counts octets of bodies, as JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.written = self.read = 0

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self.written += sum(len(json.dumps(getattr(one, "body", None))) for one in writes)
        return await super().write(writes)

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self.written += sum(len(json.dumps(getattr(one, "body", None))) for one in writes)
        return await super().write_in_order(writes)

    def _seen(self, found: Sequence[Stored]) -> Sequence[Stored]:
        self.read += sum(len(json.dumps(one.body)) for one in found)
        return found

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        found = await super().get(keys)
        self._seen(list(found.values()))
        return found

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        return self._seen(await super().range(table, partition, after=after, limit=limit))

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return self._seen(await super().due(lane, until=until, limit=limit))


class Blobs(memory.Blobs):
    """Counts calls about texts."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    async def get(self, key: str) -> bytes | None:
        if key.startswith("texts/"):
            self.calls.append("get")
        return await super().get(key)


def lines(octets: int) -> str:
    """A text of about that many octets, ending in a word of its own."""
    line = "All work and no play makes nobody happy in the long run, they say.\n"
    return line * (octets // len(line)) + "THE END"


class Hub:
    """Keeps the notifications that it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee(FOR_EVER)}

    async def send(self, notification: Notification) -> Sent:
        message = notification.event.happening
        assert isinstance(message, MessageAdded)
        assert message.long is None
        self.texts.append(message.text)
        return Sent()


async def told(text: str) -> tuple[str, Records, Blobs]:
    """What a hub gets of a mail of Bob, and what it cost."""
    records, blobs, hub = Records(), Blobs(), Hub()
    async with Convalias.in_memory(alias_domain="reply.example", records=records, blobs=blobs, hub=hub) as cv:
        alias = (await cv.open_conversation("c1", use_case="apply", participants=[ANN, BOB]))["ann"]
        await cv.run_until_idle()
        records.written = records.read = 0
        raw = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <1@corp>\n\n{text}\n".encode()
        await cv.receiver.accept(IncomingMail(raw, recipients=[alias]))
        await cv.run_until_idle()
        (said,) = hub.texts
        return said, records, blobs


@pytest.mark.slow
async def test_records_written_and_read_of_a_mail_do_not_grow_with_its_text() -> None:
    costs = list[tuple[int, int]]()
    for octets in (1_000, 100_000, 10_000_000):
        said, records, blobs = await told(lines(octets))
        assert said == lines(octets)[:SHOWN]
        assert blobs.calls == ["get"] * (octets > LONG)
        costs.append((records.written, records.read))
    (written, read), *others = costs
    for more_written, more_read in others:
        assert abs(more_written - written) < 4_000
        assert abs(more_read - read) < 4_000


async def test_a_text_just_below_the_bound_stays_in_its_event() -> None:
    said, _, blobs = await told(lines(LONG - 200))
    assert said.endswith("THE END")
    assert list(await blobs.names("texts/", after="", limit=9)) == []


async def test_a_notification_whose_text_is_missing_waits_and_is_told_whole_when_it_is_there_again() -> None:
    clock, blobs, hub = memory.Clock(), Blobs(), Hub()
    async with Convalias.in_memory(alias_domain="reply.example", blobs=blobs, clock=clock, hub=hub) as cv:
        await cv.open_conversation("c1", use_case="apply", participants=[ANN, BOB])
        await cv.messaging.send("c1", lines(LONG + 900), author="bob", key="1")
        (name,) = await blobs.names("texts/", after="", limit=9)
        octets = await blobs.get(name)
        assert octets is not None
        await blobs.delete([name])
        await cv.run_until_idle()
        assert hub.texts == []
        await blobs.put(name, octets)
        await clock.advance(timedelta(hours=1))
        await cv.run_until_idle()
        assert hub.texts == [lines(LONG + 900)]


async def test_retention_removes_the_mail_and_leaves_its_text() -> None:
    clock, blobs = memory.Clock(), Blobs()
    async with Convalias.in_memory(alias_domain="reply.example", blobs=blobs, clock=clock) as cv:
        await cv.open_conversation("c1", use_case="apply", participants=[ANN, BOB])
        await cv.messaging.send("c1", lines(2 * LONG), author="bob", key="1")
        await cv.run_until_idle()
        await clock.advance(timedelta(days=120))
        await cv.run_until_idle()
        event = (await cv.messaging.events("c1", limit=99))[-1]
        assert isinstance(event.happening, MessageAdded)
        assert event.happening.text.endswith("THE END")


async def test_a_text_that_no_event_refers_to_is_removed_by_a_worker() -> None:
    clock, blobs = memory.Clock(), Blobs()
    async with Convalias.in_memory(alias_domain="reply.example", blobs=blobs, clock=clock) as cv:
        await cv.open_conversation("c1", use_case="apply", participants=[ANN, BOB])
        sent = await cv.messaging.send("c1", lines(2 * LONG), author="bob", key="1")
        died = NewEvent(EventId("e9"), sent.conversation, sent.happening, "k9", Origin.CHAT, clock.now())
        await cv.services.stores.conversations.kept(died)
        assert len(await blobs.names("texts/", after="", limit=9)) == 2
        await clock.advance(timedelta(days=2, minutes=20))
        await cv.run_until_idle()
        assert list(await blobs.names("texts/", after="", limit=9)) == [f"texts/{sent.id}"]
