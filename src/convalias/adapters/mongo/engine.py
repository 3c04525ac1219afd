"""MongoDB as the engine of a store, registered for `mongodb` and `mongodb+srv`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from convalias.adapters.mongo.changes import Changes
from convalias.adapters.mongo.database import Database
from convalias.adapters.mongo.records import Records
from convalias.ports.engines import EngineAt, Store


class Engine:
    """`ports.StoreEngine` and `Migrates`."""

    tells_changes: Final = True

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[Store]:
        """Open the engine at this URL."""
        # Before its time is up, so that it can say which member is away.
        database = Database(at.url, open_within=0.8 * at.within)

        @asynccontextmanager
        async def opened() -> AsyncGenerator[Store]:
            async with database:
                yield Store(records=Records(database), changes=Changes(database))

        return opened()

    async def migrate(self, at: EngineAt, *, keep_first: bool) -> Sequence[str]:
        """Make the indexes that lack."""
        database = Database(at.url, open_within=at.within)
        try:
            return await database.migrate(keep_first=keep_first)
        finally:
            await database.close()


ENGINE: Final = Engine()
