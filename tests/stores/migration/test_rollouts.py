"""What is set per use case and axis, and what holds outside its cohort."""

from __future__ import annotations

import asyncio

import pytest

from convalias.adapters import memory
from convalias.codec import Codec
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage, following
from convalias.ports.records import Replace
from convalias.stores.errors import Contended
from convalias.stores.migration.rollouts import TABLE, Rollouts, Setting
from stores.interfering import Interfering, Stubborn

APPLY = UseCase("apply")


def rollout(stage: Stage, points: int, *, salt: str = "apply", floor: Stage = Stage.LEGACY) -> Rollout:
    return Rollout(APPLY, stage, points, salt, floor)


async def test_nothing_set_is_nothing() -> None:
    rollouts = Rollouts(records=memory.Records())
    assert await rollouts.read(APPLY, Axis.INBOUND) is None
    assert await rollouts.show() == []


async def test_without_an_axis_all_three_are_set() -> None:
    rollouts = Rollouts(records=memory.Records())
    settings = await rollouts.set(APPLY, stage=Stage.PARALLEL, basis_points=1000, reason="ramp")
    expected = Rollout(APPLY, Stage.PARALLEL, 1000, "apply", reason="ramp")
    assert settings == await rollouts.show()
    assert settings == [Setting(axis, expected) for axis in (Axis.INBOUND, Axis.MINTING, Axis.OUTBOUND)]
    assert await rollouts.read(APPLY, Axis.MINTING) == expected


async def test_axes_and_use_cases_are_independent() -> None:
    rollouts = Rollouts(records=memory.Records())
    await rollouts.set(APPLY, stage=Stage.NATIVE, basis_points=10_000, axes=[Axis.INBOUND])
    assert await rollouts.read(APPLY, Axis.OUTBOUND) is None
    assert await rollouts.read(UseCase("apply.inbound"), Axis.INBOUND) is None


@pytest.mark.parametrize(
    ("standing", "stage", "points", "floor"),
    [
        (None, Stage.PARALLEL, 10_000, Stage.LEGACY),
        (rollout(Stage.SHADOW, 10_000), Stage.PARALLEL, 100, Stage.SHADOW),
        (rollout(Stage.PARALLEL, 100, floor=Stage.SHADOW), Stage.PARALLEL, 5000, Stage.SHADOW),
        (rollout(Stage.PARALLEL, 5000, floor=Stage.SHADOW), Stage.NATIVE, 100, Stage.SHADOW),
        (rollout(Stage.PARALLEL, 10_000, floor=Stage.SHADOW), Stage.NATIVE, 100, Stage.PARALLEL),
        (rollout(Stage.PARALLEL, 10_000, floor=Stage.SHADOW), Stage.PARALLEL, 0, Stage.SHADOW),
        (rollout(Stage.NATIVE, 10_000, floor=Stage.PARALLEL), Stage.LEGACY, 10_000, Stage.NATIVE),
    ],
)
def test_outside_the_cohort_the_last_stage_that_stood_at_10000_holds(
    standing: Rollout | None, stage: Stage, points: int, floor: Stage
) -> None:
    assert following(standing, Rollout(APPLY, stage, points, "")).floor is floor


def test_a_ramp_keeps_its_salt_unless_another_is_given() -> None:
    first = following(None, Rollout(APPLY, Stage.PARALLEL, 100, "mine"))
    assert first.salt == following(first, Rollout(APPLY, Stage.PARALLEL, 500, "")).salt == "mine"
    assert following(first, Rollout(APPLY, Stage.PARALLEL, 500, "new")).salt == "new"


def test_shares_beyond_the_whole_are_refused() -> None:
    with pytest.raises(ValueError, match="basis_points"):
        asyncio.run(Rollouts(records=memory.Records()).set(APPLY, stage=Stage.NATIVE, basis_points=10_001))


async def test_a_setting_that_was_changed_in_between_is_read_again() -> None:
    records = Interfering()
    rollouts = Rollouts(records=records)
    records.meanwhile = [lambda: rollouts.set(APPLY, stage=Stage.SHADOW, basis_points=10_000, axes=[Axis.INBOUND])]
    (setting,) = await rollouts.set(APPLY, stage=Stage.PARALLEL, basis_points=1, axes=[Axis.INBOUND])
    assert setting.rollout.floor is Stage.SHADOW


def test_setting_gives_up_where_somebody_else_is_always_faster() -> None:
    async def story() -> None:
        rollouts = Rollouts(records=Stubborn(Replace, TABLE))
        await rollouts.set(APPLY, stage=Stage.NATIVE, basis_points=1)
        await rollouts.set(APPLY, stage=Stage.NATIVE, basis_points=2)

    with pytest.raises(Contended):
        asyncio.run(story())


async def test_a_setting_of_an_older_release_is_read_and_says_nobody() -> None:
    records = memory.Records()
    rollouts = Rollouts(records=records, codec=Codec({"rollout": 1}))
    await rollouts.set(APPLY, stage=Stage.NATIVE, basis_points=7, axes=[Axis.INBOUND], by="olga")
    (stored,) = await records.range(TABLE, TABLE, after="", limit=9)
    assert stored.body["$"] == "rollout/1"
    assert stored.body["basis_points"] == 7
    (shown,) = await Rollouts(records=records).show()
    assert (shown.rollout.basis_points, shown.by, shown.at) == (7, "", None)


async def test_a_guard_refuses_before_any_axis_is_written() -> None:
    class No(Exception):
        pass

    def guard(axis: Axis, standing: Rollout | None, setting: Rollout) -> None:
        assert standing is None
        assert setting.stage is Stage.NATIVE
        if axis is Axis.OUTBOUND:
            raise No

    rollouts = Rollouts(records=memory.Records())
    with pytest.raises(No):
        await rollouts.set(APPLY, stage=Stage.NATIVE, basis_points=1, guard=guard)
    assert await rollouts.show() == []
