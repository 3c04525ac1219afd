"""Write signs that tell other processes that the workers of this one live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from convalias.app.guards import AdapterFaults
from convalias.app.ports import Ports
from convalias.app.workers import Step, Work, Worker
from convalias.codec import CodecError
from convalias.domain.operations.numbers import BOUNDS, Figure, SignOfLife, ahead, gone
from convalias.ports.errors import PortError
from convalias.services.running.log_lines import LogLines
from convalias.stores.deployment.signs import Signs

ENDED: Final = "ended"
"""The worker that a run until idle writes its faults down as: nobody misses it, for nobody looks for its sign."""
EVERY: Final = timedelta(seconds=20)
"""At most one small write for each worker in this time."""


def giving_signs(worker: Worker, works: Sequence[Work], ports: Ports, faults: AdapterFaults) -> Sequence[Work]:
    """The same works; after a step without an error the first of them says that this worker lives.

    The row also lists what adapters of the host raised lately in this process. The writer sees the signs of all others then: a kind
    of worker that is gone, and clocks that are apart, are lines.
    """
    if worker == "handlers":  # a process without functions of the host has none, and nobody misses it
        return works
    first, *others = works
    return [evolve(first, step=_signing(worker, first.step, ports, faults)), *others]


def _signing(worker: Worker, step: Step, ports: Ports, faults: AdapterFaults) -> Step:
    given: datetime | None = None

    async def signing() -> int:
        nonlocal given
        done = await step()
        now = ports.clock.now()
        if given is None or abs(now - given) >= EVERY:
            is_first, given = given is None, now
            with suppress(PortError, CodecError, TimeoutError):  # a sign that is not given stops no work
                name = ports.incarnation.name
                sign = SignOfLife(worker=worker, incarnation=name, at=now, faults=faults.lately())
                seen = await Signs(records=ports.records).give(sign)
                # At its start a process finds the old signs of workers that start with it.
                _tell(seen, now, faults.lines, absent=() if is_first else gone(seen, now))
        return done

    return signing


async def leave_faults(workers: Iterable[Worker], ports: Ports, faults: AdapterFaults) -> None:
    """Write down what adapters of the host raised in a run until idle, whose process may end: `doctor` shows it.

    One row for each set of workers, however often they run; none where nothing was raised.
    """
    told = faults.lately()
    if not told:
        return
    name = f"a run of {', '.join(workers)}"
    with suppress(PortError, CodecError, TimeoutError):
        sign = SignOfLife(worker=ENDED, incarnation=name, at=ports.clock.now(), faults=told)
        await Signs(records=ports.records).give(sign)


def _tell(seen: Mapping[str, datetime], now: datetime, lines: LogLines, *, absent: Iterable[str]) -> None:
    for worker in absent:
        lines.repeated(f"no {worker} worker has given a sign of life lately: see that one runs")
    if ahead(seen, now) > BOUNDS[Figure.SKEW].most:
        lines.repeated("a worker wrote with a clock that is ahead of this one: leases go by clocks, set them by NTP")
