"""Slips that both checkers must refuse: each line marked so, and no other. Never run; see test_refused.py."""

from __future__ import annotations

from typing import assert_never

import convalias
from convalias import (
    RULES,
    AccountId,
    Convalias,
    ConversationId,
    IncomingMail,
    MessageEnvelope,
    Participant,
    Reject,
    RoutingContext,
    RoutingPlan,
    RoutingPolicy,
    TryAgain,
    UseCase,
    Verdict,
    route,
    rule,
)
from convalias.domain.routing import rules
from convalias.domain.routing.rulebook import RelayCase
from convalias.domain.routing.verdicts import HandToLegacy, Hold, Ignore, RelayToConversation
from convalias.ports.people import IdentityDirectory


def a_name_is_misspelt(mail: MessageEnvelope, context: RoutingContext) -> object:
    return convalias.ruote(mail, context)  # refused: route


def the_answer_may_be_to_try_again(mail: MessageEnvelope, context: RoutingContext) -> list[str]:
    return [str(ruling) for ruling in route(mail, context)]  # refused: TryAgain has no rulings


def one_kind_is_forgotten(verdict: Verdict) -> str:
    match verdict:
        case RelayToConversation() | HandToLegacy() | Hold() | Reject() | Ignore():
            return "SkipOverlap is missing"
        case _:
            assert_never(verdict)  # refused: a skip gets here


def both_answers_are_there(decision: RoutingPlan | TryAgain) -> bool:
    return decision.tell_sender  # refused: TryAgain tells nobody anything


def a_sender_may_be_ambiguous(mail: MessageEnvelope) -> str:
    return mail.sender.address.key  # refused: AmbiguousFrom has no address


def an_event_of_another_kind_of_id() -> Participant:
    return Participant(ConversationId("c1"))  # refused: a conversation is no account


def a_value_is_frozen(participant: Participant) -> None:
    participant.account = AccountId("bob")  # refused: frozen


def a_reason_is_no_text() -> Verdict:
    return Reject("UNKNOWN_ALIAS")  # refused: Reason.UNKNOWN_ALIAS


def a_trust_is_no_text() -> RoutingPolicy:
    return RoutingPolicy(sender_trust="accept_any")  # refused: SenderTrust.ACCEPT_ANY


@rule(3)  # refused: step 3 does not see what step 9 does
def at_the_wrong_step(_case: RelayCase) -> Verdict | None:
    return None


def a_rule_of_another_step() -> object:
    return RULES.replacing(rules.second_alias, rules.expired_alias)  # refused: they see different cases


def a_misspelt_port(identity: IdentityDirectory) -> Convalias:
    return Convalias.in_memory(alias_domain="reply.example", identiy=identity)  # refused: identity


def a_port_of_another_kind(identity: IdentityDirectory) -> Convalias:
    return Convalias.in_memory(alias_domain="reply.example", hub=identity)  # refused: a directory sends nothing


async def roles_have_names(cv: Convalias) -> None:
    await cv.messaging.send("c1", "Hello", "ann", "k1")  # refused: author= and key=


async def nothing_is_kept_until_it_is_awaited(cv: Convalias, mail: IncomingMail) -> None:
    cv.receiver.accept(mail)  # refused: await


async def a_worker_has_a_name(cv: Convalias) -> None:
    await cv.run_until_idle("inbuond")  # refused: inbound


async def a_stage_is_no_text(cv: Convalias) -> None:
    await cv.rollout.set(UseCase("hiring"), stage="parallel", basis_points=500)  # refused: Stage.PARALLEL
