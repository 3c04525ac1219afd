"""Write log lines for an outage: one at its start, one a minute, one at its end."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import define, field

from convalias.ports.errors import AdapterFailed, Deferred, Unavailable
from convalias.services.running.outages import leaves
from convalias.stores.errors import Parked

EVERY: Final = timedelta(minutes=1)
"""How often what lasts is told of."""
REMEMBERED: Final = 1_000
"""So many different lines are told apart; of more, the oldest is told anew."""
_MINUTES_FROM: Final = 120
UNNAMED: Final = "something outside, it was too slow"


def _nobody() -> dict[Hashable, datetime | None]:
    return {}


@define
class _Outage:
    since: datetime
    seen_by: dict[Hashable, datetime | None] = field(factory=_nobody)
    """Who waits, and until when without another word of it."""


@define
class _Repeated:
    told: datetime
    level: int
    extra: Mapping[str, str]
    untold: int = 0


class Now(Protocol):
    """Tells the time; every `Clock` does."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class LogLines:
    """Writes the lines of one process, by its clock. Nothing personal: names of engines, classes, places."""

    def __init__(self, log: logging.Logger, clock: Now, *, every: timedelta = EVERY) -> None:
        """All is well so far."""
        self._log = log
        self._clock = clock
        self._every = every
        self._outages: dict[str, _Outage] = {}
        self._ended: dict[str, str] = {}
        self._told = clock.now()
        self._repeated: OrderedDict[str, _Repeated] = OrderedDict()

    def away(self, what: str, *, seen_by: Hashable, until: datetime | None = None) -> None:
        """Note that something outside did not answer. `seen_by`: who asked, and will say when it answers again.

        `until`: somebody else may take that work over, and nothing is heard of it here: then it no longer counts.
        The first outage is told at once; another one that begins meanwhile with the line of the next minute.
        """
        now = self._clock.now()
        is_first = not self._outages
        self._outages.setdefault(what, _Outage(now)).seen_by[seen_by] = until
        self._ended.pop(what, None)
        if is_first:
            self._told = now
            self._log.warning("%s is away", what, extra={"engine": what})
        else:
            self._still(now)

    def back(self, *, seen_by: Hashable) -> None:
        """Note that somebody's call was answered. An outage is over when nobody waits for its end."""
        now = self._clock.now()
        for name, outage in [*self._outages.items()]:
            if seen_by in outage.seen_by:
                del outage.seen_by[seen_by]
                if not outage.seen_by:
                    self._ended[name] = f"{name} is back after {_shown(now - self._outages.pop(name).since)}"
        self._over()

    def look(self) -> None:
        """Write the line of this minute, if something is away; forget work of which nothing is heard any more."""
        if not self._outages:
            return
        now = self._clock.now()
        for name, outage in [*self._outages.items()]:
            for work, until in [*outage.seen_by.items()]:
                if until is not None and until < now:
                    del outage.seen_by[work]
            if not outage.seen_by:
                lasted = _shown(now - self._outages.pop(name).since)
                self._ended[name] = f"nothing here waits for {name} any more, after {lasted}"
        self._over()
        self._still(now)

    def _still(self, now: datetime) -> None:
        if self._outages and now - self._told >= self._every:
            self._told = now
            standing = ", ".join(f"{name} (for {_shown(now - one.since)})" for name, one in self._outages.items())
            engines = ", ".join([*self._outages, *self._ended])
            self._log.warning("still away: %s%s", standing, self._back(), extra={"engine": engines})

    def _over(self) -> None:
        if self._ended and not self._outages:
            ended = ", ".join(self._ended)
            self._log.warning("%s", self._back().removeprefix("; "), extra={"engine": ended})

    @property
    def outages(self) -> tuple[str, ...]:
        """Return the present outages."""
        return tuple(self._outages)

    def repeated(self, message: str, *, level: int = logging.WARNING, **extra: str) -> None:
        """Write that line, but no more than once a minute; then with how often it was meant to be written.

        `extra` becomes fields of the line. `trace` and `record` are written behind it too; of many equal lines, those
        of the last one.
        """
        now = self._clock.now()
        given = {name: value for name, value in extra.items() if value}
        known = self._repeated.pop(message, None)
        if known is None:
            self._repeated[message] = _Repeated(now, level, given)
            self._log.log(level, "%s%s", message, ids_of(given), extra=given)
        else:
            self._repeated[message] = known
            known.level, known.extra, known.untold = level, given, known.untold + 1
            if now - known.told >= self._every:
                self._tell_again(message, known)
                known.told, known.untold = now, 0
        while len(self._repeated) > REMEMBERED:
            self._repeated.popitem(last=False)

    def flush(self) -> None:
        """Tell what was counted and not told yet: at the end of the process."""
        for message, known in self._repeated.items():
            if known.untold:
                self._tell_again(message, known)
        self._repeated.clear()

    def _tell_again(self, message: str, known: _Repeated) -> None:
        extra = {**known.extra, "count": known.untold}
        behind = ids_of(known.extra)
        self._log.log(
            known.level, "%s (%d times since the last such line)%s", message, known.untold, behind, extra=extra
        )

    def _back(self) -> str:
        ended, self._ended = self._ended, {}
        return "".join(f"; {told}" for told in ended.values())


def cause_of(error: BaseException) -> str:
    """Name the innermost outage that has a name: an outer one says only what waited for it."""
    named, passed = UNNAMED, set[int]()
    seen: BaseException | None = error
    while seen is not None and id(seen) not in passed:  # an outage may be raised out of the very group that holds it
        passed.add(id(seen))
        outages = [leaf for leaf in leaves(seen) if isinstance(leaf, Unavailable)]
        if outages:
            named, seen = outages[0].what, outages[0]
        seen = seen.__cause__
    return named


def ids_of(extra: Mapping[str, str]) -> str:
    """Return what leads from a line to a mail, as text behind it."""
    shown = ", ".join(f"{name} {extra[name]}" for name in ("trace", "record") if name in extra)
    return f"; {shown}" if shown else ""


def engine_away(error: BaseException) -> str:
    """Name the engine that did not answer; empty for contention, parked records, deferred mail, a bug of an adapter."""
    for leaf in leaves(error):
        if isinstance(leaf, TimeoutError) or (
            isinstance(leaf, Unavailable) and not isinstance(leaf, Parked | AdapterFailed | Deferred)
        ):
            return cause_of(leaf)
    return ""


def _shown(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    return f"{seconds} s" if seconds < _MINUTES_FROM else f"{seconds // 60} min"
