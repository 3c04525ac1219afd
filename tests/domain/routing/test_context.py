"""Facts, indexed by what they are asked by."""

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ByName, LegacyAlias, Token
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.ids import ConversationId
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.context import Answers, Enrolment, Holders, RoutingContext, Sighting, Witness
from convalias.testing.strategies import NOW
from domain.cases import ALIAS, ANN, BOB, BOBS, BOBS_ACCOUNT, C1, CONTEXT, DOMAINS, EVE, MESSAGE, STORED, THREAD

V3 = EmailAddress.parse("ann-0123456789abcdefg@reply.example")
RENAMED = EmailAddress.parse("old-0123456789abcdefg@reply.example")
C2 = ConversationId("c2")


def test_a_whole_world_is_indexed() -> None:
    legacy = LegacyAlias(EmailAddress.parse("x@relay.example"), None)
    tenures = (AddressTenure(EVE, BOB, NOW), AddressTenure(EVE, ANN, NOW))
    seen = (Sighting(MESSAGE, EVE, C1), Sighting(MESSAGE, EVE, C2))
    context = RoutingContext.of(
        THREAD, STORED, BOBS_ACCOUNT, Enrolment(C1, Stage.SHADOW), legacy, *tenures, *seen, now=NOW, domains=DOMAINS
    )
    assert context.aliases == {ByName(ALIAS): STORED}
    assert context.threads == {C1: THREAD}
    assert context.stages == {C1: Stage.SHADOW}
    assert context.legacy == {legacy.address: legacy}
    assert context.accounts == {BOB: BOBS_ACCOUNT}
    assert context.tenures == {EVE: tenures}
    assert context.sightings == {(MESSAGE, EVE): {C1, C2}}
    assert context.whole


def test_a_v3_alias_is_listed_by_its_address_and_by_its_token() -> None:
    alias = evolve(STORED, address=V3)
    context = RoutingContext.of(alias, now=NOW, domains=DOMAINS)
    assert context.aliases == {ByName(V3): alias, Token("0123456789abcdefg", "reply.example"): alias}


def test_of_two_aliases_with_one_token_the_first_in_canonical_order_has_it() -> None:
    first, second = evolve(STORED, address=V3), evolve(STORED, address=RENAMED)
    for facts in ((first, second), (second, first)):
        context = RoutingContext.of(*facts, now=NOW, domains=DOMAINS)
        assert context.aliases[Token("0123456789abcdefg", "reply.example")] == first


def test_an_address_has_holders_and_may_have_authenticated_before() -> None:
    shared = Account(ANN, (BOBS, BOBS), frozenset({EVE}))
    context = RoutingContext.of(BOBS_ACCOUNT, shared, now=NOW, domains=DOMAINS)
    assert context.holders == {
        BOBS: Holders((BOBS_ACCOUNT, shared)),
        EVE: Holders((), authenticated_before=True),
    }


def test_a_context_learns_what_was_answered() -> None:
    learned = CONTEXT.learning(
        Answers(threads={C2: None}, traffic={C2: 3}, repeats={(EVE, "d"): 1}, away=frozenset({Witness.LEGACY}))
    )
    assert learned.threads == {C1: THREAD, C2: None}
    assert learned.traffic == {C2: 3}
    assert learned.repeats == {(EVE, "d"): 1}
    assert learned.away == {Witness.LEGACY}
    assert learned.aliases == CONTEXT.aliases
