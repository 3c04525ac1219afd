"""Work of this process wakes the loop that waits for it; work of others, and what is due later, is polled for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from attrs import field, frozen

from adapters.mailgun.posting import KEY, MULTIPART, multipart, raw_form
from convalias.adapters import asgi, memory
from convalias.adapters.mailgun import SigningKeys, Webhook
from convalias.app import Convalias
from convalias.app.memory import memory_ports
from convalias.app.ports import Ports
from convalias.app.waking import Wakes, waking
from convalias.app.workers import IDLE, UNHURRIED
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.posts import IncomingMail
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord
from convalias.ports.mail import Outgoing
from convalias.ports.queue import Job
from convalias.ports.records import Conflict, Delete, Due, Insert, Key, Stored, Write, Written
from convalias.stores.conversations.event_store import FEED, TABLE
from convalias.stores.conversations.parking import Parking
from convalias.stores.encoding import encoded
from convalias.stores.outbound.ledger import DUE

ANN = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
BOB = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])
PATIENCE = 60
"""Seconds of the machine after which a story hangs. None waits for them: time stands still."""
LONG = timedelta(seconds=10)


class Outbox(memory.Outbox):
    """Says when mail leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()

    async def send(self, mail: Outgoing) -> None:
        await super().send(mail)
        self.left.set()

    async def next(self) -> Sequence[Outgoing]:
        """Wait for the next mail, and return all there were."""
        async with asyncio.timeout(PATIENCE):
            await self.left.wait()
        self.left.clear()
        return self.mails


class Clock(memory.Clock):
    """Says when a loop pauses: time passes only when it is advanced."""

    def __init__(self) -> None:
        super().__init__()
        self.pausing: list[asyncio.Future[None]] = []
        self.pauses = 0

    async def sleep(self, duration: timedelta) -> None:
        if duration in {IDLE, UNHURRIED}:
            self.pauses += 1
            for waiting in self.pausing:
                waiting.set_result(None)
            self.pausing.clear()
        await super().sleep(duration)

    async def all_pause(self, loops: int) -> None:
        """Wait until so many pauses have begun, of loops that have just been started."""
        async with asyncio.timeout(PATIENCE):
            while self.pauses < loops:
                waiting = asyncio.get_running_loop().create_future()
                self.pausing.append(waiting)
                await waiting


def written(alias: str, number: int = 1) -> IncomingMail:
    raw = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <{number}@corp>\n\nHello {number}\n"
    return IncomingMail(raw.encode(), recipients=[alias])


def in_memory(clock: Clock, outbox: Outbox) -> Convalias:
    return Convalias.in_memory(alias_domain="reply.example", clock=clock, mail=outbox)


def on_files(data: Path, clock: Clock, outbox: Outbox) -> Convalias:
    settings = data / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\n')
    return Convalias.from_toml(settings, data=data / "data", environ={}, clock=clock, mail=outbox)


@asynccontextmanager
async def at_work(cv: Convalias, clock: Clock) -> AsyncGenerator[str]:
    """A conversation whose workers have nothing to do; the alias of Ann."""
    aliases = await cv.open_conversation("c1", use_case="apply", participants=[ANN, BOB])
    await cv.run_until_idle()
    before, loops = clock.pauses, len(cv.loops())
    async with cv.running():
        await clock.all_pause(before + loops)
        yield str(aliases["ann"])


@pytest.mark.parametrize("engine", ["memory", "files"])
async def test_a_mail_is_notified_without_any_pause_where_all_is_one_process(engine: str, tmp_path: Path) -> None:
    """Time stands still: whoever waited for it would wait for ever."""
    clock, outbox = Clock(), Outbox()
    cv = in_memory(clock, outbox) if engine == "memory" else on_files(tmp_path, clock, outbox)
    async with cv, at_work(cv, clock) as alias:
        began = clock.now()
        for number in (1, 2):
            await cv.receiver.accept(written(alias, number))
            mails = await outbox.next()
            assert [str(mail.to) for mail in mails] == ["ann@home.example"] * number
        assert clock.now() == began


