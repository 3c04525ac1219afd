"""Limit how often mail of ours may leave.

Each bound is a unique key of a row, so that no number of workers gets past it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

A_DAY_PER_DOMAIN: Final = 20
"""Refusals to one sender domain; one more would make us a source of backscatter for somebody else's forged mail."""


def free_places(taken: Collection[str]) -> Iterator[str]:
    """Return the places of a sender domain's day that no refusal has, in order."""
    places = (f"{place:02d}" for place in range(A_DAY_PER_DOMAIN))
    return (place for place in places if place not in taken)
