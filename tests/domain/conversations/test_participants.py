"""Who takes part, as plain text says it."""

from __future__ import annotations

import pytest

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.conversations.participants import Participant, ParticipantKind
from convalias.domain.ids import AccountId


def test_a_participant_may_be_given_as_text() -> None:
    ann = Participant.of("ann", name="Ann Ray", role="candidate", region="jp", addresses=["Ann@home.example", "a@b.c"])
    assert (ann.account, ann.name, ann.role, ann.region) == (AccountId("ann"), "Ann Ray", "candidate", "jp")
    assert ann.addresses == (EmailAddress.parse("ann@home.example"), EmailAddress.parse("a@b.c"))
    assert ann.kind is ParticipantKind.REGISTERED


def test_an_account_is_enough() -> None:
    assert Participant.of("ann") == Participant(AccountId("ann"))


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(InvalidAddress):
        Participant.of("ann", addresses=["home"])
