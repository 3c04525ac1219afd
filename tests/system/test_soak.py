"""`convalias run` is killed at random while a provider posts: nothing that was answered 200 is lost or doubled."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from system.accounts import audit
from system.machine import SIGNING_KEY, Machine
from system.provider import Mail, Provider
from system.town import PEOPLE, Town

WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
KILLS = int(os.environ.get("CONVALIAS_KILLS", "60" if WHOLE else "5"))
SEED = int(os.environ.get("CONVALIAS_SEED", "20260301"))
MAILS_PER_KILL = 12
LONGEST_LIFE = 2.5
"""Seconds; a start takes about one, so some are killed before they listen."""


@pytest.mark.soak
@pytest.mark.slow
def test_kills_at_random_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    draws = random.Random(SEED)
    town = Town(conversations=4, seed=SEED)
    mails: list[Mail] = []
    with Machine(tmp_path) as machine:
        machine.load(town.world())
        machine.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000")
        machine.spawn()
        machine.wait_until_ready()
        provider = Provider(machine.port, key=SIGNING_KEY, seed=SEED)
        for _ in range(KILLS):
            written = [town.mail() for _ in range(MAILS_PER_KILL)]
            mails += written
            for mail in written:
                provider.deliver(mail)
            time.sleep(draws.random() * LONGEST_LIFE)
            machine.kill()
            machine.spawn()
        machine.wait_until_ready()
        provider.finish()
        machine.settle(within=120, notifications=len(mails) * (len(PEOPLE) - 1))
        assert machine.stop() == 0
        print(f"{KILLS} kills, {len(mails)} mails, {provider.posts} posts")  # noqa: T201 - for `make soak`
        audit(machine, town, mails)
