"""Put an object in the place of a port: of its class, with each attribute found by a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

P = TypeVar("P")


def stand_in(port: P, prefix: str, found: Callable[[object, str], Any]) -> P:
    """Return an object of the port's class that asks `found(itself, name)` for each of its attributes."""
    base = type(port)
    try:
        kind = type(f"{prefix}{base.__name__}", (base,), {"__getattribute__": found, "__slots__": ()})
        made: Any = object.__new__(kind)
    except TypeError:  # a class that has no subclasses, or is not made so
        made = type(f"{prefix}{base.__name__}", (), {"__getattribute__": found, "__slots__": ()})()
    same: P = made
    return same
