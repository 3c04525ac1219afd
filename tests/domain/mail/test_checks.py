"""What a detector found, as the rules and people may see it."""

from __future__ import annotations

import pytest

from convalias.domain.mail.checks import AWAY, MOST_SAID, Checked, Finding, WhenAway


@pytest.mark.parametrize(
    ("finding", "is_spam", "needs_a_person"),
    [
        (Finding.NOTHING, False, False),
        (Finding.SPAM, True, False),
        (Finding.HARMFUL, True, True),
        (Finding.PASSED_UNSEEN, False, False),
        (Finding.HELD_UNSEEN, False, True),
    ],
)
def test_what_follows_from_a_finding(finding: Finding, *, is_spam: bool, needs_a_person: bool) -> None:
    assert (Checked(finding).is_spam, Checked(finding).needs_a_person) == (is_spam, needs_a_person)


def test_what_a_detector_says_is_one_short_line_that_a_terminal_may_show() -> None:
    assert Checked(Finding.SPAM, "a\r\nforged\x1b[31m line").said == "a forged\\x1b[31m line"
    assert len(Checked(Finding.SPAM, "x" * 1_000).said) == MOST_SAID


def test_only_waiting_has_no_finding() -> None:
    assert {*WhenAway} - {*AWAY} == {WhenAway.WAIT}
