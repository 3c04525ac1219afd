"""Worlds in which a platform keeps the conversations in its own tables: the same laws hold over it, under every fault."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest
from attrs import evolve

from convalias.testing.simulator import CALM, Plan, simulate
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.story import command_of, python_of
from convalias.testing.simulator.weather import Weather
from convalias.testing.simulator.world import drawn_shape
from testing.simulator.mutants import MUTANTS
from testing.simulator.pinned import expect_seen

# What the simulator covers of the product says little: everything runs, whatever it does.
pytestmark = pytest.mark.no_cover

SLIPS: Final = ("post-key-forgotten", "event-id-drawn-anew", "row-behind-the-post", "guard-off", "cursor-for-untold")
BESIDES: Final = ("history-of-one-page", "declined-is-tried-again", "decline-under-another-reason")
"""Slips with what a platform may do besides the five calls. A soak looks at all mutants."""


def test_the_laws_hold_over_the_tables_of_a_platform() -> None:
    states: Counter[str] = Counter()
    for seed in range(3):
        report = simulate(Plan(seed=seed, mails=12, hosted=True))
        assert list(report.violations) == [], f"seed {seed}"
        states.update(report.states)
    assert states["mail relayed"] > 0
    assert states["hub sent"] + states["legacy sent"] > 0


def test_nothing_goes_wrong_there_on_a_calm_day() -> None:
    report = simulate(Plan(seed=4, mails=20, weather=CALM, hosted=True))
    assert not report.faults
    assert list(report.violations) == []
    assert report.journal.chats
    assert "mail dead" not in report.states


def test_one_seed_is_one_trace_there_too() -> None:
    once, again = (simulate(Plan(seed=5, mails=8, hosted=True)).trace_digest for _ in range(2))
    assert once == again


def test_a_story_of_such_a_world_says_so() -> None:
    plan = Plan(seed=5, mails=8, hosted=True)
    assert command_of(plan) == "convalias simulate --seed 5 --mails 8 --hosted"
    assert python_of(plan) == "Plan(seed=5, mails=8, hosted=True)"
    slip = MUTANTS["guard-off"]  # which implies it
    assert command_of(evolve(plan, mutant=slip)) == "convalias simulate --seed 5 --mails 8 --mutant guard-off"


def test_such_a_world_has_the_shape_of_its_seed_but_no_events_of_ours() -> None:
    for seed in range(20):
        own, hosted = drawn_shape(Draws(seed)), drawn_shape(Draws(seed), hosted=True)
        assert (own.webs, own.workers, own.hub, own.begun_before) == (
            hosted.webs,
            hosted.workers,
            hosted.hub,
            hosted.begun_before,
        )
        assert (hosted.hosted, hosted.restores, hosted.upgrades) == (True, own.restores, False)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SLIPS, *BESIDES])
def test_a_slip_at_a_platform_is_seen(name: str) -> None:
    expect_seen(name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [17, 461, 1239])
def test_a_restore_of_our_records_alone_tells_nobody_again(seed: int) -> None:
    assert drawn_shape(Draws(seed), hosted=True).restores
    report = simulate(Plan(seed=seed, mails=60, hosted=True, recording=True))
    assert [one.call for one in report.entries if one.call == "restore"] == ["restore"]
    assert list(report.violations) == []


@pytest.mark.slow
def test_a_mail_whose_message_was_deleted_with_its_key_may_come_back_behind_a_restore() -> None:
    """Seed 60047 of 200 mails, shrunk: neither side knows by then that the mail was posted."""
    weather = Weather(on=frozenset(), rate=0.0, until=346.86628399387735, latency=0.002)
    plan = Plan(seed=60047, mails=41, acts=frozenset({66, 67}), weather=weather, hosted=True)
    assert list(simulate(plan).violations) == []


@pytest.mark.slow
def test_who_is_told_again_behind_a_restore_of_our_records_is_seen() -> None:
    expect_seen("restored-posts-notify")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 7, 11])
def test_a_restore_of_the_platforms_messages_alone_mails_nobody_twice(seed: int) -> None:
    assert drawn_shape(Draws(seed), hosted=True).host_restores
    report = simulate(Plan(seed=seed, mails=60, hosted=True, recording=True))
    assert [one.call for one in report.entries if one.call == "host restore"] == ["host restore"]
    assert list(report.violations) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "mails", "why"),
    [
        (833, 60, "a long mail was edited, and ended otherwise when it was mailed"),
        (1059, 60, "a mail came before a restore, by a clock that was fast"),
        (976, 60, "a mail was declined before a restore, and its alias was gone behind it"),
        (10320, 200, "a notification was on its way when a backup was restored, which knew nothing of it"),
    ],
)
def test_what_once_looked_like_a_violation_there_is_none(seed: int, mails: int, why: str) -> None:
    """Seeds at which the checker was wrong."""
    assert list(simulate(Plan(seed=seed, mails=mails, hosted=True)).violations) == [], why


def test_people_of_a_platform_read_look_back_and_are_declined() -> None:
    """Laws say something only where these happen."""
    calls: set[str] = set()
    shown = 0
    for seed in range(3):
        report = simulate(Plan(seed=seed, mails=40, hosted=True, recording=True))
        assert list(report.violations) == [], f"seed {seed}"
        calls |= {entry.call for entry in report.entries}
        shown += sum(len(look.items) for look in report.journal.looks)
    assert {"host.read", "host.history", "fill"} <= calls
    assert shown > 0
