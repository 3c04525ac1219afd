"""Maintain a deployment beside the work: find lost mail, trim logs that all have read, mend old rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from convalias.app.ports import Ports
from convalias.app.services import Services

EVERY: Final = timedelta(minutes=10)


@runtime_checkable
class Trimmed(Protocol):
    """An event log that ends nothing by itself: the one on files. Engines have a retention of their own."""

    async def trim(self) -> int:
        """Remove what every consumer has read, but for what is to be kept; how many records. Repeatable."""
        ...


class Chores:
    """Each at its time, by the clock of this process; one that fails is tried at the next step.

    Raise what the services raise.
    """

    def __init__(self) -> None:
        """All are due."""
        self._done: dict[str, datetime] = {}

    async def sweep(self, services: Services, ports: Ports) -> None:
        """Queue mail again that was kept and never concluded."""
        if self._is_due("sweep", now := ports.clock.now()):
            await services.sweeper.in_turn(every=EVERY)
            self._done["sweep"] = now

    async def trim(self, ports: Ports) -> None:
        """End what of the event log everybody has read."""
        if isinstance(ports.events, Trimmed) and self._is_due("trim", now := ports.clock.now()):
            await ports.events.trim()
            self._done["trim"] = now

    async def mend(self, services: Services, ports: Ports) -> None:
        """Give holds of an older release a due time: once."""
        if "mend" not in self._done:
            await services.old_holds.date_all()
            self._done["mend"] = ports.clock.now()

    async def retain(self, services: Services, ports: Ports) -> None:
        """End what was kept long enough: rows, mail and what is known of that. Who has more to end goes on at once."""
        if self._is_due("retain", now := ports.clock.now()):
            await services.retention.in_turn()
            if not await services.retention.step():
                self._done["retain"] = now

    def _is_due(self, chore: str, now: datetime) -> bool:
        done = self._done.get(chore)
        return done is None or now - done >= EVERY
