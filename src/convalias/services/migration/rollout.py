"""Rollout: set a stage and say what that moves; issue the aliases ahead that a stage will need."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any, Final

from attrs import define, field, frozen

from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Moves, Rollout, Stage, direction, moves, takes_back
from convalias.domain.outbound.answering import MintingAnswer
from convalias.domain.outbound.delivery import OWNERS, Owner
from convalias.ports.errors import Unavailable
from convalias.ports.flags import Flags, NamedFlags
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.errors import FlagsElsewhere, NoSuchConversation, WouldGoBack
from convalias.stores.conversations.listing import Listing
from convalias.stores.errors import Parked
from convalias.stores.migration.rollouts import Rollouts, Setting

COUNT_WITHIN: Final = timedelta(seconds=5)
SIDE_BY_SIDE: Final = 16
Before = Mapping[Axis, tuple[Rollout | Stage, Rollout]]
"""By axis what stood there, and what stands there now."""


@frozen(kw_only=True)
class Counts:
    """Conversations of a use case, as far as they were counted in time."""

    conversations: int
    forward: Mapping[Axis, int]
    back: Mapping[Axis, int]
    without_alias: int
    """Somebody who takes part has none."""
    is_whole: bool
    """Whether all were counted; else each number means "at least"."""


@frozen(kw_only=True)
class Prepared:
    """The result of `prepare`, also while it runs."""

    conversations: int
    without_alias: int
    issued: int
    """Aliases."""
    refusals: Mapping[str, int]
    """Conversations whose aliases may not be issued, by reason."""


@define
class _Tally:
    conversations: int = 0
    without_alias: int = 0
    issued: int = 0
    forward: Counter[Axis] = field(factory=Counter[Axis])
    back: Counter[Axis] = field(factory=Counter[Axis])
    refusals: Counter[str] = field(factory=Counter[str])
    is_whole: bool = False

    def counts(self) -> Counts:
        return Counts(
            conversations=self.conversations,
            forward=dict(self.forward),
            back=dict(self.back),
            without_alias=self.without_alias,
            is_whole=self.is_whole,
        )

    def prepared(self) -> Prepared:
        return Prepared(
            conversations=self.conversations,
            without_alias=self.without_alias,
            issued=self.issued,
            refusals=dict(self.refusals),
        )


def nothing_done(so_far: Prepared) -> None:
    """Report progress to nobody."""
    del so_far


class _TakesBackError(Exception):
    """A guard's answer; it never leaves this module."""


