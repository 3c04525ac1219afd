"""`convalias simulate`: a seed, and whether every law held."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from convalias.cli import main
from convalias.cli import simulate as module
from convalias.testing.simulator import Plan, Report, Violation
from testing.simulator.mutants import MUTANTS


@frozen
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Ran:
    status = main(["simulate", *words])
    said = capsys.readouterr()
    return Ran(status, said.out, said.err)


def pretend(monkeypatch: pytest.MonkeyPatch, *broken: int) -> list[Plan]:
    """Simulations in no time, of which these seeds break a law."""
    plans: list[Plan] = []

    def simulate(plan: Plan) -> Report:
        plans.append(plan)
        violations: Sequence[Violation] = [Violation("I2", "twice", ("m1",))] if plan.seed in broken else []
        return Report(
            plan=plan, mails=plan.mails, posts=9, virtual_seconds=7200.0, calls=99, faults={"after": 3},
            trace_digest="d1", violations=violations, states={"hub sent": 4}, acts=(),
        )  # fmt: skip

    monkeypatch.setattr(module, "simulate", simulate)
    return plans


@pytest.mark.slow
def test_a_seed_that_holds_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "--seed", "7", "--mails", "3", "--json")
    assert ran.status == 0
    assert list(ran.json) == ["seed", "mails", "virtual_seconds", "faults", "trace_digest", "violations", "states"]
    assert (ran.json["seed"], ran.json["violations"]) == (7, [])
    assert ran.json == run(capsys, "--seed", "7", "--mails", "3", "--json").json


def test_a_broken_law_ends_with_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 3)
    ran = run(capsys, "--seed", "3", "--mails", "5", "--json")
    assert ran.status == 1
    assert ran.json["violations"] == [{"law": "I2", "what": "twice", "about": ["m1"]}]
    told = run(capsys, "--seed", "3", "--no-shrink")
    assert told.status == 1
    assert "1 violations" in told.out
    assert "I2: twice" in told.out


def test_several_seeds_end_at_the_first_that_breaks_a_law(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = pretend(monkeypatch, 4)
    ran = run(capsys, "--seed", "2", "--seeds", "9", "--json")
    assert ran.status == 1
    assert [one["seed"] for one in ran.json] == [2, 3, 4]
    assert [plan.seed for plan in plans] == [2, 3, 4]
    told = run(capsys, "--seed", "5", "--seeds", "3")
    assert (told.status, told.out) == (0, "3 seeds: 300 mails, 9 faults, 6 virtual hours\n")


def test_a_mutant_is_seen_or_not_seen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plans = pretend(monkeypatch, 1)
    name = next(iter(MUTANTS))
    ran = run(capsys, "--mutant", name, "--seeds", "5", "--no-shrink")
    assert ran.status == 1
    assert f"mutant {name}" in ran.out
    assert "seen by seed 1" in ran.out
    assert {plan.mutant for plan in plans} == {MUTANTS[name]}
    assert "not seen by 3 seeds" in run(capsys, "--mutant", name, "--seed", "2", "--seeds", "3").out


def test_an_unknown_mutant_is_told_those_that_there_are_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "--mutant", "nonsense")
    assert ran.status == 64
    assert ran.err.count("\n") == 1
    assert "'nonsense'" in ran.err
    assert all(name in ran.err for name in MUTANTS)


def test_the_mutants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["name"] for one in run(capsys, "--list-mutants", "--json").json] == list(MUTANTS)
    told = run(capsys, "--list-mutants").out
    assert all(name in told for name in MUTANTS)


@pytest.mark.parametrize("words", [("--list-mutants",), ("--mutant", "no-claim")])
def test_mutants_outside_a_checkout_are_refused_in_a_line_that_says_what_is_needed(
    words: Sequence[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module.mutants, "__defaults__", (tmp_path,))
    ran = run(capsys, *words)
    assert (ran.status, ran.out) == (69, "")
    assert ran.err.count("\n") == 1
    assert "clone the repository" in ran.err


@pytest.mark.slow
def test_a_checkout_finds_its_mutants_from_every_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "convalias", "simulate", "--list-mutants", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [one["name"] for one in json.loads(done.stdout)] == list(MUTANTS)


@pytest.mark.slow
def test_a_violation_is_told_as_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "--mutant", "parallel-tells-twice", "--seed", "1", "--seeds", "20", "--mails", "6")
    assert ran.status == 1
    assert "is broken:" in ran.out
    assert "sequenceDiagram" in ran.out
