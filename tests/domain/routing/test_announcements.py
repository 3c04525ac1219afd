"""The first use of an old address is announced to the current one."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.ids import ConversationId
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import AmbiguousFrom, InboundMail, UnreadableMail
from convalias.domain.routing.announcements import Announcement, announcements
from convalias.domain.routing.context import Fact, RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan
from convalias.testing.strategies import NOW
from domain.cases import ALIAS, BOB, BOBS, BOBS_ACCOUNT, C1, DOMAINS, EVE, MAIL, SECOND, STORED, THREAD

OLD = AddressTenure(BOBS, BOB, NOW - timedelta(days=9), NOW - timedelta(days=1))
MOVED = Account(BOB)


def announced(*facts: Fact, mail: InboundMail = MAIL) -> tuple[Announcement, ...]:
    plan = route(mail, RoutingContext.of(THREAD, STORED, *facts, now=NOW, domains=DOMAINS))
    assert isinstance(plan, RoutingPlan)
    return announcements(plan)


def test_a_mail_from_an_old_address_is_announced() -> None:
    assert announced(MOVED, OLD) == (Announcement(BOB, BOBS, C1),)


def test_so_is_one_that_is_held() -> None:
    doubtful = evolve(MAIL, evidence=SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE))
    assert announced(MOVED, OLD, mail=doubtful) == (Announcement(BOB, BOBS, C1),)


def test_a_current_address_is_not() -> None:
    assert announced(BOBS_ACCOUNT) == ()


def test_two_aliases_announce_once() -> None:
    second = evolve(STORED, address=SECOND, conversation=C1)
    assert len(announced(MOVED, OLD, second, mail=evolve(MAIL, recipients=(ALIAS, SECOND)))) == 1


def test_who_cannot_be_read_is_not_announced() -> None:
    assert announced(MOVED, OLD, mail=evolve(MAIL, sender=AmbiguousFrom(frozenset({BOBS})))) == ()
    assert announced(MOVED, OLD, mail=UnreadableMail(limit="size", found=1, received_at=NOW, recipients=(ALIAS,))) == ()


def test_the_key_is_of_account_and_address_alone() -> None:
    (one,) = announced(MOVED, OLD)
    assert evolve(one, conversation=ConversationId("c2")).key == one.key
    assert evolve(one, old=EVE).key != one.key
