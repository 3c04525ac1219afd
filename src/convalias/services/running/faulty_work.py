"""Put aside a piece of work on which an adapter of the host fails for too long."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from convalias.domain.outbound.decision import is_hopeless
from convalias.ports.ambient import Clock
from convalias.ports.records import Stored

AGAIN_AFTER: Final = timedelta(minutes=1)
"""How long a piece of work waits on which an adapter of the host failed; what is beside it goes on at once."""
REMEMBERED: Final = 10_000


def _none() -> OrderedDict[str, datetime]:
    return OrderedDict()


def _never() -> dict[str, datetime]:
    return {}


@frozen(kw_only=True)
class FaultyWork:
    """Remember since when pieces of work fail, in this process: one that begins anew counts from its own beginning."""

    clock: Clock
    _since: OrderedDict[str, datetime] = field(factory=_none, init=False, repr=False, eq=False)
    _worked: dict[str, datetime] = field(factory=_never, init=False, repr=False, eq=False)

    def failed(self, work: str) -> datetime | None:
        """Note that an adapter failed on that piece. When to try it again; None: no more, it is to be put aside."""
        now = self.clock.now()
        since = self._since.setdefault(work, now)
        if len(self._since) > REMEMBERED:
            self._since.popitem(last=False)
        if is_hopeless(now=now, since=since, worked=self._worked.get("last", since)):
            self._since.pop(work, None)
            return None
        return now + AGAIN_AFTER

    def worked(self, work: str) -> None:
        """Note that all was done about that piece."""
        self._since.pop(work, None)
        self._worked["last"] = self.clock.now()


def name_of(row: Stored) -> str:
    """Return the name of the work that a row is about."""
    return " ".join(row.key)
