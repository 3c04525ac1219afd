"""A host's own channel that does what it should not: nobody loses a message for it, and nobody hears of another's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from convalias import AccountId, Convalias, ConversationThread, Participant
from convalias.adapters import memory
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.delivery import DeliveryState
from convalias.ports import Channel, Declined, Guarantee, Notification, Sent
from convalias.ports.errors import Unavailable
from convalias.services.outbound.deciding import STUCK_AFTER

ANN, BOB, EVE = AccountId("ann"), AccountId("bob"), AccountId("eve")
NUMBER = "+44 20 7946 0018"


class Texts:
    """Sends by SMS, and answers what it was made to answer."""

    def __init__(self, answer: Callable[[], Any] = Sent) -> None:
        self.answer = answer
        self.sent: list[Notification] = []

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.SMS: Guarantee()}

    async def send(self, notification: Notification) -> Sent | Declined:
        self.sent.append(notification)
        answer: Sent | Declined = self.answer()
        return answer


class Chosen:
    """Says by what each is notified."""

    def __init__(self, found: object) -> None:
        self.found = found

    async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
        found: Any = self.found
        return found


class Numbers:
    """Says where each is reached."""

    def __init__(self, found: object) -> None:
        self.found = found

    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        found: Any = self.found
        return found


class Platform:
    """Ann and Bob in one conversation, in which Ann has said something."""

    def __init__(self, cv: Convalias, texts: Texts) -> None:
        self.cv = cv
        self.texts = texts

    def sent(self) -> list[tuple[str, str]]:
        """Who was notified by SMS, and where."""
        return [(one.recipient, one.endpoint) for one in self.texts.sent]

    def mails(self) -> int:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        return len(self.cv.ports.mail.mails)

    async def states(self) -> list[DeliveryState]:
        ledger = self.cv.services.stores.ledger
        return [row.state async for one in ledger.of(ConversationId("c1")) for row in one.deliveries]

    async def later(self) -> None:
        assert isinstance(self.cv.ports.clock, memory.Clock)
        await self.cv.ports.clock.advance(timedelta(hours=1))
        await self.cv.run_until_idle()


@asynccontextmanager
async def platform(choice: Chosen, numbers: Numbers, texts: Texts | None = None) -> AsyncGenerator[Platform]:
    own = texts or Texts()
    async with Convalias.in_memory(
        alias_domain="reply.example", channels={Channel.SMS: own}, channel_choice=choice, endpoints=numbers
    ) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        await cv.messaging.send("c1", "The interview is at ten.", author="ann", key="k1")
        yield Platform(cv, own)


REACHED = {BOB: NUMBER}
BY_SMS = {BOB: (Channel.SMS,)}


@pytest.mark.parametrize(
    "chosen",
    [
        {BOB: (Channel.SMS, Channel.SMS)},
        {BOB: [Channel.SMS]},
        {BOB: (Channel.SMS,), EVE: (Channel.SMS,), ANN: (Channel.SMS,)},
        {BOB: (Channel.SMS,), AccountId("x" * 10_000): (Channel.SMS,)},
    ],
)
async def test_each_participant_but_the_author_is_notified_once_whoever_else_is_named(chosen: object) -> None:
    async with platform(Chosen(chosen), Numbers(REACHED)) as here:
        await here.cv.run_until_idle()
        assert (here.sent(), here.mails()) == ([("bob", NUMBER)], 0)


@pytest.mark.parametrize("wrong", [None, 7, {BOB: None}, {BOB: "sms"}, {BOB: ("sms",)}, {7: 7}, [BOB]])
async def test_a_choice_that_is_none_notifies_nobody_until_the_host_mends_it(wrong: object) -> None:
    choice = Chosen(wrong)
    async with platform(choice, Numbers(REACHED)) as here:
        for _ in range(STUCK_AFTER - 1):
            with pytest.raises(Unavailable):
                await here.cv.run_until_idle()
        await here.cv.run_until_idle()  # from now on its event waits apart from the log
        assert (here.sent(), here.mails()) == ([], 0)
        choice.found = BY_SMS
        await here.later()
        assert (here.sent(), here.mails()) == ([("bob", NUMBER)], 0)


@pytest.mark.parametrize(
    "wrong", [7, {BOB: 7}, [BOB], {7: "+1"}, {BOB: ""}, {ANN: "+1", EVE: "+2"}, {BOB: NUMBER, EVE: "+2"}]
)
async def test_numbers_that_are_none_or_somebody_elses_are_asked_for_again(wrong: object) -> None:
    numbers = Numbers(wrong)
    async with platform(Chosen(BY_SMS), numbers) as here:
        await here.cv.run_until_idle()
        assert (here.sent(), await here.states()) == ([], [DeliveryState.PLANNED])
        numbers.found = REACHED
        await here.later()
        assert (here.sent(), await here.states()) == ([("bob", NUMBER)], [DeliveryState.SENT])


async def test_a_channel_that_is_not_there_fails_with_its_reason() -> None:
    async with platform(Chosen({BOB: (Channel.PUSH,)}), Numbers(REACHED)) as here:
        await here.cv.run_until_idle()
        assert (here.sent(), here.mails(), await here.states()) == ([], 0, [DeliveryState.FAILED])


async def test_who_has_no_number_is_not_reached() -> None:
    async with platform(Chosen(BY_SMS), Numbers({})) as here:
        await here.cv.run_until_idle()
        assert (here.sent(), here.mails(), await here.states()) == ([], 0, [DeliveryState.FAILED])


@pytest.mark.parametrize("answer", [lambda: None, lambda: 7, lambda: "sent", lambda: Sent])
async def test_a_hub_that_answers_nonsense_is_not_called_again_and_the_delivery_is_uncertain(
    answer: Callable[[], Any],
) -> None:
    async with platform(Chosen(BY_SMS), Numbers(REACHED), Texts(answer)) as here:
        await here.cv.run_until_idle()
        await here.later()
        assert len(here.sent()) == 1
        assert await here.states() == [DeliveryState.UNCERTAIN]
