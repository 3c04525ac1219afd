"""Put aside a piece of work on which an adapter of the host fails for too long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from attrs import define, field, frozen

from convalias.domain.outbound.decision import is_hopeless
from convalias.ports.ambient import Clock
from convalias.ports.records import Stored
from convalias.stores.remembering import remember

AGAIN_AFTER: Final = timedelta(minutes=1)
"""How long a piece of work waits on which an adapter of the host failed; what is beside it goes on at once."""
REMEMBERED: Final = 10_000


@define
class _Faulty:
    """A piece of work that fails."""

    since: datetime
    tried: int = 0
    """Its last failure, by the order in which work fails and works. 0: none yet."""
    alone: int = 0
    """How many of its failures came after the adapter had worked for other work."""
    alone_since: datetime | None = None


def _none() -> OrderedDict[Hashable, _Faulty]:
    return OrderedDict()


def _never() -> dict[str, int]:
    return {}


def _numbers() -> Iterator[int]:
    return count(1)


@frozen(kw_only=True)
class FaultyWork:
    """Remember since when pieces of work fail, by their names, in this process.

    A process that begins anew counts from its own beginning.
    """

    clock: Clock
    _faulty: OrderedDict[Hashable, _Faulty] = field(factory=_none, init=False, repr=False, eq=False)
    _worked: dict[str, int] = field(factory=_never, init=False, repr=False, eq=False)
    _order: Iterator[int] = field(factory=_numbers, init=False, repr=False, eq=False)

    def failed(self, work: Hashable) -> datetime | None:
        """Note that an adapter failed on that piece. When to try it again; None: no more, it is to be put aside."""
        if self.is_hopeless(work):
            self.forget(work)
            return None
        return self.clock.now() + AGAIN_AFTER

    def is_hopeless(self, work: Hashable, *, since: datetime | None = None) -> bool:
        """Note that an adapter failed on that piece, and return whether it has for too long.

        `since`: when it first did in whichever process, where that was written down.
        """
        one, now = self._noted(work), self.clock.now()
        one.since = min(one.since, since or one.since)
        if 0 < one.tried < self._worked.get("last", 0):
            one.alone += 1
            one.alone_since = one.alone_since or now
        elif self._failed_on_another(one):
            one.alone, one.alone_since = 0, None
        one.tried = next(self._order)
        self._faulty.move_to_end(work)
        return is_hopeless(now=now, since=one.since, alone=one.alone, alone_since=one.alone_since)

    def _failed_on_another(self, one: _Faulty) -> bool:
        """Whether an adapter failed on other work since it was tried on this: all may be away."""
        latest = next(reversed(self._faulty.values()))
        return latest.tried > one.tried

    def since(self, work: Hashable) -> datetime:
        """Note that something is the matter with that piece, and return since when."""
        return self._noted(work).since

    def _noted(self, work: Hashable) -> _Faulty:
        one = self._faulty.get(work)
        if one is None:
            one = _Faulty(self.clock.now())
            remember(self._faulty, work, one, most=REMEMBERED)
        return one

    def worked(self, work: Hashable) -> None:
        """Note that all was done about that piece."""
        self.forget(work)
        self._worked["last"] = next(self._order)

    def forget(self, work: Hashable) -> None:
        """Note that nobody works on that piece any more."""
        self._faulty.pop(work, None)

    def __contains__(self, work: Hashable) -> bool:
        """Whether something is the matter with that piece."""
        return work in self._faulty

    def __len__(self) -> int:
        """Return the number of pieces with which something is the matter."""
        return len(self._faulty)


def name_of(row: Stored) -> str:
    """Return the name of the work that a row is about."""
    return " ".join(row.key)