async def test_a_chat_message_is_notified_without_any_pause() -> None:
    clock, outbox = Clock(), Outbox()
    async with in_memory(clock, outbox) as cv, at_work(cv, clock):
        began = clock.now()
        await cv.messaging.send("c1", "Hello", author="ann", key="1")
        (mail,) = await outbox.next()
        assert str(mail.to) == "bob@corp.example"
        assert clock.now() == began


async def test_a_post_at_the_web_door_wakes_the_relay_of_its_process() -> None:
    clock, outbox = Clock(), Outbox()
    async with in_memory(clock, outbox) as cv, at_work(cv, clock) as alias:
        door = Webhook(accept=cv.receiver.accept, keys=SigningKeys.parse(KEY), clock=clock)
        doors = asgi.Doors(inbound={"mailgun": door}, checks={})
        transport = httpx.ASGITransport(asgi.app(lambda: doors, inbound={"mailgun": ("", "/mime")}))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            body = multipart(raw_form(mail=written(alias).raw, recipient=alias))
            answer = await http.post("/inbound/mailgun/mime", content=body, headers={"content-type": MULTIPART})
        assert answer.status_code == 200
        (mail,) = await outbox.next()
        assert str(mail.to) == "ann@home.example"


async def test_the_mail_of_another_process_is_found_after_one_pause(tmp_path: Path) -> None:
    clock, outbox = Clock(), Outbox()
    other = on_files(tmp_path, clock, Outbox())
    async with on_files(tmp_path, clock, outbox) as cv, other, at_work(cv, clock) as alias:
        await other.receiver.accept(written(alias))
        began, pauses = clock.now(), clock.pauses
        assert not any(loop.woken is not None and loop.woken.is_set() for loop in cv.loops())
        assert not outbox.mails
        await clock.advance(IDLE)
        await outbox.next()
        assert clock.now() - began == IDLE
        assert clock.pauses > pauses


@frozen
class Looks:
    """How often an idle system asks its engines for work."""

    counts: dict[str, int] = field(factory=dict[str, int])

    def note(self, place: str) -> None:
        self.counts[place] = self.counts.get(place, 0) + 1


class Queue(memory.JobQueue):
    def __init__(self, clock: memory.Clock, looks: Looks) -> None:
        super().__init__(clock)
        self.looks = looks

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        self.looks.note("jobs")
        return await super().take(limit=limit, wait=wait, lease=lease)


class Records(memory.Records):
    def __init__(self, looks: Looks) -> None:
        super().__init__()
        self.looks = looks

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        self.looks.note(lane)
        return await super().due(lane, until=until, limit=limit)


class Hub(Outbox):
    """Refuses mail for now: each delivery is in back-off."""

    away = False

    async def send(self, mail: Outgoing) -> None:
        if self.away:
            self.left.set()
            raise Unavailable("mail", retry_after=timedelta(hours=1))
        await super().send(mail)


@pytest.mark.parametrize("trouble", ["none", "a delivery in back-off", "a broken conversation"])
async def test_an_idle_system_looks_no_more_often_than_its_pauses_say(trouble: str) -> None:
    """Neither what waits for its time nor a conversation that nobody can read keeps a loop busy."""
    clock, outbox, looks = Clock(), Hub(), Looks()
    records = Records(looks)
    cv = Convalias.in_memory(
        alias_domain="reply.example", clock=clock, mail=outbox, records=records, queue=Queue(clock, looks)
    )
    async with cv, at_work(cv, clock) as alias:
        if trouble == "a delivery in back-off":
            outbox.away = True
            await cv.receiver.accept(written(alias))
            await outbox.next()
        elif trouble == "a broken conversation":
            seq = (await cv.messaging.thread("c1")).seq + 1
            place = Key(TABLE, encoded("c1"), f"{seq:012d}")
            await cv.ports.records.write([Insert(place, {"$": "event/999"}, ("e:x",), Due(FEED, clock.now()))])
            await clock.advance(timedelta(seconds=1))
            assert await Parking(records=cv.ports.records).of(ConversationId("c1"))
        await clock.advance(timedelta(seconds=1))
        looks.counts.clear()
        await clock.advance(LONG)
        most, per_loop = LONG // IDLE, LONG // UNHURRIED
        assert most - 2 <= looks.counts[FEED] <= most
        assert looks.counts["jobs"] <= most + 3 * per_loop
        assert per_loop - 2 <= looks.counts[DUE] <= per_loop
        outbox.away = False


