"""The rules of the mail, the address and the claimed sender, each alone."""

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.domain.conversations.threads import ThreadState
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import NULL_RETURN_PATH, AmbiguousFrom, UnreadableMail
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.policy import BlockedSenders, RoutingPolicy, SenderTrust
from convalias.domain.routing.rulebook import ArrivalCase, MailCase
from convalias.domain.routing.verdicts import ForeignRecipient, Hold, Ignore, Reject, Source, UnknownRecipient
from convalias.testing.strategies import NOW
from domain.cases import ALIAS_CASE, ARRIVAL_CASE, BOBS, EVE, MAIL, MAIL_CASE, RECIPIENT, SENDER_CASE, STORED, THREAD

UNREADABLE = UnreadableMail(limit="size", found=1, received_at=NOW, readings=frozenset({BOBS}))
BOB_BLOCKED = RoutingPolicy(blocked=BlockedSenders((BOBS,)))


def test_over_a_limit() -> None:
    assert rules.over_a_limit(MAIL_CASE) is None
    assert rules.over_a_limit(evolve(MAIL_CASE, mail=UNREADABLE)) == Reject(Reason.MALFORMED)


@pytest.mark.parametrize(
    "mail",
    [
        MAIL,
        UNREADABLE,
        evolve(MAIL, sender=AmbiguousFrom(frozenset({EVE, BOBS}))),
        evolve(MAIL, sender=AmbiguousFrom(), return_path=BOBS),
    ],
    ids=["clear From", "over a limit", "one reading", "envelope sender"],
)
def test_a_blocked_sender_is_found_in_every_reading(mail: UnreadableMail) -> None:
    assert rules.blocked_sender(MailCase(mail, BOB_BLOCKED)) == Ignore(Reason.BLOCKED_SENDER)


@pytest.mark.parametrize("return_path", [None, NULL_RETURN_PATH, EVE])
def test_nobody_else_is_blocked(return_path: None) -> None:
    mail = evolve(MAIL, sender=AmbiguousFrom(frozenset({EVE})), return_path=return_path)
    assert rules.blocked_sender(MailCase(mail, BOB_BLOCKED)) is None
    assert rules.blocked_sender(MAIL_CASE) is None


def test_a_whole_domain_is_blocked_without_its_subdomains() -> None:
    policy = RoutingPolicy(blocked=BlockedSenders(domains=("@Corp.example",)))
    assert rules.blocked_sender(MailCase(MAIL, policy)) == Ignore(Reason.BLOCKED_SENDER)
    below = RoutingPolicy(blocked=BlockedSenders(domains=("example",)))
    assert rules.blocked_sender(MailCase(MAIL, below)) is None


FORGED = ArrivalCase(UnknownRecipient(STORED.address, Source.ENVELOPE, forged=True))
FOREIGN = ArrivalCase(ForeignRecipient(EVE, Source.ENVELOPE))


def test_forged_alias() -> None:
    assert rules.forged_alias(FORGED) == Reject(Reason.FORGED_ALIAS)
    assert rules.forged_alias(ARRIVAL_CASE) is None
    assert rules.forged_alias(FOREIGN) is None


def test_unknown_alias() -> None:
    assert rules.unknown_alias(ARRIVAL_CASE) == Reject(Reason.UNKNOWN_ALIAS)
    assert rules.unknown_alias(FOREIGN) is None


def test_not_ours() -> None:
    assert rules.not_ours(FOREIGN) == Ignore(Reason.NOT_OURS)
    assert rules.not_ours(ARRIVAL_CASE) is None


LATER = NOW + timedelta(seconds=1)
NATIVE = evolve(ALIAS_CASE, recipient=evolve(RECIPIENT, alias=None))


def test_revoked_alias() -> None:
    revoked = evolve(ALIAS_CASE, recipient=evolve(RECIPIENT, alias=evolve(STORED, revoked_at=NOW)))
    not_yet = evolve(ALIAS_CASE, recipient=evolve(RECIPIENT, alias=evolve(STORED, revoked_at=LATER)))
    assert rules.revoked_alias(revoked) == Reject(Reason.REVOKED_ALIAS)
    assert [rules.revoked_alias(case) for case in (ALIAS_CASE, NATIVE, not_yet)] == [None, None, None]


def test_expired_alias() -> None:
    expired = evolve(ALIAS_CASE, recipient=evolve(RECIPIENT, alias=evolve(STORED, expires_at=NOW)))
    not_yet = evolve(ALIAS_CASE, recipient=evolve(RECIPIENT, alias=evolve(STORED, expires_at=LATER)))
    assert rules.expired_alias(expired) == Reject(Reason.EXPIRED_ALIAS)
    assert [rules.expired_alias(case) for case in (ALIAS_CASE, NATIVE, not_yet)] == [None, None, None]


@pytest.mark.parametrize("state", ThreadState)
def test_only_an_open_conversation_takes_mail(state: ThreadState) -> None:
    case = evolve(ALIAS_CASE, recipient=evolve(RECIPIENT, thread=evolve(THREAD, state=state)))
    erased = Reject(Reason.UNKNOWN_ALIAS) if state is ThreadState.ERASED else None
    closed = state in {ThreadState.CLOSED, ThreadState.ARCHIVED}
    assert rules.erased_conversation(case) == erased
    assert rules.closed_conversation(case) == (Reject(Reason.CONVERSATION_CLOSED) if closed else None)


AUTOMATED = {MailClass.COMPLAINT, MailClass.READ_RECEIPT, MailClass.AUTO_REPLY, MailClass.OUT_OF_OFFICE}


@pytest.mark.parametrize("mail_class", MailClass)
def test_the_class_of_the_mail_decides_at_most_once(mail_class: MailClass) -> None:
    case = evolve(SENDER_CASE, mail=evolve(MAIL, mail_class=mail_class))
    own = Ignore(Reason.LOOP) if mail_class is MailClass.OWN else None
    bounce = Ignore(Reason.BOUNCE) if mail_class is MailClass.BOUNCE else None
    answer = Ignore(Reason.AUTOMATED) if mail_class in AUTOMATED else None
    assert (rules.own_mail(case), rules.bounce(case), rules.automatic_answer(case)) == (own, bounce, answer)


def test_ambiguous_from() -> None:
    unclear = evolve(SENDER_CASE, mail=evolve(MAIL, sender=AmbiguousFrom()))
    proved = evolve(unclear, authentication=Authentication.AUTHENTICATED)
    assert rules.ambiguous_from(SENDER_CASE) is None
    assert rules.ambiguous_from(unclear) == Reject(Reason.FROM_AMBIGUOUS)
    assert rules.ambiguous_from(proved) == Hold(Reason.FROM_AMBIGUOUS)


def test_spoofed_sender() -> None:
    spoofed = evolve(SENDER_CASE, authentication=Authentication.SPOOFED)
    assert rules.spoofed_sender(SENDER_CASE) is None
    assert rules.spoofed_sender(spoofed) == Reject(Reason.SPOOFED_SENDER)
    assert rules.spoofed_sender(evolve(spoofed, trust=SenderTrust.ACCEPT_ANY)) is None
