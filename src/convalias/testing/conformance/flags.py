"""Flags: what stands, per use case and axis; nothing set is None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias

from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.ports.flags import Flags
from convalias.testing.conformance.check import agree, is_there, suite

Settings: TypeAlias = Mapping[tuple[UseCase, Axis], Rollout]
MakeFlags: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[Flags]]
"""Opens flags in which this is set, and nothing else."""

_APPLY: Final = UseCase("apply")
_OUTBOUND: Final = Rollout(_APPLY, Stage.PARALLEL, 1_000, "salt", floor=Stage.SHADOW)
_INBOUND: Final = Rollout(_APPLY, Stage.NATIVE, 10_000, "pepper")
_SET: Final[Settings] = {(_APPLY, Axis.OUTBOUND): _OUTBOUND, (_APPLY, Axis.INBOUND): _INBOUND}


async def what_is_set_is_read_per_axis(make: MakeFlags) -> None:
    """Stage and share; three flags, not one."""
    async with make(_SET) as flags:
        for axis, rollout in ((Axis.OUTBOUND, _OUTBOUND), (Axis.INBOUND, _INBOUND)):
            found = await flags.read(_APPLY, axis)
            expected = (rollout.stage, rollout.basis_points)
            found = is_there(f"{axis.value} is as it was set", found)
            agree(f"{axis.value} is as it was set", (found.stage, found.basis_points), expected)


async def what_is_not_set_is_none(make: MakeFlags) -> None:
    """Another axis, another use case."""
    async with make(_SET) as flags:
        agree("that axis was not set", await flags.read(_APPLY, Axis.MINTING), None)
        agree("that use case was not set", await flags.read(UseCase("appl"), Axis.OUTBOUND), None)


FLAGS: Final = suite(what_is_set_is_read_per_axis, what_is_not_set_is_none)
"""Promises of `Flags`."""
