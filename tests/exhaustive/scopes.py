"""What an exhaustive check runs over: a product of two axes, every case of which has a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from exhaustive.scene import Case


@dataclass(frozen=True)
class Scope:
    """All pairs of an `outer` and an `inner` thing, made into cases; any of them at once, without those before it."""

    name: str
    outer: Sequence[Any]
    inner: Sequence[Any]
    make: Callable[[Any, Any], Case]
    before: int = 0
    """How many there were before conversations were renamed and what cannot matter was dropped."""
    sliced: bool = True
    """False: what its cases show is so rare among them that a slice would miss it."""

    def __len__(self) -> int:
        """How many cases."""
        return len(self.outer) * len(self.inner)

    def __getitem__(self, number: int) -> Case:
        """The case with that number."""
        outer, inner = divmod(number, len(self.inner))
        return self.make(self.outer[outer], self.inner[inner])

    def cases(self) -> Iterator[Case]:
        """All of them."""
        return map(self.__getitem__, range(len(self)))

    def slice(self, most: int, seed: int) -> Iterator[Case]:
        """About `most` of them, evenly spread: a stride that meets every value of the inner axis, from a seeded place."""
        stride = max(1, len(self) // most) if self.sliced else 1
        while stride > 1 and math.gcd(stride, len(self.inner)) > 1:
            stride += 1
        return map(self.__getitem__, range(seed % stride, len(self), stride))
