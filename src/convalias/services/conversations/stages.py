"""Return the stage of a conversation on one axis: the flag's answer, put through our own buckets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

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

    def _assigned(self, conversation: ConversationId, setting: Rollout | None) -> Stage | Cohort:
        return self.unset if setting is None else assign(conversation, setting)


def stage_of(assigned: Stage | Cohort) -> Stage:
    """The bare stage."""
    return assigned.stage if isinstance(assigned, Cohort) else assigned
