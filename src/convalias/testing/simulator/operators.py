"""Changes under way: people's addresses, who takes part, stages, keys, and what operators do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

from attrs import evolve

from convalias.app import Convalias
from convalias.codec import load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.ids import AccountId, ConversationId, EventId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState, Owner
from convalias.services.operations.replay import Replayed, Selection
from convalias.stores.outbound.ledger import LEASED
from convalias.testing.simulator.commands import commanded
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.journal import Change
from convalias.testing.simulator.people import People
from convalias.testing.simulator.weather import Fault
from convalias.testing.simulator.world import World

T = TypeVar("T")
_STEP: Final = 5.0
_LOOK: Final = 0.2
_LOOKS: Final = 50
_SOME: Final = 40
_WAVERS: Final = 400
_MOMENT: Final = 0.15
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
_STOPS: Final = (20.0, 90.0, 300.0, 900.0)
"""Seconds: less than a lease, about as long, and longer than all of them."""
_ROLLED: Final = 120.0
"""By then every process that was restarted is up again."""


class Operators:
    """People who run the platform, and what happens to it."""

    def __init__(self, world: World, people: People) -> None:
        """Nothing has changed yet."""
        self._world = world
        self._people = people

    # --- changes ---------------------------------------------------------------------------------------

    async def move(self, draws: Stream, name: str) -> None:
        """Give somebody a new address; the old one may become another person's."""
        people, directory = self._people, self._world.engines.directory
        account = draws.choice(sorted(people.names))
        fresh = EmailAddress.parse(f"{account}-{name}@home.example")
        standing = directory.accounts[account]
        keeps = standing.addresses if draws.chance(0.5) else ()
        self._changed(f"{account} moves", None)
        self._world.journal.people[account].add(fresh)
        directory.put(evolve(standing, addresses=(fresh, *keeps)))
        if not keeps and draws.chance(0.3):
            heir = draws.choice([one for one in sorted(people.names) if one != account])
            inherited = directory.accounts[heir]
            self._world.journal.people[heir].update(standing.addresses)
            directory.put(evolve(inherited, addresses=(*inherited.addresses, *standing.addresses)))

    async def flag(self, draws: Stream, name: str) -> None:
        """An operator turns a stage on or back, for some of the conversations."""
        stage, points = draws.choice(list(Stage)), draws.choice((0, 2_000, 5_000, 10_000, 10_000))
        axes = draws.choice(((Axis.OUTBOUND,), (Axis.INBOUND,), (Axis.MINTING,), tuple(Axis)))
        if not self._world.shape.legacy:  # there is nothing to come from, or to go back to: only whether to mint
            self._world.engines.flags.set(Rollout(self._people.use_case, stage, points, "salt"), Axis.MINTING)
            return
        if draws.chance(0.25) and self._world.weather.has(Fault.STOPPED, self._world.now):
            await self._overtake(draws, name)
            return
        self._changed(f"stage {stage.value} {points}", None)
        for axis in axes:
            setting = Rollout(self._people.use_case, stage, points, "salt", reason=name)
            self._world.engines.flags.set(setting, axis)
            if draws.chance(0.4):
                await self._waver(setting, axis)
        if draws.chance(0.5):  # and what was not yet tried is to follow at once
            await self.give_back(draws, name)
        if draws.chance(0.5) and await self._until(_failing_calls):  # nobody waits for legacy any longer
            self._changed(f"stage {Stage.NATIVE.value} 10000", None)
            ours = Rollout(self._people.use_case, Stage.NATIVE, 10_000, "salt", reason=name)
            self._world.engines.flags.set(ours, Axis.OUTBOUND)
            await self.give_back(draws, name)

    async def _overtake(self, draws: Stream, name: str) -> None:
        """What was decided for legacy, and not yet tried, is to go to the hub, and no alias may be minted for it.

        Decisions are tried within moments, so the workers are stopped when there is one.
        """
        self._set(Stage.LEGACY, name, Axis.MINTING, Axis.OUTBOUND)
        if not await self._until(_untried_of_legacy, every=_LOOK / 10):
            return
        for host in self._world.hosts["worker"]:
            self._world.stop(host.process, _ROLLED)
        self._set(Stage.NATIVE, name, Axis.OUTBOUND)
        await commanded(self._world, draws, lambda cv: cv.outbound.give_back(self._people.use_case))

    def _set(self, stage: Stage, name: str, *axes: Axis) -> None:
        self._changed(f"stage {stage.value} 10000", None)
        for axis in axes:
            setting = Rollout(self._people.use_case, stage, 10_000, "salt", reason=name)
            self._world.engines.flags.set(setting, axis)

    async def _waver(self, setting: Rollout, axis: Axis) -> None:
        """He takes it back and turns it on again for a while, so that whoever reads it twice reads two things."""
        other = Stage.LEGACY if setting.stage in {Stage.PARALLEL, Stage.NATIVE} else Stage.NATIVE
        both = (evolve(setting, stage=other, basis_points=10_000), setting)
        for _ in range(_WAVERS):
            for one in both:
                self._world.engines.flags.set(one, axis)
                await asyncio.sleep(_MOMENT)

    async def turn(self, draws: Stream, name: str) -> None:
        """A conversation is closed, and most often reopened soon."""
        del name
        conversation = draws.choice(self._people.conversations)
        self._changed("closed", conversation)
        await self.close(conversation, draws)
        if draws.chance(0.8):
            await asyncio.sleep(draws.between(0.0, 30.0))
            await self.reopen(conversation, draws)
            self._changed("reopened", conversation)

    async def leave(self, draws: Stream, name: str) -> None:
        """A participant leaves, and most often comes back."""
        del name
        people = self._people
        waiting = await self._until(_waiting) if draws.chance(0.6) else []
        conversation = draws.choice(people.conversations)
        who = draws.choice(people.members[conversation])
        if waiting:  # he has had enough before he is told
            conversation, who = draws.choice(waiting)
        self._changed(f"{who} leaves", conversation)
        await self.remove(conversation, who, draws)
        if draws.chance(0.8):
            away = 1800.0 if waiting else draws.choice((60.0, 60.0, 1800.0))
            await asyncio.sleep(draws.between(0.0, away))
            back = Participant(who, name=people.names[who])
            await self.add(conversation, back, draws)
            self._changed(f"{who} is back", conversation)

    async def close(self, conversation: ConversationId, draws: Stream) -> None:
        """Close it, by a process of ours."""
        await commanded(self._world, draws, lambda cv: cv.messaging.close(conversation))

    async def reopen(self, conversation: ConversationId, draws: Stream) -> None:
        """Open it again, by a process of ours."""
        await commanded(self._world, draws, lambda cv: cv.messaging.reopen(conversation))

    async def remove(self, conversation: ConversationId, who: AccountId, draws: Stream) -> None:
        """Remove somebody, by a process of ours."""
        await commanded(self._world, draws, lambda cv: cv.messaging.remove_participant(conversation, who))

    async def add(self, conversation: ConversationId, who: Participant, draws: Stream) -> None:
        """Add somebody, by a process of ours."""
        await commanded(self._world, draws, lambda cv: cv.messaging.add_participant(conversation, who))

    async def _until(self, found: Callable[[DeliveryDecision], Iterable[T]], *, every: float = 10 * _LOOK) -> list[T]:
        """What is found as soon as there is any: it is most often over soon, and hardly ever begins just now."""
        records = self._world.engines.records
        for _ in range(_LOOKS if every >= _LOOK else 100 * _LOOKS):
            rows = await records.due("deliveries", until=_FAR, limit=_SOME)
            if some := [one for row in rows for one in found(load(row.body, DeliveryDecision))]:
                return some
            await asyncio.sleep(every)
        return []

    async def revoke(self, draws: Stream, name: str) -> None:
        """Revoke an alias for good, and issue another; or revoke all of a conversation, and issue none."""
        del name
        people = self._people
        if draws.chance(0.5) and (waiting := await self._until(_waiting)):  # after the decision, before the send
            conversation, _ = draws.choice(waiting)
            self._changed("aliases revoked", conversation)
            await commanded(self._world, draws, partial(_revoked, conversation=conversation))
            return
        conversation = draws.choice(people.conversations)
        of = draws.choice(people.members[conversation])
        address = people.aliases.get((conversation, of))
        if address is None:
            return
        self._changed("alias revoked", conversation)
        if await commanded(self._world, draws, lambda cv: cv.messaging.aliasing.revoke(str(address))):
            fresh = await commanded(
                self._world, draws, lambda cv: cv.messaging.aliasing.issue(conversation, account=of)
            )
            if fresh is not None:
                await asyncio.sleep(draws.between(0.0, 300.0))  # until people have noticed
                people.aliases[conversation, of] = fresh.address

    # --- operators -------------------------------------------------------------------------------------

    async def replay(self, draws: Stream, name: str) -> None:
        """Decide everything anew: what is final stays."""
        del name
        if self._world.is_halted:  # he who puts a backup back says what is replayed
            return

        async def notifying(cv: Convalias) -> Replayed:
            self._changed(
                "replay", None
            )  # at each try: the last may come after a restore that the first knew nothing of
            return await cv.replay.all(dry_run=False, of=Selection(notify=True))

        await commanded(self._world, draws, notifying, kind="worker", within=3600.0)

    async def redrive(self, draws: Stream, name: str) -> None:
        """Try again what was given up."""
        del name
        await commanded(self._world, draws, lambda cv: cv.replay.dead(dry_run=False), kind="worker", within=3600.0)
        await commanded(
            self._world, draws, lambda cv: cv.outbound.redriving.all(dry_run=False), kind="worker", within=3600.0
        )

    async def give_back(self, draws: Stream, name: str) -> None:
        """Let deliveries that were not yet tried follow the flag as it is now."""
        del name
        use_case = UseCase(self._people.use_case)
        await commanded(self._world, draws, lambda cv: cv.outbound.give_back(use_case), kind="worker")

    async def restart(self, draws: Stream, name: str) -> None:
        """A rolling restart, without a word of warning."""
        del name
        hosts = [host for kind in sorted(self._world.hosts) for host in self._world.hosts[kind]]
        if hosts and self._world.weather.on & {Fault.CRASH_AFTER, Fault.CRASH_BEFORE}:
            self._world.crash(draws.choice(hosts).process)

    async def stop(self, draws: Stream, name: str) -> None:
        """Processes stand still for minutes, as in a storm of swapping or under a debugger. Others take over their work."""
        del name
        for _ in range(1 + draws.below(6)):
            if not self._world.weather.has(Fault.STOPPED, self._world.now):
                return
            holder = await self._holder() if draws.chance(0.8) else None
            hosts = [host for kind in sorted(self._world.hosts) for host in self._world.hosts[kind]]
            busy = [host for host in hosts if host.process.name == holder]
            if hosts:
                self._world.stop(draws.choice(busy or hosts).process, draws.choice(_STOPS))
            await asyncio.sleep(_LOOK)

    async def _holder(self) -> str | None:
        """Who is about to send something. A delivery is held for a moment only, so he is looked for very often."""
        records = self._world.engines.records
        for _ in range(_WAVERS):
            for row in await records.due(LEASED, until=_FAR, limit=1):
                return load(row.body, DeliveryDecision).holder
            await asyncio.sleep(_LOOK / 10)
        return None

    async def rewind(self, draws: Stream, name: str) -> None:
        """The consumers of the event log find themselves at an earlier position."""
        del name
        if self._world.weather.has(Fault.REWIND, self._world.now):
            self._world.engines.log.rewind("outbound", draws)

    async def empty(self, draws: Stream, name: str) -> None:
        """Empty the queue: the mail is kept, and no job tells of it any more."""
        del draws, name
        for _ in range(_LOOKS):
            if self._world.engines.queue.entries and self._world.weather.has(Fault.LOST, self._world.now):
                self._world.engines.queue.lose()
                return
            await asyncio.sleep(_LOOK)

    async def rotate(self, draws: Stream, name: str) -> None:
        """A new root key: first every process can read what it makes, only then one makes anything with it."""
        del name
        if self._world.rotating or len(self._world.keyring.keys) > 3:  # noqa: PLR2004 - enough for one run
            return
        self._world.rotating = True
        (newest, *older) = self._world.keyring.with_new(draws.octets(32)).keys
        for keys in ((*older, newest), (newest, *older)):
            self._world.keyring = Keyring(keys)
            for host in [host for kind in sorted(self._world.hosts) for host in self._world.hosts[kind]]:
                self._world.crash(host.process)
                await asyncio.sleep(_ROLLED)
        self._world.rotating = False

    async def clock(self, draws: Stream, name: str) -> None:
        """A time server steps the clock of one process."""
        del name
        hosts = [host for kind in sorted(self._world.hosts) for host in self._world.hosts[kind]]
        if hosts and self._world.weather.has(Fault.CLOCK, self._world.now):
            process = draws.choice(hosts).process
            process.skew += draws.between(-_STEP, _STEP)

    def _changed(self, what: str, conversation: ConversationId | None) -> None:
        self._world.journal.changes.append(Change(at=self._world.now, what=what, conversation=conversation))


async def _revoked(cv: Convalias, *, conversation: ConversationId) -> bool:
    """All aliases of that conversation."""
    for alias in await cv.services.stores.aliases.of(conversation):
        await cv.messaging.aliasing.revoke(str(alias.address))
    return True


def _waiting(decision: DeliveryDecision) -> Iterable[tuple[ConversationId, AccountId]]:
    """Who has not been told yet, though it was tried."""
    return [
        (decision.conversation, row.recipient)
        for row in decision.deliveries
        if row.state is DeliveryState.PLANNED and row.next_at is not None and row.attempts
    ]


def _untried_of_legacy(decision: DeliveryDecision) -> Iterable[EventId]:
    """What legacy is to tell, and was not asked to yet."""
    if decision.owner is Owner.LEGACY and decision.tried is None:
        yield decision.event


def _failing_calls(decision: DeliveryDecision) -> Iterable[EventId]:
    """What legacy was told, or was not: a call of its own has failed, and will be made again."""
    if decision.owner is Owner.LEGACY and decision.index is not None and decision.index.attempts:
        yield decision.event
