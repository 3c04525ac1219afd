"""Why: the same decision once more, heard; as data, as text, as a picture."""

import json

import pytest
from attrs import evolve
from hypothesis import given

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKeys, LegacyAlias
from convalias.domain.conversations.participants import Account, AccountAuthor, Standing
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, From, InboundMail, Oddity, UnreadableMail
from convalias.domain.mail.reasons import Reason
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.context import Enrolment, Fact, RoutingContext, Witness
from convalias.domain.routing.decision import route
from convalias.domain.routing.explanation import (
    Arrived,
    Evidence,
    Explanation,
    Fired,
    LetIn,
    Looked,
    Passed,
    Ruled,
    Waiting,
    Weighed,
    numbered,
)
from convalias.domain.routing.let_in import hold_key
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rendering import outcome, said
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    RuleName,
    SkipOverlap,
    Source,
    Verdict,
)
from convalias.testing import strategies
from convalias.testing.strategies import NOW, Exchange
from domain.cases import ALIAS, ANN, BOB, BOBS, C1, CONTEXT, DOMAINS, EVE, KEY, LEGACY, MAIL, SECOND, STORED, THREAD


def why(mail: InboundMail = MAIL, context: RoutingContext = CONTEXT) -> Explanation:
    return route(mail, context).explain()


def world(*facts: Fact) -> RoutingContext:
    return RoutingContext.of(THREAD, STORED, Account(BOB, (BOBS,)), *facts, now=NOW, domains=DOMAINS)


def test_it_says_where_the_mail_arrived_and_who_was_weighed() -> None:
    steps = why().steps
    assert Looked("envelope", (ALIAS,)) in steps
    assert Arrived(ALIAS, ALIAS, "conversation alias", C1) in steps
    assert Evidence(Authentication.UNPROVED) in steps
    assert Weighed(ALIAS, (BOB,), Standing.REGISTERED, takes_part=True) in steps


def test_it_says_which_rules_passed_and_which_spoke() -> None:
    steps = why().steps
    assert Passed(RuleName("own-mail"), None) in steps
    assert Passed(RuleName("revoked-alias"), ALIAS) in steps
    fired = [step for step in steps if isinstance(step, Fired)]
    assert [(one.rule, one.step, one.number, one.recipient) for one in fired] == [("participant", 8, 1, ALIAS)]
    assert fired[0].law == "A participant's mail becomes a message of the conversation."
    assert [step.rule for step in steps if isinstance(step, Ruled)] == ["participant"]


@pytest.mark.parametrize(
    ("facts", "sender", "weighed"),
    [
        ((), EVE, Weighed(ALIAS, (), None, takes_part=False)),
        ((Account(AccountId("eve"), (EVE,)),), EVE, Weighed(ALIAS, (AccountId("eve"),), None, takes_part=False)),
        ((Account(ANN, (BOBS,)),), BOBS, Weighed(ALIAS, (ANN, BOB), Standing.REGISTERED, takes_part=True)),
    ],
)
def test_it_says_of_everybody_whether_they_take_part(
    facts: tuple[Fact, ...], sender: EmailAddress, weighed: Weighed
) -> None:
    assert weighed in why(evolve(MAIL, sender=ClearFrom(sender)), world(*facts)).steps


def test_it_says_what_every_address_is() -> None:
    written = ("ANN-1ab131e2+x@reply.example", "x1@relay.example", "no@reply.example", "x@else.example")
    mail = evolve(MAIL, recipients=tuple(map(EmailAddress.parse, written)))
    kinds = [step.kind for step in why(mail).steps if isinstance(step, Arrived)]
    assert kinds == ["conversation alias", "legacy alias", "unknown alias", "foreign", "conversation alias"]
    native = world(LegacyAlias(LEGACY, C1), Enrolment(C1, Stage.NATIVE))
    mail = evolve(MAIL, recipients=(LEGACY,))
    assert Arrived(LEGACY, LEGACY, "legacy alias in stage native", C1) in why(mail, native).steps
    forged = EmailAddress.parse("ann-0123456789abcdefg@reply.example")
    keyed = evolve(CONTEXT, keys=AliasKeys.of({0: b"secret"}))
    assert Arrived(forged, forged, "forged alias", None) in why(evolve(MAIL, recipients=(forged,)), keyed).steps


