"""People of a platform that keeps its own conversations: they write beside us, by its application alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final

from convalias.app import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.conversations.timeline import TimelineItem
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState
from convalias.testing.simulator.commands import commanded
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.journal import Chat, Look
from convalias.testing.simulator.operators import Operators
from convalias.testing.simulator.people import People
from convalias.testing.simulator.platform import Platform, Row
from convalias.testing.simulator.ports import HOST
from convalias.testing.simulator.provider import Provider
from convalias.testing.simulator.world import World

_LATE: Final = (0.5, 10.0, 90.0)
"""Virtual seconds for which a transaction is open: younger messages are committed, and told, meanwhile."""
_RECENT: Final = 12


class Residents(Operators):
    """People who write into the platform's tables. Nothing fails there: it is their own database."""

    def __init__(self, world: World, people: People, platform: Platform) -> None:
        """Nothing has been written yet."""
        super().__init__(world, people)
        self._platform = platform
        self._provider = Provider(world)

    @property
    def acts(self) -> Mapping[str, Callable[[Stream, str], Coroutine[Any, Any, None]]]:
        """Return the acts that they do by themselves, most of them in place of a process of ours."""
        return {
            "chat": self.chat,
            "turn": self.turn,
            "leave": self.leave,
            "edit": self.edit,
            "withdraw": self.withdraw,
            "read": self.read,
            "look": self.look,
            "fill": self.fill,
        }

    async def chat(self, draws: Stream, name: str) -> None:
        """A member writes. Now and then the transaction is open for long, and the message is seen after younger ones."""
        conversation = draws.choice(self._people.conversations)
        author = draws.choice(self._people.members[conversation])
        chat = Chat(conversation=conversation, author=author, key=name, text=f"{name} said {author}")
        self._world.journal.chats.append(chat)
        row = self._platform.draft(conversation, author, chat.text)
        if draws.chance(0.4):
            await asyncio.sleep(draws.between(0.0, draws.choice(_LATE)))
        chat.accepted = not draws.chance(0.05) and self._platform.commit(row)
        chat.refused = not chat.accepted
        self._world.rests.ring(HOST)
        if draws.chance(0.5):  # the application says so to one process
            self._world.wake(draws)

    async def edit(self, draws: Stream, name: str) -> None:
        """Change what a message says. Its first word stays: by that the laws know it."""
        row = await self._waiting(draws) or self._recent(draws)
        if row is not None:
            self._platform.edit(row, f"{row.text.partition(' ')[0]} reads otherwise since {name}")

    async def withdraw(self, draws: Stream, name: str) -> None:
        """Delete a message, at once or after a while. If it was a mail, it may come once more: that adds nothing."""
        row = await self._waiting(draws)
        if row is None:
            row = self._recent(draws)
            if draws.chance(0.5):
                await asyncio.sleep(draws.between(0.0, 1800.0))
        if row is None or row.withdrawn is not None:
            return
        self._platform.withdraw(row)
        mail = None if row.key is None else self._world.journal.mails.get(row.text.partition(" ")[0])
        if mail is not None and draws.chance(0.5):
            await self._provider.deliver(mail, draws, attempt=name)

    async def read(self, draws: Stream, name: str) -> None:
        """A member opens a conversation in the application, most often one of which a notification is about to be sent."""
        del name
        row = await self._waiting(draws, likely=0.7) or self._recent(draws)
        if row is None:
            return
        reader = draws.choice(self._people.members[ConversationId(row.ref.thread)])
        for one in self._platform.rows.values():
            if one.ref.thread == row.ref.thread and one.at <= row.at:
                self._platform.mark_read(one, reader)

    async def look(self, draws: Stream, name: str) -> None:
        """A member is shown a timeline by one of our processes. The messages may have changed when it comes."""
        del name
        conversation = draws.choice(self._people.conversations)
        reader, world = draws.choice(self._people.members[conversation]), self._world
        begun: list[float] = []

        async def shown(cv: Convalias) -> Sequence[TimelineItem]:
            begun[:] = [world.now]
            return await cv.messaging.timeline(conversation, seen_by=reader)

        items = await commanded(world, draws, shown)
        if items is not None:
            look = Look(conversation=conversation, reader=reader, begun=begun[0], ended=world.now, items=items)
            world.journal.looks.append(look)

    async def fill(self, draws: Stream, name: str) -> None:
        """A conversation has reached its quota: the platform takes no mail there for a while."""
        del name
        conversation = draws.choice(self._people.conversations)
        self._platform.fill(conversation, is_full=True)
        await asyncio.sleep(draws.choice((5.0, 60.0, 600.0)))
        self._platform.fill(conversation, is_full=False)

    async def close(self, conversation: ConversationId, draws: Stream) -> None:
        """Close it, by the application."""
        del draws
        self._platform.turn(conversation, ThreadState.CLOSED)

    async def reopen(self, conversation: ConversationId, draws: Stream) -> None:
        """Open it again."""
        del draws
        self._platform.turn(conversation, ThreadState.OPEN)

    async def remove(self, conversation: ConversationId, who: AccountId, draws: Stream) -> None:
        """Remove somebody."""
        del draws
        self._platform.leave(conversation, who)

    async def add(self, conversation: ConversationId, who: Participant, draws: Stream) -> None:
        """Add somebody."""
        del draws
        self._platform.join(conversation, who)

    async def _waiting(self, draws: Stream, *, likely: float = 0.4) -> Row | None:
        """A message of which somebody has not been told yet, though it was tried. None: nobody looked for one."""
        if not draws.chance(likely):
            return None
        events = await self._until(_untold)
        return self._platform.by_event().get(draws.choice(events)) if events else None

    def _recent(self, draws: Stream) -> Row | None:
        rows = [row for row in self._platform.rows.values() if row.withdrawn is None and not row.is_past]
        return draws.choice(rows[-_RECENT:]) if rows else None


def _untold(decision: DeliveryDecision) -> Iterable[EventId]:
    """Name the event, if somebody has not been told of it though that was tried."""
    if any(row.state is DeliveryState.PLANNED and row.attempts for row in decision.deliveries):
        yield decision.event
