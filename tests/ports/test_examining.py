"""Clocks that are compared over a network agree or do not; whole seconds are no skew."""

from datetime import UTC, datetime, timedelta

import pytest

from convalias.ports.examining import Grade, clocks

NOW = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "grade", "says"),
    [
        (timedelta(0), Grade.GOOD, "agrees"),
        (timedelta(seconds=-0.7), Grade.GOOD, "agrees"),  # whole seconds, cut off
        (timedelta(seconds=4), Grade.GOOD, "agrees"),
        (timedelta(seconds=30), Grade.WEAK, "30 s ahead of ours"),
        (timedelta(seconds=-30), Grade.WEAK, "30 s behind ours"),
        (timedelta(minutes=6), Grade.WRONG, "360 s ahead"),
        (timedelta(minutes=-6), Grade.WRONG, "360 s behind"),
    ],
)
def test_a_clock_is_as_far_off_as_it_says(ahead: timedelta, grade: Grade, says: str) -> None:
    found = clocks(NOW + ahead, asked=NOW, answered=NOW)
    assert found.grade is grade
    assert says in found.found
    assert bool(found.mend) is (grade is not Grade.GOOD)


def test_a_slow_answer_is_no_skew() -> None:
    told = NOW + timedelta(seconds=20)
    assert clocks(told, asked=NOW, answered=NOW + timedelta(seconds=40)).grade is Grade.GOOD
