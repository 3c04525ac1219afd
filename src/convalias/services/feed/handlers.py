"""Hand events to functions of the host: to each at least once, in order, by a group of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias, get_args

from attrs import field, frozen

from convalias.codec.formats import TAGS
from convalias.domain.conversations.events import ConversationEvent, Happening
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import EventId
from convalias.ports.event_log import UNREADABLE, EventRecord
from convalias.services.running.group_reader import GroupReader
from convalias.stores.conversations.access import ConversationAccess, EventGone, shown

Handle: TypeAlias = Callable[[ConversationEvent], Awaitable[object]]
"""A function of the host. Raised: it is called again with the same event, and with none behind it before."""

_KINDS: Final = frozenset(get_args(Happening))


def _nothing() -> set[EventId]:
    return set()


@frozen(kw_only=True)
class EventHandler:
    """A function, the kinds of events that it wants, and the group by which it reads them.

    An event is handed over as it reads now, with its whole text. One that is gone or withdrawn by then is passed over.
    After a failure the event comes again, and so does its whole batch when the process died before it was committed.
    """

    handle: Handle
    kinds: frozenset[type[Happening]]
    reader: GroupReader
    conversations: ConversationAccess
    _done: set[EventId] = field(factory=_nothing, init=False, repr=False, eq=False)
    """What of the batch was handed over, and is not committed: a failure behind it does not repeat it here."""

    async def step(self) -> int:
        """Hand over one batch and commit it; return how many events it had. Raises what the function raises."""
        done = await self.reader.step(self._all)
        self._done.clear()
        return done

    async def _all(self, records: Sequence[EventRecord]) -> None:
        for record in records:
            if record.event not in self._done and self._may_be_wanted(record):
                await self._one(record)
            self._done.add(record.event)

    def _may_be_wanted(self, record: EventRecord) -> bool:
        """Whether the log says so; what nobody could read when it was published is looked at."""
        return record.kind == UNREADABLE or any(record.kind == TAGS[kind] for kind in self.kinds)

    async def _one(self, record: EventRecord) -> None:
        try:
            scene = await self.conversations.scene(record.conversation, record.event, record.seq)
        except EventGone:
            return
        if type(scene.event.happening) in self.kinds and not scene.is_withdrawn:
            await self.handle(await shown(self.conversations, scene.event))


def wanted(kinds: Sequence[type[Happening]]) -> frozenset[type[Happening]]:
    """Return the kinds of a handler; none named is all. Raises `InvalidValue` for what is no kind of event."""
    for kind in kinds:
        if kind not in _KINDS:
            raise InvalidValue(
                "kind of event", found=repr(kind), expected=" or ".join(sorted(one.__name__ for one in _KINDS))
            )
    return frozenset(kinds) or _KINDS
