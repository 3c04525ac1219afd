"""Flags: what stage a use case is in, now."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout


class Flags(Protocol):
    """The flags in force. Not being able to tell is `Unavailable`, never None. Cohorts are always our buckets."""

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """The setting of that use case on that axis, or None when nothing is set."""
        ...


@runtime_checkable
class NamedFlags(Protocol):
    """Flags that also say by which name an operator finds each of them. Optional."""

    def name(self, use_case: UseCase, axis: Axis) -> str:
        """The name of that flag where it is set."""
        ...
