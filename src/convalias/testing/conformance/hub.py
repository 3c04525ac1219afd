"""NotificationHub: what a channel says of itself is what it can be held to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.outbound.delivery import Channel, NotificationKind, notification_id
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Declined, NotificationHub, NotSent, Sent
from convalias.testing.conformance.check import Open, expect, suite


@frozen(kw_only=True)
class HubUnderTest:
    """An adapter, and a look at what left it: the notification id of each, once per time it left."""

    port: NotificationHub
    left: Callable[[], Awaitable[Sequence[str]]]


MakeNotificationHub: TypeAlias = Open[HubUnderTest]
"""Opens a hub at a place, with a look at what it sent."""

_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
_BOB: Final = AccountId("bob")
_MESSAGE: Final = MessageAdded(author=AccountAuthor(AccountId("ann")), text="hello")
_EVENT: Final = ConversationEvent(
    EventId("event1"), ConversationId("c1"), Seq(2), _MESSAGE, "k", Origin.CHAT, _NOON, _NOON
)


def _notification(channel: Channel, event: str = "event1") -> Notification:
    return Notification(
        id=notification_id(EventId(event), _BOB, NotificationKind.MESSAGE, channel),
        kind=NotificationKind.MESSAGE,
        channel=channel,
        conversation=_EVENT.conversation,
        use_case=UseCase("apply"),
        recipient=_BOB,
        recipient_address=EmailAddress.parse("bob@corp.example") if channel is Channel.EMAIL else None,
        author_name="Ann",
        reply_alias=EmailAddress.parse("ann-1ab131e2@reply.example") if channel.takes_replies else None,
        answerable=channel.takes_replies,
        endpoint="+44 20 7946 0018" if channel.needs_endpoint else "",
        event=evolve(_EVENT, id=EventId(event)),
        trace=TraceId("t"),
    )


async def each_channel_it_serves_sends_under_the_notifications_id(open_: MakeNotificationHub) -> None:
    """Expect at least one channel, and that none sends something else."""
    async with open_("a") as hub:
        served = [_notification(channel) for channel in hub.port.channels]
        expect(served, "it serves a channel")
        for notification in served:
            expect(isinstance(await hub.port.send(notification), Sent), "it is sent")
        expect(sorted(await hub.left()) == sorted(one.id for one in served), "each left once, under its id")


async def a_key_that_is_remembered_is_sent_once(open_: MakeNotificationHub) -> None:
    """Send from two processes while the channel says so; both are told that it was sent."""
    async with open_("a") as one, open_("a") as two:
        for channel, guarantee in one.port.channels.items():
            if guarantee.remembers_keys_for < _MINUTE:
                continue
            for hub in (one, two, one):
                expect(isinstance(await hub.port.send(_notification(channel)), Sent), "a repetition is sent, too")
            expect((await two.left()).count(_notification(channel).id) == 1, f"{channel.value} left once")


async def who_can_be_asked_tells_what_was_sent(open_: MakeNotificationHub) -> None:
    """`Sent` only for what was, `NotSent` only for what was not."""
    async with open_("a") as one, open_("a") as two:
        for channel, guarantee in one.port.channels.items():
            if guarantee.ask is None:
                continue
            sent, never = _notification(channel), _notification(channel, "event2")
            await two.port.send(sent)
            expect(not isinstance(await guarantee.ask(sent.id), NotSent), "what was sent is not denied")
            expect(not isinstance(await guarantee.ask(never.id), Sent), "what was never sent is not claimed")


async def a_channel_it_does_not_serve_is_declined(open_: MakeNotificationHub) -> None:
    """Trying again would change nothing."""
    async with open_("a") as hub:
        for channel in set(Channel) - set(hub.port.channels):
            expect(isinstance(await hub.port.send(_notification(channel)), Declined), f"{channel.value} is declined")
        expect(not await hub.left(), "nothing left")


NOTIFICATION_HUB: Final = suite(
    each_channel_it_serves_sends_under_the_notifications_id,
    a_key_that_is_remembered_is_sent_once,
    who_can_be_asked_tells_what_was_sent,
    a_channel_it_does_not_serve_is_declined,
)
"""Promises of `NotificationHub`."""
