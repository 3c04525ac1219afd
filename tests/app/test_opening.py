"""Engines open at their first use: one attempt for all who wait, within a bound, again after a failure, closed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from convalias.adapters import memory
from convalias.app.chores import Trimmed
from convalias.app.late_ports import (
    AheadEventLog,
    AheadSubscription,
    Blobs,
    Changes,
    EventLog,
    FileBlobs,
    JobQueue,
    OpensLate,
    PolledJobQueue,
    ProbedBlobs,
    ProbedJobQueue,
    Records,
    TrimmedEventLog,
)
from convalias.app.opening import EngineName, Late, Patience
from convalias.app.ports import Instead
from convalias.app.workers import Polled
from convalias.ports.errors import EngineAway, Unavailable
from convalias.ports.event_log import ReadsAhead
from convalias.ports.examining import Examined, Probed
from convalias.ports.records import Insert, Key, Ordered, Paged, Partitioned, Written
from convalias.services.operations.retention import EndsBlobs
from convalias.testing.simulator.loop import VirtualLoop

NAME = EngineName(setting="store", kind="mongodb", place="db1:27017", variable="CONVALIAS_STORE")
KEY = Key("things", "p", "1")


class Engine:
    """One that opens as it is told, and counts."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.fails: Exception | None = None
        self.hangs = 0.0
        self.clock = memory.Clock()

    @asynccontextmanager
    async def open(self, _: timedelta) -> AsyncGenerator[Instead]:
        self.opened += 1
        await asyncio.sleep(self.hangs)
        if self.fails is not None:
            raise self.fails
        try:
            yield {
                "records": memory.Records(),
                "blobs": memory.Blobs(),
                "queue": memory.JobQueue(clock=self.clock),
                "events": memory.EventLog(clock=self.clock),
            }
        finally:
            self.closed += 1

    def late(self, *, patience: Patience | None = None) -> Late:
        return Late(NAME, self.open, patience=patience or Patience(timedelta(seconds=10)))


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """In virtual time; how much of it passed."""
    loop = VirtualLoop()
    try:
        began = loop.time()
        loop.run_until_complete(story())
        return loop.time() - began
    finally:
        loop.close()


def test_nothing_is_opened_before_it_is_used_and_all_is_closed_once() -> None:
    async def story() -> None:
        engine = Engine()
        late = engine.late()
        records = Records(late)
        assert engine.opened == 0
        assert isinstance((await records.write([Insert(KEY, {"a": 1})]))[0], Written)
        assert await records.get([KEY])
        assert await Blobs(late).get("raw/a") is None
        assert (engine.opened, engine.closed) == (1, 0)
        await late.close()
        await late.close()
        assert engine.closed == 1
        with pytest.raises(EngineAway, match="closed"):
            await records.get([KEY])

    run(story)


def test_what_was_never_used_is_closed_without_being_opened() -> None:
    async def story() -> None:
        engine = Engine()
        await engine.late().close()
        assert (engine.opened, engine.closed) == (0, 0)

    run(story)


def test_who_comes_during_an_attempt_waits_for_that_one() -> None:
    async def story() -> None:
        engine = Engine()
        engine.hangs = 2
        late = engine.late()
        await asyncio.gather(*(Records(late).get([KEY]) for _ in range(20)))
        assert engine.opened == 1
        await late.close()

    assert run(story) == pytest.approx(2)


def test_a_failure_is_told_to_all_who_wait_and_the_next_use_tries_again() -> None:
    async def story() -> None:
        engine = Engine()
        engine.hangs, engine.fails = 2, Unavailable("store", retry_after=timedelta(seconds=7))
        late = engine.late()
        answers = await asyncio.gather(*(Records(late).get([KEY]) for _ in range(5)), return_exceptions=True)
        assert engine.opened == 1
        assert {str(one) for one in answers} == {"store: mongodb at db1:27017 (CONVALIAS_STORE) does not answer"}
        assert {type(one) for one in answers} == {EngineAway}
        assert {getattr(one, "retry_after", None) for one in answers} == {timedelta(seconds=7)}
        engine.fails = None
        await Records(late).get([KEY])
        assert engine.opened == 2
        await late.close()

    run(story)


def test_an_engine_that_never_answers_is_away_after_its_time() -> None:
    async def story() -> None:
        engine = Engine()
        engine.hangs = 10_000
        late = engine.late()
        with pytest.raises(EngineAway):
            await Records(late).get([KEY])
        await late.close()

    assert run(story) == pytest.approx(10)


def test_a_command_that_uses_two_that_never_answer_ends_in_its_time() -> None:
    """Its ten seconds are for all openings together, not for each."""

    async def story() -> None:
        patience = Patience(timedelta(seconds=7), in_all=timedelta(seconds=7))
        for _ in range(4):
            engine = Engine()
            engine.hangs = 10_000
            late = engine.late(patience=patience)
            with pytest.raises(EngineAway):
                await Records(late).get([KEY])
            await late.close()

    assert run(story) <= 9


def test_a_call_of_a_command_is_bounded_and_one_of_a_process_that_stays_is_not() -> None:
    async def story(patience: Patience) -> None:
        engine = Engine()
        late = engine.late(patience=patience)
        with pytest.raises(EngineAway):
            await late.call(lambda _: _after(60))
        await late.close()

    async def brief() -> None:
        await story(Patience(timedelta(seconds=7), call=timedelta(seconds=7)))

    async def lasting() -> None:
        await story(Patience(timedelta(seconds=7)))

    assert run(brief) == pytest.approx(7)
    assert run(lasting) == pytest.approx(60)


async def _after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise Unavailable("records")


