"""Functions of the host that events are handed to, and the loops that do so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Final

from attrs import define, field, frozen

from convalias.app.ports import Ports
from convalias.domain.conversations.events import Happening
from convalias.domain.errors import InvalidValue
from convalias.services.feed.handlers import EventHandler, Handle, wanted
from convalias.services.outbound.notifier import GROUP
from convalias.services.running.group_reader import GroupReader
from convalias.stores.conversations.access import ConversationAccess

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@frozen(kw_only=True)
class _Given:
    """What a host gave."""

    group: str
    kinds: frozenset[type[Happening]]
    handle: Handle


def _nothing() -> list[_Given]:
    return []


def _no_handler() -> list[EventHandler]:
    return []


@define
class Handlers:
    """The functions of one deployment: given before it is opened, at work while it is open."""

    _given: list[_Given] = field(factory=_nothing, alias="given")
    open: list[EventHandler] = field(factory=_no_handler)
    """In the order in which they were given."""

    def give(self, handle: Handle, kinds: Sequence[type[Happening]], group: str) -> None:
        """Raise `InvalidValue` for a group that is taken or cannot be one, and for what is no kind of event."""
        if not any(map(iscoroutinefunction, (handle, getattr(handle, "__call__", None)))):  # noqa: B004 - an object with one
            raise InvalidValue("function", found=f"{handle!r}, which is not async", expected="async def, of one event")
        if not _NAME.fullmatch(group):
            expected = "1 to 64 of a-z, 0-9, dot, hyphen and underscore, the first a letter or digit"
            raise InvalidValue("group", found=repr(group[:80]), expected=expected)
        if group == GROUP or any(one.group == group for one in self._given):
            raise InvalidValue(
                "group", found=f"{group}, which is taken", expected="a name of its own for each function"
            )
        self._given.append(_Given(group=group, kinds=wanted(kinds), handle=handle))

    def copy(self) -> Handlers:
        """Return the same functions, not at work."""
        return Handlers(given=[*self._given])

    def begin(self, ports: Ports, conversations: ConversationAccess) -> None:
        """Make them over these ports. No group is joined before the first step."""
        self.open = [
            EventHandler(
                handle=one.handle,
                kinds=one.kinds,
                reader=GroupReader(ports.events, one.group),
                conversations=conversations,
            )
            for one in self._given
        ]

    async def close(self) -> None:
        """Leave all groups."""
        for one in self.open:
            await one.reader.close()
        self.open = []
