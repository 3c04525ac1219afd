"""Mail and events in a loop of the host's own: the same looks before it as before a step of `run`, and bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.app import Convalias, NotOpen
from convalias.app.facade import STOP_WITHIN
from convalias.app.memory import memory_ports, memory_wiring
from convalias.app.ports import Ports
from convalias.domain.conversations.participants import Participant
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.domain.inbound.outcomes import Again, Done
from convalias.domain.inbound.posts import IncomingMail
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord
from convalias.ports.queue import Job
from convalias.services.conversations.errors import HostMissing, KeysRefused
from convalias.services.feed.change_feed import Feed
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.deployment.deployments import Deployments
from convalias.testing.simulator.loop import VirtualLoop

DOMAIN = "reply.example"
ANN = Participant.of("ann", addresses=["ann@home.example"])
BOB = Participant.of("bob", addresses=["bob@corp.example"])
LEASE = timedelta(minutes=1)
RECORD = EventRecord(ConversationId("c1"), EventId("e1"), Seq(1), "message_added", TraceId("t"))


def in_virtual_time(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.wait_for(story, 3_600))


def written(number: int, alias: object) -> IncomingMail:
    raw = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <{number}@corp>\n\nHello {number}\n"
    return IncomingMail(raw.encode(), recipients=[str(alias)])


async def taken(cv: Convalias, *numbers: int, alias: object = None) -> Sequence[Job]:
    """Mails to Ann's alias as jobs, as another program takes them from the queue."""
    if alias is None:
        alias = (await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB]))[ANN.account]
    for number in numbers:
        await cv.receiver.accept(written(number, alias))
    return await cv.ports.queue.take(limit=10, wait=timedelta(0), lease=LEASE)


def with_other_keys(ports: Ports) -> Convalias:
    wiring = evolve(
        memory_wiring(DOMAIN, None, None), keyring=Keyring((RootKey(1, b"another secret of 32 octets long"),))
    )
    return Convalias.over(ports, wiring)


async def test_jobs_of_another_program_are_processed_and_answered_each() -> None:
    async with Convalias.in_memory(alias_domain=DOMAIN) as cv:
        jobs = await taken(cv, 1, 2)
        answers = await cv.inbound.process(jobs, within=25)
        assert [one.job for one in answers] == [*jobs]
        assert all(isinstance(one.progress, Done) for one in answers)
        await cv.run_until_idle("feed", "outbound")
        assert len(cv.mailbox("ann@home.example")) == 2


async def test_a_loop_of_ones_own_takes_works_and_steps_as_a_worker_does() -> None:
    async with Convalias.in_memory(alias_domain=DOMAIN) as cv:
        await cv.ports.queue.keep(await taken(cv, 1), timedelta(0))
        assert await cv.inbound.work(await cv.inbound.take()) == 1
        alias = await cv.alias("c1", for_="ann")
        await cv.receiver.accept(written(2, alias))
        assert await cv.inbound.step() == 1
        assert (await cv.ports.queue.depth()).ready == 0


async def test_a_loop_of_ones_own_cannot_be_had_before_it_is_open() -> None:
    cv = Convalias.in_memory(alias_domain=DOMAIN)
    for part in ("inbound", "outbound"):
        with pytest.raises(NotOpen):
            getattr(cv, part)


async def test_keys_that_are_not_those_of_the_aliases_decide_about_no_mail_and_no_event() -> None:
    """They would refuse the mail as one to a forged alias, and its sender would be told."""
    ports = memory_ports(legacy=False)
    async with Convalias.over(ports, memory_wiring(DOMAIN, None, None)) as cv:
        jobs = await taken(cv, 1)
    async with with_other_keys(ports) as wrong:
        with pytest.raises(KeysRefused):
            await wrong.inbound.process(jobs)
        with pytest.raises(KeysRefused):
            await wrong.inbound.step()
        with pytest.raises(KeysRefused):
            await wrong.outbound.decide([RECORD])
        for call in (wrong.outbound.deliver_due, wrong.outbound.take_up_undecided, wrong.outbound_worker.step):
            with pytest.raises(KeysRefused):
                await call()
    async with Convalias.over(ports, memory_wiring(DOMAIN, None, None)) as cv:
        (answer,) = await cv.inbound.process(jobs)
        assert isinstance(answer.progress, Done)


