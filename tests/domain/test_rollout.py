"""Buckets are the same for ever, and ramps are monotone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.rollout import WHOLE, Rollout, Stage, assign, bucket

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
