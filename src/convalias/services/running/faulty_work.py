"""Put aside a piece of work on which an adapter of the host fails for too long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from convalias.domain.outbound.decision import is_hopeless
from convalias.ports.ambient import Clock
from convalias.ports.records import Stored

AGAIN_AFTER: Final = timedelta(minutes=1)
"""How long a piece of work waits on which an adapter of the host failed; what is beside it goes on at once."""
REMEMBERED: Final = 10_000


def _none() -> OrderedDict[Hashable, datetime]:
    return OrderedDict()


def _never() -> dict[str, datetime]:
    return {}


@frozen(kw_only=True)
class FaultyWork:
    """Remember since when pieces of work fail, by their names, in this process.

    A process that begins anew counts from its own beginning.
    """

    clock: Clock
    _since: OrderedDict[Hashable, datetime] = field(factory=_none, init=False, repr=False, eq=False)
    _worked: dict[str, datetime] = field(factory=_never, init=False, repr=False, eq=False)

    def failed(self, work: Hashable) -> datetime | None:
        """Note that an adapter failed on that piece. When to try it again; None: no more, it is to be put aside."""
        if self.is_hopeless(work):
            self.forget(work)
            return None
        return self.clock.now() + AGAIN_AFTER

    def is_hopeless(self, work: Hashable) -> bool:
        """Note that an adapter failed on that piece, and return whether it has for too long."""
        since = self.since(work)
        return is_hopeless(now=self.clock.now(), since=since, worked=self._worked.get("last", since))

    def since(self, work: Hashable) -> datetime:
        """Note that something is the matter with that piece, and return since when."""
        since = self._since.setdefault(work, self.clock.now())
        if len(self._since) > REMEMBERED:
            self._since.popitem(last=False)
        return since

    def worked(self, work: Hashable) -> None:
        """Note that all was done about that piece."""
        self.forget(work)
        self._worked["last"] = self.clock.now()

    def forget(self, work: Hashable) -> None:
        """Note that nobody works on that piece any more."""
        self._since.pop(work, None)

    def __contains__(self, work: Hashable) -> bool:
        """Whether something is the matter with that piece."""
        return work in self._since

    def __len__(self) -> int:
        """Return the number of pieces with which something is the matter."""
        return len(self._since)


def name_of(row: Stored) -> str:
    """Return the name of the work that a row is about."""
    return " ".join(row.key)