async def test_what_another_process_told_the_deployment_is_known_at_the_next_call() -> None:
    ports = memory_ports(legacy=False)
    wiring = memory_wiring(DOMAIN, None, None)
    async with Convalias.over(ports, evolve(wiring, deployment=Deployment())) as cv:
        jobs = await taken(cv, 1, alias=f"ann@{DOMAIN}")
        (answer,) = await cv.inbound.process(jobs)
        assert isinstance(answer.progress, Again)  # nobody can say yet whose mail this is
        assert "alias domains" in answer.progress.away
        await Deployments(records=ports.records).change(lambda _: Deployment(alias_domains=(DOMAIN,)))
        clock = ports.clock
        assert isinstance(clock, memory.Clock)
        await clock.advance(timedelta(seconds=2))
        (answer,) = await cv.inbound.process(jobs)
        assert isinstance(answer.progress, Done)


async def test_a_process_without_the_hosts_conversations_works_on_nothing() -> None:
    ports = memory_ports(legacy=False)
    async with Convalias.over(ports, memory_wiring(DOMAIN, None, None)) as cv:
        jobs = await taken(cv, 1)
        await HostRows(records=ports.records).first_start(ports.clock.now())
        with pytest.raises(HostMissing):
            await cv.inbound.process(jobs)
        with pytest.raises(HostMissing):
            await cv.outbound.decide([RECORD])


async def test_the_hosts_conversations_are_asked_about_once_an_opening() -> None:
    faults, ports = memory.Faults(), memory_ports(legacy=False)
    records = memory.faulty.Records(ports.records, faults)
    async with Convalias.over(ports.but(records=records), memory_wiring(DOMAIN, None, None)) as cv:
        await cv.outbound.deliver_due()
        reads: list[int] = []
        for call in (cv.outbound.deliver_due, cv.services.outbound.deliver_due):
            before = faults.calls.total()
            await call()
            reads.append(faults.calls.total() - before)
        assert reads[0] == reads[1]  # what is due, and nothing besides


async def test_a_store_that_is_away_makes_every_mail_come_back() -> None:
    faults, ports = memory.Faults(), memory_ports(legacy=False)
    records = memory.faulty.Records(ports.records, faults)
    async with Convalias.over(ports.but(records=records), memory_wiring(DOMAIN, None, None)) as cv:
        jobs = await taken(cv, 1, 2)
        clock = ports.clock
        assert isinstance(clock, memory.Clock)
        await clock.advance(timedelta(seconds=2))
        faults.fail("records.*", memory.before(Unavailable("the store", retry_after=timedelta(seconds=9))))
        answers = await cv.inbound.process(jobs, within=25)
        assert [one.job for one in answers] == [*jobs]
        assert {one.progress for one in answers} == {Again(timedelta(seconds=9), "Unavailable", away="the store")}
        with pytest.raises(Unavailable):
            await cv.outbound.decide([RECORD])
        faults.mend()
        faults.fail("records.get", memory.before(ZeroDivisionError), times=1)
        with pytest.raises(ZeroDivisionError):  # no outage: a fault that is to be seen
            await cv.inbound.process(jobs)


class Hanging:
    """Records that answer nothing while they are told to hang."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.hangs = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def called(*given: object, **named: object) -> object:
            if self.hangs:
                await asyncio.Event().wait()
            return await method(*given, **named)

        return called


def test_mail_that_the_time_does_not_reach_comes_back_in_time_though_the_store_hangs() -> None:
    async def story() -> None:
        ports = memory_ports(legacy=False)
        records: Any = Hanging(ports.records)
        async with Convalias.over(ports.but(records=records), memory_wiring(DOMAIN, None, None)) as cv:
            jobs = await taken(cv, 1, 2)
            clock = ports.clock
            assert isinstance(clock, memory.Clock)
            await clock.advance(timedelta(seconds=2))
            records.hangs = True
            began = asyncio.get_running_loop().time()
            answers = await cv.inbound.process(jobs, within=7)
            assert asyncio.get_running_loop().time() - began == pytest.approx(7)
            assert [one.progress for one in answers] == [Again(timedelta(0), "out of time")] * 2
            records.hangs = False

    in_virtual_time(story())


async def test_records_of_another_program_are_decided_about_and_sent() -> None:
    async with Convalias.in_memory(alias_domain=DOMAIN) as cv:
        await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        sent = await cv.messaging.send("c1", "Hello", author="bob", key="k1")
        record = EventRecord(ConversationId("c1"), sent.id, sent.seq, "message_added", TraceId("t"))
        for _ in range(2):  # it may come again
            await cv.outbound.decide([record])
            while await cv.outbound.sent() or await cv.outbound.deliver_due() or await cv.outbound.take_up_undecided():
                pass
        await cv.outbound.finish(within=timedelta(0))
        assert len(cv.mailbox("ann@home.example")) == 1


# --- until nothing is due, within a time --------------------------------------------------------------


class Slow:
    """A hub's mail that takes its time."""

    def __init__(self, inner: object, seconds: float) -> None:
        self._inner = inner
        self.seconds = seconds
        self.begun = self.ended = 0

    async def send(self, *given: object, **named: object) -> object:
        self.begun += 1
        await asyncio.sleep(self.seconds)
        self.ended += 1
        return await self._inner.send(*given, **named)  # type: ignore[attr-defined]


