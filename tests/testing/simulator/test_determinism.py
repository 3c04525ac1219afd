"""I7: one seed, one trace, whatever the process."""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

PROGRAM = """
import sys
from convalias.testing.simulator import Plan, simulate
for seed in map(int, sys.argv[2:]):
    print(seed, simulate(Plan(seed=seed, mails=int(sys.argv[1]))).trace_digest, flush=True)
"""


def digests(seeds: Sequence[int], *, mails: int, hash_seed: str) -> list[str]:
    words = [sys.executable, "-c", PROGRAM, str(mails), *map(str, seeds)]
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environ)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_two_processes_with_different_hash_seeds_give_the_same_digests() -> None:
    seeds = (1, 5, 9)
    once = digests(seeds, mails=15, hash_seed="1")
    assert once == digests(seeds, mails=15, hash_seed="2")
    assert len({line.split()[1] for line in once}) == len(seeds)


@pytest.mark.soak
@pytest.mark.skipif(os.environ.get("CONVALIAS_SOAK") != "1", reason="fifty seeds twice: make soak")
def test_two_runs_of_fifty_seeds_give_fifty_equal_digests() -> None:
    seeds = range(1, 51)
    once = digests(seeds, mails=40, hash_seed="3")
    assert once == digests(seeds, mails=40, hash_seed="4")
    print(f"\n{len(once)} seeds of 40 mails, twice: equal digests")  # noqa: T201 - for `make soak`
