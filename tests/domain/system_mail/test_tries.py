"""The next step of a mail of ours, row by row: what surely did not leave, what may have left, what left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId
from convalias.domain.outbound.lease import IN_FLIGHT
from convalias.domain.system_mail.former import FormerState, SystemMailTry, moved_mark, with_former_tries
from convalias.domain.system_mail.letters import AT_REST, AddressNotice, SystemMail, SystemMailState
from convalias.domain.system_mail.throttles import A_DAY_PER_DOMAIN, free_places
from convalias.domain.system_mail.tries import (
    ASKED_FOR,
    TRIES,
    Ask,
    Call,
    End,
    Told,
    Wait,
    WayOut,
    after_answer,
    after_doubt,
    due_at,
    given_up,
    next_step,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=2)
FORGETS = WayOut(
    remembers_keys_for=timedelta(0),
    never_forgets=False,
    can_be_asked=False,
    resends=False,
    within=timedelta(seconds=25),
)
REMEMBERS = evolve(FORGETS, remembers_keys_for=timedelta(days=1))
ASKED = evolve(FORGETS, can_be_asked=True)
RESENDS = evolve(FORGETS, resends=True)
LETTER = AddressNotice(account=AccountId("bob"), old=EmailAddress.parse("bob@old.example"), at=NOON)
DUE = SystemMail(key="a-1", letter=LETTER)
TRYING = evolve(DUE, state=SystemMailState.TRYING, first=NOON, at=NOON, tries=1)
TIRED = evolve(TRYING, tries=TRIES)
UNCERTAIN, SENT = (evolve(TRYING, state=state) for state in (SystemMailState.UNCERTAIN, SystemMailState.SENT))
AGAIN = evolve(TRYING, at=LATER, tries=2)


def test_what_is_due_is_called_and_marked_first() -> None:
    assert next_step(DUE, now=NOON, way_out=FORGETS) == Call(TRYING, before=DUE)


@pytest.mark.parametrize("state", sorted(AT_REST, key=str))
def test_what_is_at_rest_stays_what_it_is(state: SystemMailState) -> None:
    rests = evolve(DUE, state=state)
    assert next_step(rests, now=NOON, way_out=FORGETS) == End(rests)
    assert due_at(rests, now=NOON) is None


def test_a_call_that_may_still_arrive_is_waited_for() -> None:
    assert next_step(TRYING, now=NOON + IN_FLIGHT - timedelta(seconds=1), way_out=REMEMBERS) == Wait(NOON + IN_FLIGHT)
    assert due_at(TRYING, now=LATER) == NOON + IN_FLIGHT
    assert due_at(DUE, now=LATER) == LATER


@pytest.mark.parametrize(
    ("mail", "way_out", "step"),
    [
        (TRYING, REMEMBERS, Call(AGAIN, before=TRYING)),
        (TIRED, REMEMBERS, Ask()),
        (TRYING, FORGETS, Ask()),
        (TRYING, evolve(FORGETS, remembers_keys_for=timedelta(minutes=2)), Ask()),
    ],
)
def test_a_call_in_doubt_is_repeated_while_its_key_is_remembered_and_else_asked_about(
    mail: SystemMail, way_out: WayOut, step: Call | Ask
) -> None:
    assert next_step(mail, now=LATER, way_out=way_out) == step


@pytest.mark.parametrize(
    ("mail", "told", "way_out", "step"),
    [
        (TRYING, Told.SENT, ASKED, End(SENT)),
        (TIRED, Told.SENT, ASKED, End(evolve(TIRED, state=SystemMailState.SENT))),
        (
            TRYING,
            Told.NOT_SENT,
            ASKED,
            Call(evolve(AGAIN, first=LATER), before=evolve(TRYING, state=SystemMailState.DUE)),
        ),
        (TIRED, Told.NOT_SENT, ASKED, End(evolve(TIRED, state=SystemMailState.UNCERTAIN))),
        (TRYING, Told.UNKNOWN, FORGETS, End(UNCERTAIN)),
        (TIRED, Told.UNKNOWN, RESENDS, End(evolve(TIRED, state=SystemMailState.UNCERTAIN))),
        (TRYING, Told.UNKNOWN, RESENDS, Call(AGAIN, before=TRYING)),
        (TRYING, Told.NO_ANSWER, ASKED, Wait(LATER + IN_FLIGHT)),
        (
            evolve(TRYING, first=LATER - ASKED_FOR),
            Told.NO_ANSWER,
            ASKED,
            End(evolve(UNCERTAIN, first=LATER - ASKED_FOR)),
        ),
    ],
)
def test_an_answer_decides_and_a_question_without_one_is_asked_again_for_a_day(
    mail: SystemMail, told: Told, way_out: WayOut, step: Call | Wait | End
) -> None:
    assert after_answer(mail, told, now=LATER, way_out=way_out) == step


@pytest.mark.parametrize(
    ("way_out", "state"),
    [
        (FORGETS, SystemMailState.UNCERTAIN),
        (evolve(FORGETS, remembers_keys_for=timedelta(seconds=80)), SystemMailState.UNCERTAIN),
        (REMEMBERS, SystemMailState.TRYING),
        (ASKED, SystemMailState.TRYING),
        (RESENDS, SystemMailState.TRYING),
    ],
)
def test_a_doubt_is_kept_open_only_where_something_can_end_it(way_out: WayOut, state: SystemMailState) -> None:
    assert after_doubt(TRYING, way_out) == evolve(TRYING, state=state)


def test_what_cannot_be_written_is_dropped_unless_an_earlier_try_may_have_sent_it() -> None:
    assert given_up(DUE, "refused") == evolve(DUE, state=SystemMailState.DROPPED, reason="refused")
    assert given_up(TRYING, "refused") == evolve(UNCERTAIN, reason="refused")


def test_what_the_former_release_tried_counts() -> None:
    mark = SystemMailTry(key="a-1", state=FormerState.TRYING, first=NOON, at=NOON)
    assert with_former_tries(DUE, mark) == TRYING
    assert with_former_tries(DUE, evolve(mark, state=FormerState.SENT)) == SENT
    assert with_former_tries(DUE, evolve(mark, state=FormerState.UNCERTAIN)) == UNCERTAIN
    assert with_former_tries(DUE, None) == with_former_tries(DUE, moved_mark("a-1", at=NOON)) == DUE


def test_a_day_of_a_domain_has_so_many_places() -> None:
    assert list(free_places({f"{place:02d}" for place in range(18)})) == ["18", "19"]
    assert len(list(free_places(()))) == A_DAY_PER_DOMAIN
