"""What a recipient wants, and where: a wish is no failure, a read message is not mailed, a new address is used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.delivery import Delivery
from convalias.domain.outbound.suppressions import Muted, Suppressed
from convalias.stores.outbound.letters import LANE

ANN, C1 = AccountId("ann"), ConversationId("c1")
HOME, NEW = "ann@home.example", "ann@new.example"


async def said(cv: Convalias, key: str = "1") -> ConversationEvent:
    return await cv.messaging.send("c1", f"text {key}", author="bob", key=key)


async def opened(cv: Convalias) -> None:
    people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
    await cv.open_conversation("c1", use_case="hiring", participants=people)


async def row(cv: Convalias, event: ConversationEvent) -> Delivery:
    decision = await cv.services.stores.ledger.get(C1, event.id)
    assert decision is not None
    (found,) = decision.deliveries
    return found


async def mute(cv: Convalias, event: ConversationEvent) -> None:
    del event
    await cv.services.stores.suppressions.mute(Muted(account=ANN, conversation=C1, at=cv.ports.clock.now()))


async def suppress(cv: Convalias, event: ConversationEvent) -> None:
    del event
    gone = Suppressed(account=ANN, address=EmailAddress.parse(HOME), status="5.1.1", at=cv.ports.clock.now())
    await cv.services.stores.suppressions.suppress(gone)


async def read(cv: Convalias, event: ConversationEvent) -> None:
    await cv.messaging.mark_read("c1", account="ann", up_to=event.seq)


@pytest.mark.parametrize(("wish", "reason"), [(mute, "muted"), (suppress, "suppressed"), (read, "read")])
async def test_a_wish_ends_a_delivery_as_cancelled_with_its_reason_and_is_no_dead_letter(
    wish: Callable[[Convalias, ConversationEvent], Awaitable[None]], reason: str
) -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        event = await said(cv)
        await wish(cv, event)
        idle = await cv.run_until_idle()
        assert cv.mailbox(HOME) == []
        found = await row(cv, event)
        assert (found.state.value, found.reason) == ("cancelled", reason)
        assert idle.dead == 0
        assert [letter async for letter in cv.services.stores.dead_letters.list(LANE)] == []
        measured = [one for one in cv.ports.telemetry.measures if one.name.startswith("mons.")]  # type: ignore[attr-defined]
        assert ("mons.notifications.withheld", reason) in [(one.name, one.tags.get("reason")) for one in measured]
        assert "mons.delivery.failures" not in [one.name for one in measured]


async def test_what_was_read_up_to_the_message_before_is_mailed() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        await read(cv, await said(cv, "1"))
        await said(cv, "2")
        await cv.run_until_idle()
        (raw,) = cv.mailbox(HOME)
        assert b"text 2" in raw


async def corrected(cv: Convalias) -> None:
    await cv.services.stores.directory.upsert(Account(ANN, (EmailAddress.parse(NEW),)))


async def joined_again(cv: Convalias) -> None:
    await cv.messaging.add_participant("c1", Participant.of("ann", addresses=[NEW]))


async def opened_another(cv: Convalias) -> None:
    await cv.open_conversation("c2", use_case="hiring", participants=[Participant.of("ann", addresses=[NEW])])


@pytest.mark.parametrize("how", [corrected, joined_again, opened_another])
async def test_a_corrected_address_is_mailed_and_the_old_one_is_not(
    how: Callable[[Convalias], Awaitable[None]],
) -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        await how(cv)
        await said(cv)
        await cv.run_until_idle()
        assert (len(cv.mailbox(NEW)), len(cv.mailbox(HOME))) == (1, 0)


async def test_an_account_that_the_directory_does_not_know_is_mailed_where_the_conversation_says() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        await cv.services.stores.directory.upsert(Account(ANN))
        await said(cv)
        await cv.run_until_idle()
        assert len(cv.mailbox(HOME)) == 1
