"""`convalias explain` says what the documented rules say, in generated worlds and in the kept scenarios."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from doors.agreement import asked, by_kind, differences, from_scenarios
from doors.naive import expected
from doors.naive_address import canonical
from doors.naive_mail import read
from doors.naive_sender import signature_alone
from doors.worlds import cases

HERE = Path(__file__).parent
CONVALIAS = Path(sys.executable).parent / "convalias"
SCENARIOS = HERE / "scenarios.jsonl"
SEED, COUNT = 20260301, 400

needs_console_script = pytest.mark.skipif(
    not CONVALIAS.exists(), reason="convalias is not installed as a console script"
)


def test_the_model_expects_what_every_scenario_states() -> None:
    batch, stated = from_scenarios(SCENARIOS)
    plans = [expected(case.mail, case.world) for case in batch]
    assert len(batch) == 300
    for case, plan, want in zip(batch, plans, stated, strict=True):
        assert plan["retry"] == want["retry"], case.name
        assert plan.get("tell_sender") == want.get("tell_sender"), case.name
        shown = [
            {key: verdict.get(key) for key in wish}
            for verdict, wish in zip(plan["verdicts"], want["verdicts"], strict=True)
        ]
        assert shown == want["verdicts"], case.name


def test_the_small_reader_sees_in_generated_mails_what_was_put_in() -> None:
    for case in cases(SEED, COUNT):
        if case.facts.malformed:
            continue
        seen, put = read(case.mail), case.facts
        assert seen.sender == put.sender, case.name
        assert seen.marks == put.marks, case.name
        assert seen.message_id == put.message_id, case.name
        assert (seen.empty, seen.odd_fields) == (put.empty, put.odd_fields), case.name
        assert sorted(map(canonical, seen.to)) == sorted(map(canonical, put.to)), case.name
        assert sorted(map(canonical, seen.cc)) == sorted(map(canonical, put.cc)), case.name
        assert seen.shown == put.shown, case.name


def test_generated_worlds_reach_every_outcome_and_reason() -> None:
    verdicts = [v for case in cases(SEED, 5 * COUNT) for v in expected(case.mail, case.world, case.facts)["verdicts"]]
    reached = {(verdict["outcome"], verdict["reason"], verdict.get("rule")) for verdict in verdicts}
    assert {("relay", None, None), ("legacy", None, None), ("hold", "NEEDS_APPROVAL", 12)} <= reached
    assert {("skip", None, rule) for rule in (6, 8, 11)} <= reached
    assert {reason for _, reason, _ in reached} >= set(REASONS)


def test_a_third_of_the_worlds_says_what_is_signed_and_some_mails_have_a_repaired_sender() -> None:
    batch = list(cases(SEED, 5 * COUNT))
    signed = [case for case in batch if isinstance(case.world.get("authentication", {}).get("dkim_signed"), list)]
    alone = [case for case in signed if signature_alone(case.world) is not None]
    repaired = [case for case in batch if case.facts.repaired]
    assert len(signed) >= len(batch) / 3
    assert len(alone) >= len(batch) / 5
    assert len(repaired) >= len(batch) / 60
    assert any(case.facts.repaired for case in alone)


REASONS = (
    "MALFORMED", "BLOCKED_SENDER", "NOT_OURS", "UNKNOWN_ALIAS", "FORGED_ALIAS", "REVOKED_ALIAS", "EXPIRED_ALIAS",
    "CONVERSATION_CLOSED", "LOOP", "BOUNCE", "AUTOMATED", "FROM_AMBIGUOUS", "SPOOFED_SENDER", "ACCOUNT_AMBIGUOUS",
    "NOT_PARTICIPANT", "UNKNOWN_SENDER", "SPAM", "EMPTY", "MIME_AMBIGUOUS", "NEEDS_APPROVAL",
)  # fmt: skip


@pytest.mark.slow
@needs_console_script
def test_explain_agrees_with_the_model_in_generated_worlds() -> None:
    batch = list(cases(SEED, COUNT))
    found = differences(batch, asked(batch, [str(CONVALIAS)]))
    assert not found, [(kind, some[0].case) for kind, some in by_kind(found)]


@needs_console_script
def test_explain_says_what_every_scenario_states() -> None:
    batch, stated = from_scenarios(SCENARIOS)
    found = differences(batch, asked(batch, [str(CONVALIAS)]), stated)
    assert not found, [(kind, some[0].case) for kind, some in by_kind(found)]