def test_it_explains_a_mail_over_a_limit() -> None:
    unreadable = UnreadableMail(limit="size", found=1, received_at=NOW, header_recipients=(ALIAS,))
    explanation = why(unreadable)
    assert Looked("header fields", (ALIAS,)) in explanation.steps
    assert "rule over-a-limit about the mail: reject MALFORMED" in explanation.text()
    assert "over-a-limit" in explanation.mermaid()


def test_it_explains_why_there_is_no_plan() -> None:
    explanation = why(MAIL, evolve(CONTEXT, away=frozenset({Witness.IDENTITY})))
    assert Waiting(Witness.IDENTITY) in explanation.steps
    assert "try again: identity is away" in explanation.text()
    assert "try again: identity is away" in explanation.mermaid()
    assert '{"step": "waiting", "witness": "identity"}' in json.dumps(explanation.data())
    assert not explanation.tell_sender


def test_the_text_is_for_people() -> None:
    mail = evolve(MAIL, recipients=(EmailAddress.parse("ANN-1ab131e2+x@reply.example"),))
    assert str(why(mail)).splitlines() == [
        "envelope: 1 found",
        "  ann-1ab131e2@reply.example (written ann-1ab131e2+x@reply.example): conversation alias of c1",
        "To: 1 found",
        "  ann-1ab131e2@reply.example: conversation alias of c1",
        "Cc: 0 found",
        "Delivered-To, X-Original-To, Envelope-To: 0 found",
        "sender: unproved",
        "candidates at ann-1ab131e2@reply.example: bob, registered, takes part",
        "rule 1 participant about ann-1ab131e2@reply.example: relay to c1 as bob (registered, not verified)",
        "  because: A participant's mail becomes a message of the conversation.",
        "=> ann-1ab131e2@reply.example (envelope): relay to c1 as bob (registered, not verified) [1 participant]",
        "24 times a rule had nothing to say; admission light, sender trust accept_known",
        "the sender may not be told",
    ]


def test_the_text_says_when_nobody_is_known_and_when_the_sender_may_be_told() -> None:
    stranger = evolve(MAIL, sender=ClearFrom(EVE), evidence=SenderEvidence(Dmarc.PASS))
    assert "nobody known, takes no part" in why(stranger).text()
    unknown = evolve(stranger, recipients=(EmailAddress.parse("no@reply.example"),))
    assert why(unknown).text().endswith("the sender may be told")


def test_the_data_holds_pseudonyms_in_the_place_of_addresses() -> None:
    data = json.dumps(why().data())
    assert "@" not in data
    assert '"address-1"' in data
    assert "a hash" in json.dumps(why().data(lambda _address: "a hash"))


def test_numbers_tell_addresses_apart() -> None:
    pseudonym = numbered()
    assert [pseudonym(one) for one in (ALIAS, BOBS, ALIAS)] == ["address-1", "address-2", "address-1"]


def test_the_picture_leads_from_the_mail_to_each_verdict() -> None:
    both = evolve(MAIL, recipients=(ALIAS, LEGACY))
    picture = why(both, world(LegacyAlias(LEGACY, C1))).mermaid()
    assert picture.splitlines() == [
        "flowchart LR",
        '  mail(["mail"])',
        '  mail --> r0["ann-1ab131e2@reply.example"]',
        '  r0 --> r0x("1 participant<br/>relay to c1 as bob (registered, not verified)")',
        '  mail --> r1["x1@relay.example"]',
        '  r1 --> r1x("6 carried-already<br/>skip, ann-1ab131e2@reply.example carries it")',
        '  r0x ==> relay{{"relay"}}',
        '  r1x ==> skip{{"skip"}}',
    ]


def test_nothing_in_an_address_breaks_the_picture() -> None:
    odd = EmailAddress.parse('"a\\"]b"@else.example')
    assert "#34;a#92;#34;#93;b#34;@else.example" in why(evolve(MAIL, recipients=(odd,))).mermaid()


def test_a_picture_shows_recipients_that_no_rule_spoke_about() -> None:
    blocked = evolve(MAIL, recipients=(ALIAS, SECOND), mail_class=MailClass.OWN, sender=AmbiguousFrom())
    assert 'r1["ann-1ab131e2@reply.example"]' in why(blocked).mermaid()


