"""Bounded memories of a process: what was used longest ago is forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remember(among: OrderedDict[K, V], key: K, value: V, *, most: int) -> None:
    """Put it down as the latest of at most so many."""
    among[key] = value
    among.move_to_end(key)
    while len(among) > most:
        among.popitem(last=False)
