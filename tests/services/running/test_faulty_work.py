"""Since when a piece of work fails is counted by itself, and against what works beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.domain.outbound.decision import ALONE_AFTER, ALONE_TRIES
from convalias.services.running import faulty_work
from convalias.services.running.faulty_work import AGAIN_AFTER, FaultyWork


async def test_what_works_again_begins_anew() -> None:
    clock = memory.Clock()
    faulty = FaultyWork(clock=clock)
    assert faulty.failed("a") == clock.now() + AGAIN_AFTER
    faulty.worked("a")
    await clock.advance(timedelta(days=2))
    assert faulty.failed("a") == clock.now() + AGAIN_AFTER
    await clock.advance(timedelta(days=1))
    assert faulty.failed("a") is None
    assert faulty.failed("a") == clock.now() + AGAIN_AFTER, "put aside, then redriven"


async def test_a_process_that_begins_counts_on_from_what_was_written_down() -> None:
    clock = memory.Clock()
    began = clock.now()
    await clock.advance(timedelta(days=1))
    assert not FaultyWork(clock=clock).is_hopeless("a")
    assert not FaultyWork(clock=clock).is_hopeless("a", since=began + timedelta(seconds=1))
    assert FaultyWork(clock=clock).is_hopeless("a", since=began)


async def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty_work, "REMEMBERED", 2)
    clock = memory.Clock()
    faulty = FaultyWork(clock=clock)
    for work in "abc":
        faulty.failed(work)
    await clock.advance(timedelta(days=1))
    assert faulty.failed("b") is None
    assert faulty.failed("a") is not None, "it was forgotten, and begins anew"


async def test_what_fails_while_others_work_is_put_aside_soon() -> None:
    clock = memory.Clock()
    faulty = FaultyWork(clock=clock)
    assert faulty.failed("a")
    for _ in range(2):
        await clock.advance(timedelta(minutes=2))
        faulty.worked("b")
        assert faulty.failed("a"), "not long enough"
    await clock.advance(timedelta(minutes=1))
    assert faulty.failed("a"), "nobody else was tried: that says nothing"
    await clock.advance(timedelta(minutes=2))
    faulty.worked("b")
    assert faulty.failed("a") is None


async def test_minutes_in_which_an_adapter_failed_on_all_do_not_count() -> None:
    clock = memory.Clock()
    faulty = FaultyWork(clock=clock)
    for _ in range(10):
        assert faulty.failed("a")
        assert faulty.failed("b")
        await clock.advance(timedelta(minutes=1))
    for _ in range(ALONE_TRIES + 1):
        faulty.worked("b")
        assert faulty.failed("a")
        await clock.advance(timedelta(minutes=1))
    assert faulty.failed("b")
    assert faulty.failed("a"), "all are away again: it is counted anew"
    await clock.advance(ALONE_AFTER)
    faulty.worked("b")
    assert faulty.failed("a")
