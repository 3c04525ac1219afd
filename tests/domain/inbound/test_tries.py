"""What follows from the tries of one mail, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias.domain.inbound.tries import (
    AWAY_FOR,
    GiveUp,
    GoOn,
    Patience,
    Retry,
    Trouble,
    after_outage,
    after_trouble,
    before_try,
)

PATIENCE = Patience(failures=3, receives=8, suspect=3, overruns=4, faults=5)


@pytest.mark.parametrize(
    ("trouble", "limit", "told"),
    [
        (Trouble.FAILURE, 3, "failed 2 of 3 times: why"),
        (Trouble.OVERRUN, 4, "why, 3 of 4 times"),
        (Trouble.FAULT, 5, "why, 4 of 5 times"),
        (Trouble.DEATH, 5, "why"),
    ],
)
def test_a_mail_is_given_up_at_the_limit_of_its_trouble_and_tried_again_before(
    trouble: Trouble, limit: int, told: str
) -> None:
    assert after_trouble(trouble, limit - 1, "why", PATIENCE) == Retry(limit - 1, told)
    assert after_trouble(trouble, limit, "why", PATIENCE) == GiveUp(limit, "why")


def test_a_suspect_is_tried_until_it_has_stopped_so_many_workers() -> None:
    assert before_try(4, PATIENCE) == GoOn()
    assert before_try(5, PATIENCE) == GiveUp(5, "stopped its worker 5 times")
    assert [PATIENCE.is_suspect(receives) for receives in (3, 4)] == [False, True]


def test_an_outage_is_waited_for_as_long_as_it_says() -> None:
    assert [after_outage(None), after_outage(timedelta(seconds=9))] == [AWAY_FOR, timedelta(seconds=9)]
