"""A provider of any channel: it keeps what it was given, by the host of its URL: `toy://name`."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from convalias.ports import FOR_EVER, Channel, ChannelAt, Declined, Guarantee, Notification, Sent

SENT: defaultdict[str, dict[str, Notification]] = defaultdict(dict)


class Provider:
    def __init__(self, place: str, channel: Channel) -> None:
        self.place = place
        self.channel = channel

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {self.channel: Guarantee(FOR_EVER)}

    async def send(self, notification: Notification) -> Sent | Declined:
        if notification.channel is not self.channel:
            return Declined(f"{self.channel.value} only")
        SENT[self.place].setdefault(notification.id, notification)
        return Sent()


class Engine:
    @asynccontextmanager
    async def opened(self, at: ChannelAt) -> AsyncGenerator[Provider]:
        place = urlsplit(at.url).netloc
        yield Provider(place, Channel.PUSH if place == "wrong" else at.channel)


ENGINE = Engine()
