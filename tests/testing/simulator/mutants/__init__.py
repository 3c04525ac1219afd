"""Slips that somebody could make, each as a switch of a run: the checker must see every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from convalias.testing.simulator.mutant import Mutant

from . import (
    adapters,
    appending,
    carrying,
    chaining,
    deciding,
    feed,
    hosting,
    receiving,
    refusing,
    relaying,
    restoring,
    sending,
    silencing,
)

_THEMES: Final = (
    receiving,
    relaying,
    carrying,
    chaining,
    refusing,
    appending,
    feed,
    hosting,
    deciding,
    sending,
    silencing,
    adapters,
    restoring,
)
MUTANTS: Final[Mapping[str, Mutant]] = {mutant.name: mutant for theme in _THEMES for mutant in theme.MUTANTS}

__all__ = ["MUTANTS", "Mutant"]
