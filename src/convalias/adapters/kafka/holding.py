"""The partitions of one consumer: what was read ahead, taken and committed; every rule of it under one lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from convalias.ports.event_log import EventRecord

Ahead: TypeAlias = "tuple[int, int, EventRecord | None]"
"""Partition, the offset behind the record, the record; None for one that is no event."""


class Holding:
    """State of a consumer without a lock of its own: its user holds the reader's lock."""

    def __init__(self) -> None:
        """Nothing is assigned."""
        self._ahead: deque[Ahead] = deque()
        self._taken: dict[int, int] = {}
        self._owned: set[int] = set()
        self._reached: dict[int, int] = {}

    @property
    def owned(self) -> Sequence[int]:
        """The partitions that are assigned."""
        return sorted(self._owned)

    def __len__(self) -> int:
        """How much was read ahead."""
        return len(self._ahead)

    @property
    def is_outstanding(self) -> bool:
        """Whether something was taken and is not committed."""
        return bool(self._taken)

    def owes(self, partitions: Iterable[int]) -> bool:
        """Whether something of those was taken and is not committed."""
        return any(one in self._taken for one in partitions)

    def assign(self, partitions: Iterable[int]) -> None:
        """Begin to own these partitions."""
        self._owned.update(partitions)

    def stop(self, partitions: Iterable[int]) -> None:
        """Give out no more of them: what was read ahead comes again to whoever is next."""
        leaving = set(partitions)
        self._owned -= leaving
        for one in leaving:
            self._reached.pop(one, None)
        self._ahead = deque(one for one in self._ahead if one[0] not in leaving)

    def forget(self, partitions: Iterable[int]) -> None:
        """Forget what was taken of these partitions: it is no longer ours to commit."""
        for one in partitions:
            self._taken.pop(one, None)

    def read(self, records: Iterable[Ahead]) -> None:
        """Behind what is there. Of a partition that is not ours nothing is kept: the client may still hand it out."""
        for one in records:
            if one[0] in self._owned:
                self._ahead.append(one)
                self._reached[one[0]] = one[1]

    def at_end(self, partition: int, offset: int) -> None:
        """The partition was read up to there, and nothing more was in it then."""
        if partition in self._owned:
            self._reached[partition] = offset

    def is_behind(self, ends: Mapping[int, int]) -> bool:
        """Whether a partition that is still ours was not read up to there yet."""
        return any(self._reached.get(one, -1) < end for one, end in ends.items() if one in self._owned)

    def take(self, limit: int) -> list[EventRecord]:
        """Take at most so many records; what is no event is passed over, and counts as taken."""
        found: list[EventRecord] = []
        ahead, taken = self._ahead, self._taken
        while ahead and len(found) < limit:
            partition, behind, record = ahead.popleft()
            taken[partition] = behind
            if record is not None:
                found.append(record)
        return found

    def to_commit(self) -> Mapping[int, int]:
        """Return the offset behind all that was taken, by partition."""
        return dict(self._taken)

    def may_commit(self, offsets: Mapping[int, int]) -> Mapping[int, int]:
        """Return the partitions that are still ours: revoked ones only until they are forgotten."""
        return {one: offset for one, offset in offsets.items() if one in self._taken}

    def committed(self, offsets: Mapping[int, int]) -> None:
        """Note that nothing before these offsets comes again."""
        for one, offset in offsets.items():
            if self._taken.get(one) == offset:
                del self._taken[one]
