"""A mutant: a slip that somebody could make, built into one run. The checker must see it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from attrs import frozen

from convalias.app.ports import Ports
from convalias.testing.simulator.weather import Weather
from convalias.testing.simulator.world import World

Patch: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Opens the slip for one run, and takes it away after it."""


def as_they_are(world: World, ports: Ports) -> Ports:
    """No slip in the ports."""
    del world
    return ports


@frozen(kw_only=True)
class Mutant:
    """A slip in an adapter (`alter`), in a service (`patched`), or in both. Never in the product's own path."""

    name: str
    slip: str
    """What somebody did wrong, in a line."""
    breaks: str
    """The invariant that it breaks: `I1` to `I8`."""
    alter: Callable[[World, Ports], Ports] = as_they_are
    patched: Patch = nullcontext
    weather: Weather | None = None
    """The faults under which it shows, where that takes so many of one kind that few days have them. None: any day's."""
    hosted: bool = False
    """Whether it shows only where a platform keeps the conversations."""
