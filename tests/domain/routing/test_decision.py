"""The decision as a whole: laws that hold for every mail, and the numbered cases one by one."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import ConversationAlias, LegacyAlias
from convalias.domain.conversations.participants import Account, AccountAuthor, AddressTenure, Participant, Standing
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import (
    NULL_RETURN_PATH,
    AmbiguousFrom,
    ClearFrom,
    MailContent,
    MessageEnvelope,
    UnreadableMail,
)
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing import rules
from convalias.domain.routing.context import Enrolment, Fact, RoutingContext, Witness
from convalias.domain.routing.decision import NO_RULE, route
from convalias.domain.routing.plan import RoutingPlan, TryAgain
from convalias.domain.routing.policy import DEFAULT_POLICY, BlockedSenders, RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Reject,
    RelayToConversation,
    RuleName,
    Ruling,
    SkipOverlap,
    Source,
    Verdict,
)
from convalias.testing import laws, strategies
from convalias.testing.strategies import NOW, Exchange
from domain.cases import AUTHOR, KEY, saying

ANN, BOB = AccountId("ann"), AccountId("bob")
C1, C2, C3 = ConversationId("c1"), ConversationId("c2"), ConversationId("c3")
DOMAINS = MailDomains({"reply.example"}, {"relay.example"})


def at(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


BOBS, OLD = at("bob@corp.example"), at("bob@old.example")
FIRST, SECOND, OTHER = (
    at("ann-1ab131e2@reply.example"),
    at("bob-2ab131e2@reply.example"),
    at("ann-3ab131e2@reply.example"),
)
LEGACY, OTHERS_LEGACY, LOST = at("x1@relay.example"), at("x3@relay.example"), at("lost@relay.example")
MESSAGE = MessageId(b"1@corp.example")
PROVED = SenderEvidence(Dmarc.PASS)


def thread(name: ConversationId, state: ThreadState = ThreadState.OPEN) -> ConversationThread:
    return ConversationThread(name, UseCase("apply"), (Participant(ANN), Participant(BOB)), state)


def alias(address: EmailAddress, conversation: ConversationId) -> ConversationAlias:
    return ConversationAlias(address=address, conversation=conversation, stands_for=ANN)


FACTS: tuple[Fact, ...] = (
    alias(FIRST, C1),
    alias(SECOND, C1),
    alias(OTHER, C2),
    LegacyAlias(LEGACY, C1),
    LegacyAlias(OTHERS_LEGACY, C3),
    Account(BOB, (BOBS,)),
)


def world(*facts: Fact, away: frozenset[Witness] = frozenset()) -> RoutingContext:
    threads = (thread(C1), thread(C2), thread(C3))
    return RoutingContext.of(*threads, *FACTS, *facts, now=NOW, domains=DOMAINS, away=away)


def mail(*recipients: EmailAddress) -> MessageEnvelope:
    return MessageEnvelope(
        sender=ClearFrom(BOBS), message_id=MESSAGE, received_at=NOW, recipients=recipients, to=recipients, date=NOW
    )


def decided(
    envelope: MessageEnvelope | UnreadableMail,
    context: RoutingContext | None = None,
    policy: RoutingPolicy = DEFAULT_POLICY,
    rules: RuleBook = RULES,
) -> RoutingPlan:
    decision = route(envelope, context or world(), policy, rules)
    assert isinstance(decision, RoutingPlan)
    return decision


def verdicts(plan: RoutingPlan) -> dict[EmailAddress, Verdict]:
    return {one.recipient.address: one.verdict for one in plan}


def relayed(conversation: ConversationId, standing: Standing = Standing.REGISTERED) -> RelayToConversation:
    key = MailKey(conversation, BOBS if standing is Standing.REGISTERED else OLD, MESSAGE)
    return RelayToConversation(conversation, AccountAuthor(BOB, standing), key)


@pytest.mark.parametrize("law", laws.ALL, ids=lambda law: law.__name__)
def test_every_law_holds(law: laws.Law) -> None:
    @given(strategies.exchanges(), strategies.policies())
    def holds(example: Exchange, policy: RoutingPolicy) -> None:
        law(example, policy, RULES)

    holds()


def test_one_alias_makes_one_message_in_its_conversation() -> None:
    assert verdicts(decided(mail(FIRST))) == {FIRST: relayed(C1)}


def test_aliases_of_two_conversations_make_a_message_in_each() -> None:
    assert verdicts(decided(mail(FIRST, OTHER))) == {FIRST: relayed(C1), OTHER: relayed(C2)}


def test_a_legacy_alias_alone_is_handed_over() -> None:
    assert verdicts(decided(mail(LOST))) == {LOST: HandToLegacy()}


def test_each_of_several_legacy_aliases_is_handed_over() -> None:
    assert verdicts(decided(mail(LEGACY, LOST))) == {LEGACY: HandToLegacy(), LOST: HandToLegacy()}


def test_a_legacy_alias_of_another_conversation_is_handed_over_beside_a_relay() -> None:
    assert verdicts(decided(mail(FIRST, OTHERS_LEGACY))) == {FIRST: relayed(C1), OTHERS_LEGACY: HandToLegacy()}


def test_the_conversation_alias_wins_over_the_legacy_alias_of_its_conversation() -> None:
    plan = decided(mail(FIRST, LEGACY))
    assert verdicts(plan) == {FIRST: relayed(C1), LEGACY: SkipOverlap(FIRST)}
    assert [one.number for one in plan] == [1, 6]


def test_a_sender_unknown_to_the_directory_is_found_in_the_history() -> None:
    context = world(AddressTenure(OLD, BOB, NOW - timedelta(500), NOW - timedelta(30)))
    envelope = evolve(mail(FIRST), sender=ClearFrom(OLD))
    assert verdicts(decided(envelope, context)) == {FIRST: relayed(C1, Standing.HISTORICAL)}


def test_two_aliases_of_one_conversation_make_one_message() -> None:
    plan = decided(mail(SECOND, FIRST))
    assert verdicts(plan) == {FIRST: relayed(C1), SECOND: SkipOverlap(FIRST)}
    assert [one.number for one in plan] == [1, 8]


def test_two_aliases_of_one_conversation_share_a_verdict_that_is_no_relay() -> None:
    plan = decided(evolve(mail(SECOND, FIRST), mail_class=MailClass.BOUNCE))
    assert verdicts(plan) == dict.fromkeys((FIRST, SECOND), Ignore(Reason.BOUNCE))
    assert {one.rule for one in plan} == {RuleName("bounce")}


def test_a_closed_conversation_refuses_at_both_of_its_aliases_and_at_its_legacy_alias() -> None:
    plan = decided(mail(FIRST, SECOND, LEGACY), world(thread(C1, ThreadState.CLOSED)))
    assert set(verdicts(plan).values()) == {Reject(Reason.CONVERSATION_CLOSED)}


def test_a_revoked_alias_carries_nothing_so_legacy_takes_the_mail() -> None:
    context = world(evolve(alias(FIRST, C1), revoked_at=NOW))
    assert verdicts(decided(mail(FIRST, LEGACY), context)) == {
        FIRST: Reject(Reason.REVOKED_ALIAS),
        LEGACY: HandToLegacy(),
    }


def test_in_stage_native_a_legacy_alias_counts_as_a_conversation_alias() -> None:
    plan = decided(mail(LEGACY, FIRST), world(Enrolment(C1, Stage.NATIVE)))
    assert verdicts(plan) == {FIRST: relayed(C1), LEGACY: SkipOverlap(FIRST)}
    assert isinstance(plan.rulings[1].recipient, AliasRecipient)
    assert plan.rulings[1].number == 8


def test_a_conversation_alias_in_to_wins_over_the_legacy_alias_that_the_mail_arrived_at() -> None:
    plan = decided(evolve(mail(LEGACY), to=(SECOND, FIRST, LEGACY), cc=(OTHER,)))
    assert verdicts(plan) == {FIRST: relayed(C1), LEGACY: SkipOverlap(FIRST)}
    assert [(one.recipient.source, one.number) for one in plan] == [(Source.HEADER, 1), (Source.ENVELOPE, 11)]


def test_a_header_alias_that_does_not_relay_is_not_shown_but_decides() -> None:
    held = decided(evolve(mail(LEGACY), to=(FIRST,), sender=ClearFrom(at("eve@else.example"))))
    verdict = held[LEGACY]
    assert isinstance(verdict, Hold)
    assert len(held) == 1


def test_a_revoked_header_alias_counts_for_nothing() -> None:
    context = world(evolve(alias(FIRST, C1), revoked_at=NOW))
    assert verdicts(decided(evolve(mail(LEGACY), to=(FIRST,)), context)) == {LEGACY: HandToLegacy()}


def test_recipients_come_from_header_fields_where_the_source_has_no_envelope() -> None:
    envelope = evolve(mail(), to=(FIRST,), cc=(LEGACY,), delivered_to=(at("else@else.example"),))
    plan = decided(envelope)
    assert verdicts(plan)[LEGACY] == SkipOverlap(FIRST)
    assert [one.number for one in plan if isinstance(one.verdict, SkipOverlap)] == [6]
    assert {one.recipient.source for one in plan} == {Source.HEADER}


def test_a_mail_over_a_limit_is_refused_for_every_recipient_without_a_conversation() -> None:
    unreadable = UnreadableMail(limit="parts", found=1001, received_at=NOW, header_recipients=(FIRST, LEGACY))
    plan = decided(unreadable)
    assert set(verdicts(plan).values()) == {Reject(Reason.MALFORMED)}
    assert {one.conversation for one in plan} == {None}
    assert not plan.tell_sender


def test_a_mail_over_a_limit_is_refused_even_by_a_book_without_that_rule() -> None:
    unreadable = UnreadableMail(limit="parts", found=1001, received_at=NOW, recipients=(FIRST,))
    assert verdicts(decided(unreadable, rules=RuleBook())) == {FIRST: Reject(Reason.MALFORMED)}


def test_a_blocked_sender_is_dropped_for_every_recipient() -> None:
    policy = RoutingPolicy(blocked=BlockedSenders(domains=("@corp.example",)))
    plan = decided(mail(FIRST, LEGACY), policy=policy)
    assert set(verdicts(plan).values()) == {Ignore(Reason.BLOCKED_SENDER)}


def test_an_empty_book_does_no_harm() -> None:
    foreign, unknown = at("else@else.example"), at("nobody@reply.example")
    plan = decided(mail(FIRST, SECOND, foreign, unknown, LOST), rules=RuleBook())
    held = Hold(Reason.NEEDS_APPROVAL, AUTHOR, KEY)  # whoever holds it, the mail has one key
    ignored = Ignore(Reason.NOT_OURS)
    assert verdicts(plan) == {FIRST: held, SECOND: held, foreign: ignored, unknown: ignored, LOST: HandToLegacy()}
    assert {one.rule for one in plan} == {NO_RULE}


HELD = Hold(Reason.NEEDS_APPROVAL)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (ThreadState.CLOSED, Reason.CONVERSATION_CLOSED),
        (ThreadState.ARCHIVED, Reason.CONVERSATION_CLOSED),
        (ThreadState.ERASED, Reason.UNKNOWN_ALIAS),
    ],
)
@pytest.mark.parametrize(
    "book",
    [
        RuleBook(),
        RuleBook(author=RULES.author),
        RULES.before(rules.revoked_alias, saying(relayed(C1), 5)),
        RULES.before(rules.revoked_alias, saying(HELD, 5)),
        RuleBook(overlap=(saying(HELD, 10),)),
    ],
    ids=["empty", "relays", "relays at step 5", "holds at step 5", "holds a second alias"],
)
def test_what_is_not_open_takes_nothing_and_asks_nobody_whatever_the_book(
    book: RuleBook, state: ThreadState, reason: Reason
) -> None:
    plan = decided(evolve(mail(FIRST, SECOND), evidence=PROVED), world(thread(C1, state)), rules=book)
    assert verdicts(plan) == {FIRST: Reject(reason), SECOND: Reject(reason)}
    assert plan.tell_sender
    assert {one.rule for one in plan} == {NO_RULE}


def test_nobody_is_asked_about_mail_for_a_legacy_address_of_a_closed_conversation() -> None:
    book, closed = RULES.before(rules.carried_already, saying(HELD, 11)), world(thread(C1, ThreadState.CLOSED))
    assert isinstance(decided(mail(LEGACY), rules=book)[LEGACY], Hold)
    assert decided(mail(LEGACY), closed, rules=book)[LEGACY] == Reject(Reason.CONVERSATION_CLOSED)
    assert decided(mail(LEGACY), closed)[LEGACY] == HandToLegacy()


def test_an_ambiguous_from_is_held_by_an_empty_book() -> None:
    plan = decided(evolve(mail(FIRST), sender=AmbiguousFrom()), rules=RuleBook())
    assert verdicts(plan) == {FIRST: Hold(Reason.FROM_AMBIGUOUS)}


def test_it_tries_again_when_legacy_is_away_and_a_legacy_address_is_concerned() -> None:
    away = frozenset({Witness.LEGACY})
    for context in (world(away=away), world(Enrolment(C1, Stage.NATIVE), away=away)):
        decision = route(mail(FIRST, LEGACY), context)
        assert isinstance(decision, TryAgain)
        assert decision.waiting_for == away


def test_it_decides_without_legacy_where_the_directory_names_somebody() -> None:
    assert verdicts(decided(mail(FIRST), world(away=frozenset({Witness.LEGACY})))) == {FIRST: relayed(C1)}


@pytest.mark.parametrize("witness", Witness)
def test_it_tries_again_when_the_author_cannot_be_found_out(witness: Witness) -> None:
    envelope = evolve(mail(FIRST), sender=ClearFrom(OLD))
    decision = route(envelope, world(away=frozenset({witness})))
    assert isinstance(decision, TryAgain)
    assert decision.waiting_for == {witness}


def test_an_absent_directory_is_not_asked_about_a_bounce() -> None:
    envelope = evolve(mail(FIRST), mail_class=MailClass.BOUNCE)
    assert verdicts(decided(envelope, world(away=frozenset({Witness.IDENTITY})))) == {FIRST: Ignore(Reason.BOUNCE)}


REFUSED = evolve(mail(at("nobody@reply.example")), evidence=PROVED)


def test_an_authenticated_person_may_be_told_of_a_refusal() -> None:
    assert decided(REFUSED).tell_sender


@pytest.mark.parametrize(
    "untold",
    [
        evolve(REFUSED, evidence=SenderEvidence()),
        evolve(REFUSED, return_path=NULL_RETURN_PATH),
        evolve(REFUSED, mail_class=MailClass.BULK),
        evolve(REFUSED, sender=AmbiguousFrom()),
        evolve(REFUSED, spam=True),
        evolve(REFUSED, recipients=(FIRST,)),
        evolve(REFUSED, recipients=()),
    ],
    ids=["unproved", "null return path", "bulk", "ambiguous", "spam", "nothing refused", "no envelope"],
)
def test_nobody_else_is_told(untold: MessageEnvelope) -> None:
    assert not decided(untold).tell_sender


def test_an_empty_mail_is_refused_and_told() -> None:
    plan = decided(evolve(mail(FIRST), evidence=PROVED, content=MailContent(empty=True)))
    assert verdicts(plan) == {FIRST: Reject(Reason.EMPTY)}
    assert plan.tell_sender


def test_a_plan_is_looked_into_by_recipient() -> None:
    plan = decided(mail(FIRST))
    assert isinstance(plan.rulings[0], Ruling)
    assert plan[FIRST] == relayed(C1)
    with pytest.raises(KeyError):
        plan[SECOND]


def test_where_a_ruling_leads_is_known_for_every_kind_of_recipient() -> None:
    plan = decided(mail(FIRST, at("nobody@reply.example"), at("x@else.example"), LEGACY, LOST))
    assert [one.conversation for one in plan] == [C1, None, None, C1, None]
    assert isinstance(plan.rulings[1].recipient, LegacyRecipient)


def test_a_plan_for_many_recipients_costs_in_proportion() -> None:
    """Counted in rules asked, not in seconds."""
    asked: list[int] = []
    for count in (100, 200):
        heard: list[object] = []
        many = [at(f"n{number}-1ab131e2@reply.example") for number in range(count)]
        context = RoutingContext.of(
            *(thread(ConversationId(f"d{number}")) for number in range(count)),
            *(alias(one, ConversationId(f"d{number}")) for number, one in enumerate(many)),
            Account(BOB, (BOBS,)),
            now=NOW,
            domains=DOMAINS,
        )
        old = evolve(mail(*many), date=NOW - timedelta(3))
        assert len(decided(old, context, rules=RULES.heard_by(heard.append))) == count
        asked.append(len(heard))
    assert asked[1] < 2 * asked[0] + 10
