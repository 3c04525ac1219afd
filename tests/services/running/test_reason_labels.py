"""A rule may make up names; the time series of whoever collects figures stay few."""

from __future__ import annotations

from convalias.domain.mail.reasons import Reason, reason
from convalias.services.running.reason_labels import MOST_OWN, OTHER, ReasonLabels


def test_ours_are_told_by_name_and_no_reason_by_nothing() -> None:
    labels = ReasonLabels()
    assert labels.of(Reason.SPAM) == "SPAM"
    assert labels.of(None) == ""
    assert not labels.own


def test_of_a_hosts_own_the_first_fifty_are_told_apart() -> None:
    labels = ReasonLabels()
    seen = [labels.of(reason(f"R{number}")) for number in range(MOST_OWN + 20)]
    assert seen == [*(f"R{number}" for number in range(MOST_OWN)), *[OTHER] * 20]
    assert labels.of(reason("R3")) == "R3"
    assert len(labels.own) == MOST_OWN
