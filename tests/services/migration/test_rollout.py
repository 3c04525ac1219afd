"""What a setting moves, who has no alias, and issuing ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.memory import before
from convalias.domain.conversations import events as e
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Moves, Rollout, Stage, assign
from convalias.domain.outbound.answering import MINTING_OFF
from convalias.ports.errors import Unavailable
from convalias.ports.records import Delete, Replace, Stored
from convalias.services.conversations.errors import FlagsElsewhere, WouldGoBack
from convalias.services.conversations.stages import Stages
from convalias.services.migration.rollout import Prepared, RolloutControl
from convalias.stores.conversations.listing import PAGE, TABLE, Listing
from convalias.stores.migration.rollouts import Rollouts
from services.messaging_desk import ANN, BOB, PEOPLE, Desk

APPLY = UseCase("apply")
OUTBOUND = (Axis.OUTBOUND,)


class Rolling(Desk):
    """A desk whose stages are those that are set."""

    def __init__(self, records: memory.Records | None = None, *, unset: Stage = Stage.LEGACY) -> None:
        super().__init__(records, unset=unset)
        self.rollouts = Rollouts(records=self.records)
        self.aliasing = evolve(self.aliasing, stages=Stages(flags=self.rollouts, unset=unset))
        self.messaging = evolve(self.messaging, aliasing=self.aliasing)
        self.control = RolloutControl(
            rollouts=self.rollouts, aliasing=self.aliasing, listing=Listing(records=self.records), has_legacy=True
        )

    async def several(self, count: int) -> list[ConversationId]:
        """So many conversations, begun while minting is off."""
        for number in range(count):
            await self.messaging.create("apply", PEOPLE, conversation=f"c{number:03d}")
        return [ConversationId(f"c{number:03d}") for number in range(count)]

    async def set(self, stage: Stage, points: int = 10_000, *axes: Axis, **more: object) -> None:
        await self.control.set(APPLY, stage=stage, basis_points=points, axes=axes, **more)  # type: ignore[arg-type]


async def test_a_setting_keeps_who_set_it_when_and_why() -> None:
    desk = Rolling()
    await desk.set(Stage.SHADOW, 10_000, *OUTBOUND, reason="first look", by="olga")
    (setting,) = await desk.control.show()
    assert (setting.by, setting.at, setting.rollout.reason) == ("olga", desk.clock.now(), "first look")
    assert await desk.control.read(APPLY, Axis.OUTBOUND) == setting.rollout


async def test_it_is_counted_how_many_go_each_way_and_who_has_no_alias() -> None:
    desk = Rolling()
    conversations = await desk.several(40)
    await desk.messaging.create("other", PEOPLE, conversation="elsewhere")
    await desk.aliasing.issue("c000", account=ANN)
    await desk.aliasing.issue("c000", account=BOB)
    await desk.aliasing.issue("c001", account=ANN)
    settings = await desk.control.set(APPLY, stage=Stage.PARALLEL, basis_points=5_000, axes=OUTBOUND)
    counts = await desk.control.count(APPLY, settings)
    inside = sum(assign(one, settings[0].rollout).stage is Stage.PARALLEL for one in conversations)
    assert (counts.conversations, counts.is_whole) == (40, True)
    assert (counts.forward[Axis.OUTBOUND], counts.back[Axis.OUTBOUND]) == (inside, 0)
    assert 0 < inside < 40
    assert counts.without_alias == 39, "Bob has none in c001"
    assert desk.control.moved(settings[0]) == Moves(5_000, 0)
    smaller = await desk.control.set(APPLY, stage=Stage.PARALLEL, basis_points=0, axes=OUTBOUND)
    assert (await desk.control.count(APPLY, smaller)).back == {Axis.OUTBOUND: inside}
    assert desk.control.moved(smaller[0]) == Moves(0, 5_000)


async def test_conversations_of_an_older_release_are_found_and_listed() -> None:
    desk = Rolling()
    await desk.several(3)
    for stored in await desk.records.range(TABLE, "apply", after="", limit=100):
        await forget(desk, stored)
    settings = await desk.control.set(APPLY, stage=Stage.SHADOW, basis_points=10_000, axes=OUTBOUND)
    assert (await desk.control.count(APPLY, settings)).forward == {Axis.OUTBOUND: 3}
    assert len(await desk.records.range(TABLE, "apply", after="", limit=100)) == 3
    hidden = evolve(desk.control, searches=False)
    assert not (await hidden.count(APPLY)).is_whole, "a store of the host's own may hold more"


async def forget(desk: Desk, stored: Stored) -> None:
    await desk.records.write([Delete(stored.key, stored.version)])


async def test_a_setting_that_also_takes_some_back_is_refused_and_nothing_is_written() -> None:
    desk = Rolling()
    conversations = await desk.several(60)
    await desk.set(Stage.SHADOW, 10_000)
    await desk.set(Stage.PARALLEL, 5_000)
    standing = await desk.control.show()
    with pytest.raises(WouldGoBack, match="49 % of the conversations would go back") as refused:
        await desk.set(Stage.NATIVE, 100)
    ours = standing[0].rollout
    after = Rollout(APPLY, Stage.NATIVE, 100, ours.salt, Stage.SHADOW)
    back = [
        one
        for one in conversations
        if assign(one, ours).stage is Stage.PARALLEL and assign(one, after).stage is Stage.SHADOW
    ]
    assert refused.value.count == len(back) > 0
    assert await desk.control.show() == standing
    with pytest.raises(WouldGoBack):
        await desk.set(Stage.PARALLEL, 5_000, salt="another")
    await desk.set(Stage.NATIVE, 100, back=True)
    assert (await desk.control.show())[0].rollout.stage is Stage.NATIVE


@pytest.mark.parametrize(("stage", "points"), [(Stage.LEGACY, 5_000), (Stage.SHADOW, 100), (Stage.NATIVE, 0)])
async def test_the_way_back_is_never_refused(stage: Stage, points: int) -> None:
    desk = Rolling()
    await desk.set(Stage.PARALLEL, 10_000)
    await desk.set(Stage.NATIVE, 5_000)
    await desk.set(stage, points, salt="another")


class Named(memory.Flags):
    def name(self, use_case: UseCase, axis: Axis) -> str:
        return f"mail-{use_case}-{axis.value}"


@pytest.mark.parametrize(("flags", "named"), [(memory.Flags(), ["apply.outbound"]), (Named(), ["mail-apply-outbound"])])
async def test_where_flags_come_from_outside_nothing_is_set_and_the_flag_is_named(
    flags: memory.Flags, named: Sequence[str]
) -> None:
    desk = Rolling()
    control = evolve(desk.control, outside=flags)
    with pytest.raises(FlagsElsewhere, match=named[0]) as refused:
        await control.set(APPLY, stage=Stage.NATIVE, basis_points=1, axes=OUTBOUND)
    assert list(refused.value.flags) == named
    assert await control.show() == []
    flags.set(Rollout(APPLY, Stage.NATIVE, 1, "s"), Axis.OUTBOUND)
    assert (await control.read(APPLY, Axis.OUTBOUND)) is not None


async def test_what_cannot_be_counted_in_time_is_at_least() -> None:
    desk = Rolling()
    await desk.several(5)
    await desk.set(Stage.PARALLEL)
    hasty = evolve(desk.control, within=timedelta(0))
    assert not (await hasty.count(APPLY, await desk.control.show())).is_whole
    faults = memory.Faults()
    faults.fail("records.range", before(Unavailable("records")))
    broken = evolve(desk.control, listing=Listing(records=memory.faulty.Records(desk.records, faults)))
    assert not (await broken.count(APPLY)).is_whole


async def test_missing_aliases_are_issued_ahead_and_a_second_run_finds_nothing_to_do() -> None:
    desk = Rolling()
    conversations = await desk.several(PAGE + 5)
    await desk.set(Stage.NATIVE, 10_000, Axis.MINTING)
    seen: list[Prepared] = []
    dry = await desk.control.prepare(APPLY, dry_run=True)
    assert (dry.without_alias, dry.issued) == (PAGE + 5, 2 * (PAGE + 5))
    assert await desk.aliases.of(conversations[0]) == []
    prepared = await desk.control.prepare(APPLY, done=seen.append)
    assert prepared == dry
    assert [one.conversations for one in seen][:2] == [PAGE, PAGE + 5]
    assert {one.stands_for for one in await desk.aliases.of(conversations[0])} == {ANN, BOB}
    again = await desk.control.prepare(APPLY)
    assert (again.conversations, again.without_alias, again.issued) == (PAGE + 5, 0, 0)


async def test_a_run_that_was_killed_is_begun_again_and_issues_nothing_twice() -> None:
    desk = Rolling()
    conversations = await desk.several(20)
    await desk.set(Stage.NATIVE, 10_000, Axis.MINTING)
    faults = memory.Faults()
    faults.fail("records.write", before(Unavailable("records")), skip=25, times=1)
    dying = evolve(
        desk.control,
        aliasing=evolve(
            desk.aliasing, aliases=evolve(desk.aliases, records=memory.faulty.Records(desk.records, faults))
        ),
    )
    with pytest.raises(Unavailable):
        await dying.prepare(APPLY)
    issued = [alias for one in conversations for alias in await desk.aliases.of(one)]
    assert 0 < len(issued) < 40
    await desk.control.prepare(APPLY)
    now = [alias for one in conversations for alias in await desk.aliases.of(one)]
    assert len(now) == 40
    assert set(issued) <= set(now)


async def test_where_minting_is_off_nothing_is_issued_and_it_is_said() -> None:
    desk = Rolling()
    await desk.several(3)
    for dry_run in (True, False):
        prepared = await desk.control.prepare(APPLY, dry_run=dry_run)
        assert (prepared.issued, prepared.refusals) == (0, {MINTING_OFF: 3})


class ErasedMeanwhile(memory.Records):
    """The conversation is erased when its alias is reserved."""

    desk: Desk | None = None

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        if table == "aliases" and after and self.desk is not None:
            desk, self.desk = self.desk, None
            await desk.messaging._change(partition, "erased", lambda _: e.ConversationErased())
        return await super().range(table, partition, after=after, limit=limit)


async def test_what_was_erased_or_never_came_to_be_is_passed_over() -> None:
    records = ErasedMeanwhile()
    desk = Rolling(records)
    await desk.several(2)
    await desk.set(Stage.NATIVE, 10_000, Axis.MINTING)
    await desk.control.listing.add(APPLY, ConversationId("never"))
    records.desk = desk
    prepared = await desk.control.prepare(APPLY)
    assert (prepared.conversations, prepared.without_alias, prepared.issued) == (3, 2, 2)


async def test_a_use_case_is_known_by_its_first_conversation_and_unknown_only_where_that_is_certain() -> None:
    desk, nosuch, faults = Rolling(), UseCase("nosuch"), memory.Faults()
    await desk.several(2)
    assert await desk.control.knows(APPLY)
    assert not await desk.control.knows(nosuch)
    assert await evolve(desk.control, searches=False).knows(nosuch), "a store of the host's own may hold some"
    faults.fail("records.range", before("records"))
    away = evolve(desk.control, listing=Listing(records=memory.faulty.Records(desk.records, faults)))
    assert await away.knows(nosuch)


async def test_use_cases_of_which_the_hub_delivers_a_part_are_looked_at() -> None:
    desk = Rolling()
    await desk.several(2)
    await desk.messaging.create("quiet", [Participant(ANN)], conversation="q")
    assert await desk.control.exposed() == {}, "nothing is set"
    await desk.set(Stage.PARALLEL, 0, *OUTBOUND)
    assert await desk.control.exposed() == {}, "nobody is in it"
    await desk.set(Stage.PARALLEL, 1, *OUTBOUND)
    found = await desk.control.exposed()
    assert {one: counts.without_alias for one, counts in found.items()} == {APPLY: 2}


async def test_a_conversation_that_cannot_be_read_stops_nobody() -> None:
    desk = Rolling()
    await desk.several(3)
    await desk.set(Stage.NATIVE, 10_000, Axis.MINTING)
    (first,) = await desk.records.range("events", "c001", after="", limit=1)
    await desk.records.write([Replace(first.key, first.version, {**first.body, "$": "event/99"}, first.due)])
    other = Rolling(desk.records)  # another process: it has no thread in memory
    assert (await other.control.count(APPLY)).without_alias == 2
    assert (await other.control.count(APPLY)).is_whole
    prepared = await other.control.prepare(APPLY)
    assert (prepared.conversations, prepared.issued) == (3, 4)
