"""What tells other processes that the workers of this one live."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from convalias.app.ports import Ports
from convalias.app.workers import Step, Work, Worker
from convalias.codec import CodecError
from convalias.domain.numbers import SignOfLife
from convalias.ports.errors import PortError
from convalias.stores.signs import Signs

EVERY: Final = timedelta(seconds=20)
"""At most one small write for each worker in this time."""


def giving_signs(worker: Worker, works: Sequence[Work], ports: Ports) -> Sequence[Work]:
    """The same works; after a step without an error the first of them says that this worker lives."""
    first, *others = works
    return [evolve(first, step=_signing(worker, first.step, ports)), *others]


def _signing(worker: Worker, step: Step, ports: Ports) -> Step:
    given: datetime | None = None

    async def signing() -> int:
        nonlocal given
        done = await step()
        now = ports.clock.now()
        if given is None or abs(now - given) >= EVERY:
            given = now
            with suppress(PortError, CodecError, TimeoutError):  # a sign that is not given stops no work
                sign = SignOfLife(worker=worker, incarnation=ports.incarnation.name, at=now)
                await Signs(records=ports.records).give(sign)
        return done

    return signing
