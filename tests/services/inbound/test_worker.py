"""What is taken from the queue is finished or given back, and one job never blocks the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.domain.ids import TraceId
from convalias.domain.inbound.outcomes import Again, Done, Expired, Progress
from convalias.domain.inbound.posts import MailReference, Post, RecordKey
from convalias.domain.inbound.tries import Patience
from convalias.ports.errors import Unavailable
from convalias.ports.mail import ReadMail
from convalias.services.inbound.receiver import read_reference, reference_body
from services.inbound_desk import TO_C1, TO_C2, Process, Town, open_town, written


class Waiting:
    """A reader that waits for virtual time before it reads."""

    def __init__(self, town: Town, *, seconds: int) -> None:
        self.town = town
        self.seconds = seconds
        self.reading = 0
        self.most = 0

    async def read(self, raw: bytes, post: Post) -> ReadMail:
        self.reading += 1
        self.most = max(self.most, self.reading)
        await self.town.clock.sleep(timedelta(seconds=self.seconds))
        self.reading -= 1
        return Reader(alias_domains=frozenset({"reply.example"})).read_now(raw, post)


async def depth(town: Town) -> tuple[int, int]:
    now = await town.queue.depth()
    return now.ready, now.in_flight


async def test_what_is_through_is_done_and_what_is_not_comes_again() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("legacy.aliases", memory.before("legacy"))
    await process.take(written(TO_C1))
    assert await process.worker.step() == 1
    assert await depth(town) == (0, 0)
    process.faults.fail("directory.at", memory.before("directory"))
    await process.take(written(TO_C1, number=2))
    assert await process.worker.step() == 1  # worked on: it waits for a time that was set
    assert await depth(town) == (0, 1)
    await town.clock.advance(timedelta(seconds=5))
    assert await depth(town) == (1, 0)
    assert await process.worker.step(wait=timedelta(seconds=1)) == 1
    assert await depth(town) == (0, 1)


async def test_an_empty_queue_is_no_work() -> None:
    town = await open_town()
    assert await Process(town).worker.step() == 0
    assert await Process(town).worker.process([]) == []


async def test_a_job_that_is_none_of_ours_is_a_dead_letter() -> None:
    town = await open_town()
    process = Process(town)
    await town.queue.put(["hello world", "mail/2 a b"])
    assert await process.worker.step() == 2
    assert await depth(town) == (0, 0)
    letters = await process.operations.dead()
    assert {letter.reason for letter in letters} == {"no reference of ours"}
    assert len(letters) == 2


async def test_a_heartbeat_keeps_what_takes_long() -> None:
    town = await open_town()
    process = Process(town, reader=Waiting(town, seconds=200))
    await process.take(written(TO_C1))
    working = asyncio.ensure_future(process.worker.step())
    process.faults.fail("queue.keep", memory.before("queue"), times=1)
    for _ in range(6):
        await town.clock.advance(timedelta(seconds=30))
        assert await Process(town).queue.take(limit=9, wait=timedelta(0), lease=timedelta(1)) == []
    await town.clock.advance(timedelta(seconds=30))
    assert await working == 1
    assert town.telemetry.total("icer.heartbeat.errors", error="Unavailable") == 1


async def test_a_cancelled_worker_gives_back_at_once() -> None:
    town = await open_town()
    process = Process(town, reader=Waiting(town, seconds=200))
    await process.take(written(TO_C1))
    working = asyncio.ensure_future(process.worker.step())
    await town.clock.advance(timedelta(seconds=1))
    assert await depth(town) == (0, 1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await depth(town) == (1, 0)
    assert await Process(town).worker.step() == 1
    assert len(await town.messages()) == 1


async def test_a_cancelled_worker_ends_though_the_queue_is_away() -> None:
    town = await open_town()
    process = Process(town, reader=Waiting(town, seconds=200))
    await process.take(written(TO_C1))
    working = asyncio.ensure_future(process.worker.step())
    await town.clock.advance(timedelta(seconds=1))
    process.faults.fail("queue.keep", memory.before("queue"))
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await depth(town) == (0, 1)


async def test_a_suspect_that_is_cancelled_is_no_death() -> None:
    town = await open_town()
    process = Process(town, reader=Waiting(town, seconds=200))
    await process.take(written(TO_C1))
    for _ in range(30):
        working = asyncio.ensure_future(process.worker.step())
        await town.clock.advance(timedelta(seconds=1))
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert await Process(town).worker.step() == 1
    assert len(await town.messages()) == 1


async def test_what_is_not_reached_in_time_comes_again() -> None:
    town = await open_town()
    process = Process(town, reader=Waiting(town, seconds=200))
    await process.take(written(TO_C1))
    jobs = await process.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1))
    (processed,) = await process.worker.process(jobs, within=0.01)
    assert processed.progress == Again(timedelta(0), "out of time")
    assert processed.job == jobs[0]


async def test_our_own_fault_keeps_the_job() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))

    class Fails:
        patience = Patience()

        async def process(self, mail: MailReference, *, receives: int) -> Progress:
            raise ZeroDivisionError

    worker = evolve(process.worker, relay=Fails())
    jobs = await process.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1))
    (processed,) = await worker.process(jobs)
    assert isinstance(processed.progress, Again)
    assert processed.progress.after == timedelta(seconds=60)
    assert processed.progress.because.startswith("ZeroDivisionError at inbound/test_worker.py:")


async def test_mails_of_one_lane_come_after_one_another_and_lanes_side_by_side() -> None:
    town = await open_town()
    reader = Waiting(town, seconds=1)
    process = Process(town, reader=reader)
    for number in range(3):
        await process.take(written(TO_C1, number=number, text=f"{number}"))
    for number in range(3, 6):
        await process.take(written(TO_C2, number=number))
    working = asyncio.ensure_future(process.worker.step())
    await town.clock.advance(timedelta(seconds=10))
    assert await working == 6
    assert reader.most == 2
    assert [message.text.strip() for message in await town.messages()] == ["0", "1", "2"]


async def test_batches_side_by_side_keep_the_order_of_a_lane() -> None:
    town = await open_town()
    reader = Waiting(town, seconds=1)
    process = Process(town, reader=reader)
    worker = evolve(process.worker, batch=1)
    for number in range(3):
        await process.take(written(TO_C1, number=number, text=f"{number}"))
    await process.take(written(TO_C2, number=3))
    working = [asyncio.ensure_future(worker.step()) for _ in range(4)]
    await town.clock.advance(timedelta(seconds=10))
    assert await asyncio.gather(*working) == [1] * 4
    assert reader.most == 2
    assert [message.text.strip() for message in await town.messages()] == ["0", "1", "2"]


async def test_suspects_are_worked_on_one_by_one_after_the_others() -> None:
    town = await open_town()
    reader = Waiting(town, seconds=1)
    process = Process(town, reader=reader)
    references = [await process.take(written(TO_C1, number=number)) for number in range(4)]
    jobs = await process.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1))
    bare = [MailReference(one.record, one.trace) for one in references]
    jobs = [
        evolve(job, body=reference_body(mail), receives=9 if number < 2 else 1)
        for number, (job, mail) in enumerate(zip(jobs, bare, strict=True))
    ]
    working = asyncio.ensure_future(process.worker.process(jobs))
    await town.clock.advance(timedelta(seconds=1))
    assert len(await town.outcomes()) == 2
    await town.clock.advance(timedelta(seconds=1))
    assert len(await town.outcomes()) == 3
    await town.clock.advance(timedelta(seconds=1))
    assert [type(one.progress) for one in await working] == [Done] * 4


async def test_suspects_of_batches_side_by_side_are_worked_on_one_by_one() -> None:
    """Or one that kills its worker would take another with it, which is then blamed for it as often."""
    town = await open_town()
    reader = Waiting(town, seconds=1)
    process = Process(town, reader=reader)
    for number, alias in enumerate((TO_C1, TO_C2)):
        await process.take(written(alias, number=number))
    jobs = await process.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1))
    batches = [[evolve(job, receives=9)] for job in jobs]
    working = [asyncio.ensure_future(process.worker.process(batch)) for batch in batches]
    await town.clock.advance(timedelta(seconds=1))
    assert len(await town.outcomes()) == 1
    await town.clock.advance(timedelta(seconds=1))
    assert [type(one.progress) for (one,) in await asyncio.gather(*working)] == [Done] * 2
    assert reader.most == 1


async def test_an_acknowledgement_that_is_lost_is_made_good_by_the_outcome() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    process.faults.fail("queue.done", memory.before("queue"), times=1)
    with pytest.raises(Unavailable):
        await process.worker.step()
    await process.drain()
    assert len(await town.messages()) == 1
    assert await depth(town) == (0, 0)


def test_a_reference_travels_as_ids_alone() -> None:
    reference = MailReference(RecordKey("envelopes/2026/03/01/ab.json"), TraceId("t"), "lane")
    assert reference_body(reference) == "mail/1 envelopes/2026/03/01/ab.json t lane"
    assert read_reference(reference_body(reference)) == reference
    assert read_reference("mail/1 a b") == MailReference(RecordKey("a"), TraceId("b"))
    assert read_reference("mail/1 a") is None


async def test_a_job_whose_mail_is_gone_is_done() -> None:
    town = await open_town()
    process = Process(town)
    await town.queue.put(["mail/1 envelopes/2025/03/01/none.json t"])
    jobs = await process.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1))
    assert [one.progress for one in await process.worker.process(jobs)] == [Expired()]
