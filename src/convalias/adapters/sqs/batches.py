"""Entries of calls side by side, sent together: ten to a request, each call told how its own fared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias, TypeVar

from convalias.adapters._sharing import Bound, Line, each
from convalias.adapters.sqs.errors import unavailable
from convalias.ports.errors import PortError

E = TypeVar("E")

MOST: Final = 10
"""Entries in one request."""
MOST_OCTETS: Final = 262_144
"""Of one body, and of all bodies in one request."""
Fates: TypeAlias = Sequence[PortError | None]
"""For each entry what went wrong with it."""


def batches(
    send: Callable[[Sequence[E]], Awaitable[Fates]], *, at_once: int, octets: Callable[[E], int] | None = None
) -> Line[E, None]:
    """Make the line of one kind of request. `octets`: how much an entry weighs, where that counts."""
    bounds: list[Bound[E]] = [Bound(MOST, each)]
    if octets is not None:
        bounds.append(Bound(MOST_OCTETS, octets))
    return Line(send, at_once=at_once, bounds=bounds, lost=lambda: unavailable(None))
