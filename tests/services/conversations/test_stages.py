"""Stages by flag, read once in a batch."""

from __future__ import annotations

import asyncio

import pytest

from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.ports.errors import Unavailable
from convalias.services.conversations.stages import Stages, stage_of

HIRING, SALES = UseCase("hiring"), UseCase("sales")


class Flags:
    """Says what is set, after a turn of the loop; the first reads fail."""

    def __init__(self, *, failures: int = 0) -> None:
        self.set = Stage.LEGACY
        self.failures = failures
        self.reads: list[tuple[UseCase, Axis]] = []

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        self.reads.append((use_case, axis))
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise Unavailable("flags")
        return Rollout(use_case, self.set, basis_points=10_000, salt="s")


def thread(name: str, use_case: UseCase = HIRING) -> ConversationThread:
    return ConversationThread(id=ConversationId(name), use_case=use_case, participants=())


async def stage(stages: Stages, of: ConversationThread, axis: Axis = Axis.OUTBOUND) -> Stage:
    return stage_of((await stages.of([of], axis))[of.id])


async def test_of_a_batch_each_flag_is_read_once_however_many_ask_at_the_same_time() -> None:
    flags = Flags()
    batch = Stages(flags=flags, unset=Stage.NATIVE).read_once()
    asked = [stage(batch, thread(f"c{n}", use_case)) for n in range(20) for use_case in (HIRING, SALES)]
    assert set(await asyncio.gather(*asked)) == {Stage.LEGACY}
    assert sorted(flags.reads) == [(HIRING, Axis.OUTBOUND), (SALES, Axis.OUTBOUND)]
    await stage(batch, thread("c1"), Axis.INBOUND)
    assert flags.reads[2:] == [(HIRING, Axis.INBOUND)]


async def test_a_flag_that_changes_is_seen_by_the_next_batch() -> None:
    flags = Flags()
    stages = Stages(flags=flags, unset=Stage.NATIVE)
    batch = stages.read_once()
    assert await stage(batch, thread("c1")) is Stage.LEGACY
    flags.set = Stage.NATIVE
    assert await stage(batch, thread("c2")) is Stage.LEGACY
    assert await stage(stages.read_once(), thread("c2")) is Stage.NATIVE


async def test_a_read_that_fails_is_made_again_by_whoever_asks_next() -> None:
    flags = Flags(failures=1)
    batch = Stages(flags=flags, unset=Stage.NATIVE).read_once()
    ends = await asyncio.gather(*(stage(batch, thread(f"c{n}")) for n in range(3)), return_exceptions=True)
    assert isinstance(ends[0], Unavailable)
    assert ends[1:] == [Stage.LEGACY, Stage.LEGACY]
    assert len(flags.reads) == 2


async def test_who_asks_beside_one_that_is_called_off_is_answered() -> None:
    flags = Flags()
    batch = Stages(flags=flags, unset=Stage.NATIVE).read_once()
    first, second = (asyncio.create_task(stage(batch, thread(name))) for name in ("c1", "c2"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is Stage.LEGACY
    with pytest.raises(asyncio.CancelledError):
        await first
