"""A sender that keeps what it sent, by the host of its URL: `toy://name`."""

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from convalias.ports import EngineAt, Outgoing

SENT: defaultdict[str, list[Outgoing]] = defaultdict(list)


class Sender:
    def __init__(self, place: str) -> None:
        self.place = place

    async def send(self, mail: Outgoing) -> None:
        SENT[self.place].append(mail)


class Engine:
    @asynccontextmanager
    async def opened(self, at: EngineAt) -> AsyncGenerator[Sender]:
        yield Sender(urlsplit(at.url).netloc)


ENGINE = Engine()
