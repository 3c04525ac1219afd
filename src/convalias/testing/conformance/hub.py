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
from convalias.testing.conformance.check import NotSupportedError, Open, agree, is_a, is_no, is_there, nothing, suite


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
        served = is_there("it serves a channel", served)
        for notification in served:
            is_a("it is sent", await hub.port.send(notification), Sent)
        agree("each left once, under its id", sorted(await hub.left()), sorted(one.id for one in served))


async def a_key_that_is_remembered_is_sent_once(open_: MakeNotificationHub) -> None:
    """Send from two processes while the channel says so; both are told that it was sent."""
    async with open_("a") as one, open_("a") as two:
        stated = {channel: guarantee.remembers_keys_for for channel, guarantee in one.port.channels.items()}
        remembering = [channel for channel, remembers in stated.items() if remembers >= _MINUTE]
        if not remembering:
            raise NotSupportedError("a key that is remembered is sent once", "no channel remembers keys for a minute")
        for channel in remembering:
            for hub in (one, two, one):
                is_a("a repetition is sent, too", await hub.port.send(_notification(channel)), Sent)
            agree(f"{channel.value} left once", (await two.left()).count(_notification(channel).id), 1)


async def who_can_be_asked_tells_what_was_sent(open_: MakeNotificationHub) -> None:
    """`Sent` only for what was, `NotSent` only for what was not."""
    async with open_("a") as one, open_("a") as two:
        asked = {channel: guarantee.ask for channel, guarantee in one.port.channels.items()}
        if not any(asked.values()):
            raise NotSupportedError("who can be asked tells what was sent", "no channel has `ask` in its guarantee")
        for channel, ask in asked.items():
            if ask is None:
                continue
            sent, never = _notification(channel), _notification(channel, "event2")
            await two.port.send(sent)
            is_no("what was sent is not denied", await ask(sent.id), NotSent)
            is_no("what was never sent is not claimed", await ask(never.id), Sent)


async def a_channel_it_does_not_serve_is_declined(open_: MakeNotificationHub) -> None:
    """Trying again would change nothing."""
    async with open_("a") as hub:
        others = set(Channel) - set(hub.port.channels)
        if not others:
            raise NotSupportedError("a channel it does not serve is declined", "it serves every channel")
        for channel in others:
            is_a(f"{channel.value} is declined", await hub.port.send(_notification(channel)), Declined)
        nothing("nothing left", await hub.left())


NOTIFICATION_HUB: Final = suite(
    each_channel_it_serves_sends_under_the_notifications_id,
    a_key_that_is_remembered_is_sent_once,
    who_can_be_asked_tells_what_was_sent,
    a_channel_it_does_not_serve_is_declined,
)
"""Promises of `NotificationHub`."""