def test_an_engines_own_time_out_stays_what_it_is() -> None:
    """An ambiguous end is no plain outage: only our own bound is."""

    async def late_answer(_: Instead) -> None:
        raise TimeoutError

    async def story() -> None:
        late = Engine().late(patience=Patience(timedelta(seconds=7), call=timedelta(seconds=7)))
        with pytest.raises(TimeoutError):
            await late.call(late_answer)
        await late.close()

    run(story)


def test_who_gives_up_waiting_leaves_the_attempt_to_the_others() -> None:
    async def story() -> None:
        engine = Engine()
        engine.hangs = 2
        late = engine.late()
        first = asyncio.ensure_future(Records(late).get([KEY]))
        second = asyncio.ensure_future(Records(late).get([KEY]))
        await asyncio.sleep(1)
        first.cancel()
        assert await second == {}
        assert first.cancelled()
        assert engine.opened == 1
        await late.close()

    run(story)


def test_an_attempt_under_way_ends_with_the_close() -> None:
    async def story() -> None:
        engine = Engine()
        engine.hangs = 10_000
        late = engine.late()
        waiting = asyncio.ensure_future(Records(late).get([KEY]))
        await asyncio.sleep(1)
        await late.close()
        with pytest.raises(EngineAway, match="closed"):
            await waiting

    assert run(story) == pytest.approx(1)


def test_what_must_be_mended_is_raised_as_it_is_and_tried_again_later() -> None:
    async def story() -> None:
        engine = Engine()
        engine.fails = ValueError("it lacks the indexes")
        late = engine.late()
        with pytest.raises(ValueError, match="indexes"):
            await Records(late).get([KEY])
        engine.fails = None
        assert await Records(late).get([KEY]) == {}
        await late.close()
        assert (engine.opened, engine.closed) == (2, 1)

    run(story)


def test_each_late_port_has_the_capabilities_of_its_engine_and_no_others() -> None:
    late = Engine().late()
    polled = PolledJobQueue(late, poll=lambda: timedelta(seconds=5))
    assert polled.poll == timedelta(seconds=5)
    abilities = {Polled, ReadsAhead, Trimmed, Ordered, Paged, Partitioned, Probed, EndsBlobs, Examined, OpensLate}
    has: dict[object, set[type]] = {
        polled: {Polled, OpensLate},
        JobQueue(late): {OpensLate},
        ProbedJobQueue(late): {Probed, OpensLate},
        Blobs(late): {OpensLate},
        ProbedBlobs(late): {Probed, OpensLate},
        FileBlobs(late): {Probed, EndsBlobs, OpensLate},
        Records(late): {Ordered, Paged, Partitioned, OpensLate},
        Changes(late): {OpensLate},
        EventLog(late): {OpensLate},
        TrimmedEventLog(late): {Trimmed, OpensLate},
        AheadEventLog(late): {OpensLate},
        EventLog(late).records("g"): set(),
        AheadSubscription(late, "g"): {ReadsAhead},
    }
    for port, expected in has.items():
        assert {one for one in abilities if isinstance(port, one)} == expected, type(port).__name__


def test_a_subscription_joins_with_its_first_take_and_leaves_what_it_never_joined_alone() -> None:
    async def story() -> None:
        engine = Engine()
        late = engine.late()
        log = AheadEventLog(late)
        subscription = log.records("outbound")
        await subscription.catch_up()
        await subscription.commit()
        await subscription.close()
        assert engine.opened == 0
        assert not await subscription.take(limit=1, wait=timedelta(0))
        await subscription.commit()
        await subscription.close()
        assert engine.opened == 1
        await late.close()

    run(story)


@pytest.mark.parametrize(
    ("setting", "url", "what"),
    [
        ("store", "mongodb://u:secret@db1:27017,db2/mail?replicaSet=rs0", "store: mongodb at db1:27017,db2 (V)"),
        ("store", "mongodb+srv://u:secret@cluster.example/mail", "store: mongodb at cluster.example (V)"),
        ("store", "mongodb://[::1]:27017/mail", "store: mongodb at [::1]:27017 (V)"),
        ("events", "kafka://u:secret@k1:9092,k2:9092/topic", "events: kafka at k1:9092,k2:9092 (V)"),
        ("raw", "s3://bucket/prefix?region=eu-west-1", "raw: s3 at bucket (V)"),
        ("raw", "s3://bucket?endpoint=http://u:secret@10.0.0.1:9000", "raw: s3 at 10.0.0.1:9000 (V)"),
        ("raw", "file:///var/mail", "raw: file at /var/mail (V)"),
        ("queue", "sqs://eu-west-1/jobs", "queue: sqs at sqs.eu-west-1.amazonaws.com (V)"),
        ("queue", "sqs://eu-west-1/jobs?endpoint=https://q.example:9324", "queue: sqs at q.example:9324 (V)"),
    ],
)
def test_an_engine_is_named_by_its_host_and_setting(setting: str, url: str, what: str) -> None:
    assert EngineName.of_url(setting, url, "V").what == what


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://user:secr/et@db1/mail",
        "mongodb://user:12345/et@db1/mail",
        "mongodb://user:secr?et@db1/mail",
        "mongodb://user:12#secret@db1/mail",
        "kafka://user:se[cret@k1/topic",
        "kafka://user:secret/topic",
    ],
)
def test_a_url_that_is_read_wrong_tells_nothing_of_its_password(url: str) -> None:
    what = EngineName.of_url("store", url, "V").what
    assert "secr" not in what
    assert "12" not in what
    assert "user" not in what


def test_a_reason_that_says_more_than_the_name_is_told_with_it() -> None:
    away = NAME.away(Unavailable("the primary of the store's replica set (a majority of its members must run)"))
    assert str(away).endswith(
        "does not answer: the primary of the store's replica set (a majority of its members must run)"
    )
    assert NAME.away(away) is away
