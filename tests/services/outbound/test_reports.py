"""A bounce or a complaint about a notification of ours is noted once; one that proves nothing acts on nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import StatusNoted
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.delivery import Delivery, DeliveryState
from convalias.ports.mail import Outgoing

C1 = ConversationId("c1")
BOBS = EmailAddress.parse("bob@home.example")


class Platform:
    """Ann and Bob in one conversation, whose mail comes back."""

    def __init__(self, cv: Convalias) -> None:
        self.cv = cv

    async def says(self, number: int, conversation: str = C1) -> None:
        await self.cv.messaging.send(conversation, f"Hello {number}", author="ann", key=str(number))
        await self.cv.run_until_idle()

    def sent(self) -> Sequence[Outgoing]:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        return self.cv.ports.mail.mailbox(BOBS)

    async def comes(self, body: str, path: str) -> None:
        raw = f"From: MAILER-DAEMON@mx.example\nTo: {path}\nSubject: Report\n{body}"
        await self.cv.receiver.accept(IncomingMail(raw.encode(), recipients=[path], sender=""))
        await self.cv.run_until_idle()

    async def moves(self, name: str, *addresses: str) -> None:
        """Bob or Ann has other addresses from now on."""
        account = Account(id=AccountId(name), addresses=tuple(EmailAddress.parse(one) for one in addresses))
        await self.cv.services.stores.directory.upsert(account)

    async def suppressed(self) -> list[str]:
        listed = await self.cv.services.stores.suppressions.listed()
        return [one.address.key for one in listed.addresses]

    async def rows(self) -> list[Delivery]:
        return [row async for one in self.cv.services.stores.ledger.of(C1) for row in one.deliveries]

    async def noted(self) -> list[StatusNoted]:
        events = await self.cv.messaging.events(C1)
        return [one.happening for one in events if isinstance(one.happening, StatusNoted)]


@asynccontextmanager
async def opened() -> AsyncIterator[Platform]:
    """Two conversations, in the first of which Ann has said something."""
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        for conversation in ("c1", "c2"):
            await cv.open_conversation(conversation, use_case="hiring", participants=people)
        platform = Platform(cv)
        await platform.says(1)
        yield platform


def bounce(action: str, status: str, *, named: str = "Final-Recipient: rfc822; bob@home.example") -> str:
    return (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nIt failed.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"{named}\nAction: {action}\nStatus: {status}\n\n--b--\n"
    )


def complaint(feedback: str) -> str:
    return (
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSpam.\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {feedback}\nVersion: 1\n\n--b--\n"
    )


async def test_a_hard_bounce_fails_the_delivery_and_ends_mail_to_that_address() -> None:
    async with opened() as platform:
        path = platform.sent()[0].return_path
        await platform.comes(bounce("failed", "5.1.1"), path)
        await platform.comes(bounce("failed", "5.1.1") + "\n", path)  # once more, as another mail
        (row,) = await platform.rows()
        assert (row.state, row.receipt) == (DeliveryState.FAILED, "5.1.1")
        assert await platform.noted() == [StatusNoted(AccountId("bob"), "bounce")]
        await platform.says(2)
        await platform.says(3, "c2")
        assert len(platform.sent()) == 1
        assert [one.reason for one in await platform.rows()] == ["receipt", "suppressed"]


@pytest.mark.parametrize(
    ("action", "status", "state", "noted"),
    [
        ("failed", "5.2.2", DeliveryState.FAILED, 1),
        ("delivered", "2.0.0", DeliveryState.DELIVERED, 0),
        ("delayed", "4.4.1", DeliveryState.SENT, 0),
    ],
)
async def test_what_is_not_for_ever_ends_nothing(action: str, status: str, state: DeliveryState, noted: int) -> None:
    async with opened() as platform:
        await platform.comes(bounce(action, status), platform.sent()[0].return_path)
        assert [row.state for row in await platform.rows()] == [state]
        assert len(await platform.noted()) == noted
        await platform.says(2)
        assert len(platform.sent()) == 2


async def test_a_complaint_mutes_that_conversation_only() -> None:
    async with opened() as platform:
        path = platform.sent()[0].return_path
        await platform.comes(complaint("not-spam"), path)
        assert await platform.noted() == []
        await platform.comes(complaint("abuse"), path)
        assert await platform.noted() == [StatusNoted(AccountId("bob"), "complaint")]
        await platform.says(2)
        assert len(platform.sent()) == 1
        await platform.says(3, "c2")
        assert len(platform.sent()) == 2


async def test_a_report_that_proves_nothing_acts_on_nothing() -> None:
    async with opened() as platform:
        path = platform.sent()[0].return_path
        forged = path.replace(path.partition("@")[0][-1] + "@", "0@" if path.partition("@")[0][-1] != "0" else "1@")
        await platform.comes(bounce("failed", "5.1.1"), forged)
        await platform.comes("\nNo report at all.\n", path)
        assert [row.state for row in await platform.rows()] == [DeliveryState.SENT]
        assert await platform.noted() == []


async def test_what_was_lifted_stays_lifted_when_the_same_report_comes_again() -> None:
    async with opened() as platform:
        path = platform.sent()[0].return_path
        await platform.comes(bounce("failed", "5.1.1"), path)
        await platform.comes(complaint("abuse"), path)
        suppressing = platform.cv.suppressing
        assert (await suppressing.lift(BOBS), await suppressing.unmute("bob", C1)) == (True, True)
        await platform.comes(bounce("failed", "5.1.1") + "\n", path)
        await platform.comes(complaint("abuse") + "\n", path)
        await platform.says(2)
        assert len(platform.sent()) == 2


async def test_a_bounce_about_somebody_who_is_gone_is_still_noted() -> None:
    async with opened() as platform:
        path = platform.sent()[0].return_path
        await platform.cv.messaging.remove_participant(C1, "bob")
        await platform.cv.services.stores.directory.upsert(Account(AccountId("bob")))
        await platform.comes(bounce("failed", "5.1.1"), path)
        assert [row.state for row in await platform.rows()] == [DeliveryState.FAILED]


NAMES_NOBODY = "X-Other: 1"
NAMES_ANN = "Final-Recipient: rfc822; ann@home.example"
NAMES_A_STRANGER = "Final-Recipient: rfc822; eve@x.example"


@pytest.mark.parametrize(
    ("named", "now", "suppressed"),
    [
        # The old address is gone from the directory: the report names it, and the delivery remembers it.
        ("Final-Recipient: rfc822; bob@home.example", ["bob@new.example"], ["bob@home.example"]),
        ("Original-Recipient: rfc822;bob@home.example", ["bob@new.example"], ["bob@home.example"]),
        # The old one is his second now.
        (NAMES_NOBODY, ["bob@new.example", "bob@home.example"], ["bob@home.example"]),
        # A mailbox that was forwarded elsewhere: the one that we wrote to is dead.
        (NAMES_A_STRANGER, ["bob@new.example", "bob@home.example"], ["bob@home.example"]),
        (NAMES_A_STRANGER, ["bob@home.example"], ["bob@home.example"]),
        # Nobody knows any more where it went: the new address is not written off for it.
        (NAMES_NOBODY, ["bob@new.example"], []),
        (NAMES_ANN, ["bob@new.example"], []),
    ],
)
async def test_the_address_that_a_mail_was_sent_to_is_suppressed_and_no_other(
    named: str, now: list[str], suppressed: list[str]
) -> None:
    async with opened() as platform:
        path = platform.sent()[0].return_path
        await platform.moves("bob", *now)
        await platform.comes(bounce("failed", "5.1.1", named=named), path)
        assert await platform.suppressed() == suppressed
        assert await platform.noted() == [StatusNoted(AccountId("bob"), "bounce")]
        (row,) = await platform.rows()
        assert row.state is DeliveryState.FAILED


@pytest.mark.parametrize("named", [NAMES_ANN, NAMES_A_STRANGER])
async def test_who_got_a_mail_suppresses_nobody_elses_address_with_its_return_path(named: str) -> None:
    async with opened() as platform:
        await platform.comes(bounce("failed", "5.1.1", named=named), platform.sent()[0].return_path)
        assert await platform.suppressed() == ["bob@home.example"]
