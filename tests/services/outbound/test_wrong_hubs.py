"""A hub of the host's own that answers what its port does not name: nothing is sent twice, and nothing is lost for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from convalias.domain.outbound.delivery import Channel
from convalias.ports.hub import Guarantee
from services.outbound_world import Hub, World

from .test_notifier import told

NOTHING = Guarantee()


@pytest.mark.parametrize(
    ("guarantee", "after_a_minute"), [(NOTHING, "uncertain"), (Guarantee(timedelta(hours=1)), "sent")]
)
async def test_a_hub_that_answers_none_may_have_sent(guarantee: Guarantee, after_a_minute: str) -> None:
    world = World(guarantee=guarantee)
    wrong: Any = None
    world.hub.answer = wrong
    event = await told(world)
    await world.worker().deliver_due()
    right: Any = Hub(world.clock).answer
    world.hub.answer = right
    await world.pass_time(minutes=1)
    await world.worker().deliver_due()
    assert await world.states(event) == [after_a_minute] * 2
    assert world.hub.left.total() == (2 if guarantee.remembers_keys_for else 0)


async def test_a_channel_that_answers_none_when_asked_is_asked_again() -> None:
    world, wrong = World(), [None, None]

    async def ask(key: str) -> Any:
        return wrong.pop() if wrong else await world.hub.ask(key)

    world.hub.guarantee = Guarantee(ask=ask)
    event = await told(world)
    unfit: Any = None
    world.hub.answer = unfit
    await world.worker().deliver_due()
    for _ in range(2):
        assert await world.states(event) == ["tried", "tried"]
        world.hub.answer = Hub(world.clock).answer
        await world.pass_time(minutes=5)
        await world.worker().deliver_due()
    assert await world.states(event) == ["sent", "sent"]
    assert set(world.hub.left.values()) == {1}


class Moody(Hub):
    """A hub that cannot say at every time what it serves."""

    moods = 0

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        if self.moods:
            self.moods -= 1
            raise KeyError("bob@home.example")
        return super().channels


async def test_a_hub_that_does_not_say_what_it_serves_was_not_called() -> None:
    world = World(guarantee=NOTHING)
    world.hub.__class__ = Moody
    assert isinstance(world.hub, Moody)
    world.hub.moods = 2
    event = await told(world)
    await world.worker().deliver_due()
    assert await world.states(event) == ["planned", "planned"]
    await world.pass_time(minutes=1)
    await world.worker().deliver_due()
    assert await world.states(event) == ["sent", "sent"]
    assert set(world.hub.left.values()) == {1}


async def test_after_a_lost_answer_it_is_held_to_nothing_while_it_does_not_say() -> None:
    world = World(guarantee=Guarantee(timedelta(hours=1)))
    world.hub.__class__ = Moody
    assert isinstance(world.hub, Moody)
    unfit: Any = None
    world.hub.answer = unfit
    event = await told(world)
    asked = 0

    async def send(notification: Any) -> Any:
        nonlocal asked
        asked += 1
        assert isinstance(world.hub, Moody)
        world.hub.moods = 1
        return None

    world.hub.send = send  # type: ignore[method-assign] - a hub that loses its answer, and then its head
    await world.worker().deliver_due()
    assert asked == 2
    assert "uncertain" in await world.states(event)


async def test_a_row_in_doubt_stays_in_doubt_while_the_hub_does_not_say_what_it_serves() -> None:
    world = World(guarantee=Guarantee(timedelta(hours=1)))
    unfit: Any = None
    world.hub.answer = unfit
    event = await told(world)
    await world.worker().deliver_due()
    world.hub.__class__ = Moody
    assert isinstance(world.hub, Moody)
    world.hub.moods = 2
    world.hub.answer = Hub(world.clock).answer
    await world.pass_time(minutes=2)
    await world.worker().deliver_due()
    assert set(await world.states(event)) <= {"tried", "uncertain"}
