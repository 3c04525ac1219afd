"""Code that both checkers must accept: it is checked by `make full`, never run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never, assert_type

from attrs import evolve
from hypothesis import given
from hypothesis.strategies import SearchStrategy

from convalias import (
    FREE,
    LIGHT,
    RULES,
    Account,
    AccountId,
    Admission,
    Admittance,
    AmbiguousFrom,
    Applicant,
    ClearFrom,
    Convalias,
    ConversationAlias,
    ConversationEvent,
    ConversationId,
    ConversationThread,
    EmailAddress,
    HandToLegacy,
    Hold,
    Ignore,
    IncomingMail,
    MailDomains,
    MessageEnvelope,
    MessageId,
    Participant,
    Reason,
    Reject,
    RelayToConversation,
    RoutingContext,
    RoutingPlan,
    RoutingPolicy,
    RuleBook,
    SkipOverlap,
    Stage,
    TryAgain,
    UseCase,
    Verdict,
    admission,
    questions,
    route,
    rule,
)
from convalias.domain.routing import rules
from convalias.domain.routing.plan import Case
from convalias.domain.routing.questions import Questions
from convalias.domain.routing.rulebook import RelayCase, Rule
from convalias.ports.people import IdentityDirectory
from convalias.services.inbound.receiver import Kept, Receipt
from convalias.testing import laws, strategies
from convalias.testing.strategies import Exchange

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

# --- ids are types of their own --------------------------------------------------------------------------

assert_type(ConversationId("c1"), ConversationId)
assert_type(AccountId("a1"), AccountId)
assert_type(Participant.of("ann", addresses=["ann@home.example"]).account, AccountId)

# --- the core ----------------------------------------------------------------------------------------------


def context_of(alias: EmailAddress, work: EmailAddress) -> RoutingContext:
    talk, ann, bob = ConversationId("c1"), AccountId("ann"), AccountId("bob")
    return RoutingContext.of(
        ConversationThread(talk, UseCase("hiring"), (Participant(ann), Participant(bob))),
        ConversationAlias(address=alias, conversation=talk, stands_for=ann),
        Account(bob, (work,)),
        now=NOW,
        domains=MailDomains({"reply.example"}, frozenset({"relay.example"})),
    )


def decided(mail: MessageEnvelope, context: RoutingContext) -> Sequence[str]:
    decision = route(mail, context, RoutingPolicy(admission=FREE))
    assert_type(decision, RoutingPlan | TryAgain)
    assert_type(decision.explain().text(), str)
    assert_type(decision.case, Case)
    match decision:
        case RoutingPlan():
            assert_type(decision[EmailAddress.parse("ann@reply.example")], Verdict)
            return [said(ruling.verdict) for ruling in decision]
        case TryAgain(waiting_for=witnesses):
            return [witness.value for witness in witnesses]
        case _:
            assert_never(decision)


def said(verdict: Verdict) -> str:
    """Every kind, and no more: a seventh would make this a type error."""
    match verdict:
        case RelayToConversation(conversation=conversation):
            return conversation
        case HandToLegacy():
            return "legacy"
        case SkipOverlap(carried_by=carrier):
            return carrier.key
        case Hold(reason=reason) | Reject(reason=reason) | Ignore(reason=reason):
            return reason.value
        case _:
            assert_never(verdict)


def who(mail: MessageEnvelope) -> str:
    sender = mail.sender
    match sender:
        case ClearFrom(address=address):
            return address.key
        case AmbiguousFrom(because=because):
            return because
        case _:
            assert_never(sender)


def looked_up(mail: MessageEnvelope, known: RoutingContext) -> RoutingContext:
    lacking = questions(mail, known)
    assert_type(lacking, Questions)
    return known if lacking else evolve(known, whole=True)


mail = MessageEnvelope(sender=ClearFrom(EmailAddress.parse("a@b.example")), message_id=MessageId(b"1"), received_at=NOW)
assert_type(mail.recipients, tuple[EmailAddress, ...])

# --- a policy and a rule of one's own ------------------------------------------------------------------------


@admission("partners")
def partners(applicant: Applicant) -> Admittance:
    """Our agencies pass."""
    return Admittance.ADMIT if applicant.address.domain == "agency.example" else LIGHT(applicant)


@rule(9)
def japan_first(case: RelayCase) -> Verdict | None:
    """In the Japanese market somebody looks first."""
    held = isinstance(case.verdict, RelayToConversation) and case.recipient.thread.market == "jp"
    return Hold(Reason.NEEDS_APPROVAL) if held else None


assert_type(partners, Admission)
assert_type(japan_first, Rule[RelayCase])
assert_type(RULES.before(rules.empty, japan_first).without(rules.odd_header), RuleBook)
POLICY = RoutingPolicy(admission_by_use_case={UseCase("apply"): partners})


class TestLaws(laws.PolicyLaws):
    policy = POLICY
    rules = RULES.before(rules.empty, japan_first)


@given(strategies.exchanges())
def test_ours(example: Exchange) -> None:
    laws.every_mail_is_decided(example, POLICY, RULES)


assert_type(strategies.envelopes(), SearchStrategy[MessageEnvelope])
assert_type(strategies.raw_mails(), SearchStrategy[bytes])

# --- the whole -------------------------------------------------------------------------------------------------


async def talked(identity: IdentityDirectory) -> None:
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain=None, identity=identity) as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[Participant.of("ann")])
        assert_type(aliases, Mapping[str, EmailAddress])
        receipt = await cv.receiver.accept(IncomingMail(b"", recipients=["a@reply.example"], sender="<>"))
        assert_type(receipt, Receipt)
        if isinstance(receipt, Kept):
            assert_type(receipt.quarantined, str | None)
        event = await cv.messaging.send("c1", "Hello", author="ann", key="k1")
        assert_type(event, ConversationEvent)
        await cv.rollout.set(UseCase("hiring"), stage=Stage.PARALLEL, basis_points=500)
        async with cv.running("inbound", "outbound"):
            pass
        assert_type((await cv.run_until_idle("inbound")).dead, int)
        assert_type(cv.mailbox("ann@home.example"), Sequence[bytes])


inert = Convalias.from_toml(Path("convalias.toml"), data="data", environ={})
assert_type(inert, Convalias)
