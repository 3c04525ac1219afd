"""Flags kept in `Records`: what was set per use case and axis, and what held before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from attrs import frozen

from convalias.codec import CODEC, Codec
from convalias.domain.ids import UseCase
from convalias.domain.rollout import WHOLE, Axis, Rollout, Stage
from convalias.ports.records import Insert, Key, Records, Replace, Written
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended

TABLE: Final = "rollouts"
PAGE: Final = 500
TRIES: Final = 100


@frozen
class Setting:
    """One row of what is set."""

    axis: Axis
    rollout: Rollout


@frozen(kw_only=True)
class Rollouts:
    """`ports.Flags`, and the way to set them. Every call may be repeated. Raises `Unavailable`."""

    records: Records
    codec: Codec = CODEC

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """The setting of that use case on that axis, or None when nothing is set."""
        key = _key(use_case, axis)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else self.codec.load(stored.body, Rollout)

    async def set(
        self,
        use_case: UseCase,
        *,
        stage: Stage,
        basis_points: int,
        salt: str | None = None,
        axes: Collection[Axis] = (),
        reason: str = "",
    ) -> Sequence[Setting]:
        """From now on this holds; no axis named: on all three. What stands there now.

        Without a salt the standing one is kept (at first the use case's name), so that a ramp is monotone: who is in
        stays in. `InvalidValue` for basis points beyond 0 to 10,000.
        """
        named = sorted(axes or Axis, key=lambda axis: axis.value)
        wish = Rollout(use_case, stage, basis_points, salt or "", reason=reason)
        return [Setting(axis, await self._set(wish, axis)) for axis in named]

    async def show(self) -> Sequence[Setting]:
        """All that is set, by use case and axis."""
        settings: list[Setting] = []
        after = ""
        while page := await self.records.range(TABLE, TABLE, after=after, limit=PAGE):
            for stored in page:
                axis = Axis(stored.key.id.rpartition(".")[2])
                settings.append(Setting(axis, self.codec.load(stored.body, Rollout)))
            after = page[-1].key.id
        return settings

    async def _set(self, wish: Rollout, axis: Axis) -> Rollout:
        key = _key(wish.use_case, axis)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            standing = None if stored is None else self.codec.load(stored.body, Rollout)
            setting = following(standing, wish)
            body = self.codec.dump(setting)
            write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return setting
        raise Contended("rollout")


def following(standing: Rollout | None, wish: Rollout) -> Rollout:
    """That setting, after the standing one: its salt where none is given, and the floor outside its cohort.

    The floor is the stage of the last setting that stood at 10,000. Taking a whole stage back step by step (the same
    stage below 10,000, 0 being the kill switch) leads to the floor *under* it: else it would lead nowhere.
    """
    salt = wish.salt or (standing.salt if standing is not None else str(wish.use_case))
    return Rollout(wish.use_case, wish.stage, wish.basis_points, salt, _floor(standing, wish), wish.reason)


def _floor(standing: Rollout | None, wish: Rollout) -> Stage:
    if standing is None:
        return Stage.LEGACY
    stood_whole = standing.basis_points == WHOLE
    return standing.stage if stood_whole and standing.stage is not wish.stage else standing.floor


def _key(use_case: UseCase, axis: Axis) -> Key:
    return Key(TABLE, TABLE, f"{encoded(use_case)}.{axis.value}")
