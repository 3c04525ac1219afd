"""Mail that was kept and never concluded is queued again, without a flood."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.inbound.outcomes import Dead, Done
from convalias.ports.errors import Unavailable
from convalias.services.inbound.relay import LANE
from services.inbound_desk import NOON, TO_C1, Process, Town, open_town, shortened, written

HOUR = timedelta(hours=1)


async def lost(town: Town, *, number: int = 1) -> None:
    """A mail that is kept, and whose job is gone."""
    process = Process(town)
    await process.take(written(TO_C1, number=number))
    await town.queue.done(await town.queue.take(limit=99, wait=timedelta(0), lease=timedelta(1)))


async def test_a_mail_whose_job_is_lost_is_queued_again_after_an_hour() -> None:
    town = await open_town()
    await lost(town)
    process = Process(town)
    await town.clock.advance(HOUR)
    assert await process.sweeper.sweep() == 0
    await town.clock.advance(timedelta(seconds=1))
    assert await process.sweeper.sweep() == 1
    await process.drain()
    assert len(await town.messages()) == 1
    assert await process.sweeper.sweep() == 0


async def test_each_is_queued_at_most_once_in_six_hours() -> None:
    town = await open_town()
    await lost(town)
    await town.clock.advance(2 * HOUR)
    assert [await Process(town).sweeper.sweep() for _ in range(3)] == [1, 0, 0]
    await town.queue.done(await town.queue.take(limit=99, wait=timedelta(0), lease=timedelta(1)))
    await town.clock.advance(6 * HOUR - timedelta(seconds=1))
    assert await Process(town).sweeper.sweep() == 0
    await town.clock.advance(timedelta(seconds=1))
    assert await Process(town).sweeper.sweep() == 1


async def test_what_is_younger_than_the_oldest_waiting_job_is_left_to_the_queue() -> None:
    town = await open_town()
    await lost(town)
    await town.clock.advance(timedelta(minutes=10))
    process = Process(town)
    await process.take(written(TO_C1, number=2))
    await town.clock.advance(24 * HOUR)
    assert await process.sweeper.sweep() == 0
    await process.drain()
    assert await process.sweeper.sweep() == 1


async def test_of_many_mails_only_the_open_ones_are_queued() -> None:
    town = await open_town()
    process = Process(town)
    for number in range(5):
        await process.take(written(TO_C1, number=number))
    await process.drain()
    for number in range(10, 13):
        await lost(town, number=number)
    await town.clock.advance(3 * HOUR)
    assert await process.sweeper.sweep() == 3


async def test_a_day_is_looked_at_until_all_of_it_is_concluded_however_old_it_is() -> None:
    town = await open_town()
    await lost(town)
    await town.clock.advance(timedelta(days=30))
    process = Process(town)
    assert await process.sweeper.sweep() == 1
    await process.drain()
    faults = memory.Faults()
    assert await Process(town, faults=faults).sweeper.sweep() == 0
    looked = faults.calls["records.range"]
    assert await Process(town, faults=faults).sweeper.sweep() == 0
    assert looked == 1
    assert faults.calls["records.range"] == looked


async def test_a_token_of_tomorrow_is_swept_too() -> None:
    town = await open_town()
    await town.clock.advance(timedelta(hours=11, minutes=58))
    process = Process(town)
    ahead = evolve(written(TO_C1), token="t", token_at=NOON + timedelta(hours=12, minutes=2))
    assert (await process.take(ahead)).record.startswith("envelopes/2026/03/02/")
    await town.queue.done(await town.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1)))
    await town.clock.advance(2 * HOUR)
    assert await process.sweeper.sweep() == 1


async def test_a_damaged_record_is_queued_and_given_up_by_the_relay() -> None:
    town = await open_town()
    await town.blobs.put("envelopes/2026/03/01/broken.json", b"{}")
    await lost(town)
    await town.clock.advance(2 * HOUR)
    process = Process(town)
    assert await process.sweeper.sweep() == 2
    await process.drain()
    outcomes = [one.outcome for one in await town.outcomes()]
    assert {type(one) for one in outcomes} == {Done, Dead}
    assert await process.sweeper.sweep() == 0


async def test_a_damaged_record_whose_job_still_waits_is_called_so_in_one_letter() -> None:
    town = await open_town()
    process = Process(town)
    record = (await process.take(written(TO_C1))).record
    await shortened(town, record, to=50)
    assert await process.sweeper.sweep() == 1  # under a trace of its own, as the damaged one cannot be read
    await process.drain()
    (outcome,) = await town.outcomes()
    assert isinstance(outcome.outcome, Dead)
    (letter,) = [one async for one in process.dead_letters.list(LANE)]
    assert letter.trace == outcome.trace
    damaged = "envelope_record: a stored record cannot be read (JSONDecodeError); it was damaged or written by hand"
    assert letter.reason == outcome.outcome.reason == damaged


async def test_a_record_that_is_deleted_meanwhile_is_left_alone() -> None:
    town = await open_town()
    await lost(town)
    await town.clock.advance(2 * HOUR)

    class Gone:
        async def get(self, key: str) -> None:
            return None

        names = staticmethod(town.blobs.names)

    assert await evolve(Process(town).sweeper, blobs=Gone()).sweep() == 0


async def test_of_two_that_sweep_at_once_one_queues() -> None:
    town = await open_town()
    await lost(town)
    await town.clock.advance(2 * HOUR)
    process = Process(town)
    process.faults.fail("records.write", memory.after("records"), times=1)
    try:
        await process.sweeper.sweep()
    except Unavailable:
        assert await Process(town).sweeper.sweep() == 0


async def test_of_several_workers_one_sweeps_in_its_turn() -> None:
    town = await open_town()
    await lost(town)
    await town.clock.advance(2 * HOUR)
    turns = [await Process(town).sweeper.in_turn(every=HOUR) for _ in range(3)]
    assert turns == [1, 0, 0]
    await lost(town, number=2)
    await town.clock.advance(2 * HOUR)
    assert await Process(town).sweeper.in_turn(every=HOUR) == 1
