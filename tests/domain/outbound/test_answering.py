"""Who lacks an alias, so that every recipient has an address to answer to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import AccountAuthor, Author, Participant, PeripheralAuthor
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, AliasId, ConversationId, UseCase
from convalias.domain.migration.rollout import Cohort, Rollout, Stage
from convalias.domain.outbound.answering import (
    MINTING_OFF,
    MintingAnswer,
    minting_answer,
    reply_alias,
    unanswerable,
    without_alias,
    working,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, APPLY = ConversationId("c1"), UseCase("apply")
ANN, BOB, EVE, GONE = AccountId("ann"), AccountId("bob"), AccountId("eve"), AccountId("gone")
THREAD = ConversationThread(C1, APPLY, tuple(map(Participant, (ANN, BOB, EVE))))
STRANGER = PeripheralAuthor(EmailAddress.parse("who@corp.example"))


def alias(account: AccountId, **more: object) -> ConversationAlias:
    made = ConversationAlias(
        address=EmailAddress.parse(f"{account}-1ab131e2@reply.example"),
        conversation=C1,
        stands_for=account,
        id=AliasId(account),
        created_at=NOON,
    )
    return evolve(made, **more)


@pytest.mark.parametrize(
    ("author", "having", "lacking"),
    [
        (AccountAuthor(ANN), (), (ANN,)),
        (AccountAuthor(ANN), (BOB, EVE), (ANN,)),
        (AccountAuthor(ANN), (ANN,), ()),
        (STRANGER, (), (BOB, EVE)),
        (STRANGER, (ANN, BOB), (EVE,)),
        (AccountAuthor(GONE), (), (BOB, EVE)),
        (AccountAuthor(GONE), (GONE,), ()),
    ],
)
def test_the_authors_alias_is_needed_or_that_of_each_recipient(
    author: Author, having: tuple[AccountId, ...], lacking: tuple[AccountId, ...]
) -> None:
    listed = [alias(one) for one in having]
    told = [BOB, EVE, BOB]
    assert unanswerable(listed, author=author, recipients=told, thread=THREAD, now=NOON) == lacking
    given = [*listed, *(alias(one) for one in lacking)]
    for recipient in (BOB, EVE):
        assert reply_alias(given, author=author, recipient=recipient, now=NOON) is not None


def test_who_takes_no_part_any_more_lacks_nothing() -> None:
    assert unanswerable([], author=STRANGER, recipients=[GONE], thread=THREAD, now=NOON) == ()


def test_a_revoked_or_expired_alias_is_none() -> None:
    later = NOON + timedelta(seconds=1)
    for ended in (alias(ANN, revoked_at=NOON), alias(ANN, expires_at=NOON)):
        assert working([ended], ANN, NOON) is None
        assert without_alias(THREAD, [ended], now=later) == (ANN, BOB, EVE)


def test_the_alias_without_a_topic_comes_first_and_one_superseded_last() -> None:
    old = alias(ANN, superseded_by=AliasId("x"), address=EmailAddress.parse("old-1ab131e2@reply.example"))
    job = alias(ANN, topic="job", address=EmailAddress.parse("job-1ab131e2@reply.example"))
    assert working([old, job, alias(ANN)], ANN, NOON) == alias(ANN).address
    assert working([old, job], ANN, NOON) == job.address
    assert working([old], ANN, NOON) == old.address


@pytest.mark.parametrize("state", ThreadState)
def test_nobody_needs_an_alias_where_nothing_can_be_written_any_more(state: ThreadState) -> None:
    ended = state in {ThreadState.ARCHIVED, ThreadState.ERASED}
    assert without_alias(evolve(THREAD, state=state), [alias(ANN)], now=NOON) == (() if ended else (BOB, EVE))


@pytest.mark.parametrize("stage", Stage)
def test_in_stage_legacy_no_alias_is_issued(stage: Stage) -> None:
    refusal = MINTING_OFF if stage is Stage.LEGACY else ""
    assert minting_answer(stage) == MintingAnswer(refusal=refusal)
    cohort = Cohort(stage, 7, Rollout(APPLY, stage, 100, "salt"))
    assert minting_answer(cohort) == MintingAnswer(cohort=cohort, refusal=refusal)
