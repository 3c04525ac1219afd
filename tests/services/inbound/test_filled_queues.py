"""A queue that a provider fills: acknowledged when its mail is kept, tried again, and given up without losing it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import loads
from convalias.domain.inbound.posts import EnvelopeRecord, IncomingMail
from convalias.ports.errors import Unavailable
from convalias.ports.queue import Job
from convalias.services.inbound import filled_queues
from convalias.services.inbound.doors import HttpAnswer
from convalias.services.inbound.filled_queues import LEASE, SEEN, SURELY, TRIES, WITHIN, FilledQueue
from convalias.services.inbound.receiver import Receipt, Receiver
from convalias.services.running.log_lines import LogLines

RAW = b"From: mary@corp.example\r\n\r\nHello\r\n"
log = logging.getLogger("convalias.workers")


class Door:
    """Keeps each message as a mail, or answers, raises or hangs as it is told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.does: dict[str, HttpAnswer | Exception | None] = {}
        self.taken: list[str] = []

    async def message(self, body: str) -> HttpAnswer:
        self.taken.append(body)
        match self.does.get(body, HttpAnswer(200, "kept")):
            case HttpAnswer(status=200) as answer:
                await self.world.receiver.accept(IncomingMail(RAW, source="ses", token=body))
                return answer
            case HttpAnswer() as answer:
                return answer
            case None:
                await asyncio.sleep(2 * WITHIN.total_seconds())
                raise AssertionError("was not called off")
            case error:
                raise error


class Forgetful(memory.JobQueue):
    """Forgets what was acknowledged once: as if the worker had died before."""

    forgets = 0
    backed_off: list[timedelta]
    """The pauses of what nobody works on meanwhile."""

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        assert not held  # else a queue that sees this process die would give them out at once
        self.backed_off += [lease for _ in jobs]
        await super().keep(jobs, lease, held=held)

    async def done(self, jobs: Sequence[Job]) -> None:
        if self.forgets:
            self.forgets -= 1
            raise Unavailable("the job queue")
        await super().done(jobs)


class World:
    def __init__(self) -> None:
        self.clock = memory.Clock()
        self.is_away = False
        self.blobs = memory.Blobs()
        self.telemetry = memory.Telemetry()
        jobs = memory.JobQueue(self.clock)
        self.receiver = Receiver(blobs=self.blobs, queue=jobs, clock=self.clock, telemetry=self.telemetry)
        self.queue = Forgetful(self.clock)
        self.queue.backed_off = []
        self.door = Door(self)
        self.filled = FilledQueue(
            name="ses",
            queue=self.queue,
            door=self.door,
            accept=self.accept,
            clock=self.clock,
            lines=LogLines(log, self.clock),
        )

    async def accept(self, mail: IncomingMail) -> Receipt:
        if self.is_away:
            raise Unavailable("raw store")
        return await self.receiver.accept(mail)

    async def kept(self) -> list[EnvelopeRecord]:
        names = await self.blobs.names("envelopes/", after="", limit=100)
        return [loads(await self.blobs.get(name) or b"", EnvelopeRecord) for name in names]

    async def waits(self) -> int:
        depth = await self.queue.depth()
        return depth.ready + depth.in_flight


async def test_each_message_is_kept_and_then_acknowledged() -> None:
    world = World()
    await world.queue.put([f"m{number}" for number in range(12)])
    assert [await world.filled.step(), await world.filled.step(), await world.filled.step()] == [10, 2, 0]
    assert (len(await world.kept()), await world.waits()) == (12, 0)


