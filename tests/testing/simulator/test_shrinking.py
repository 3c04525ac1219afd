"""A violation becomes the shortest plan that still breaks the same law, and then a story with a picture."""

import re
from collections.abc import Callable

import pytest
from attrs import evolve

from convalias.testing.simulator import CALM, Fault, Plan, Report, Violation, shrink, simulate, story
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.shrinking import RUNS, pinned
from convalias.testing.simulator.weather import drawn
from testing.simulator.mutants import MUTANTS

Rule = Callable[[Plan], bool]


def pretended(broken: Rule) -> Callable[[Plan], Report]:
    """Runs that break I2 by that rule, in place of a simulation."""

    def run(plan: Plan) -> Report:
        violations = [Violation("I2", "twice", ("c1",))] if broken(plan) else []
        return Report(
            plan=plan, mails=plan.mails, posts=0, virtual_seconds=1.0, calls=0, faults={}, trace_digest="",
            violations=violations, states={}, acts=(),
        )  # fmt: skip

    return run


def needs(*acts: int, faults: frozenset[Fault] = frozenset()) -> Rule:
    return lambda plan: (
        plan.acts is None or (set(acts) <= set(plan.acts) and plan.weather is not None and faults <= plan.weather.on)
    )


def test_only_the_acts_and_the_faults_that_it_takes_are_left() -> None:
    on = frozenset({Fault.AFTER, Fault.CLOCK})
    seed = next(seed for seed in range(99) if on <= drawn(Draws(seed), until=1.0).on)
    run = pretended(lambda plan: plan.mails >= 30 and needs(3, 17, 28, faults=on)(plan))
    shrunk = shrink(run(Plan(seed=seed, mails=60)), "I2", run=run)
    assert shrunk is not None
    assert shrunk.plan.acts == {3, 17, 28}
    assert shrunk.plan.weather is not None
    assert (shrunk.plan.weather.on, shrunk.plan.weather.rate) == (on, 0.0)
    assert shrunk.command == Plan(seed=seed, mails=30)
    assert shrunk.report.plan.recording


def test_what_is_not_monotone_still_ends_with_something_that_breaks_the_law() -> None:
    run = pretended(lambda plan: plan.acts is None or len(plan.acts) % 3 == 1)
    shrunk = shrink(run(Plan(seed=1, mails=40)), "I2", run=run)
    assert shrunk is not None
    assert shrunk.plan.acts is not None
    assert len(shrunk.plan.acts) == 1


def test_the_number_of_runs_is_bounded_and_told() -> None:
    told: list[tuple[int, int]] = []
    run = pretended(lambda plan: plan.mails > 50 and (plan.acts is None or len(plan.acts) > 20))

    def note(runs: int, shortest: Plan) -> None:
        told.append((runs, shortest.mails))

    shrunk = shrink(run(Plan(seed=1, mails=200)), "I2", runs=25, told=note, run=run)
    assert shrunk is not None
    assert [runs for runs, _ in told] == list(range(1, 26))
    assert shrunk.runs == 25 < RUNS


def test_a_law_that_was_not_broken_has_no_story() -> None:
    run = pretended(lambda _: True)
    assert shrink(run(Plan(seed=1, mails=4)), "I5", run=run) is None


@pytest.mark.slow
def test_a_plan_written_out_is_the_plan_that_was_drawn() -> None:
    plan = Plan(seed=4, mails=12)
    written = pinned(plan)
    assert written.acts is not None
    assert written.weather is not None
    assert simulate(written).trace_digest == simulate(plan).trace_digest


@pytest.mark.slow
def test_leaving_an_act_out_leaves_what_the_others_draw() -> None:
    plan = pinned(evolve(Plan(seed=4, mails=6), weather=CALM))
    assert plan.acts is not None
    whole = simulate(plan).journal.mails
    some = simulate(evolve(plan, acts=sorted(plan.acts)[::2])).journal.mails
    assert some
    assert all(whole[name].sender == mail.sender for name, mail in some.items() if mail.kind.value == "mail")


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "law", "seed"), [("parallel-tells-twice", "I4", 9), ("no-unique-index", "I8", 1)])
def test_a_slip_is_told_in_a_dozen_lines_with_its_picture(mutant: str, law: str, seed: int) -> None:
    """Of seeds whose shortest story begins with a mail; elsewhere a chat message is enough."""
    seen = simulate(Plan(seed=seed, mails=15, mutant=MUTANTS[mutant]))
    assert any(violation.law == law for violation in seen.violations)
    shrunk = shrink(seen, law, runs=60)
    assert shrunk is not None
    assert len(shrunk.report.acts) <= 4
    text = story(shrunk.report, shrunk.violation, command=shrunk.command)
    lines = [line for line in text.splitlines() if re.match(r" *\d+:\d\d:\d\d\.\d{3} ", line)]
    assert 4 <= len(lines) <= 14
    assert text.startswith(f"{law} is broken: ")
    assert f"convalias simulate --seed {seen.plan.seed} --mails {shrunk.command.mails} --mutant {mutant}" in text
    assert "writes m" in text
    assert "```mermaid\nsequenceDiagram\n" in text
    again = simulate(shrunk.command)
    assert any(violation.law == law for violation in again.violations), "the command shows it too"
