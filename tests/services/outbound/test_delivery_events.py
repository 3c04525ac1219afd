"""An event of a provider acts once, in any order, and only on the notification that it proves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import evolve

from convalias import Convalias, Participant
from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import StatusNoted
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.delivery import DeliveryState, NotificationId
from convalias.domain.outbound.reports import (
    Bounce,
    BounceKind,
    Complaint,
    DeliveryEvent,
    EventAnswer,
    Report,
    Unsubscribed,
    of_failure,
)
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Outgoing
from convalias.ports.records import Key, Stored
from convalias.stores.errors import StoreError
from convalias.stores.outbound.delivery_events import DeliveryEvents as SeenEvents

BOB, C1 = AccountId("bob"), ConversationId("c1")
BOBS = EmailAddress.parse("bob@home.example")
DELIVERED = Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0")
HARD = of_failure("5.1.1")
SPAM = Complaint(notification=None, feedback="abuse")


class Platform:
    """Ann and Bob in one conversation, whose mail is told of by a provider."""

    def __init__(self, cv: Convalias) -> None:
        self.cv = cv
        self.count = 0

    async def says(self, number: int) -> None:
        await self.cv.messaging.send(C1, f"Hello {number}", author="ann", key=str(number))
        await self.cv.run_until_idle()

    def sent(self) -> Sequence[Outgoing]:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        return self.cv.ports.mail.mailbox(BOBS)

    def event(self, report: Report | None, *, token: str = "", proof: str | None = None) -> DeliveryEvent:
        self.count += 1
        return DeliveryEvent(
            source="mailgun",
            token=token or f"token {self.count}",
            id=f"event {self.count}",
            receipt_token=self.sent()[0].receipt_token if proof is None else proof,
            report=report,
            recipient=BOBS,
            at=self.cv.ports.clock.now(),
        )

    async def take(self, event: DeliveryEvent) -> EventAnswer:
        return await self.cv.services.delivery_events.take(event)

    async def states(self) -> list[DeliveryState]:
        return [row.state async for one in self.cv.services.stores.ledger.of(C1) for row in one.deliveries]

    async def noted(self) -> list[str]:
        events = await self.cv.messaging.events(C1)
        return [one.happening.status for one in events if isinstance(one.happening, StatusNoted)]

    def counted(self, name: str) -> float:
        assert isinstance(self.cv.ports.telemetry, memory.Telemetry)
        return self.cv.ports.telemetry.total(name)


@asynccontextmanager
async def opened() -> AsyncIterator[Platform]:
    """A conversation in which Ann has said something."""
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        platform = Platform(cv)
        await platform.says(1)
        yield platform


async def test_an_arrival_is_noted_once_whatever_comes_after_it() -> None:

    async with opened() as platform:
        arrived = platform.event(DELIVERED)
        assert [await platform.take(one) for one in (arrived, arrived)] == [EventAnswer.DONE] * 2
        assert await platform.states() == [DeliveryState.DELIVERED]
        assert (
            await platform.take(platform.event(Bounce(notification=None, kind=BounceKind.DELAYED))) is EventAnswer.DONE
        )
        assert await platform.states() == [DeliveryState.DELIVERED]
        assert await platform.noted() == []


async def test_an_event_that_comes_before_the_answer_of_the_call_counts() -> None:
    class Slow(memory.Outbox):
        """A provider whose event is faster than its answer."""

        platform: Platform | None = None

        async def send(self, mail: Outgoing) -> None:
            await super().send(mail)
            if self.platform is not None:
                assert await self.platform.take(self.platform.event(DELIVERED, proof=mail.receipt_token))

    outbox = Slow()
    async with Convalias.in_memory(alias_domain="reply.example", mail=outbox) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        outbox.platform = Platform(cv)
        await outbox.platform.says(1)
        assert await outbox.platform.states() == [DeliveryState.DELIVERED]


async def test_a_mailbox_that_is_not_there_suppresses_where_the_mail_went_and_is_told_in_the_conversation() -> None:

    async with opened() as platform:
        stores = platform.cv.services.stores
        elsewhere = EmailAddress.parse("bob@new.example")
        await stores.directory.upsert(Account(id=BOB, addresses=(elsewhere,)))
        assert await platform.take(platform.event(HARD)) is EventAnswer.DONE
        assert await platform.states() == [DeliveryState.FAILED]
        assert await platform.noted() == ["bounce"]
        assert await stores.suppressions.suppressed(BOB, BOBS) is not None
        assert await stores.suppressions.suppressed(BOB, elsewhere) is None


@pytest.mark.parametrize("status", ["5.7.1", "5.2.2", "5.4.4", "", "4.2.2"])
async def test_no_other_failure_suppresses_anything(status: str) -> None:

    async with opened() as platform:
        await platform.take(platform.event(of_failure(status)))
        assert await platform.states() == [DeliveryState.FAILED]
        assert await platform.cv.services.stores.suppressions.suppressed(BOB, BOBS) is None


async def test_a_complaint_mutes_and_is_told_and_unsubscribing_mutes_alone() -> None:

    async with opened() as platform:
        suppressions = platform.cv.services.stores.suppressions
        left = platform.event(Unsubscribed(notification=None))
        await platform.take(left)
        assert await suppressions.is_muted(BOB, C1)
        assert await platform.noted() == []
        await suppressions.lift_mute(BOB, C1)
        await platform.take(left)
        await platform.take(evolve(left, token="posted again"))
        assert not await suppressions.is_muted(BOB, C1)
        await platform.take(platform.event(SPAM))
        assert await suppressions.is_muted(BOB, C1)
        assert await platform.noted() == ["complaint"]
        assert platform.counted("mons.delivery.events") == 4


@pytest.mark.parametrize("proof", ["", "no token", "e1.0123456789abcdef.message.email." + "0" * 32])
async def test_an_event_without_our_mac_acts_on_nothing(proof: str) -> None:

    async with opened() as platform:
        assert await platform.take(platform.event(HARD, proof=proof)) is EventAnswer.UNPROVED
        assert await platform.states() == [DeliveryState.SENT]
        assert platform.counted("mons.delivery.events.refused") == 1


async def test_a_notification_that_was_never_sent_is_not_acted_on() -> None:

    async with opened() as platform:
        named = NotificationId("e1.0123456789abcdef.message.email")
        proof = platform.cv.services.delivery_events.seals.receipt_token(named)
        assert await platform.take(platform.event(HARD, proof=proof)) is EventAnswer.UNPROVED


async def test_a_token_serves_the_event_that_it_came_with_and_no_other() -> None:

    async with opened() as platform:
        seen = platform.event(None, token="seen")
        assert await platform.take(seen) is EventAnswer.IGNORED
        for other in (
            platform.event(HARD, token="seen"),
            evolve(seen, report=HARD),
            evolve(seen, receipt_token="other"),
            evolve(seen, recipient=None),
        ):
            assert await platform.take(other) is EventAnswer.REUSED
        assert await platform.states() == [DeliveryState.SENT]
        assert await platform.take(seen) is EventAnswer.IGNORED


async def test_what_cannot_be_written_now_is_asked_for_again() -> None:
    class Failing(SeenEvents):
        async def is_done(self, event: DeliveryEvent) -> bool:
            raise StoreError("contended")

    class Hanging(SeenEvents):
        async def is_done(self, event: DeliveryEvent) -> bool:
            return await asyncio.Event().wait()

    async with opened() as platform:
        events = evolve(platform.cv.services.delivery_events, events=Failing(records=platform.cv.ports.records))
        with pytest.raises(Unavailable):
            await events.take(platform.event(HARD))
        late = evolve(events, events=Hanging(records=platform.cv.ports.records), within=timedelta(milliseconds=1))
        with pytest.raises(Unavailable):
            await late.take(platform.event(HARD))


async def test_a_token_that_ends_in_the_moment_of_the_look_is_asked_for_again() -> None:
    class Ending(memory.Records):
        async def get(self, keys: Sequence[Key]) -> dict[Key, Stored]:
            return {}

    async with opened() as platform:
        with pytest.raises(Unavailable):
            await SeenEvents(records=Ending()).bind(platform.event(HARD), now=platform.cv.ports.clock.now())
