"""Randomness that does not depend on when it is asked: a hash of seed, actor, call and number."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")
_BITS: Final = 1 << 48


class Draws:
    """Draws of one seed. The same words, the same draw, in every process and on every version of Python."""

    def __init__(self, seed: int | str) -> None:
        """Begin; nothing is remembered but the seed."""
        self._key = hashlib.blake2b(f"convalias simulation {seed}".encode(), digest_size=16).digest()

    def octets(self, words: str) -> bytes:
        """Sixteen octets."""
        return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()

    def units(self, words: str) -> tuple[float, float]:
        """Two independent numbers in [0, 1)."""
        octets = self.octets(words)
        return int.from_bytes(octets[:6], "big") / _BITS, int.from_bytes(octets[6:12], "big") / _BITS

    def stream(self, name: str) -> Stream:
        """Draws one after the other, for who acts one step after the other."""
        return Stream(self, name)


class Stream:
    """A numbered sequence of draws under one name."""

    def __init__(self, draws: Draws, name: str) -> None:
        """Begin at the first."""
        self._draws = draws
        self._name = name
        self._count = 0

    def unit(self) -> float:
        """A number in [0, 1)."""
        self._count += 1
        return self._draws.units(f"{self._name}\0{self._count}")[0]

    def chance(self, probability: float) -> bool:
        """Whether it happens this time."""
        return self.unit() < probability

    def below(self, number: int) -> int:
        """0 to `number` - 1."""
        return int(self.unit() * number)

    def choice(self, of: Sequence[T]) -> T:
        """Choose among them, each as likely."""
        return of[self.below(len(of))]

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + self.unit() * (high - low)

    def shuffled(self, of: Sequence[T]) -> list[T]:
        """All of them, in any order."""
        left = list(of)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]

    def octets(self, count: int) -> bytes:
        """Octets that follow from the seed."""
        parts: list[bytes] = []
        while sum(map(len, parts)) < count:
            self._count += 1
            parts.append(self._draws.octets(f"{self._name}\0{self._count}"))
        return b"".join(parts)[:count]
