"""Since when a piece of work fails is counted by itself, and against what works beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias.adapters import memory
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


async def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty_work, "REMEMBERED", 2)
    clock = memory.Clock()
    faulty = FaultyWork(clock=clock)
    for work in "abc":
        faulty.failed(work)
    await clock.advance(timedelta(days=1))
    assert faulty.failed("b") is None
    assert faulty.failed("a") is not None, "it was forgotten, and begins anew"
