"""What an adapter of the host raises without end on one message is a dead letter at last, and holds nobody up."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from attrs import evolve
from tests.services.inbound_desk import LEGACY_C1, TO_C1, Process, open_town, written
from tests.services.outbound_world import World

from convalias.adapters.memory import before
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.outcomes import Again, Dead
from convalias.domain.inbound.tries import AWAY_FOR, Patience
from convalias.ports.errors import AdapterFailed, Unavailable
from convalias.ports.mail import ReadMail
from convalias.services.feed.change_feed import record
from convalias.services.running.outages import because, fault_in

FAULT = AdapterFailed("flags.read", "KeyError at app/flags.py:3 in Flags.read")
TOLD = "flags.read of the host: KeyError at app/flags.py:3 in Flags.read"


class Failing:
    async def read(self, raw: bytes, post: object) -> ReadMail:
        raise FAULT


def test_a_fault_names_its_line() -> None:
    assert str(FAULT) == because(FAULT) == TOLD
    assert fault_in(ExceptionGroup("side by side", [KeyError(), FAULT])) is FAULT
    assert fault_in(Unavailable("records")) is None


async def test_a_fault_on_one_event_is_tried_for_a_day_where_nothing_else_happens() -> None:
    world = World()
    await world.begin()
    event, worker = await world.said(), world.worker()
    world.faults.fail("flags.read", before(FAULT))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await worker.decide([record(event)])
        await world.pass_time(hours=12)
    await worker.decide([record(event)])
    assert await world.letters() == [f"no decision: {TOLD}"]


async def test_where_others_are_decided_about_it_is_given_up_soon() -> None:
    world = World()
    await world.begin()
    bad, worker = await world.said(), world.worker()
    world.faults.fail("flags.read", before(FAULT), times=1)
    with pytest.raises(Unavailable):
        await worker.decide([record(bad)])
    for minutes in (6, 3, 2):
        await world.pass_time(minutes=minutes)
        good = await world.said()
        await worker.decide([evolve(record(good), seq=bad.seq)])
        assert await world.states(good) == ["planned", "planned"]
        assert await world.letters() == []
        world.faults.fail("flags.read", before(FAULT), times=1)
        with nullcontext() if minutes == 2 else pytest.raises(Unavailable):
            await worker.decide([record(bad)])
    assert await world.letters() == [f"no decision: {TOLD}"]


async def test_decisions_that_stood_already_are_no_sign_that_an_adapter_works() -> None:
    """A log that comes again after a rebalance: nobody is asked about them."""
    world = World()
    await world.begin()
    bad, worker, other = await world.said(), world.worker(), world.worker("w2")
    for _ in range(5):
        world.faults.fail("flags.read", before(FAULT), times=1)
        with pytest.raises(Unavailable):
            await worker.decide([record(bad)])
        await world.pass_time(minutes=3)
        good = evolve(record(await world.said()), seq=bad.seq)
        await other.decide([good])
        await worker.decide([good])
    assert await world.letters() == []


@pytest.mark.parametrize(("call", "to"), [("directory.at", TO_C1), ("legacy.aliases", LEGACY_C1)])
async def test_a_mail_of_whose_sender_a_directory_cannot_tell_is_no_outage_without_end(
    call: str, to: EmailAddress
) -> None:
    town = await open_town()
    process = Process(town)
    fault = AdapterFailed(call, "KeyError at app/people.py:3 in People.at")
    process.faults.fail(call, before(fault))
    relay = evolve(process.relay, patience=Patience(faults=2))
    reference = await process.take(written(to))
    first = await relay.process(reference)
    assert isinstance(first, Again)
    assert first.because == f"{fault}, 1 of 2 times"
    assert not first.away, "an outage would be told of, and would not count"
    assert await relay.process(reference) == Dead(str(fault), 2)


async def test_a_mail_on_which_an_adapter_fails_is_given_up_after_many_tries() -> None:
    town = await open_town()
    process = Process(town, reader=Failing())
    relay = evolve(process.relay, patience=Patience(faults=3))
    reference = await process.take(written(TO_C1))
    process.faults.fail("records.write", before("records"), times=1)
    answers = [await relay.process(reference) for _ in range(4)]
    assert answers[0] == Again(AWAY_FOR, TOLD)
    for number, answer in enumerate(answers[1:3], 1):
        assert isinstance(answer, Again)
        assert answer.because == f"{TOLD}, {number} of 3 times"
    assert answers[3] == Dead(TOLD, 3)
    await process.relay.stores.inbound.forgive(reference.record)
