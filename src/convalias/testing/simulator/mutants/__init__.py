"""Slips that somebody could make, each as a switch of a run: the checker must see every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from attrs import frozen

from convalias.app.ports import Ports
from convalias.testing.simulator.world import World


def _as_it_is(world: World, ports: Ports) -> Ports:
    del world
    return ports


@frozen(kw_only=True)
class Mutant:
    """One slip: in an adapter (`alter`), in a service (`patched`), or in both. Never in the product's own path."""

    name: str
    slip: str
    """What somebody did wrong, in a line."""
    breaks: str
    """The invariant that it breaks: `I1` to `I8`."""
    alter: Callable[[World, Ports], Ports] = _as_it_is
    patched: Callable[[], AbstractContextManager[object]] = nullcontext


MUTANTS: Final[Mapping[str, Mutant]] = {}

__all__ = ["MUTANTS", "Mutant"]