@frozen(kw_only=True)
class RolloutControl:
    """Stages per use case: set, shown, counted, prepared. Every call may be repeated. Raises `Unavailable`."""

    rollouts: Rollouts
    aliasing: Aliasing
    listing: Listing
    has_legacy: bool
    """Whether a legacy relay is bound, which notifies in the stages `legacy` and `shadow`."""
    outside: Flags | None = None
    """Flags from outside; None: what is set here holds."""
    searches: bool = True
    """Whether conversations of older releases lie in the same records, so that they can be found."""
    within: timedelta = COUNT_WITHIN

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """The setting that holds, or None when nothing is set."""
        return await (self.rollouts if self.outside is None else self.outside).read(use_case, axis)

    async def show(self) -> Sequence[Setting]:
        """All that is set here, by use case and axis: with who set it, when and why."""
        return await self.rollouts.show()

    async def set(
        self,
        use_case: UseCase,
        *,
        stage: Stage,
        basis_points: int,
        salt: str | None = None,
        axes: Collection[Axis] = (),
        reason: str = "",
        by: str = "",
        back: bool = False,
    ) -> Sequence[Setting]:
        """Set a rollout from now on; without an axis, on all three. What stands there now, each with what stood before.

        Without a salt the standing one is kept, so that a ramp is monotone. Raises `WouldGoBack` where it leads
        forward and takes some conversations back, unless `back`; `FlagsElsewhere`; `InvalidValue` for basis points
        beyond 0 to 10,000.
        """
        if self.outside is not None:
            raise FlagsElsewhere(self._flag(use_case, axes))
        refused: dict[Axis, tuple[Rollout | Stage, Rollout]] = {}

        def guard(axis: Axis, standing: Rollout | None, setting: Rollout) -> None:
            before = self._standing(standing)
            if not back and takes_back(before, setting):
                refused[axis] = (before, setting)
                raise _TakesBackError

        now = self.aliasing.clock.now()
        try:
            return await self.rollouts.set(
                use_case,
                stage=stage,
                basis_points=basis_points,
                salt=salt,
                axes=axes,
                reason=reason,
                by=by,
                at=now,
                guard=guard,
            )
        except _TakesBackError:
            ((axis, change),) = refused.items()
            counts = await self._counted(use_case, refused, aliases=False)
            raise WouldGoBack(counts.back.get(axis, 0), axis=axis, moves=moves(*change)) from None

    def moved(self, setting: Setting) -> Moves:
        """The shares that this setting moved each way, by the buckets alone."""
        return moves(self._standing(setting.before), setting.rollout)

    async def count(self, use_case: UseCase, settings: Sequence[Setting] = ()) -> Counts:
        """Count what these settings moved, and the conversations without an alias, for at most 5 s. Never raises."""
        changes = {one.axis: (self._standing(one.before), one.rollout) for one in settings}
        return await self._counted(use_case, changes, aliases=True)

    async def knows(self, use_case: UseCase) -> bool:
        """Whether a conversation of it is found; True where that cannot be told within 5 s. Reads only. Never raises."""
        try:
            async with (
                asyncio.timeout(self.within.total_seconds()),
                aclosing(self._pages(use_case, keep=False)) as pages,
            ):
                async for page in pages:
                    if page:
                        return True
        except (TimeoutError, Unavailable):
            return True
        return not self.searches

    async def exposed(self) -> Mapping[UseCase, Counts]:
        """Conversations without alias in each use case of which a part is in a stage that suppresses legacy.

        Reads only. As far as 5 s go for each use case.
        """
        named = {setting.rollout.use_case for setting in await self.rollouts.show()}
        use_cases = sorted(named | set(await self.listing.use_cases()))
        return {
            one: await self._counted(one, {}, aliases=True, keep=False) for one in use_cases if await self._ours(one)
        }

    async def prepare(
        self, use_case: UseCase, *, dry_run: bool = False, done: Callable[[Prepared], None] = nothing_done
    ) -> Prepared:
        """Issue the aliases that participants lack, in all conversations of that use case, under the minting flag.

        May be stopped anywhere and begun again: what is there is not issued twice. A dry run writes nothing. Memory
        does not grow with the number of conversations. `done` is called after each page. Raises `Contended` too.
        """
        tally = _Tally()
        async with aclosing(self._pages(use_case, keep=not dry_run)) as pages:
            async for page in pages:
                await self._each(page, lambda one: self._prepared(use_case, one, tally, dry_run=dry_run))
                done(tally.prepared())
        return tally.prepared()

    async def _counted(self, use_case: UseCase, changes: Before, *, aliases: bool, keep: bool = True) -> Counts:
        tally = _Tally()
        with suppress(TimeoutError, Unavailable):
            async with (
                asyncio.timeout(self.within.total_seconds()),
                aclosing(self._pages(use_case, keep=keep)) as pages,
            ):
                async for page in pages:
                    self._move(page, changes, tally)
                    if aliases:
                        await self._each(page, lambda one: self._look(use_case, one, tally))
                tally.is_whole = self.searches
        return tally.counts()

    def _move(self, page: Sequence[ConversationId], changes: Before, tally: _Tally) -> None:
        tally.conversations += len(page)
        for axis, (before, after) in changes.items():
            steps = [direction(one, before, after) for one in page]
            tally.forward[axis] += steps.count(1)
            tally.back[axis] += steps.count(-1)

    async def _look(self, use_case: UseCase, conversation: ConversationId, tally: _Tally) -> None:
        tally.without_alias += await self._lacking(use_case, conversation) is not None

    async def _prepared(self, use_case: UseCase, conversation: ConversationId, tally: _Tally, *, dry_run: bool) -> None:
        tally.conversations += 1
        found = await self._lacking(use_case, conversation)
        if found is None:
            return
        thread, accounts = found
        tally.without_alias += 1
        answer = await self._permitted(thread, accounts, dry_run=dry_run)
        if answer is not None and answer.refusal:
            tally.refusals[answer.refusal] += 1
        elif answer is not None:
            tally.issued += len(accounts)

    async def _permitted(
        self, thread: ConversationThread, accounts: Sequence[AccountId], *, dry_run: bool
    ) -> MintingAnswer | None:
        if dry_run:
            return await self.aliasing.minting(thread)
        try:
            return await self.aliasing.issue_for(thread, accounts)
        except NoSuchConversation:  # erased since
            return None

    async def _lacking(
        self, use_case: UseCase, conversation: ConversationId
    ) -> tuple[ConversationThread, Sequence[AccountId]] | None:
        """The conversation and whose aliases it lacks; None where it lacks none, is not there, or is parked."""
        try:
            thread = await self.aliasing.conversations.thread(conversation)
        except Parked:  # one that cannot be read is no reason to stop at the others
            return None
        if thread is None or thread.use_case != use_case:
            return None
        accounts = await self.aliasing.lacking(thread)
        return (thread, accounts) if accounts else None

    async def _each(
        self, page: Sequence[ConversationId], work: Callable[[ConversationId], Coroutine[Any, Any, None]]
    ) -> None:
        for start in range(0, len(page), SIDE_BY_SIDE):
            await asyncio.gather(*map(work, page[start : start + SIDE_BY_SIDE]))

    async def _pages(self, use_case: UseCase, *, keep: bool) -> AsyncGenerator[Sequence[ConversationId]]:
        """Those that are listed, then those of older releases, which nobody listed."""
        async for page in self.listing.pages(use_case):
            yield page
        if self.searches:
            async for found in self.listing.older(keep=keep):
                yield [one.conversation for one in found if one.use_case == use_case]

    async def _ours(self, use_case: UseCase) -> bool:
        """Whether the hub owns what is said in some of its conversations, by a flag that is set."""
        setting = await self.read(use_case, Axis.OUTBOUND)
        if setting is None:
            return False
        stages = {setting.floor} if setting.basis_points == 0 else {setting.stage, setting.floor}
        return any(OWNERS[stage] is Owner.HUB for stage in stages)

    def _standing(self, standing: Rollout | None) -> Rollout | Stage:
        return self.aliasing.stages.unset if standing is None else standing

    def _flag(self, use_case: UseCase, axes: Collection[Axis]) -> Sequence[str]:
        named = self.outside
        listed = sorted(axes or Axis, key=lambda axis: axis.value)
        if isinstance(named, NamedFlags):
            return [named.name(use_case, axis) for axis in listed]
        return [f"{use_case}.{axis.value}" for axis in listed]
