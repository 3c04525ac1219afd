"""Laws of speaking: in whose name a mail may be posted, and what a stranger may learn from a refusal."""

# ruff: noqa: S101 - a law is an assertion, and run by tests alone

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, assert_never

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKeys, ByName, ConversationAlias
from convalias.domain.conversations.participants import AccountAuthor, PeripheralAuthor
from convalias.domain.ids import AccountId
from convalias.domain.mail.authentication import Authentication, judge
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing.context import Holders, RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Decision, RoutingPlan
from convalias.domain.routing.policy import RoutingPolicy, SenderTrust
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.verdicts import HandToLegacy, Hold, Reject, RelayToConversation, Ruling
from convalias.testing.strategies import Exchange

_SECRET: Final = b"no secret, for laws"


def nobody_posts_in_the_name_of_another(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """A post in an account's name comes from an address that the evidence allows to speak for the account.

    The directory counts, and where it knows nobody, the history; a stranger's post stands under his own address.
    """
    for relayed, mail in _posted(example, policy, rules):
        assert isinstance(mail.sender, ClearFrom)
        thread = example.context.threads[relayed.conversation]
        match relayed.author:
            case AccountAuthor(account=account, verified=verified):
                assert account in given_by_evidence(mail.sender.address, example.context)
                assert thread is not None
                assert thread.takes_part(account)
                assert verified is mail.verified
            case PeripheralAuthor(address=address):
                assert address == mail.sender.address
            case _:
                assert_never(relayed.author)


def who_fails_authentication_posts_nothing(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Failed is not the same as unproved: what DMARC fails waits or is refused, unless the policy is for tests."""
    for relayed, mail in _posted(example, policy, rules):
        thread = example.context.threads[relayed.conversation]
        if thread is not None and policy.trust_for(thread.use_case) is not SenderTrust.ACCEPT_ANY:
            assert judge(mail.evidence) in {Authentication.AUTHENTICATED, Authentication.UNPROVED}


def the_blocked_are_dropped_everywhere(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Blocked senders, by any reading of From and by the envelope, have nothing posted, held, or handed to legacy."""
    mail = example.mail
    if isinstance(mail, MessageEnvelope):
        sender = mail.sender
        readings = {sender.address} if isinstance(sender, ClearFrom) else sender.readings
        decision = route(mail, example.context, policy, rules)
        if isinstance(decision, RoutingPlan) and any(one in policy.blocked for one in (*readings, mail.return_path)):
            for ruling in decision:
                assert not isinstance(ruling.verdict, RelayToConversation | Hold | HandToLegacy)
            assert not decision.tell_sender


def refused_aliases_are_alike(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Unknown, forged, expired and revoked aliases cannot be told apart by what becomes of the same mail."""
    seen = {
        _seen_from_outside(route(evolve(example.mail, recipients=(address,)), context, policy, rules))
        for address, context in _dead_aliases(example.context)
    }
    assert len(seen) == 1


def given_by_evidence(address: EmailAddress, context: RoutingContext) -> frozenset[AccountId]:
    """Every account that may be believed to write from that address, whether or not it takes part anywhere."""
    holders = context.holders.get(address, Holders()).accounts
    if holders:
        return frozenset(one for account in holders for one in (account.id, *account.speaks_for))
    history = context.tenures.get(address, ())
    return frozenset(one.account for one in history if one.since <= context.now and one.given_up is None)


def _posted(
    example: Exchange, policy: RoutingPolicy, rules: RuleBook
) -> Iterator[tuple[RelayToConversation, MessageEnvelope]]:
    """What is relayed, with the mail, which for that must be a readable one."""
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        for ruling in decision:
            if isinstance(ruling.verdict, RelayToConversation):
                assert isinstance(example.mail, MessageEnvelope)
                yield ruling.verdict, example.mail


def _dead_aliases(context: RoutingContext) -> Iterator[tuple[EmailAddress, RoutingContext]]:
    """An alias of each kind that takes no mail, in a world that is otherwise the same."""
    domain = min(context.domains.alias)
    yield EmailAddress.parse(f"dead-00000001@{domain}"), context
    # Shaped like a token, and its MAC is nobody's.
    yield EmailAddress.parse(f"dead-00000000000zzzzzz@{domain}"), evolve(context, keys=AliasKeys.of({0: _SECRET}))
    known = [thread for thread in context.threads.values() if thread is not None]
    if known:
        past = context.now - timedelta(days=1)
        address = EmailAddress.parse(f"dead-00000002@{domain}")
        living = ConversationAlias(address=address, conversation=known[0].id, stands_for=AccountId("dead"))
        for dead in (evolve(living, expires_at=past), evolve(living, revoked_at=past)):
            yield address, evolve(context, aliases={**context.aliases, ByName(address): dead})


def _seen_from_outside(decision: Decision) -> object:
    """What a sender, or who reads along in the conversation, can notice: the kind of verdict, and the text told."""
    if not isinstance(decision, RoutingPlan):
        return decision.waiting_for
    return tuple((type(ruling.verdict), _told(ruling, decision)) for ruling in decision)


def _told(ruling: Ruling, plan: RoutingPlan) -> str | None:
    match ruling.verdict:
        case Reject(reason=reason) if plan.tell_sender and reason.consequence.may_tell_sender:
            return reason.consequence.public_text
        case _:
            return None
