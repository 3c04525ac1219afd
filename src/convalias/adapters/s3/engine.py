"""Object stores as the engine of raw mail, registered for `s3`, `gs`, `az` and `file`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from convalias.adapters.s3.blobs import Blobs
from convalias.ports.engines import EngineAt


class Engine:
    """`ports.BlobsEngine`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[Blobs]:
        """Open the engine at this URL."""
        blobs = Blobs(at.url, open_within=at.within)

        @asynccontextmanager
        async def opened() -> AsyncGenerator[Blobs]:
            await blobs.open()
            yield blobs

        return opened()


ENGINE: Final = Engine()
