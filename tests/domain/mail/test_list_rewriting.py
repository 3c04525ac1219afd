"""A From that a list rewrote is believed under four conditions at once."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom
from convalias.domain.mail.list_rewriting import ListFields, written_by

LIST = ClearFrom(EmailAddress.parse("team@lists.example"), "Bob via Team")
BOB, EVE = EmailAddress.parse("bob@corp.example"), EmailAddress.parse("eve@else.example")
FIELDS = ListFields(reply_to=(BOB,), original_from=(BOB,), list_ids=("team.lists.example",))
PASSED = SenderEvidence(Dmarc.PASS)
REWRITERS = frozenset({"lists.example"})


def test_a_list_that_we_know_and_dmarc_proves_names_the_author() -> None:
    assert written_by(LIST, FIELDS, PASSED, rewriters=REWRITERS) == ClearFrom(BOB, "Bob via Team")


@pytest.mark.parametrize("name", ["lists.example", "<Team.Lists.EXAMPLE>", "team.lists.example."])
def test_the_list_may_be_the_domain_or_under_it(name: str) -> None:
    assert written_by(LIST, evolve(FIELDS, list_ids=(name,)), PASSED, rewriters=REWRITERS) != LIST


@pytest.mark.parametrize("dmarc", [one for one in Dmarc if one is not Dmarc.PASS])
def test_without_a_pass_it_is_the_list(dmarc: Dmarc) -> None:
    evidence = SenderEvidence(dmarc, dkim_aligned=True, spf_aligned=True)
    assert written_by(LIST, FIELDS, evidence, rewriters=REWRITERS) == LIST


@pytest.mark.parametrize("rewriters", [frozenset(), frozenset({"example"}), frozenset({"a.lists.example"})])
def test_a_domain_that_nobody_configured_is_itself(rewriters: frozenset[str]) -> None:
    assert written_by(LIST, FIELDS, PASSED, rewriters=rewriters) == LIST


@pytest.mark.parametrize(
    "fields",
    [
        evolve(FIELDS, list_ids=()),
        evolve(FIELDS, list_ids=("team.lists.example", "team.lists.example")),
        evolve(FIELDS, list_ids=("team.evil.example",)),
        evolve(FIELDS, list_ids=("evillists.example",)),
        evolve(FIELDS, list_ids=("team.ｌists.example",)),
        evolve(FIELDS, reply_to=()),
        evolve(FIELDS, reply_to=(EVE,)),
        evolve(FIELDS, reply_to=(BOB, EVE), original_from=(BOB, EVE)),
        evolve(FIELDS, original_from=()),
    ],
)
def test_fields_that_do_not_agree_name_nobody(fields: ListFields) -> None:
    assert written_by(LIST, fields, PASSED, rewriters=REWRITERS) == LIST


def test_an_ambiguous_from_stays_ambiguous() -> None:
    sender = AmbiguousFrom(frozenset({BOB}))
    assert written_by(sender, FIELDS, PASSED, rewriters=REWRITERS) is sender
