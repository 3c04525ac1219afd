"""No mail of any kind leaves for an address that takes none, and whoever asks why is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from attrs import evolve

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId, ConversationId, TraceId
from convalias.domain.mail.reasons import Reason
from convalias.domain.outbound.suppressions import Muted, Suppressed
from convalias.domain.system_mail.letters import AddressNotice, RefusalLetter, SystemMail
from convalias.ports.mail import Outgoing
from convalias.ports.records import Insert, Key
from convalias.services.operations.operations import Asked
from convalias.services.system_mail.approval_requests import NoMail
from convalias.services.system_mail.letters import SUPPRESSED
from convalias.stores.encoding import digest

ANN, BOB = AccountId("ann"), AccountId("bob")
C1 = ConversationId("c1")
BOBS = EmailAddress.parse("bob@home.example")


@asynccontextmanager
async def opened() -> AsyncIterator[Convalias]:
    """A conversation of Ann and Bob, whose mail has links."""
    wiring = evolve(memory_wiring("reply.example", None, None), base_url="https://app.example")
    async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        yield cv


def mailed(cv: Convalias, address: str) -> int:
    assert isinstance(cv.ports.mail, memory.Outbox)
    assert isinstance(cv.ports.system_mail, memory.Outbox)
    mailbox = EmailAddress.parse(address)
    return len({*cv.ports.mail.mailbox(mailbox), *cv.ports.system_mail.mailbox(mailbox)})


async def says(cv: Convalias, number: int = 1) -> list[str]:
    """A message of Ann's; what `why` then tells of Bob's address."""
    await cv.messaging.send("c1", f"Hello {number}", author="ann", key=str(number))
    await cv.run_until_idle()
    (story, *_) = await cv.operations.why(Asked(conversation="c1"))
    return [step.what for step in story.steps if step.what.startswith(("suppressed", "muted"))]


async def test_why_names_who_suppressed_an_address_and_how_it_is_lifted() -> None:

    async with opened() as cv:
        assert await says(cv, 1) == []
        assert await cv.suppressing.add(BOBS)
        (by_hand,) = await says(cv, 2)
        assert "by an operator" in by_hand
        assert await cv.suppressing.lift(BOBS)
        stores = cv.services.stores.suppressions
        await stores.suppress(Suppressed(account=BOB, address=BOBS, status="5.1.1", at=cv.ports.clock.now()))
        (bounced,) = await says(cv, 3)
        assert "mail came back with 5.1.1" in bounced
        await cv.suppressing.lift(BOBS)
        assert await cv.suppressing.mute("bob", "c1")
        (muted,) = await says(cv, 4)
        assert muted.startswith("muted      c1 for bob")
        assert [one.account for one in (await cv.suppressing.listed()).muted] == ["bob"]
        assert await cv.suppressing.unmute("bob", "c1")
        assert await says(cv, 5) == []
        assert mailed(cv, "bob@home.example") == 2


async def test_what_stands_against_mail_is_known_without_a_conversation_or_an_address() -> None:

    async with opened() as cv:
        suppressing = cv.suppressing
        assert await suppressing.against(BOB, ConversationId("none")) is None
        await suppressing.mute("bob", "c1")
        await cv.messaging.remove_participant("c1", "bob")
        await cv.services.stores.directory.upsert(Account(BOB))
        assert isinstance(await suppressing.against(BOB, C1), Muted)


async def test_mail_of_the_platform_itself_is_not_written_to_an_address_that_takes_none() -> None:

    async with opened() as cv:
        now, letters = cv.ports.clock.now(), cv.services.system_outbox.letters
        alias = (await cv.services.stores.aliases.of(C1))[0].address
        refusal = RefusalLetter(sender=BOBS, alias=alias, reason=Reason.EMPTY, to_participant=True, trace=TraceId("t"))
        notice = AddressNotice(account=BOB, old=EmailAddress.parse("bob@former.example"), at=now)
        for letter in (refusal, notice):
            mail = SystemMail(key="k", letter=letter)
            assert isinstance(await letters.written(mail), Outgoing)
            await cv.suppressing.add(BOBS)
            assert await letters.written(mail) == NoMail(SUPPRESSED)
            await cv.suppressing.lift(BOBS)


async def test_what_a_newer_release_suppressed_takes_no_mail_of_any_kind_until_it_is_lifted() -> None:

    async with opened() as cv:
        name = digest(BOBS.key)
        await cv.ports.records.write([Insert(Key("suppressed", name[:2], name), {"$": "suppressed/99"})])
        now, letters = cv.ports.clock.now(), cv.services.system_outbox.letters
        notice = AddressNotice(account=BOB, old=EmailAddress.parse("bob@former.example"), at=now)
        alias = (await cv.services.stores.aliases.of(C1))[0].address
        refusal = RefusalLetter(sender=BOBS, alias=alias, reason=Reason.EMPTY, to_participant=True, trace=TraceId("t"))
        for letter in (refusal, notice):
            assert await letters.written(SystemMail(key="k", letter=letter)) == NoMail(SUPPRESSED)
        (said,) = await says(cv)
        assert "by a newer release or a damaged record" in said
        assert mailed(cv, "bob@home.example") == 0
        assert (await cv.suppressing.listed()).unreadable == 1
        assert await cv.suppressing.lift(BOBS)
        assert await says(cv, 2) == []
        assert mailed(cv, "bob@home.example") == 1


async def test_nobody_is_asked_about_held_mail_of_a_muted_conversation() -> None:

    async with opened() as cv:
        alias = (await cv.services.stores.aliases.of(C1))[0].address
        raw = f"From: eve@x.example\nTo: {alias}\nMessage-ID: <m1@x.example>\nSubject: Hi\n\nLet me in\n"
        await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[str(alias)], sender="eve@x.example"))
        await cv.run_until_idle()
        await cv.suppressing.mute("bob", "c1")
        assert isinstance(cv.ports.clock, memory.Clock)
        await cv.ports.clock.advance(timedelta(hours=1))
        await cv.run_until_idle()
        assert [mailed(cv, f"{one}@home.example") for one in ("ann", "bob")] == [1, 0]
