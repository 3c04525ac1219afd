"""From an address to the one account that takes part, or to nobody."""

from datetime import datetime, timedelta

import pytest

from convalias.domain.conversations.participants import Account, AddressTenure, GivenUp, Standing
from convalias.domain.ids import AccountId
from convalias.domain.routing.context import Fact, RoutingContext
from convalias.domain.routing.identification import Identification, Outsider, Several, Stranger, TakesPart, identify
from convalias.testing.strategies import NOW
from domain.cases import ANN, BOB, BOBS, DOMAINS, THREAD

EVE, ATS = AccountId("eve"), AccountId("ats")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def who(*facts: Fact) -> Identification:
    context = RoutingContext.of(*facts, now=NOW, domains=DOMAINS)
    return identify(BOBS, THREAD, context, historical_days=365)


def holds(account: AccountId, *speaks_for: AccountId) -> Account:
    return Account(account, (BOBS,), speaks_for=frozenset(speaks_for))


def had(
    account: AccountId, since: datetime, until: datetime | None = None, given_up: GivenUp | None = None
) -> AddressTenure:
    return AddressTenure(BOBS, account, since, until, given_up)


def test_the_directory_names_the_account() -> None:
    assert who(holds(BOB)) == TakesPart(BOB, Standing.REGISTERED)


def test_only_accounts_that_take_part_count() -> None:
    assert who(holds(BOB), holds(EVE)) == TakesPart(BOB, Standing.REGISTERED)
    assert who(holds(EVE)) == Outsider((EVE,))


def test_several_are_never_guessed_between() -> None:
    assert who(holds(BOB), holds(ANN)) == Several((ANN, BOB), Standing.REGISTERED)


def test_an_account_may_speak_for_one_that_takes_part() -> None:
    assert who(holds(ATS, BOB, EVE)) == TakesPart(BOB, Standing.DELEGATED)
    assert who(holds(ATS, BOB, ANN)) == Several((ANN, BOB), Standing.DELEGATED)
    assert who(holds(ATS, EVE)) == Outsider((ATS,))


def test_a_current_holder_wins_over_the_history() -> None:
    assert who(holds(EVE), had(BOB, NOW - DAY)) == Outsider((EVE,))


def test_the_history_names_who_had_the_address() -> None:
    assert who(had(BOB, NOW)) == TakesPart(BOB, Standing.HISTORICAL)
    assert who(had(EVE, NOW)) == Outsider((EVE,))


def test_a_historical_account_delegates_nothing() -> None:
    assert who(had(ATS, NOW), Account(ATS, speaks_for=frozenset({BOB}))) == Outsider((ATS,))


def test_the_latest_entry_that_has_begun_counts_and_no_other() -> None:
    assert who(had(BOB, NOW - 9 * DAY), had(EVE, NOW - DAY)) == Outsider((EVE,))
    assert who(had(BOB, NOW - DAY), had(EVE, NOW + SECOND)) == TakesPart(BOB, Standing.HISTORICAL)


def test_entries_that_began_together_all_count() -> None:
    assert who(had(BOB, NOW - DAY), had(ANN, NOW - DAY)) == Several((ANN, BOB), Standing.HISTORICAL)


@pytest.mark.parametrize("why", GivenUp)
def test_an_address_given_up_for_cause_is_no_evidence(why: GivenUp) -> None:
    assert who(had(BOB, NOW - DAY, NOW, why)) == Stranger()
    assert who(had(BOB, NOW - DAY, NOW, why), had(EVE, NOW - 9 * DAY)) == Stranger()


def test_an_address_given_up_long_ago_is_no_evidence() -> None:
    start = NOW - 999 * DAY
    assert who(had(BOB, start, NOW - 365 * DAY)) == TakesPart(BOB, Standing.HISTORICAL)
    assert who(had(BOB, start, NOW - 365 * DAY - SECOND)) == Stranger()


def test_nobody_knows_a_stranger() -> None:
    assert who() == Stranger()
