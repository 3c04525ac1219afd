"""The first use of an old address is announced once to the current one, whatever fails on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import evolve

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.ids import AccountId
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.ports.errors import Unavailable
from convalias.ports.hub import Guarantee
from services.inbound_desk import Audience

BOB = AccountId("bob")
OLD = EmailAddress.parse("bob@old.example")
NEW = EmailAddress.parse("bob@home.example")


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Convalias, EmailAddress]]:
    """A conversation, Ann's alias in it, and Bob, who has changed his address."""
    clock = memory.Clock()
    legacy = memory.LegacyRelay(outgoing=memory.Outbox(), audience=Audience(), clock=clock)
    async with Convalias.in_memory(alias_domain="reply.example", clock=clock, legacy=legacy) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        issued = await cv.messaging.create("hiring", people, conversation="c1")
        for one in people:
            await cv.services.stores.directory.upsert(Account(one.account, one.addresses))
        alias = (await cv.messaging.aliasing.issue_all(issued))[0].address
        now = clock.now()
        tenure = AddressTenure(OLD, BOB, now - timedelta(days=99), now - timedelta(days=9))
        await legacy.load([], [tenure])
        yield cv, alias


async def writes(cv: Convalias, alias: EmailAddress, number: int) -> None:
    raw = f"From: {OLD}\nTo: {alias}\nMessage-ID: <{number}@old>\n\nHello {number}\n"
    await cv.receiver.accept(
        IncomingMail(raw.encode(), recipients=[alias], sender=str(OLD), evidence=SenderEvidence(Dmarc.PASS))
    )
    await cv.services.inbound.step()


def mails(cv: Convalias) -> list[bytes]:
    assert isinstance(cv.ports.system_mail, memory.Outbox)
    return [mail.raw for mail in cv.ports.system_mail.mailbox(NEW)]


async def test_the_first_use_is_announced_to_the_current_address_and_no_other() -> None:
    async with opened() as (cv, alias):
        for number in (1, 2):
            await writes(cv, alias, number)
            await cv.run_until_idle()
        await cv.services.announcing.outbox.enter_notices((), at=cv.ports.clock.now())
        (mail,) = mails(cv)
        assert b"Auto-Submitted: auto-generated" in mail
        assert b"bob@old.example" in mail


class Failing:
    """An exit that fails once."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    async def send(self, mail: object) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error


@pytest.mark.parametrize(("error", "stays"), [(Unavailable("smtp"), 1), (ZeroDivisionError(), 0)])
async def test_an_outage_leaves_it_due_and_what_may_have_left_is_not_sent_again(error: Exception, stays: int) -> None:
    async with opened() as (cv, alias):
        await writes(cv, alias, 1)
        outbox = evolve(cv.services.system_outbox, outgoing=Failing(error), guarantee=Guarantee())
        try:
            assert await outbox.send_due() == 1
        except Unavailable:
            assert stays
        assert await cv.services.system_outbox.send_due() == stays
        assert len(mails(cv)) == stays


async def test_who_has_no_other_address_is_told_nothing() -> None:
    async with opened() as (cv, alias):
        await writes(cv, alias, 1)
        await cv.services.stores.directory.upsert(Account(BOB))
        assert await cv.services.system_outbox.send_due() == 1
        assert mails(cv) == []
