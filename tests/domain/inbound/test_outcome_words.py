"""What became of a mail in a few words: kinds and reasons, and nobody's address."""

import pytest

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.held import HoldId
from convalias.domain.inbound.outcome_words import words_of
from convalias.domain.inbound.outcomes import (
    Dead,
    Done,
    Effect,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Outcome,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)
from convalias.domain.mail.reasons import Reason

WHO = EmailAddress.parse("canary@reply.example")


def done(*effects: Effect) -> Done:
    return Done(tuple((WHO, effect) for effect in effects))


def relayed(*, added: bool = True) -> Relayed:
    return Relayed(EventId("e1"), ConversationId("c1"), added=added)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (done(relayed()), "relayed"),
        (done(relayed(added=False)), "relayed before"),
        (done(HandedOver("canary")), "handed over"),
        (done(Skipped(WHO)), "skipped"),
        (done(Held(HoldId("canary"))), "held"),
        (done(Refused(Reason.REVOKED_ALIAS)), "rejected REVOKED_ALIAS"),
        (done(Ignored(Reason.NOT_OURS)), "ignored NOT_OURS"),
        (done(Skipped(WHO), relayed(), Skipped(WHO)), "skipped (2), relayed"),
        (done(), "concluded for no recipient"),
        (Dead("ValueError at x.py:1 in f", 3), "dead after 3 tries: ValueError at x.py:1 in f"),
        (Quarantined("too_large"), "quarantined too_large"),
        (Expired(), "expired"),
    ],
)
def test_each_outcome_has_its_words(outcome: Outcome, words: str) -> None:
    assert words_of(outcome) == words
    assert "canary" not in words
