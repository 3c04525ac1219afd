"""Mutated input of every kind: no target is surprised. A slice by default, a million inputs in `make soak`."""

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutation import Mutator
from fuzz.targets import TARGETS, corpora

WHOLE: Final = os.environ.get("CONVALIAS_SOAK") == "1"
INPUTS: Final = int(os.environ.get("CONVALIAS_FUZZ_INPUTS", "1050000" if WHOLE else "5600"))
SEED: Final = int(os.environ.get("CONVALIAS_SEED", "20260301"))
# One slice is one seed, so that a finding is repeated by its seed alone.
SLICE: Final = 5_000 if WHOLE else 400
SLOW: Final = 1.0
"""Seconds of CPU for one input of 20 kB at most."""


@frozen
class Ran:
    """What one slice came to."""

    inputs: int
    findings: tuple[str, ...]
    worst: float
    memory: int


def run(target: str, seed: int, inputs: int) -> Ran:
    """One slice. A finding names target, seed, number, error and the input in hex."""
    mutator, work = Mutator(corpora()[target], seed), TARGETS[target]
    findings: list[str] = []
    worst = 0.0
    for number in range(inputs):
        octets = mutator.draw()
        started = time.process_time()
        try:
            work(octets)
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            findings.append(f"{target} {seed}/{number}: {error!r:.300} on {octets.hex()}")
        worst = max(worst, time.process_time() - started)
    return Ran(inputs, tuple(findings), worst, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def slices(inputs: int) -> list[tuple[str, int, int]]:
    count = max(1, inputs // len(TARGETS) // SLICE)
    return [(target, SEED + number, SLICE) for number in range(count) for target in TARGETS]


@pytest.mark.soak
@pytest.mark.slow
def test_no_mutated_input_surprises_a_target() -> None:
    jobs = slices(INPUTS)
    if WHOLE:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            ran = list(pool.map(run, *zip(*jobs, strict=True)))
    else:
        ran = [run(*job) for job in jobs]
    findings = [one for slice_ in ran for one in slice_.findings]
    worst, memory = max(one.worst for one in ran), max(one.memory for one in ran)
    inputs = sum(one.inputs for one in ran)
    print(f"{inputs} inputs, {len(findings)} findings, worst CPU {worst:.3f} s, worst memory {memory} MiB")  # noqa: T201
    assert findings[:5] == []
    assert worst < SLOW


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_itself_surprises_no_target(target: str) -> None:
    for octets in corpora()[target]:
        TARGETS[target](octets)


def test_the_same_seed_draws_the_same_inputs() -> None:
    seeds = corpora()["reader"]
    first, second = Mutator(seeds, 7), Mutator(seeds, 7)
    assert [first.draw() for _ in range(50)] == [second.draw() for _ in range(50)]


@pytest.mark.parametrize("target", TARGETS)
@given(octets=st.binary(max_size=200))
def test_no_octets_surprise_a_target(target: str, octets: bytes) -> None:
    TARGETS[target](octets)