async def test_a_death_between_keeping_and_acknowledging_doubles_nothing() -> None:
    world = World()
    await world.queue.put(["m1"])
    world.queue.forgets = 1
    with pytest.raises(Unavailable):
        await world.filled.step()
    await world.clock.advance(LEASE)
    assert await world.filled.step() == 1
    assert (world.door.taken, len(await world.kept()), await world.waits()) == (["m1", "m1"], 1, 0)


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (HttpAnswer(404, "the mail is not in its bucket"), "missing"),
        (HttpAnswer(403, "the bucket may not be read"), "missing"),
        (HttpAnswer(400, "body: expected JSON"), "unparseable"),
        (KeyError("john@home.example"), "unparseable"),
    ],
)
async def test_what_cannot_be_taken_in_is_tried_for_an_hour_and_then_kept_for_a_person(
    does: HttpAnswer | Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    begin = world.clock.now()
    world.door.does["broken"] = does
    await world.queue.put(["broken", "good"])
    tries = 0
    while await world.waits():
        tries += 1
        assert tries <= TRIES
        await world.filled.step()
        await world.clock.advance(timedelta(minutes=15))
    assert tries == TRIES
    first, *_, last = world.queue.backed_off
    assert (len(world.queue.backed_off), first <= timedelta(seconds=10), last >= timedelta(minutes=7.5)) == (
        11,
        True,
        True,
    )
    assert world.door.taken.count("good") == 1
    good, broken = sorted(await world.kept(), key=lambda record: record.quarantined or "")
    assert (good.quarantined, broken.quarantined, broken.source) == (None, reason, "ses")
    assert await world.blobs.get(broken.raw) == b"X-Convalias-Message: ses\r\n\r\nbroken"
    assert world.clock.now() - begin > timedelta(hours=1)
    assert "a message cannot be taken in, and is tried again" in caplog.text
    assert "home.example" not in caplog.text


async def test_a_mail_that_comes_late_to_its_place_is_taken_in() -> None:
    world = World()
    world.door.does["late"] = HttpAnswer(404, "the mail is not in its bucket")
    await world.queue.put(["late"])
    assert await world.filled.step() == 0
    assert await world.filled.step() == 0  # not at once again
    assert world.door.taken == ["late"]
    del world.door.does["late"]
    await world.clock.advance(timedelta(seconds=10))
    assert (await world.filled.step(), len(await world.kept()), await world.waits()) == (1, 1, 0)


@pytest.mark.parametrize(
    "does", [HttpAnswer(503, "away", Unavailable("raw store")), HttpAnswer(503, "away"), Unavailable("it")]
)
async def test_while_something_is_away_nothing_is_given_up_and_the_worker_says_so(does: HttpAnswer | Exception) -> None:
    world = World()
    world.door.does["m1"] = does
    await world.queue.put(["m1"])
    for _ in range(3 * TRIES):
        with pytest.raises(Unavailable):
            await world.filled.step()
        await world.clock.advance(timedelta(minutes=15))
    del world.door.does["m1"]
    assert await world.filled.step() == 1
    assert [one.quarantined for one in await world.kept()] == [None]


async def test_what_is_away_for_one_keeps_no_other_waiting_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.door.does["m1"] = HttpAnswer(503, "away", Unavailable("the bucket"))
    await world.queue.put(["m1", "m2"])
    assert await world.filled.step() == 1
    assert await world.waits() == 1
    assert "ses: a message waits for something that is away: the bucket" in caplog.text


async def test_an_outage_of_hours_makes_no_first_failure_the_last_one() -> None:
    world = World()
    world.door.does["m1"] = HttpAnswer(503, "away")
    await world.queue.put(["m1"])
    for _ in range(2 * TRIES):
        with pytest.raises(Unavailable):
            await world.filled.step()
        await world.clock.advance(timedelta(minutes=15))
    world.door.does["m1"] = HttpAnswer(404, "the mail is not in its bucket")
    for _ in range(SEEN - 1):
        assert await world.filled.step() == 0
        await world.clock.advance(timedelta(minutes=15))
    assert await world.kept() == []
    assert await world.filled.step() == 1
    assert [one.quarantined for one in await world.kept()] == ["missing"]


async def test_processes_that_live_for_one_try_give_a_message_up_all_the_same() -> None:
    world = World()
    world.door.does["m1"] = HttpAnswer(404, "the mail is not in its bucket")
    await world.queue.put(["m1"])
    for _ in range(SURELY - 1):
        assert await evolve(world.filled).step() == 0
        await world.clock.advance(timedelta(minutes=15))
    assert await evolve(world.filled).step() == 1
    assert [one.quarantined for one in await world.kept()] == ["missing"]


async def test_of_many_messages_that_fail_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filled_queues, "REMEMBERED", 2)
    world = World()
    bodies = ["m1", "m2", "m3"]
    world.door.does = dict.fromkeys(bodies, HttpAnswer(404, "the mail is not in its bucket"))
    await world.queue.put(bodies)
    await world.filled.step()
    assert len(world.filled._failed) == 2


async def test_one_that_may_not_be_read_ends_no_work_with_an_error() -> None:
    world = World()
    world.door.does["m1"] = HttpAnswer(403, "the bucket may not be read", Unavailable("the bucket"))
    await world.queue.put(["m1"])
    assert await world.filled.step() == 0
    assert await world.waits() == 1


async def test_a_message_that_hangs_is_left_for_later() -> None:
    world = World()
    world.door.does["slow"] = None
    await world.queue.put(["slow", "good"])
    assert await world.filled.step() == 1
    assert (await world.waits(), len(await world.kept())) == (1, 1)


async def test_a_raw_store_that_is_away_when_a_message_is_given_up_loses_it_not() -> None:
    world = World()
    world.door.does["broken"] = HttpAnswer(400, "no")
    await world.queue.put(["broken"])
    for _ in range(TRIES - 1):
        await world.filled.step()
        await world.clock.advance(timedelta(minutes=15))
    world.is_away = True
    with pytest.raises(Unavailable):
        await world.filled.step()
    world.is_away = False
    await world.clock.advance(timedelta(minutes=15))
    assert await world.filled.step() == 1
    assert [one.quarantined for one in await world.kept()] == ["unparseable"]
