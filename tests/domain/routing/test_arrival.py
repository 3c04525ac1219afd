"""Where a mail arrived."""

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKeys, LegacyAlias
from convalias.domain.aliases.tokens import seal
from convalias.domain.ids import ConversationId
from convalias.domain.mail.envelope import UnreadableMail
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.arrival import NamedConversations, at_legacy_domain, conversation_at, recipients, resolved
from convalias.domain.routing.context import Enrolment, RoutingContext
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    ForeignRecipient,
    LegacyRecipient,
    Recipient,
    Source,
    UnknownRecipient,
)
from convalias.testing.strategies import NOW
from domain.cases import ALIAS, C1, CONTEXT, DOMAINS, LEGACY, MAIL, STORED, THREAD

KEYS = AliasKeys.of({0: b"secret"})
GOOD, BAD = (f"ann-{token}" for token in (seal(KEYS.newest, "abcdefghjk", "reply.example"), "0abcdefghjk000000"))


def at(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


V3, FORGED = at(f"{GOOD}@reply.example"), at(f"{BAD}@reply.example")
STORED_V3, STORED_FORGED = evolve(STORED, address=V3), evolve(STORED, address=FORGED)
LISTED = LegacyAlias(LEGACY, C1)
WORLD = RoutingContext.of(THREAD, STORED, STORED_V3, STORED_FORGED, LISTED, now=NOW, domains=DOMAINS)


def found(text: str, context: RoutingContext = WORLD) -> Recipient:
    return resolved(at(text), Source.ENVELOPE, context)


def alias(address: EmailAddress, stored: object = STORED) -> AliasRecipient:
    assert stored in {STORED, STORED_V3, STORED_FORGED}
    return AliasRecipient(address, Source.ENVELOPE, STORED if stored == STORED else STORED_V3, THREAD)


@pytest.mark.parametrize("written", ["ann-1ab131e2@reply.example", "ANN-1AB131E2+tag@Reply.example"])
def test_an_alias_is_found_however_it_is_written(written: str) -> None:
    assert found(written) == alias(ALIAS)


def test_a_v3_alias_shows_its_listed_address_whatever_name_it_wears() -> None:
    expected = AliasRecipient(V3, Source.ENVELOPE, STORED_V3, THREAD)
    renamed = str(V3).replace("ann", "somebody")
    assert found(renamed) == expected
    assert found(str(V3), evolve(WORLD, keys=KEYS)) == expected
    assert found(renamed, evolve(WORLD, keys=KEYS)) == expected


def test_a_forged_token_is_forged_listed_or_not() -> None:
    context = evolve(WORLD, keys=KEYS)
    forged = UnknownRecipient(FORGED, Source.ENVELOPE, forged=True)
    assert found(str(FORGED), context) == forged
    assert found(str(FORGED).replace("ann", "bob"), context) == forged
    nowhere = at("x-0aaaaaaaaaa000000@reply.example")
    assert found(str(nowhere), context) == UnknownRecipient(nowhere, Source.ENVELOPE, forged=True)


def test_an_unlisted_address_at_an_alias_domain_is_unknown() -> None:
    unknown = at("nobody@reply.example")
    assert found("nobody@reply.example") == UnknownRecipient(unknown, Source.ENVELOPE, forged=False)


def test_an_alias_of_a_conversation_that_is_not_there_is_unknown() -> None:
    lost = evolve(STORED, conversation=ConversationId("c9"))
    context = RoutingContext.of(lost, now=NOW, domains=DOMAINS)
    assert found(str(ALIAS), context) == UnknownRecipient(ALIAS, Source.ENVELOPE, forged=False)


def test_a_foreign_address_stays_as_it_is() -> None:
    written = at("prvs=1234abcdef=x@else.example")
    assert found(str(written)) == ForeignRecipient(written, Source.ENVELOPE)


def test_a_legacy_alias_knows_its_conversation_where_that_is_listed() -> None:
    assert found(f"{LEGACY.local}+t@relay.example") == LegacyRecipient(LEGACY, Source.ENVELOPE, THREAD)
    assert found(str(LEGACY)) == LegacyRecipient(LEGACY, Source.ENVELOPE, THREAD)
    unlisted = at("y@relay.example")
    assert found("y@relay.example") == LegacyRecipient(unlisted, Source.ENVELOPE, None)


def test_in_stage_native_a_known_legacy_alias_counts_as_a_conversation_alias() -> None:
    native = RoutingContext.of(THREAD, LISTED, Enrolment(C1, Stage.NATIVE), now=NOW, domains=DOMAINS)
    recipient = found(str(LEGACY), native)
    assert recipient == AliasRecipient(LEGACY, Source.ENVELOPE, None, THREAD)
    assert recipient.conversation == C1
    unknown_here = RoutingContext.of(LISTED, Enrolment(C1, Stage.NATIVE), now=NOW, domains=DOMAINS)
    assert found(str(LEGACY), unknown_here) == LegacyRecipient(LEGACY, Source.ENVELOPE, None)


def test_what_legacy_alone_can_tell_is_at_a_legacy_domain() -> None:
    native = AliasRecipient(LEGACY, Source.ENVELOPE, None, THREAD)
    assert at_legacy_domain(native)
    assert at_legacy_domain(found(str(LEGACY)))
    assert not at_legacy_domain(found(str(ALIAS)))


def test_each_recipient_is_there_once_in_canonical_order() -> None:
    mail = evolve(MAIL, recipients=(LEGACY, ALIAS, at("Ann-1ab131e2+x@reply.example"), LEGACY))
    assert [one.address for one in recipients(mail, WORLD)] == [ALIAS, LEGACY]


def test_header_fields_stand_in_for_a_missing_envelope() -> None:
    mail = evolve(MAIL, recipients=(), to=(ALIAS,), cc=(V3,), delivered_to=(LEGACY,))
    found_there = recipients(mail, WORLD)
    assert {one.address for one in found_there} == {ALIAS, V3, LEGACY}
    assert {one.source for one in found_there} == {Source.HEADER}
    unreadable = UnreadableMail(limit="size", found=1, received_at=NOW, header_recipients=(ALIAS,))
    assert [one.address for one in recipients(unreadable, WORLD)] == [ALIAS]
    assert recipients(evolve(unreadable, header_recipients=()), WORLD) == ()


@pytest.mark.parametrize(
    ("written", "conversation"),
    [
        (str(ALIAS), C1),
        (f"old-name-{GOOD[4:]}@reply.example", C1),
        ("nobody@reply.example", None),
        ("x-0aaaaaaaaaa000000@reply.example", None),
        (str(LEGACY), C1),
        ("y@relay.example", None),
        ("x@else.example", None),
    ],
)
def test_a_field_names_the_conversation_that_its_address_is_listed_for(written: str, conversation: str | None) -> None:
    assert conversation_at(at(written), WORLD) == conversation


def test_conversations_are_named_in_to_and_cc_alone() -> None:
    nowhere = evolve(MAIL, to=(), cc=(), delivered_to=(ALIAS,))
    assert C1 not in NamedConversations(nowhere.to, CONTEXT)
    assert C1 in NamedConversations((*nowhere.to, ALIAS), CONTEXT)
    named = NamedConversations((*MAIL.to, *MAIL.cc), CONTEXT)
    assert C1 in named
    assert ConversationId("c2") not in named
    assert None not in named
