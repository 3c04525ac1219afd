"""Flags kept in `Records`: what was set per use case and axis, and what held before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

from attrs import field, frozen

from convalias.codec import CODEC, Codec
from convalias.domain.conversations import storable
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout, RolloutSetting, Stage, following
from convalias.ports.records import Insert, Key, Records, Replace, Written
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended

TABLE: Final = "rollouts"
PAGE: Final = 500
TRIES: Final = 100


@frozen
class Setting:
    """A row of a setting."""

    axis: Axis
    rollout: Rollout
    by: str = ""
    """Who set it."""
    at: datetime | None = None
    before: Rollout | None = field(default=None, eq=False, repr=False)
    """What stood there when it was set; None: nothing, or it was read later."""


Guard = Callable[[Axis, Rollout | None, Rollout], None]
"""Looks at each change (axis, what stands, what is to stand) before any is written; raises to refuse all of them."""


def anything(axis: Axis, standing: Rollout | None, setting: Rollout) -> None:
    """Refuse nothing."""
    del axis, standing, setting


@frozen(kw_only=True)
class Rollouts:
    """`ports.Flags`, and the way to set them. Every call may be repeated. Raises `Unavailable`."""

    records: Records
    codec: Codec = CODEC

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """The setting of that use case on that axis, or None when nothing is set."""
        key = _key(use_case, axis)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else self.codec.load(stored.body, RolloutSetting).rollout

    async def set(  # noqa: PLR0913 - keyword-only: what is set, and who says so
        self,
        use_case: UseCase,
        *,
        stage: Stage,
        basis_points: int,
        salt: str | None = None,
        axes: Collection[Axis] = (),
        reason: str = "",
        by: str = "",
        at: datetime | None = None,
        guard: Guard = anything,
    ) -> Sequence[Setting]:
        """Set a rollout from now on; without an axis, on all three. What stands there now.

        Without a salt the standing one is kept (at first the use case's name), so that a ramp is monotone: who is in
        stays in. `InvalidValue` for basis points beyond 0 to 10,000, and for what no store can hold.
        """
        storable.use_case(use_case)
        storable.typed("salt", salt or "")
        storable.typed("reason", reason)
        named = sorted(axes or Axis, key=lambda axis: axis.value)
        wish = Rollout(use_case, stage, basis_points, salt or "", reason=reason)
        for axis in named:
            standing = await self.read(use_case, axis)
            guard(axis, standing, following(standing, wish))
        return [await self._set(wish, axis, by=by, at=at, guard=guard) for axis in named]

    async def show(self) -> Sequence[Setting]:
        """All that is set, by use case and axis."""
        settings: list[Setting] = []
        after = ""
        while page := await self.records.range(TABLE, TABLE, after=after, limit=PAGE):
            for stored in page:
                axis = Axis(stored.key.id.rpartition(".")[2])
                setting = self.codec.load(stored.body, RolloutSetting)
                settings.append(Setting(axis, setting.rollout, setting.by, setting.at))
            after = page[-1].key.id
        return settings

    async def _set(self, wish: Rollout, axis: Axis, *, by: str, at: datetime | None, guard: Guard) -> Setting:
        key = _key(wish.use_case, axis)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            standing = None if stored is None else self.codec.load(stored.body, RolloutSetting).rollout
            setting = following(standing, wish)
            guard(axis, standing, setting)
            body = self.codec.dump(RolloutSetting(setting, by, at))
            write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return Setting(axis, setting, by, at, standing)
        raise Contended("rollout")


def _key(use_case: UseCase, axis: Axis) -> Key:
    return Key(TABLE, TABLE, f"{encoded(use_case)}.{axis.value}")
