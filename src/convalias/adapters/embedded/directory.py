"""A data directory: every storing port on one machine, opened and closed together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from convalias.adapters.embedded import folder
from convalias.adapters.embedded.blobs import Blobs
from convalias.adapters.embedded.database import Database
from convalias.adapters.embedded.event_log import KEEP, EventLog
from convalias.adapters.embedded.queue import JobQueue
from convalias.adapters.embedded.records import Records
from convalias.ports.ambient import Clock, Incarnation


class DataDirectory:
    """Records, jobs and events in `store.db`, blobs in `blobs/`. Inert until opened; for any number of processes.

    Raises `UnusableDirectoryError` when opened on a network disk, on damage, or on what a newer release wrote.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        incarnation: Incarnation,
        events_kept: int = KEEP,
        open_within: float | None = None,
    ) -> None:
        """Name it; nothing is touched. `events_kept`: so many published events stay that everybody has read.

        `open_within`: seconds to wait for another's lock when opening; None: as long as every call waits.
        """
        self.path = path
        self.database = Database(path, open_within=open_within)
        self.records = Records(self.database)
        self.jobs = JobQueue(self.database, clock=clock, incarnation=incarnation)
        self.events = EventLog(self.database, clock=clock, incarnation=incarnation, keep=events_kept)
        self.blobs = Blobs(path / "blobs", incarnation=incarnation)

    async def open(self) -> None:
        """Make it if need be. Opening what is open changes nothing."""
        await self.database.open()
        await self.blobs.open()
        await asyncio.to_thread(folder.tighten_data, self.path)

    async def close(self) -> None:
        """Commit what was asked for, let go of the files."""
        await self.database.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
