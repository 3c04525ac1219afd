"""A process that dies at any call of any port loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import pytest

from convalias.adapters import memory
from convalias.domain.inbound.outcomes import HandedOver, Held, Refused, Relayed
from convalias.domain.mail.reasons import Reason
from services.inbound_desk import (
    C1,
    C2,
    LEGACY,
    NOBODY,
    TO_C1,
    TO_C1_TOO,
    TO_C2,
    Process,
    Town,
    open_town,
    written,
)

T = TypeVar("T")
MAIL = written(TO_C1, TO_C1_TOO, TO_C2, LEGACY, NOBODY, attached=True)


class Killed(BaseException):
    """What nobody catches."""


class DiesAt(memory.Faults):
    """A process that dies at its nth call, with that call done or not; from then on it has no effect."""

    def __init__(self, number: int, *, done: bool) -> None:
        super().__init__()
        self.number = number
        self.done = done
        self.made = 0

    @property
    def is_dead(self) -> bool:
        return self.made > self.number

    async def around(self, call: str, work: Callable[[], Awaitable[T]]) -> T:
        self.made += 1
        if self.made == self.number and self.done:
            await work()
        if self.made >= self.number:
            self.made = self.number + 1
            raise Killed
        return await work()


async def lives_on(town: Town) -> None:
    """Another process goes on; what the dead one held comes back when its lease is over."""
    process = Process(town)
    with suppress(Killed):
        await process.receiver.accept(MAIL)  # no answer was seen, so the source tries again
    await town.clock.advance(timedelta(minutes=2))
    await process.drain()


async def all_is_done_once(town: Town) -> None:
    assert [message.text.strip() for message in await town.messages(C1)] == ["Hello"]
    assert await town.messages(C2) == []
    (hold,) = await town.holds(C2)
    assert [call.kind for call in await town.legacy.calls()] == ["handoff"]
    (mail,) = town.outbox.mails
    assert mail.to.key == "bob@corp.example"
    assert len(await town.blobs.names("raw/", after="", limit=10)) == 1
    assert len(await town.blobs.names("attachments/", after="", limit=10)) == 2
    (outcome,) = await town.outcomes()
    (effects,) = await town.effects()
    assert [type(effects[address]) for address in (TO_C1, LEGACY)] == [Relayed, HandedOver]
    assert effects[TO_C2] == Held(hold.id)
    assert effects[NOBODY] == Refused(Reason.UNKNOWN_ALIAS, told=True)
    assert outcome.record == (await town.blobs.names("envelopes/", after="", limit=10))[0]
    depth = await town.queue.depth()
    assert (depth.ready, depth.in_flight) == (0, 0)


async def dies(town: Town, number: int, *, done: bool) -> bool:
    """Whether a process that keeps the mail and works died before it was through."""
    faults = DiesAt(number, done=done)
    process = Process(town, faults=faults)

    async def life() -> None:
        await process.receiver.accept(MAIL)
        await process.worker.step()
        await town.clock.advance(timedelta(seconds=61))
        await process.system_outbox.send_due()

    await asyncio.gather(asyncio.ensure_future(life()), return_exceptions=True)
    return faults.is_dead


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_whichever_call_a_process_dies_at_all_is_done_once(*, done: bool) -> None:
    number = 1
    died = True
    while died:
        town = await open_town()
        died = await dies(town, number, done=done)
        await lives_on(town)
        await all_is_done_once(town)
        number += died
    assert number > 25


async def test_dying_again_and_again_is_no_difference() -> None:
    town = await open_town()
    for number in range(1, 60, 7):
        await dies(town, number, done=bool(number % 2))
        await town.clock.advance(timedelta(minutes=2))
    await lives_on(town)
    await all_is_done_once(town)
