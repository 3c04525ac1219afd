"""Return the stage of a conversation on one axis: the flag's answer, put through our own buckets."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping

from attrs import evolve, field, frozen

from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Cohort, Rollout, Stage, assign
from convalias.ports.flags import Flags


@frozen(kw_only=True)
class Stages:
    """Stages by flag. Nothing set: `legacy` where there is a legacy relay to be left, else `native`."""

    flags: Flags
    unset: Stage

    async def of(self, threads: Collection[ConversationThread], axis: Axis) -> Mapping[ConversationId, Stage | Cohort]:
        """Return the stages of conversations; one read for each use case. Raises `Unavailable`."""
        settings: dict[UseCase, Rollout | None] = {}
        for use_case in sorted({thread.use_case for thread in threads}):
            settings[use_case] = await self.flags.read(use_case, axis)
        return {thread.id: self._assigned(thread.id, settings[thread.use_case]) for thread in threads}

    def read_once(self) -> Stages:
        """Return the same for one batch. A flag is read when it is first asked for, and stands for all of the batch."""
        return evolve(self, flags=_ReadOnce(self.flags))

    def _assigned(self, conversation: ConversationId, setting: Rollout | None) -> Stage | Cohort:
        return self.unset if setting is None else assign(conversation, setting)


def _no_locks() -> defaultdict[tuple[UseCase, Axis], asyncio.Lock]:
    return defaultdict(asyncio.Lock)


@frozen
class _ReadOnce:
    """Flags of which each is read once, however many ask at the same time. A read that fails is made again."""

    flags: Flags
    _known: dict[tuple[UseCase, Axis], Rollout | None] = field(factory=dict[tuple[UseCase, Axis], "Rollout | None"])
    _turns: defaultdict[tuple[UseCase, Axis], asyncio.Lock] = field(factory=_no_locks)

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """Return the setting that was read first."""
        name = use_case, axis
        async with self._turns[name]:
            if name in self._known:
                return self._known[name]
            setting = self._known[name] = await self.flags.read(use_case, axis)
            return setting


def stage_of(assigned: Stage | Cohort) -> Stage:
    """The bare stage."""
    return assigned.stage if isinstance(assigned, Cohort) else assigned