async def test_what_comes_while_a_loop_works_is_found_by_its_next_look() -> None:
    """The second mail is put while the first is worked on, behind the look that took that."""
    clock, outbox = Clock(), Outbox()
    gate, entered = asyncio.Event(), asyncio.Event()

    class Slow(memory.JobQueue):
        async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
            jobs = await super().take(limit=limit, wait=wait, lease=lease)
            if entered.is_set() or not gate.is_set():
                return jobs
            entered.set()
            await asyncio.sleep(0)
            await cv.receiver.accept(written(alias))  # this look has found nothing
            return jobs

    queue = Slow(clock)
    cv = Convalias.in_memory(alias_domain="reply.example", clock=clock, mail=outbox, queue=queue)
    async with cv, at_work(cv, clock) as alias:
        gate.set()
        began = clock.now()
        await clock.advance(IDLE)  # the look that finds nothing
        await outbox.next()
        assert clock.now() - began == IDLE


async def test_a_stop_ends_all_pauses_at_once() -> None:
    clock, outbox = Clock(), Outbox()
    async with in_memory(clock, outbox) as cv, at_work(cv, clock):
        began = clock.now()
        async with asyncio.timeout(PATIENCE):
            await cv.stop()
        assert clock.now() == began


class Ordered(memory.Records):
    """Records with an optional call that writes in order."""

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return (await self.write(writes[:1]))[:1]


def over(records: memory.Records, clock: memory.Clock) -> tuple[Ports, Wakes]:
    wakes = Wakes()
    return waking(memory_ports(legacy=False, clock=clock).but(records=records), wakes), wakes


async def test_a_write_wakes_only_when_it_made_something_due_now() -> None:
    clock = memory.Clock()
    ports, wakes = over(memory.Records(), clock)
    now, later = clock.now(), clock.now() + timedelta(seconds=1)
    key = Key("t", "p", "a")
    (put,) = await ports.records.write([Insert(key, {})])
    assert isinstance(put, Written)
    await ports.records.write([Delete(key, put.version)])
    await ports.records.write([Insert(Key("t", "p", "b"), {}, due=Due(DUE, later))])
    await ports.records.write([Insert(Key("t", "p", "c"), {}, due=Due("other", now))])
    assert not wakes.decided.is_set()
    assert not wakes.appended.is_set()
    first = Insert(Key("t", "p", "d"), {}, due=Due(DUE, now))
    await ports.records.write([first])
    assert wakes.decided.is_set()
    wakes.decided.clear()
    assert await ports.records.write([first]) == [Conflict()]
    assert not wakes.decided.is_set()
    await ports.records.write([Insert(Key("t", "p", "e"), {}, due=Due(FEED, later))])
    assert wakes.appended.is_set()


async def test_writes_in_order_wake_by_those_that_were_done() -> None:
    clock = memory.Clock()
    ports, wakes = over(Ordered(), clock)
    assert isinstance(ports.records, Ordered)
    chat, due = (Insert(Key("t", "p", lane), {}, due=Due(lane, clock.now())) for lane in (FEED, DUE))
    await ports.records.write_in_order([chat, due])
    assert wakes.appended.is_set()
    assert not wakes.decided.is_set()


async def test_a_call_that_fails_wakes_nobody() -> None:
    class Away(memory.EventLog):
        async def publish(self, records: Sequence[EventRecord]) -> None:
            raise Unavailable("event log")

    clock = memory.Clock()
    ports, _ = over(memory.Records(), clock)
    wakes = Wakes()
    ports = waking(ports.but(events=Away(clock)), wakes)
    with pytest.raises(Unavailable):
        await ports.events.publish([])
    assert not wakes.published.is_set()
