"""The façade's life: inert until entered, workers beside a body, stop and cancel, faults of what is outside."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from convalias.adapters import memory
from convalias.app import AlreadyOpen, Convalias, NotOpen
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.conversations.participants import Participant
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from convalias.ports.errors import Unavailable
from convalias.services.conversations.errors import NotReady
from convalias.settings import WrongSettings

ANN = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
BOB = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 600))


def written(number: int, alias: str) -> IncomingMail:
    raw = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <{number}@corp>\n\nHello {number}\n"
    return IncomingMail(raw.encode(), recipients=[alias])


def faulty(faults: memory.Faults) -> Convalias:
    ports = memory_ports(legacy=False)
    return Convalias.over(
        ports.but(
            records=memory.faulty.Records(ports.records, faults), queue=memory.faulty.JobQueue(ports.queue, faults)
        ),
        memory_wiring("reply.example", None, None),
    )


async def passing(cv: Convalias, **amount: float) -> None:
    """Let virtual time pass."""
    clock = cv.ports.clock
    assert isinstance(clock, memory.Clock)
    await clock.advance(timedelta(**amount))


async def ticking(cv: Convalias, until: Any, *, longest: int = 2_000) -> None:
    """Let virtual time pass until something holds."""
    clock = cv.ports.clock
    assert isinstance(clock, memory.Clock)
    for _ in range(longest):
        if until():
            return
        await clock.advance(timedelta(milliseconds=100))
    raise AssertionError("it never came to that")


async def test_a_mail_in_is_a_notification_out() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        again = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        assert again == aliases
        await cv.receiver.accept(written(1, str(aliases[ANN.account])))
        idle = await cv.run_until_idle()
        assert idle.done["inbound"] == 1
        assert (idle.waiting, idle.dead) == (0, 0)
        (mail,) = cv.mailbox("ann@home.example")
        assert b"Hello 1" in mail
        assert b"bob@corp.example" not in mail
        assert cv.mailbox("bob@corp.example") == []


async def test_nothing_can_be_used_before_it_is_entered_or_after_it_was_left() -> None:
    cv = Convalias.in_memory(alias_domain="reply.example")
    assert not cv.is_open
    with pytest.raises(NotOpen, match="async with"):
        _ = cv.receiver
    async with cv:
        assert cv.is_open
    with pytest.raises(NotOpen, match="async with"):
        _ = cv.ports


async def test_workers_run_beside_a_body_and_stop_at_its_end() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        async with cv.running():
            await cv.receiver.accept(written(1, str(aliases[ANN.account])))
            await ticking(cv, lambda: cv.mailbox("ann@home.example"))
        before = len(cv.mailbox("ann@home.example"))
        await cv.receiver.accept(written(2, str(aliases[ANN.account])))
        assert len(cv.mailbox("ann@home.example")) == before == 1


async def test_a_dependency_that_is_away_stops_no_worker_and_loses_nothing() -> None:
    faults = memory.Faults()
    async with faulty(faults) as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        async with cv.running():
            faults.fail("queue.take", memory.before("job queue"), times=5)
            await cv.receiver.accept(written(1, str(aliases[ANN.account])))
            await ticking(cv, lambda: cv.mailbox("ann@home.example"))


@pytest.mark.slow
async def test_a_worker_that_is_broken_ends_nothing_shows_and_works_again() -> None:
    faults = memory.Faults()
    async with faulty(faults) as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        check = (await cv.checks())["workers"]
        assert not await check()
        async with cv.running():
            faults.fail("queue.take", memory.before(ZeroDivisionError), times=60)
            await passing(cv, minutes=1)
            with pytest.raises(NotReady, match=r"^inbound since \S+: ZeroDivisionError at memory/faults.py:\d+ in "):
                await check()
            # The others go on: a chat message is told of.
            await cv.messaging.send("c1", "hello", author="bob", key="k1")
            await ticking(cv, lambda: cv.mailbox("ann@home.example"))
            await cv.receiver.accept(written(1, str(aliases[ANN.account])))
            await ticking(cv, lambda: len(cv.mailbox("ann@home.example")) == 2, longest=40_000)
            await passing(cv, minutes=1)  # each of its loops has looked since
            assert not await check()


@pytest.mark.parametrize("worker", ["inbound", "feed", "outbound"])
async def test_whatever_one_worker_meets_the_others_go_on(worker: str) -> None:
    faults = memory.Faults()
    async with faulty(faults) as cv:
        running = asyncio.create_task(cv.run())
        await passing(cv, seconds=1)
        for task in asyncio.all_tasks():
            if task.get_name() == f"convalias {worker}":
                task.cancel()
        await passing(cv, seconds=5)
        assert not await (await cv.checks())["workers"]()
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        await cv.receiver.accept(written(1, str(aliases[ANN.account])))
        await ticking(cv, lambda: cv.mailbox("ann@home.example"))
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(NotReady, match="was cancelled, and not stopped"):
            await (await cv.checks())["workers"]()


async def test_what_workers_wait_for_is_told_and_does_not_turn_readiness() -> None:
    faults = memory.Faults()
    async with faulty(faults) as cv, cv.running():
        faults.fail("queue.take", memory.before("job queue"), times=20)
        await passing(cv, seconds=3)
        assert await (await cv.checks())["workers"]() == "inbound waits: job queue is away"


async def test_a_worker_that_there_is_not_is_refused_at_once() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        with pytest.raises(InvalidValue, match="found 'inbnd', expected inbound or feed or outbound"):
            async with cv.running("inbnd"):  # type: ignore[arg-type]
                raise AssertionError("the body begins")
        with pytest.raises(InvalidValue):
            await cv.run("inbnd")  # type: ignore[arg-type]


async def test_workers_beside_workers_all_stop() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv, cv.running("feed"):
        async with cv.running("outbound"):
            await passing(cv, seconds=1)
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not any(name.startswith("convalias ") for name in names)


async def test_a_deployment_without_a_domain_takes_mail_and_routes_none() -> None:
    ports = memory_ports(legacy=False)
    wiring = memory_wiring("reply.example", None, None)
    async with Convalias.over(ports, type(wiring)(keyring=wiring.keyring)) as cv:
        await cv.receiver.accept(written(1, "ann@reply.example"))
        with pytest.raises(Unavailable, match="alias domains"):
            await cv.run_until_idle()
        assert (await cv.ports.queue.depth()).ready == 1


async def test_an_event_whose_decision_could_not_be_written_is_read_again() -> None:
    faults = memory.Faults()
    async with faulty(faults) as cv:
        await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        await cv.messaging.send("c1", "Hello", author="bob", key="k1")
        await cv.run_until_idle("feed")
        faults.fail("records.*", memory.before("records"), times=1, skip=2)
        with pytest.raises(Unavailable):
            await cv.run_until_idle("outbound")
        await cv.run_until_idle()
        assert len(cv.mailbox("ann@home.example")) == 1


def test_the_embedded_backend_keeps_everything_between_two_lives(tmp_path: Path) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\nlegacy_domains = ["relay.example"]\n')

    async def first() -> None:
        async with Convalias.from_toml(settings, data=tmp_path / "data", environ={}) as cv:
            await cv.rollout.set(UseCase("hiring"), stage=Stage.PARALLEL, basis_points=10_000)
            aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
            await cv.receiver.accept(written(1, str(aliases[ANN.account])))

    async def second() -> None:
        async with Convalias.from_toml(settings, data=tmp_path / "data", environ={}) as cv:
            assert (await cv.run_until_idle()).done["inbound"] == 1
            assert [event.seq for event in await cv.messaging.events("c1")] == [1, 2, 3, 4]
            with pytest.raises(TypeError, match="outbox in memory"):
                cv.mailbox("ann@home.example")

    run(first())
    run(second())
    assert len(list((tmp_path / "data" / "outbox").glob("*.eml"))) == 1


def test_wrong_settings_are_all_told_at_once(tmp_path: Path) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domain = "reply.example"\nmail_limit = -1\nsigning_key = "x"\n')
    with pytest.raises(WrongSettings) as wrong:
        Convalias.from_toml(settings, data=tmp_path, environ={"CONVALIAS_KEYS": "nonsense"})
    assert set(wrong.value.problems) == {"alias_domain", "mail_limit", "signing_key", "CONVALIAS_KEYS"}
    assert "nonsense" not in str(wrong.value)


@pytest.mark.slow
async def test_an_outage_of_an_hour_is_at_most_62_lines(caplog: pytest.LogCaptureFixture) -> None:
    faults = memory.Faults()
    async with faulty(faults) as cv, cv.running():
        await passing(cv, seconds=1)
        caplog.clear()
        faults.fail("records.*", memory.before("mongodb at db:27017 (store)"))
        await passing(cv, hours=1)
        faults.mend()
        await passing(cv, minutes=1)
        lines = [line.getMessage() for line in caplog.records]
        assert 55 <= len(lines) <= 62
        assert lines[0] == "mongodb at db:27017 (store) is away"
        assert lines[-1] == "mongodb at db:27017 (store) is back after 60 min"


async def test_entering_again_is_refused_and_leaves_what_is_open_open() -> None:
    """Whoever left first closed it under the other, which then was told to use it inside `async with`."""
    cv = Convalias.in_memory(alias_domain="reply.example")
    async with cv:
        with pytest.raises(AlreadyOpen, match="open already"):
            await cv.__aenter__()
        assert not await cv.operations.dead()
    async with cv:
        assert cv.is_open


async def test_what_is_in_memory_goes_by_the_clock_that_is_given() -> None:
    """A queue with a clock of its own kept mail in back-off for ever."""
    clock = memory.Clock()
    async with Convalias.in_memory(alias_domain="reply.example", clock=clock) as cv:
        await cv.ports.queue.put(["a job"])
        taken = await cv.ports.queue.take(limit=1, wait=timedelta(0), lease=timedelta(seconds=60))
        assert [job.body for job in taken] == ["a job"]
        await clock.advance(timedelta(seconds=61))
        again = await cv.ports.queue.take(limit=1, wait=timedelta(0), lease=timedelta(seconds=60))
        assert [job.body for job in again] == ["a job"]
