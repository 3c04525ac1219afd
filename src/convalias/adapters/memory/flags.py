"""Flags in memory: what was set stands."""

from __future__ import annotations

from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout


class Flags:
    """`ports.Flags`."""

    def __init__(self) -> None:
        """Nothing set."""
        self._settings: dict[tuple[UseCase, Axis], Rollout] = {}

    def set(self, rollout: Rollout, *axes: Axis) -> None:
        """Set this for its use case from now on, on these axes; if none is named, on all."""
        for axis in axes or Axis:
            self._settings[rollout.use_case, axis] = rollout

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """Return what was set last."""
        return self._settings.get((use_case, axis))
