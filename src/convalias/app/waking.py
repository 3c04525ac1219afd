"""Wake the idle loops of this process by what it writes itself; the work of other processes is polled for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from convalias.app.ports import Ports
from convalias.app.stand_ins import stand_in
from convalias.ports.ambient import Clock
from convalias.ports.records import Conflict, Delete, Records, Write, Written
from convalias.stores.conversations.event_store import FEED
from convalias.stores.outbound.ledger import DUE

P = TypeVar("P")
_Call: TypeAlias = Callable[..., Awaitable[Any]]
_WRITES: Final = ("write", "write_in_order")
"""The calls of `Records` that write; the second is optional."""


@frozen(kw_only=True)
class Wakes:
    """Events that end the pauses of idle loops of this process, one for each loop.

    Each is set when the work is durable, and cleared by the loop before its next look: work that comes during a look
    is found by the one after it. A wake-up that is lost costs one pause.
    """

    jobs: asyncio.Event = field(factory=asyncio.Event)
    """A job was put: the relay looks."""
    appended: asyncio.Event = field(factory=asyncio.Event)
    """A message was appended, posted, or committed by the host: the feed looks."""
    published: asyncio.Event = field(factory=asyncio.Event)
    """An event was published: the notifier decides."""
    decided: asyncio.Event = field(factory=asyncio.Event)
    """A delivery became due: it is sent."""


def waking(ports: Ports, wakes: Wakes) -> Ports:
    """The same ports; a call that leaves work for a loop of this process sets its event.

    What is due later wakes nobody, nor does a failed call: it is found after the next pause.
    """
    instead: dict[str, Any] = {
        "records": _with(ports.records, _written(ports.records, ports.clock, wakes)),
        "queue": _with(ports.queue, {"put": _then(ports.queue.put, wakes.jobs)}),
        "events": _with(ports.events, {"publish": _then(ports.events.publish, wakes.published)}),
    }
    if ports.conversations is not None:
        post = _then(ports.conversations.post, wakes.appended)
        instead["conversations"] = _with(ports.conversations, {"post": post})
    return evolve(ports, **instead)


def _written(records: Records, clock: Clock, wakes: Wakes) -> dict[str, _Call]:
    """The calls that write, each followed by a look at what they made due."""

    def watched(call: _Call) -> _Call:
        async def write(writes: Sequence[Write]) -> Sequence[Written | Conflict]:
            answers: Sequence[Written | Conflict] = await call(writes)
            for asked, answer in zip(writes, answers, strict=False):
                if isinstance(answer, Written):
                    wake_for(asked)
            return answers

        return write

    def wake_for(write: Write) -> None:
        due = None if isinstance(write, Delete) else write.due
        if due is None:
            return
        if due.lane == FEED:  # whatever its time is: an event is published as soon as it is there
            wakes.appended.set()
        elif due.lane == DUE and due.at <= clock.now():
            wakes.decided.set()

    return {name: watched(getattr(records, name)) for name in _WRITES if hasattr(records, name)}


def _then(call: _Call, woken: asyncio.Event) -> _Call:
    async def called(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the port takes and gives
        answer = await call(*args, **named)
        woken.set()
        return answer

    return called


def _with(port: P, calls: dict[str, _Call]) -> P:
    """The same port with these calls in the place of its own: still of its class, with all that it has besides."""

    def found(proxy: object, name: str) -> Any:  # noqa: ANN401 - whatever it has
        del proxy
        return calls[name] if name in calls else getattr(port, name)

    return stand_in(port, "Waking", found)