@pytest.mark.parametrize(
    ("verdict", "word", "words"),
    [
        (HandToLegacy(), "legacy", "hand to legacy"),
        (SkipOverlap(ALIAS), "skip", f"skip, {ALIAS} carries it"),
        (Hold(Reason.FROM_AMBIGUOUS), "hold", "hold FROM_AMBIGUOUS"),
        (
            Hold(Reason.NEEDS_APPROVAL, AccountAuthor(BOB, Standing.HISTORICAL, verified=True)),
            "hold",
            "hold NEEDS_APPROVAL, from bob (historical, verified)",
        ),
        (Reject(Reason.EMPTY), "reject", "reject EMPTY"),
        (Ignore(Reason.SPAM), "ignore", "ignore SPAM"),
    ],
)
def test_a_verdict_is_said_in_a_word_and_in_a_few(verdict: Verdict, word: str, words: str) -> None:
    assert (outcome(verdict), said(verdict)) == (word, words)


def test_a_peripheral_author_is_shown_by_address() -> None:
    held = route(evolve(MAIL, sender=ClearFrom(EVE)), CONTEXT, RoutingPolicy())
    assert "from eve@else.example (peripheral, not verified)" in held.explain().text()
    proved = evolve(MAIL, sender=ClearFrom(EVE), evidence=SenderEvidence(Dmarc.PASS))
    assert "(peripheral, verified)" in why(proved).text()


@given(strategies.exchanges(), strategies.policies())
def test_every_decision_can_be_shown(example: Exchange, policy: RoutingPolicy) -> None:
    explanation = route(example.mail, example.context, policy).explain()
    assert explanation.text()
    assert explanation.mermaid().startswith("flowchart LR\n")
    assert [step for step in explanation.steps if isinstance(step, Ruled)] or Source.ENVELOPE
    assert RelayToConversation.__name__ not in explanation.text()


def test_what_a_signature_covers_is_said_where_the_mail_rests_on_nothing_else() -> None:
    evidence = SenderEvidence(Dmarc.PASS, dkim_aligned=True, dkim_signed=frozenset({"to", "from"}))
    explanation = why(evolve(MAIL, evidence=evidence))
    assert Evidence(Authentication.AUTHENTICATED, ("from", "to")) in explanation.steps
    assert "sender: authenticated, by a signature alone, which covers from, to" in explanation.text()
    bare = why(evolve(MAIL, evidence=evolve(evidence, dkim_signed=frozenset())))
    assert "which covers nothing" in bare.text()


def test_the_list_that_a_mail_came_by_is_said_and_where_it_was_let_in() -> None:
    evidence = SenderEvidence(Dmarc.PASS, via_list="dev.lists.example")
    mail = evolve(MAIL, evidence=evidence)
    assert "list: dev.lists.example, by a signature of its own" in why(mail).text().splitlines()
    lists = {
        (C1, "dev.lists.example"): True,
        (C1, "men.lists.example"): True,
        (ConversationId("c2"), "dev.lists.example"): False,
    }
    explanation = why(mail, evolve(CONTEXT, lists=lists))
    assert "list: dev.lists.example, by a signature of its own, which participants let into c1" in explanation.text()
    said = json.dumps(explanation.data())
    assert '"list_let_into": ["c1"]' in said
    assert "lists.example" not in said


@pytest.mark.parametrize("sender", [ClearFrom(BOBS), AmbiguousFrom()], ids=["of Bob", "of nobody"])
def test_it_says_that_a_participant_let_the_mail_in(sender: From) -> None:
    mail = evolve(MAIL, oddities=frozenset({Oddity.HEADER}), sender=sender, evidence=SenderEvidence(Dmarc.PASS))
    key = hold_key(C1, mail, KEY if isinstance(sender, ClearFrom) else None)
    assert not [one for one in why(mail).steps if isinstance(one, LetIn)]
    explanation = why(mail, evolve(CONTEXT, approvals={key: Admits.THIS_MAIL}))
    assert LetIn(C1, Admits.THIS_MAIL) in explanation.steps
    assert "let in: this mail, by a participant of c1" in explanation.text().splitlines()
    assert '{"step": "let in", "conversation": "c1", "admits": "this_mail"}' in json.dumps(explanation.data())


def test_it_says_that_a_participant_let_the_address_in_and_nothing_of_another_mail() -> None:
    mail = evolve(MAIL, sender=ClearFrom(EVE))
    key = hold_key(C1, mail, MailKey(C1, EVE, mail.message_id))
    another = hold_key(C1, evolve(mail, content=evolve(mail.content, digest="x")), MailKey(C1, EVE, mail.message_id))
    told = why(mail, evolve(CONTEXT, approvals={key: Admits.THIS_ADDRESS, another: Admits.THIS_MAIL})).text()
    assert [line for line in told.splitlines() if line.startswith("let in")] == [
        "let in: the address, by a participant of c1"
    ]
