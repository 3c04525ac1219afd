"""Buckets are the same for ever, and ramps are monotone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.migration.rollout import (
    WHOLE,
    Moves,
    Rollout,
    Stage,
    assign,
    bucket,
    direction,
    following,
    moves,
    takes_back,
)

FROZEN = [
    ("c1", "salt", 9337),
    ("c2", "salt", 2895),
    ("c1", "pepper", 3848),
    ("", "", 5564),
    ("conversation-1", "apply", 7715),
    ("会話", "塩", 4719),
    ("c1", "", 5718),
    ("0192f7c4-5c3e", "apply-2026", 4399),
]


@pytest.mark.parametrize(("conversation", "salt", "number"), FROZEN)
def test_buckets_never_change(conversation: str, salt: str, number: int) -> None:
    assert bucket(ConversationId(conversation), salt) == number


@given(st.text(), st.text())
def test_a_bucket_lies_within_its_bounds(conversation: str, salt: str) -> None:
    assert 0 <= bucket(ConversationId(conversation), salt) < WHOLE


@given(st.text(), st.integers(0, WHOLE), st.integers(0, WHOLE))
def test_who_is_in_stays_in_when_the_share_grows(conversation: str, one: int, other: int) -> None:
    less, more = sorted((one, other))

    def is_in(share: int) -> bool:
        rollout = Rollout(UseCase("apply"), Stage.NATIVE, share, "salt")
        return assign(ConversationId(conversation), rollout).stage is Stage.NATIVE

    assert is_in(more) or not is_in(less)


@given(st.text())
def test_nothing_is_nobody_and_all_is_everybody(conversation: str) -> None:
    for share, stage in ((0, Stage.SHADOW), (WHOLE, Stage.NATIVE)):
        rollout = Rollout(UseCase("apply"), Stage.NATIVE, share, "salt", floor=Stage.SHADOW)
        assert assign(ConversationId(conversation), rollout).stage is stage


def test_another_salt_is_another_cohort() -> None:
    differing = sum(
        (bucket(ConversationId(f"c{n}"), "a") < 1000) != (bucket(ConversationId(f"c{n}"), "b") < 1000)
        for n in range(1000)
    )
    assert 120 < differing < 240


@pytest.mark.parametrize("share", [-1, WHOLE + 1])
def test_a_share_beyond_everybody_is_refused(share: int) -> None:
    with pytest.raises(ValueError, match="basis_points"):
        Rollout(UseCase("apply"), Stage.NATIVE, share, "salt")


# --- from one setting to the next ----------------------------------------------------------------------

APPLY = UseCase("apply")
STAGES = st.sampled_from(Stage)
SETTINGS = st.builds(
    Rollout, st.just(APPLY), STAGES, st.sampled_from([0, 1, 100, 5_000, 9_999, WHOLE]), st.sampled_from("ab"), STAGES
)


def rollout(stage: Stage, points: int, *, salt: str = "a", floor: Stage = Stage.LEGACY) -> Rollout:
    return Rollout(APPLY, stage, points, salt, floor)


@given(SETTINGS, SETTINGS)
def test_shares_are_what_the_buckets_say(before: Rollout, after: Rollout) -> None:
    order = list(Stage)
    steps = [
        order.index(assign(one, after).stage) - order.index(assign(one, before).stage)
        for one in map(ConversationId, map(str, range(400)))
    ]
    shares = moves(before, after)
    slack = 40 if before.salt != after.salt else 30  # of 400
    assert abs(sum(step > 0 for step in steps) - shares.forward * 400 / WHOLE) <= slack
    assert abs(sum(step < 0 for step in steps) - shares.back * 400 / WHOLE) <= slack
    assert [direction(ConversationId(str(n)), before, after) for n in range(400)] == [
        (step > 0) - (step < 0) for step in steps
    ]


@given(SETTINGS)
def test_the_same_setting_moves_nobody(setting: Rollout) -> None:
    assert moves(setting, setting) == Moves(0, 0)


@pytest.mark.parametrize("unset", Stage)
def test_a_first_setting_never_goes_both_ways_from_legacy_or_native(unset: Stage) -> None:
    first = following(None, rollout(Stage.PARALLEL, 5_000))
    assert takes_back(unset, first) == (unset is Stage.SHADOW), "which nothing unset is"
    assert (
        direction(ConversationId("c2"), Stage.LEGACY, following(None, rollout(Stage.PARALLEL, 5_000, salt="salt"))) == 1
    )


@pytest.mark.parametrize(
    ("before", "after", "back"),
    [
        (rollout(Stage.PARALLEL, 5_000, floor=Stage.SHADOW), rollout(Stage.NATIVE, 100, floor=Stage.SHADOW), True),
        (rollout(Stage.PARALLEL, 5_000), rollout(Stage.PARALLEL, 5_000, salt="b"), True),
        (rollout(Stage.PARALLEL, 5_000), rollout(Stage.PARALLEL, 9_000), False),
        (rollout(Stage.PARALLEL, 5_000), rollout(Stage.PARALLEL, 1_000), False),
        (rollout(Stage.PARALLEL, 5_000), rollout(Stage.NATIVE, 5_000), False),
        (rollout(Stage.PARALLEL, WHOLE), rollout(Stage.NATIVE, 100, floor=Stage.PARALLEL), False),
        (rollout(Stage.NATIVE, 5_000, floor=Stage.PARALLEL), rollout(Stage.SHADOW, 100, salt="b"), False),
        (rollout(Stage.NATIVE, 5_000, floor=Stage.PARALLEL), rollout(Stage.NATIVE, 0, salt="b"), False),
        (rollout(Stage.LEGACY, WHOLE), rollout(Stage.NATIVE, 1, salt="b"), False),
    ],
)
def test_what_leads_forward_and_takes_others_back_is_seen(before: Rollout, after: Rollout, back: bool) -> None:  # noqa: FBT001
    assert takes_back(before, after) is back
