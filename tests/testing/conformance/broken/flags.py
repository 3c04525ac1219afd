"""A broken `Flags` for each check."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.ports.flags import Flags
from convalias.testing.conformance import MakeFlags

Settings = Mapping[tuple[UseCase, Axis], Rollout]


class Static:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        return self._settings.get((use_case, axis))


class OneAxis(Static):
    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        return await super().read(use_case, Axis.OUTBOUND)


class HasADefault(Static):
    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        return await super().read(use_case, axis) or Rollout(use_case, Stage.LEGACY, 0, "")


def _making(flags: Callable[[Settings], Flags]) -> Callable[[], MakeFlags]:
    @asynccontextmanager
    async def make(settings: Settings) -> AsyncIterator[Flags]:
        yield flags(settings)

    return lambda: make


MUTANTS: Mapping[str, Callable[[], MakeFlags]] = {
    "what is set is read per axis": _making(OneAxis),
    "what is not set is none": _making(HasADefault),
}