def with_slow_mail(seconds: float) -> tuple[Convalias, Slow]:
    ports = memory_ports(legacy=False)
    mail: Any = Slow(ports.mail, seconds)
    return Convalias.over(ports.but(mail=mail), memory_wiring(DOMAIN, None, None)), mail


async def said(cv: Convalias, count: int) -> None:
    for number in range(count):
        await cv.open_conversation(f"c{number}", use_case="hiring", participants=[ANN, BOB])
        await cv.messaging.send(f"c{number}", "Hello", author="bob", key="k")


def test_no_step_begins_after_the_time_and_what_is_under_way_ends() -> None:
    async def story() -> None:
        cv, mail = with_slow_mail(10)
        async with cv:
            await said(cv, 40)
            began = asyncio.get_running_loop().time()
            idle = await cv.run_until_idle(within=timedelta(seconds=5))
            assert asyncio.get_running_loop().time() - began <= 5 + STOP_WITHIN.total_seconds() + 1
            assert not idle.in_time
            assert 0 < mail.begun < 40
            assert mail.begun == mail.ended  # nothing is left under way

    in_virtual_time(story())


def test_a_step_that_does_not_end_is_cancelled_and_released() -> None:
    async def story() -> None:
        ports = memory_ports(legacy=False)
        blobs: Any = Hanging(ports.blobs)
        async with Convalias.over(ports.but(blobs=blobs), memory_wiring(DOMAIN, None, None)) as cv:
            await ports.queue.keep(await taken(cv, 1), timedelta(0))
            blobs.hangs = True
            tasks = asyncio.all_tasks()
            began = asyncio.get_running_loop().time()
            idle = await cv.run_until_idle(within=timedelta(seconds=5))
            lasted = asyncio.get_running_loop().time() - began
            assert lasted == pytest.approx(5 + STOP_WITHIN.total_seconds())
            assert (idle.in_time, idle.waiting) == (False, 1)
            assert asyncio.all_tasks() <= tasks
            blobs.hangs = False

    in_virtual_time(story())


def test_what_is_done_in_time_says_so_and_a_time_of_none_is_no_bound() -> None:
    async def story() -> None:
        cv, mail = with_slow_mail(10)
        async with cv:
            await said(cv, 2)
            assert (await cv.run_until_idle()).in_time
            assert mail.ended == 2
            assert (await cv.run_until_idle(within=timedelta(seconds=1))).in_time

    in_virtual_time(story())


async def test_a_time_out_inside_a_step_is_raised_and_is_not_taken_for_the_end() -> None:
    faults, ports = memory.Faults(), memory_ports(legacy=False)
    records = memory.faulty.Records(ports.records, faults)
    async with Convalias.over(ports.but(records=records), memory_wiring(DOMAIN, None, None)) as cv:
        faults.fail("records.due", memory.before(TimeoutError), times=1)
        with pytest.raises(TimeoutError):
            await cv.run_until_idle("outbound", within=timedelta(seconds=5))


class Leased(Feed):
    """A feed that one process has at a time."""

    def __init__(self) -> None:
        self.steps = 0
        self.is_held = False

    async def step(self) -> int:
        self.steps += 1
        self.is_held = True
        return 0

    async def close(self) -> None:
        self.is_held = False


async def test_whoever_is_idle_holds_no_lease_of_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Leased()
    async with Convalias.in_memory(alias_domain=DOMAIN) as cv:
        monkeypatch.setattr(cv, "_services", evolve(cv.services, feed=feed))
        await cv.run_until_idle("feed")
        assert (feed.steps > 0, feed.is_held) == (True, False)
        async with cv.running("feed"):
            while not feed.is_held:  # noqa: ASYNC110 - no event of the worker's tells
                await asyncio.sleep(0)
            await cv.run_until_idle("feed")
            assert feed.is_held  # the worker beside it goes on


async def test_any_number_do_what_is_due_at_once_and_each_mail_is_sent_once() -> None:
    async with Convalias.in_memory(alias_domain=DOMAIN) as cv:
        await said(cv, 9)
        await asyncio.gather(*(cv.run_until_idle(within=timedelta(seconds=60)) for _ in range(4)))
        assert len(cv.mailbox("ann@home.example")) == 9
