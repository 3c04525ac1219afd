"""Slips where a platform keeps the conversations in its own tables: at its port, beside its messages, in the feed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from attrs import evolve, frozen

from convalias.app import guards
from convalias.app.guards import AdapterFaults
from convalias.app.ports import Ports
from convalias.codec import dump
from convalias.domain.conversations.events import ConversationEvent, NewEvent
from convalias.domain.conversations.host_messages import KeptMail
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.mail.reasons import Reason
from convalias.domain.outbound import decision as deciding
from convalias.domain.outbound.scene import Scene
from convalias.domain.system_mail.letters import RefusalLetter, SystemMail
from convalias.ports.conversations import (
    AlreadyPosted,
    Conversations,
    History,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    Thread,
)
from convalias.ports.records import Due, Insert, Key
from convalias.services.feed.untold_feed import UntoldFeed
from convalias.services.inbound.carrier import PlanCarrier
from convalias.stores.conversations import hosted
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.encoding import digest
from convalias.stores.errors import PostingDeclined
from convalias.stores.system_mail import outbox
from convalias.stores.system_mail.former import refusal_key
from convalias.stores.system_mail.outbox import Outbox
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.platform import Platform
from convalias.testing.simulator.weather import Fault, Weather
from convalias.testing.simulator.world import World

from .patching import Method, around, inner, instead, together


@frozen
class _ToldWhenTaken:
    """A port of which the feed tells at once what it has taken."""

    host: Conversations

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        """As the port."""
        return await self.host.thread(id)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        """As the port."""
        return await self.host.post(message)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        """As the port."""
        return await self.host.find(thread, message=message, key=key)

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        """Told from now on, whatever becomes of them."""
        refs = await self.host.untold(limit=limit)
        await self.host.told(refs)
        return refs

    async def told(self, messages: Sequence[MessageRef]) -> None:
        """Long done."""


def _told_when_taken(world: World, ports: Ports) -> Ports:
    del world
    return ports if ports.conversations is None else ports.but(conversations=_ToldWhenTaken(ports.conversations))


def _another_key(kept: Callable[[str], str]) -> Callable[[str], str]:
    numbers = count()

    def post_key(dedup_key: str) -> str:
        return f"{kept(dedup_key)[:30]}{next(numbers):012d}"

    return post_key


def _another_id(kept: Callable[[ConversationId, str], EventId]) -> Callable[[ConversationId, str], EventId]:
    numbers = count()

    def host_event_id(conversation: ConversationId, message: str) -> EventId:
        return EventId(f"{kept(conversation, message)[:20]}{next(numbers):06d}")

    return host_event_id


@frozen
class _RowsBehind:
    """Writes a row down when it is known that the mail was posted."""

    rows: HostRows

    async def keep(self, mail: KeptMail) -> KeptMail:
        """Later."""
        return await self.rows.mail(mail.conversation, mail.key) or mail

    async def posted(self, mail: KeptMail, message: str) -> KeptMail:
        """Now."""
        return await self.rows.posted(await self.rows.keep(mail), message)

    def __getattr__(self, name: str) -> object:
        return getattr(self.rows, name)


def _row_behind(kept: Method) -> Method:
    async def posted(self: HostConversations, new: object, message: object, thread: object) -> object:
        behind: Any = _RowsBehind(self.rows)
        return await kept(evolve(self, rows=behind), new, message, thread)

    return posted


def _unguarded(kept: Method) -> Method:
    def guarded(port: object, keyword: str, protocol: type, faults: AdapterFaults) -> object:
        return port if keyword == "conversations" else kept(port, keyword, protocol, faults)

    return guarded


def _at_once(kept: Method) -> Method:
    async def scene(
        self: HostConversations, conversation: ConversationId, event: EventId, seq: Seq, *given: object
    ) -> Scene:
        inner(self, "_missed")[event] = None
        found: Scene = await kept(self, conversation, event, seq, *given)
        return found

    return scene


def _never_gone(kept: Method) -> Method:
    async def scene(
        self: HostConversations, conversation: ConversationId, event: EventId, seq: Seq, *given: object
    ) -> Scene:
        found: Scene = await kept(self, conversation, event, seq, *given)
        return evolve(found, withdrawn=False)

    return scene


def _as_first_read(kept: Method) -> Method:
    known: dict[EventId, Scene] = {}

    async def scene(
        self: HostConversations, conversation: ConversationId, event: EventId, seq: Seq, *given: object
    ) -> Scene:
        found: Scene = await kept(self, conversation, event, seq, *given)
        return evolve(found, event=known.setdefault(event, found).event)

    return scene


async def _whoever_is_there(self: HostConversations, scene: Scene) -> ConversationThread:
    del self
    return scene.thread


def _told_up_to() -> tuple[Callable[[Method], Method], Callable[[Method], Method]]:
    """What is read behind a time, and how that time gets on."""
    reached: list[datetime] = []

    def untold(kept: Method) -> Method:
        reached.clear()

        def read(self: Platform) -> Sequence[MessageRef]:
            refs: Sequence[MessageRef] = kept(self)
            return [ref for ref in refs if not reached or self.rows[ref].at > reached[0]]

        return read

    def told(kept: Method) -> Method:
        def commit(self: Platform, messages: Sequence[MessageRef]) -> None:
            kept(self, messages)
            reached[:] = [max([*reached, *(self.rows[one].at for one in messages if one in self.rows)])]

        return commit

    return untold, told


def _always_news(self: UntoldFeed, event: object, beginning: datetime) -> bool:
    del self, event, beginning
    return True


async def _nobody(self: HostConversations, scene: Scene, accounts: Collection[AccountId]) -> frozenset[AccountId]:
    del self, scene, accounts
    return frozenset()


def _one_page(kept: Method) -> Method:
    async def history(
        self: HostConversations, conversation: ConversationId, *, limit: int
    ) -> Sequence[ConversationEvent] | None:
        pages = count()

        async def page(thread: str, *, before: str | None, limit: int) -> Sequence[Message]:
            found: Sequence[Message] = await inner(self.port, "history")(thread, before=before, limit=limit)
            return found if next(pages) == 0 else ()

        if not isinstance(self.port, History):
            return None
        port: Any = _Paged(self.port, page)
        shown: Sequence[ConversationEvent] = await kept(evolve(self, port=port), conversation, limit=limit)
        return shown

    return history


@frozen
class _Paged:
    """A port whose history is another."""

    port: object
    history: Callable[..., Awaitable[Sequence[Message]]]

    def __getattr__(self, name: str) -> object:
        return getattr(self.port, name)


def _tried_again(kept: Method) -> Method:
    async def posted(self: HostConversations, new: object, message: object, thread: object) -> object:
        for _ in range(40):
            with suppress(PostingDeclined):
                return await kept(self, new, message, thread)
            await self.clock.sleep(timedelta(seconds=1))
        return await kept(self, new, message, thread)

    return posted


def _added_later(kept: Method) -> Method:
    """The mail is posted once more in the background, when there may be room for it."""
    later: set[asyncio.Task[None]] = set()

    async def posted(self: HostConversations, new: NewEvent, message: object, thread: object) -> object:
        async def once_more() -> None:
            await self.clock.sleep(timedelta(minutes=12))
            with suppress(Exception):
                await kept(self, new, message, thread)

        try:
            return await kept(self, new, message, thread)
        except PostingDeclined:
            later.add(asyncio.create_task(once_more()))
            raise

    return posted


def _for_another_reason(kept: Method) -> Method:
    async def declined(self: PlanCarrier, *args: object) -> object:
        effect = await kept(self, *args)
        return evolve(effect, reason=Reason.RATE_LIMITED)

    return declined


def _at_each_try(kept: Method) -> Method:
    numbers = count()

    async def enter(self: Outbox, refusal: RefusalLetter, *, received: datetime, due: datetime) -> bool:
        if refusal.reason is not Reason.DECLINED:
            entered: bool = await kept(self, refusal, received=received, due=due)
            return entered
        partition = f"{received:%Y-%m-%d}.{digest(refusal.sender.domain)}"
        place = digest(refusal.trace, str(next(numbers)))
        mail = SystemMail(key=refusal_key(partition, place), letter=refusal)
        row = Insert(Key(outbox.TABLE, partition, place), dump(mail), due=Due(outbox.TABLE, due))
        await self.records.write([row])
        return True

    return enter


_UNTOLD, _TOLD = _told_up_to()
MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="told-before-published",
        slip="The feed tells a host of what it has taken before that is published.",
        breaks="I4",
        alter=_told_when_taken,
        hosted=True,
    ),
    Mutant(
        name="post-key-forgotten",
        slip="A mail is posted to a host under another key at each try.",
        breaks="I8",
        patched=around(hosted, "post_key", _another_key),
        hosted=True,
    ),
    Mutant(
        name="event-id-drawn-anew",
        slip="The event of a host's message gets another id whenever it is looked at.",
        breaks="I1",
        patched=around(hosted, "host_event_id", _another_id),
        hosted=True,
    ),
    Mutant(
        name="row-behind-the-post",
        slip="The row beside a host's message is written when it is posted.",
        breaks="I8",
        patched=around(HostConversations, "_post", _row_behind),
        hosted=True,
    ),
    Mutant(
        name="guard-off",
        slip="What a host's adapter raises is taken for a message that nobody can decide about.",
        breaks="I4",
        patched=around(guards, "guarded", _unguarded),
        weather=Weather(on=frozenset({Fault.AWAY, Fault.BEFORE}), rate=0.06, until=600.0),
        hosted=True,
    ),
    Mutant(
        name="none-believed-at-once",
        slip="A message that a host does not find is withdrawn, the first time it is asked.",
        breaks="I4",
        patched=around(HostConversations, "scene", _at_once),
        hosted=True,
    ),
    Mutant(
        name="cursor-for-untold",
        slip="The messages of a host are read behind the latest that was told.",
        breaks="I3",
        patched=together(around(Platform, "untold", _UNTOLD), around(Platform, "told", _TOLD)),
        hosted=True,
    ),
    Mutant(
        name="tells-the-past",
        slip="At a first start people are told of what was there before.",
        breaks="I4",
        patched=instead(UntoldFeed, "_is_news", _always_news),
        hosted=True,
    ),
    Mutant(
        name="withdrawn-is-mailed",
        slip="People are told of a message that a host says is gone.",
        breaks="I5",
        patched=around(HostConversations, "scene", _never_gone),
        weather=Weather(on=frozenset({Fault.AWAY, Fault.BEFORE}), rate=0.06, until=3600.0),
        hosted=True,
    ),
    Mutant(
        name="mailed-as-first-read",
        slip="A message of a host is mailed as it read when it was looked at first.",
        breaks="I3",
        patched=around(HostConversations, "scene", _as_first_read),
        hosted=True,
    ),
    Mutant(
        name="audience-of-today",
        slip="Whoever takes part now is told of a message that a host says was written to others.",
        breaks="I5",
        patched=instead(HostConversations, "as_of", _whoever_is_there),
        hosted=True,
    ),
    Mutant(
        name="restored-posts-notify",
        slip="People are told again of what a replay finds at a host behind a restored backup.",
        breaks="I2",
        patched=instead(deciding, "RESTORED", "another flag"),
        hosted=True,
    ),
    Mutant(
        name="read-marks-not-asked",
        slip="Whoever has read a message at a host is mailed about it all the same.",
        breaks="I4",
        patched=instead(HostConversations, "readers", _nobody),
        hosted=True,
    ),
    Mutant(
        name="history-of-one-page",
        slip="Of a host's history the first page is shown, and no other.",
        breaks="I3",
        patched=around(HostConversations, "history", _one_page),
        hosted=True,
    ),
    Mutant(
        name="declined-is-tried-again",
        slip="A mail that a host declines is posted again and again.",
        breaks="I2",
        patched=around(HostConversations, "_post", _tried_again),
        hosted=True,
    ),
    Mutant(
        name="declined-is-added-later",
        slip="A mail that a host declines is posted again after its outcome.",
        breaks="I8",
        patched=around(HostConversations, "_post", _added_later),
        hosted=True,
    ),
    Mutant(
        name="decline-told-each-time",
        slip="The sender of a mail that a host declines is told of it at each try.",
        breaks="I2",
        patched=around(Outbox, "enter_refusal", _at_each_try),
        weather=Weather(on=frozenset({Fault.AFTER, Fault.BEFORE}), rate=0.06, until=600.0),
        hosted=True,
    ),
    Mutant(
        name="decline-under-another-reason",
        slip="A mail that a host declines is refused for another reason.",
        breaks="I8",
        patched=around(PlanCarrier, "_declined", _for_another_reason),
        hosted=True,
    ),
)
