"""The scene of every act: the running system, the folder, and a way to tell what happens."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
from attrs import field, frozen

from convalias.app.facade import Convalias
from convalias.cli.demo import provider
from convalias.cli.demo.machine import Machine
from convalias.cli.demo.script import Letter
from convalias.cli.stored import all_events, everything
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState
from convalias.services.operations.operations import Asked

SETTLED_WITHIN: Final = 240.0
"""Seconds. A queue that leases by time gives back what a dead worker held after one minute."""
PAUSE: Final = 0.1
WIDTH: Final = 96


@frozen
class Act:
    """A step of the story, as it was told."""

    title: str
    lines: list[str]


@frozen(kw_only=True)
class Scene:
    """The scene of one story."""

    folder: Path
    cv: Convalias
    machine: Machine
    key: str = field(repr=False)
    tell: Callable[[str], None]
    told: list[Act] = field(factory=list[Act])

    # --- telling -------------------------------------------------------------------------------------

    def act(self, title: str, *lines: str) -> None:
        """A new step of the story."""
        self.told.append(Act(title, []))
        self.tell("")
        self.tell(click.style(f"{len(self.told)}. {title}", bold=True))
        self.say(*lines)

    def say(self, *lines: str) -> None:
        """More about this step."""
        self.told[-1].lines.extend(lines)
        for line in lines:
            self._shown(line)

    def _shown(self, line: str) -> None:
        margin = " " * (3 + len(line) - len(line.lstrip()))
        wrapped = textwrap.wrap(
            line.strip(), WIDTH - len(margin), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        for text in wrapped or [""]:
            self.tell(f"{margin}{text}".rstrip())

    # --- doing ---------------------------------------------------------------------------------------

    async def post(self, letter: Letter) -> int:
        """Once per recipient, each until it is answered 200; how many posts it took."""
        posts = [provider.signed(letter, recipient, key=self.key) for recipient in letter.to]
        return sum([await provider.deliver(self.machine.port, post) for post in posts])

    async def settle(self) -> None:
        """Until no job waits, every message has its decision, and every decision is at rest."""
        async with asyncio.timeout(SETTLED_WITHIN):
            while not await self._is_settled():  # noqa: ASYNC110 - see below
                await asyncio.sleep(PAUSE)  # what we wait for is done by another process, which cannot wake us

    async def _is_settled(self) -> bool:
        depth = await self.cv.ports.queue.depth()
        if depth.ready or depth.in_flight:
            return False
        decisions = await self.decisions()
        decided = {one.event for one in decisions}
        messages = {event.id for one in await self.conversations() for event in await self.messages(one)}
        return messages <= decided and all(_is_at_rest(one) for one in decisions)

    # --- looking -------------------------------------------------------------------------------------

    async def conversations(self) -> Sequence[str]:
        """Return the conversations of the demo."""
        return ("backend", "design", "old-1", "old-2")

    async def messages(self, conversation: str) -> Sequence[ConversationEvent]:
        """Return what was said in that conversation."""
        events = await all_events(self.cv, conversation)
        return [event for event in events if isinstance(event.happening, MessageAdded)]

    async def decisions(self) -> Sequence[DeliveryDecision]:
        """Return who was to be told of what."""
        return [one async for one in everything(self.cv.ports.records, "decisions", DeliveryDecision)]

    async def became(self, letter: Letter) -> Sequence[str]:
        """Return what the operator's `why` says about that mail: the decisions of all its posts, oldest first."""
        told = await self.cv.operations.why(Asked(message_id=letter.message_id))
        return [step.what for story in reversed(told.stories) for step in story.steps[1:]]

    def mails(self, name: str = "outbox") -> Sequence[Path]:
        """The notifications that left."""
        return sorted((self.folder / "data" / name).glob("*.eml"))


def _is_at_rest(decision: DeliveryDecision) -> bool:
    moving = {DeliveryState.PLANNED, DeliveryState.TRIED}
    indexed = decision.index is None or decision.index.done
    return indexed and not any(row.state in moving for row in decision.deliveries)
