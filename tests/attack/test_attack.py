import asyncio
import os
from pathlib import Path

import pytest

from attack.records_attack import attack

WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
KILLS = 60 if WHOLE else 8

pytestmark = [pytest.mark.soak, pytest.mark.slow]


@pytest.mark.parametrize("seed", range(3 if WHOLE else 1))
def test_killed_writers_with_wrong_clocks_leave_no_hole_no_double_and_no_jump(tmp_path: Path, seed: int) -> None:
    findings = asyncio.run(attack(tmp_path / "data", kills=KILLS, seed=seed))
    assert not findings.holes
    assert not findings.lost
    assert not findings.torn_claims
    assert findings.jumps == 0
    assert findings.published == findings.events > 4 * KILLS


def test_without_the_floor_of_append_times_the_feed_is_seen_to_jump(tmp_path: Path) -> None:
    findings = asyncio.run(attack(tmp_path / "data", kills=3, seed=1, floor=False))
    assert findings.jumps > 0
