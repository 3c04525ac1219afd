"""One domain's silent name servers take few places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from convalias.services.inbound.name_servers import NameServerBudget

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_as_long_as_they_answer_some_ask_at_once_and_names_below_count_as_the_domain() -> None:
    budget = NameServerBudget(at_once=2)
    assert [budget.enter(name, at=NOON) for name in ("corp.example", "a.corp.example", "b.corp.example")] == [
        True,
        True,
        False,
    ]
    assert budget.enter("else.example", at=NOON)
    budget.leave("corp.example", at=NOON, answered=True)
    assert budget.enter("corp.example", at=NOON)


def test_after_a_silence_one_asks_at_a_time_until_one_is_answered_or_a_while_is_over() -> None:
    budget = NameServerBudget(at_once=2)
    assert budget.enter("corp.example", at=NOON)
    budget.leave("corp.example", at=NOON, answered=False)
    assert [budget.enter("corp.example", at=NOON) for _ in range(2)] == [True, False]
    budget.leave("corp.example", at=NOON, answered=True)
    assert [budget.enter("corp.example", at=NOON) for _ in range(2)] == [True, True]
    for _ in range(2):
        budget.leave("corp.example", at=NOON, answered=False)
    assert [budget.enter("corp.example", at=NOON + MINUTE) for _ in range(2)] == [True, True]


def test_only_so_many_domains_are_remembered_and_never_one_less_that_is_asking() -> None:
    budget = NameServerBudget(at_once=1, remembered=1)
    assert budget.enter("a.example", at=NOON)
    assert budget.enter("b.test", at=NOON)
    assert not budget.enter("a.example", at=NOON)
    budget.leave("b.test", at=NOON, answered=False)
    assert budget.enter("c.invalid", at=NOON)
    budget.leave("b.test", at=NOON, answered=True)  # forgotten already
    assert not budget.enter("a.example", at=NOON)
