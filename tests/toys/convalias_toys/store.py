"""A store in the memory of this process, named by the host of its URL: `toy://name`."""

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from convalias.adapters import memory
from convalias.ports import EngineAt, Store

PLACES: defaultdict[str, memory.Records] = defaultdict(memory.Records)


class Engine:
    tells_changes = False

    @asynccontextmanager
    async def opened(self, at: EngineAt) -> AsyncGenerator[Store]:
        yield Store(records=PLACES[urlsplit(at.url).netloc])


ENGINE = Engine()
