"""What a status code means for an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.outbound.reports import HARD, BounceKind, kind_of, status_by_words, status_in


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1", "5.1.1"),
        ("smtp; 550 5.1.1 <bob@corp.example>: Recipient address rejected", "5.1.1"),
        ("550-5.7.26 unauthenticated", "5.7.26"),
        ("4.04.007", "4.4.7"),
        ("452 4.2.2 over quota", "4.2.2"),
        ("550 user unknown", "5.1.1"),
        ("552 mailbox full", "5.2.2"),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound", "5.1.10"),
        ("550 denied", "5.0.0"),
        ("550 Sender address does not exist", "5.0.0"),
        ("550 no such user; your host is listed in bl.example", "5.0.0"),
        ("550 denied\nno such user", "5.0.0"),
        ("553 sorry, that domain is not in my list of allowed rcpthosts", "5.0.0"),
        ("551 user not local", "5.1.6"),
        ("450 user unknown in this minute", "4.0.0"),
        ("421 try later", "4.0.0"),
        ("500 what?", "5.0.0"),
        ("by 10.5.1.1 with ESMTP", ""),
        ("5.1.1.2", ""),
        ("", ""),
    ],
)
def test_codes_are_found(text: str, status: str) -> None:
    assert status_in(text) == status


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", BounceKind.HARD),
        ("failed", "5.1.2", BounceKind.HARD),
        ("failed", "5.1.3", BounceKind.HARD),
        ("failed", "5.1.6", BounceKind.HARD),
        ("failed", "5.1.10", BounceKind.HARD),
        ("failed", "5.2.1", BounceKind.HARD),
        ("failed", "5.1.0", BounceKind.SOFT),
        ("failed", "5.1.4", BounceKind.SOFT),
        ("failed", "5.1.8", BounceKind.SOFT),
        ("failed", "5.4.1", BounceKind.SOFT),
        ("failed", "5.5.0", BounceKind.SOFT),
        ("failed", "5.2.2", BounceKind.SOFT),
        ("failed", "5.7.1", BounceKind.SOFT),
        ("failed", "5.6.0", BounceKind.SOFT),
        ("failed", "5.0.0", BounceKind.SOFT),
        ("failed", "4.4.7", BounceKind.SOFT),
        ("failed", "", BounceKind.SOFT),
        ("", "5.1.1", BounceKind.HARD),
        ("", "2.0.0", BounceKind.DELIVERED),
        (" Delayed ", "4.4.1", BounceKind.DELAYED),
        ("relayed", "2.1.9", BounceKind.DELIVERED),
        ("expanded", "2.1.5", BounceKind.DELIVERED),
    ],
)
def test_kinds_follow_from_action_and_code(action: str, status: str, kind: BounceKind) -> None:
    assert kind_of(action, status) is kind


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_has_a_kind_and_only_a_mailbox_that_is_not_there_is_hard(action: str, text: str) -> None:
    status = status_in(text)
    assert kind_of(action, status) is not BounceKind.HARD or status in HARD


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Sorry, no mailbox here by that name.", "5.1.1"),
        ("The user's mailbox is full", "5.2.2"),
        ("all relevant MX records point to non-existent hosts: Unrouteable address", "5.1.2"),
        ("We are closed on Mondays.", ""),
    ],
)
def test_words_stand_in_for_codes(text: str, status: str) -> None:
    assert status_by_words(text) == status
