"""NotificationHub over several: each channel has a hub of its own, and one serves all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Declined, Guarantee, NotificationHub, Sent


class Guarantees(Mapping[Channel, Guarantee]):
    """The promises of each channel, asked of its own hub: if one hub cannot tell, the other channels go on."""

    def __init__(self, others: NotificationHub, by_channel: Mapping[Channel, NotificationHub]) -> None:
        """`others` serves what `by_channel` does not name."""
        self._others = others
        self._by_channel = by_channel

    def __getitem__(self, channel: Channel) -> Guarantee:
        """Raise `KeyError` for a channel that nobody serves."""
        return self._by_channel.get(channel, self._others).channels[channel]

    def __iter__(self) -> Iterator[Channel]:
        """Ask all hubs."""
        yield from dict.fromkeys((*self._by_channel, *self._others.channels))

    def __len__(self) -> int:
        """Ask all hubs."""
        return len([*iter(self)])


class ChannelsHub:
    """`ports.NotificationHub`. Each channel goes to its own hub, if it has one."""

    def __init__(self, others: NotificationHub, by_channel: Mapping[Channel, NotificationHub]) -> None:
        """`others` serves what `by_channel` does not name."""
        self._others = others
        self._by_channel = by_channel

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        """All channels that some hub serves."""
        return Guarantees(self._others, self._by_channel)

    async def send(self, notification: Notification) -> Sent | Declined:
        """Send by the channel's hub."""
        return await self._by_channel.get(notification.channel, self._others).send(notification)
