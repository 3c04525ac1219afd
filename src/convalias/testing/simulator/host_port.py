"""The five calls of a host, from one simulated process: each crosses its gate to the tables of the platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, TypeVar

from attrs import define, field, frozen

from convalias.ports.conversations import (
    AlreadyPosted,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    Thread,
)
from convalias.ports.errors import Unavailable
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.platform import Platform
from convalias.testing.simulator.ports import HOST, Rings, poll

T = TypeVar("T")
_LAGGING: Final = 0.15
_LOOKS: Final = 4


@frozen
class Tables:
    """`ports.Conversations` over the tables themselves: for whoever stands where nothing fails."""

    platform: Platform

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        """Do what the port says."""
        return self.platform.thread(id)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        """Do what the port says."""
        return self.platform.post(message)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        """Do what the port says."""
        return self.platform.find(thread, message=message, key=key)

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        """Do what the port says."""
        return self.platform.untold()[:limit]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        """Do what the port says."""
        self.platform.told(messages)


@define(slots=False)
class Conversations:
    """`ports.Conversations` of a platform, as its docstring has it and no better.

    `untold` answers in any order, at times with less than it could. What is raised is most often the platform's own.
    """

    __module__ = "platform_of_a_host"  # a guard stands before what is not convalias's own, so before this one

    gate: Gate
    platform: Platform
    rings: Rings
    draws: Draws
    is_lagging: Callable[[], bool]
    """Whether a copy of the tables may lag behind: beyond what the port promises, and it happens."""
    has_row: Callable[[str, str], bool]
    """Whether a row of ours stands beside that mail. For the laws."""
    _looks: dict[MessageRef, int] = field(factory=dict[MessageRef, int], init=False)

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        """Do what the port says."""
        return await self._call("thread", id, lambda: Tables(self.platform).thread(id))

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        """Do what the port says."""

        async def effect() -> Posted | AlreadyPosted | PostDeclined:
            has_row = self.has_row(message.thread, message.key)
            answer = self.platform.post(message)
            if isinstance(answer, Posted):
                self.rings.ring(HOST)
                if not has_row and not self.gate.world.is_cut(self.gate.process):
                    self.platform.rowless.append(message.text.partition(" ")[0])
            return answer

        return await self._call("post", f"{message.thread} {message.key}", effect)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        """Do what the port says, but for a copy that lags behind at one look for each message."""

        async def effect() -> Message | None:
            if message is not None and self._is_overlooked(MessageRef(thread, message)):
                return None
            return self.platform.find(thread, message=message, key=key)

        return await self._call("find", f"{thread} {message or key}", effect)

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        """Do what the port says: in any order, and one of them at the least."""
        poll(HOST)
        look = self.gate.process.numbered("order of untold")

        async def effect() -> Sequence[MessageRef]:
            refs = sorted(
                self.platform.untold(), key=lambda ref: self.draws.octets(f"{look} {ref.thread} {ref.message}")
            )
            first, second = self.draws.units(look)
            most = 1 + int(second * limit) if first < _LAGGING else limit
            return refs[: min(most, limit)]

        return await self._call("untold", "", effect)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        """Do what the port says. A call that fails in its middle is half done."""

        async def effect() -> None:
            self.platform.told(messages)

        async def part() -> None:
            self.platform.told(messages[: len(messages) // 2])

        about = f"{messages[0].thread} {messages[0].message} {len(messages)}" if messages else ""
        await self._call("told", about, effect, part=part)

    def _is_overlooked(self, ref: MessageRef) -> bool:
        look = self._looks[ref] = self._looks.get(ref, 0) + 1
        first, second = self.draws.units(f"{self.gate.process.name} overlooks {ref.thread} {ref.message}")
        return look == 1 + int(second * _LOOKS) and first < _LAGGING and self.is_lagging()

    async def _call(
        self,
        call: str,
        about: str,
        effect: Callable[[], Awaitable[T]],
        *,
        part: Callable[[], Awaitable[object]] | None = None,
    ) -> T:
        try:
            return await self.gate.call(f"host.{call}", about, effect, part=part)
        except Unavailable as away:
            if self.platform.raises_its_own:
                raise ConnectionError("database") from away
            raise


class ReadBack(Conversations):
    """The same of a platform that has read marks and a history besides."""

    __module__ = "platform_of_a_host"

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        """Do what the capability says."""

        async def effect() -> Collection[str]:
            return self.platform.readers(thread, message, accounts)

        return await self._call("read", f"{thread} {message}", effect)

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        """Do what the capability says."""

        async def effect() -> Sequence[Message]:
            return self.platform.history(thread, before=before, limit=limit)

        return await self._call("history", f"{thread} {before or ''}", effect)
