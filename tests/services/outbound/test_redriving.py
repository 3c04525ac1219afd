"""A redrive is a first try: age and read marks count, a dry run says what the run does, letters go with their event."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters.memory import before
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import EventId, Seq
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.redrives import Redriven
from convalias.domain.outbound.tries import Persistence
from convalias.services.feed.change_feed import record
from convalias.stores.outbound.letters import subject_of
from services.outbound_world import ANN, BOB, C1, EVE, NOON, World

ONE_TRY = Persistence(tries=1)


async def given_up(world: World, stage: Stage = Stage.NATIVE, call: str = "hub.send") -> ConversationEvent:
    """A message of Ann's about which everything was given up."""
    await world.begin()
    world.set(stage)
    event = await world.said()
    await world.worker().decide([record(event)])
    world.faults.fail(call, before("away"))
    await world.worker().deliver_due()
    world.faults.mend()
    return event


async def redriven(world: World) -> Redriven:
    """What a dry run says and the run then does."""
    redriving = world.worker().redriving
    said = await redriving.all(dry_run=True)
    assert await redriving.all(dry_run=True) == said
    done = await redriving.all(dry_run=False)
    assert said == done
    assert await redriving.all(dry_run=False) == Redriven(failed=done.failed)
    return done


async def test_what_failed_is_due_again_and_all_letters_of_its_event_go() -> None:
    world = World(persistence=ONE_TRY)
    event = await given_up(world)
    assert len(await world.letters()) == 2
    assert await redriven(world) == Redriven(due=2)
    assert await world.letters() == []
    await world.worker().deliver_due()
    assert await world.states(event) == ["sent", "sent"]


async def test_a_message_of_a_month_ago_is_too_late_and_nobody_is_told() -> None:
    world = World(persistence=ONE_TRY)
    event = await given_up(world)
    await world.pass_time(days=30)
    assert await redriven(world) == Redriven(too_late=2)
    await world.worker().deliver_due()
    assert await world.states(event) == ["too_late", "too_late"]
    assert not world.hub.left
    assert await world.letters() == []


async def test_whoever_has_read_it_or_left_is_not_told() -> None:
    world = World(persistence=ONE_TRY)
    event = await given_up(world)
    await world.happens(e.MessagesRead(BOB, event.seq))
    await world.happens(e.ParticipantRemoved(EVE))
    assert await redriven(world) == Redriven(cancelled=2)
    assert [row.reason for row in await world.rows(event)] == ["read", "withdrawn"]
    await world.worker().deliver_due()
    assert not world.hub.left


async def test_what_is_too_old_when_its_turn_comes_is_not_sent_though_it_was_decided_in_time() -> None:
    world = World()
    await world.begin()
    event = await world.said()
    await world.worker().decide([record(event)])
    await world.pass_time(days=8)
    await world.worker().deliver_due()
    assert await world.states(event) == ["too_late", "too_late"]
    assert await world.letters() == []


@pytest.mark.parametrize("late", [True, False])
async def test_legacy_is_told_to_suppress_what_is_too_late(*, late: bool) -> None:
    world = World(persistence=ONE_TRY)
    event = await given_up(world, Stage.LEGACY, "legacy.index")
    if late:
        await world.pass_time(days=8)
    assert await redriven(world) == (Redriven(too_late=2) if late else Redriven(due=2))
    await world.worker().deliver_due()
    assert [call.suppress_notification for call in await world.legacy.calls()] == [late]
    assert len(world.legacy_outbox.mails) == (0 if late else 2)
    assert await world.states(event) == (["too_late"] * 2 if late else ["sent"] * 2)


async def test_legacy_tells_those_who_have_not_read_it() -> None:
    """Its one call tells everybody: it is suppressed only if nobody is to be told."""
    world = World(persistence=ONE_TRY)
    event = await given_up(world, Stage.LEGACY, "legacy.index")
    await world.happens(e.MessagesRead(BOB, event.seq))
    assert await redriven(world) == Redriven(due=1, cancelled=1)
    await world.worker().deliver_due()
    assert [call.suppress_notification for call in await world.legacy.calls()] == [False]
    assert await world.states(event) == ["cancelled", "sent"]


async def test_an_index_call_alone_counts_as_one() -> None:
    world = World(persistence=ONE_TRY)
    event = await given_up(world, Stage.PARALLEL, "legacy.index")
    assert await world.states(event) == ["sent", "sent"]
    assert await redriven(world) == Redriven(due=1)


def undecided(event: ConversationEvent) -> DeadLetter:
    return DeadLetter(
        id=DeadLetterId(f"undecided {event.id}"),
        lane="deliveries",
        subject=subject_of(event.conversation, event.id),
        reason="no decision: Poison",
        tries=1,
        at=NOON,
    )


@pytest.mark.parametrize(
    ("happening", "age", "expected"),
    [
        (None, timedelta(0), Redriven(due=2)),
        (None, timedelta(days=8), Redriven(too_late=2)),
        (e.MessagesRead(ANN, Seq(1)), timedelta(0), Redriven()),
    ],
)
async def test_what_was_never_decided_is_decided(
    happening: e.Happening | None, age: timedelta, expected: Redriven
) -> None:
    world = World()
    await world.begin()
    event = await world.said(age=age) if happening is None else await world.happens(happening, age=age)
    await world.dead_letters.put(undecided(event))
    assert await redriven(world) == expected
    assert await world.letters() == []


async def test_a_letter_about_an_event_that_is_not_there_is_counted_and_stays() -> None:
    world = World(persistence=ONE_TRY)
    await given_up(world)
    never = evolve(undecided(await world.said()), subject=subject_of(C1, EventId("never")))
    await world.dead_letters.put(never)
    assert await redriven(world) == Redriven(due=2, failed=1)
    (left,) = await world.letters()
    assert left.startswith("no decision")
