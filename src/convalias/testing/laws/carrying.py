"""Laws of carrying: a mail reaches each conversation that it was sent to once, and no other."""

# ruff: noqa: S101 - a law is an assertion, and run by tests alone

from __future__ import annotations

from attrs import evolve

from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing.decision import route
from convalias.domain.routing.let_in import hold_key
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    HandToLegacy,
    Hold,
    LegacyRecipient,
    Reject,
    RelayToConversation,
    Ruling,
    SkipOverlap,
)
from convalias.testing.strategies import Exchange


def nothing_is_skipped_unless_it_is_carried(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """A recipient is skipped only if another recipient of the same mail relays to the same conversation."""
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        for ruling in decision:
            if isinstance(ruling.verdict, SkipOverlap):
                carriers = {one.recipient.address: one.verdict for one in decision}
                carrying = carriers.get(ruling.verdict.carried_by)
                assert isinstance(carrying, RelayToConversation)
                assert carrying.conversation == ruling.conversation


def a_conversation_takes_a_mail_once(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """However many of its addresses the mail was sent to."""
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        relayed = [one.verdict.conversation for one in decision if isinstance(one.verdict, RelayToConversation)]
        assert len(relayed) == len(set(relayed))


def nothing_crosses_conversations(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """A mail is posted or held only where its recipient address leads; only legacy's own goes to legacy."""
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        for ruling in decision:
            match ruling.verdict:
                case RelayToConversation(conversation=conversation):
                    assert isinstance(ruling.recipient, AliasRecipient)
                    assert conversation == ruling.conversation
                case Hold(dedup_key=MailKey(conversation=conversation)):
                    assert conversation == ruling.conversation
                case HandToLegacy():
                    assert isinstance(ruling.recipient, LegacyRecipient)
                case _:
                    pass


def a_mail_is_told_by_its_sender_and_id(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Dedup keys are equal exactly when conversation, sender address and Message-ID are.

    A key by less would let whoever knows an id swallow somebody else's mail; one by more would make a retry a second
    message.
    """
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        for ruling in decision:
            if isinstance(ruling.verdict, RelayToConversation | Hold) and ruling.verdict.dedup_key is not None:
                mail = example.mail
                assert isinstance(mail, MessageEnvelope)
                assert isinstance(mail.sender, ClearFrom)
                assert ruling.conversation is not None
                assert ruling.verdict.dedup_key == MailKey(ruling.conversation, mail.sender.address, mail.message_id)


def what_was_let_in_waits_no_more(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Once a participant has let a held mail in, nothing holds it again there: it would wait for ever."""
    mail = example.mail
    decision = route(mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan) and isinstance(mail, MessageEnvelope):
        held = {
            (one.conversation, one.verdict.dedup_key)
            for one in decision
            if isinstance(one.verdict, Hold) and one.conversation is not None
        }
        let_in = {hold_key(conversation, mail, key): Admits.THIS_MAIL for conversation, key in held}
        known = evolve(example.context, approvals={**example.context.approvals, **let_in})
        again = route(mail, known, policy, rules)
        waiting = (
            {one.conversation for one in again if isinstance(one.verdict, Hold)}
            if isinstance(again, RoutingPlan)
            else ()
        )
        assert not any(conversation in waiting for conversation, _ in held)


def legacy_is_no_way_around_a_decision(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """The legacy address of a conversation hands over nothing that is held or refused there for its sender."""
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        decided = {one.conversation for one in decision if _is_about_the_sender(one)}
        handed = {one.conversation for one in decision if isinstance(one.verdict, HandToLegacy)}
        nowhere: set[ConversationId | None] = {None}
        assert decided & handed <= nowhere


def _is_about_the_sender(ruling: Ruling) -> bool:
    """Or about the mail, or the closed conversation: whatever is no refusal of the alias alone."""
    match ruling.verdict:
        case Hold():
            return True
        case Reject(reason=reason):
            return not reason.consequence.about_alias
        case _:
            return False
