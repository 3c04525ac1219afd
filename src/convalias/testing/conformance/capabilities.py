"""ReadMarks and History: what conversations of a host may bring beyond the five calls."""

from __future__ import annotations

from typing import Final

from convalias.ports.conversations import History, Message, ReadMarks
from convalias.testing.conformance.apart import bounded_suite
from convalias.testing.conformance.check import NotSupportedError, agree
from convalias.testing.conformance.host import HostWorld, MakeConversations, MakeReadMarks

_ALL: Final = 100
_SAID: Final = 8
_PAGE: Final = 3
_NOBODY: Final = frozenset[str]()


def _marks(world: HostWorld) -> ReadMarks:
    if not isinstance(world.conversations, ReadMarks):
        raise NotSupportedError("ReadMarks", f"{type(world.conversations).__name__} has no read()")
    return world.conversations


def _history(world: HostWorld) -> History:
    if not isinstance(world.conversations, History):
        raise NotSupportedError("History", f"{type(world.conversations).__name__} has no history()")
    return world.conversations


async def _latest(world: HostWorld, thread: str, *, before: str | None = None, limit: int = _ALL) -> list[str]:
    return [message.id for message in await _history(world).history(thread, before=before, limit=limit)]


async def who_has_read_a_message_is_named(open_: MakeReadMarks) -> None:
    """Ask before and after, from the process in which nobody read."""
    async with open_("a") as here, open_("a") as there:
        ann, bob, cid = [await here.person(name) for name in ("ann", "bob", "cid")]
        thread = await here.open(ann, bob, cid)
        message = await here.say(thread, ann, "said")
        agree("readers before anybody read", set(await _marks(there).read(thread, message, [bob, cid])), _NOBODY)
        await here.mark_read(thread, message, bob)
        agree("readers after one read", set(await _marks(there).read(thread, message, [bob, cid])), {bob})
        await here.mark_read(thread, message, cid)
        agree("readers after both read", set(await _marks(there).read(thread, message, [bob, cid])), {bob, cid})


async def the_asked_alone_are_named(open_: MakeReadMarks) -> None:
    """Ask for one who has not read, for nobody, and for both."""
    async with open_("a") as world:
        ann, bob, cid = [await world.person(name) for name in ("ann", "bob", "cid")]
        thread = await world.open(ann, bob, cid)
        message = await world.say(thread, ann, "said")
        await world.mark_read(thread, message, bob)
        agree("readers among those who did not", set(await _marks(world).read(thread, message, [cid])), _NOBODY)
        agree("readers among nobody", set(await _marks(world).read(thread, message, [])), _NOBODY)
        agree("readers among both", set(await _marks(world).read(thread, message, [cid, bob])), {bob})


async def what_came_later_is_not_read(open_: MakeReadMarks) -> None:
    """Read the first of two, then look at the second and at another thread."""
    async with open_("a") as here, open_("a") as there:
        ann, bob = await here.person("ann"), await here.person("bob")
        thread, other = await here.open(ann, bob), await here.open(ann, bob)
        first, elsewhere = await here.say(thread, ann, "first"), await here.say(other, ann, "elsewhere")
        await here.mark_read(thread, first, bob)
        later = await here.say(thread, ann, "later")
        agree("readers of what came later", set(await _marks(there).read(thread, later, [bob])), _NOBODY)
        agree("readers in another thread", set(await _marks(there).read(other, elsewhere, [bob])), _NOBODY)


async def history_is_newest_first(open_: MakeConversations) -> None:
    """Read all, and the latest three; an empty thread has none."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread, empty = await here.open(ann), await here.open(ann)
        said = [await here.say(thread, ann, f"said {number}") for number in range(_SAID)]
        agree("the history", await _latest(there, thread), said[::-1])
        agree("the latest", await _latest(there, thread, limit=_PAGE), said[: -_PAGE - 1 : -1])
        agree("the history of an empty thread", await _latest(there, empty), [])


async def pages_meet_without_a_gap(open_: MakeConversations) -> None:
    """Go back page by page; another thread has messages in between."""
    async with open_("a") as world:
        ann = await world.person("ann")
        thread, other = await world.open(ann), await world.open(ann)
        said: list[str] = []
        for number in range(_SAID):
            said.append(await world.say(thread, ann, f"said {number}"))
            await world.say(other, ann, "elsewhere")
        found: list[str] = []
        while page := await _latest(world, thread, before=found[-1] if found else None, limit=_PAGE):
            found += page
            agree("the pages so far", found, said[::-1][: len(found)])
        agree("all pages", found, said[::-1])


async def history_says_what_find_says(open_: MakeConversations) -> None:
    """Edit one and withdraw one: the first reads anew, the second is left out."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        said = [await here.say(thread, ann, f"said {number}") for number in range(3)]
        await here.edit(thread, said[0], "edited")
        await here.withdraw(thread, said[1])
        history = await _history(there).history(thread, limit=_ALL)
        found: list[Message | None] = [
            await there.conversations.find(thread, message=said[number]) for number in (2, 0)
        ]
        agree("the history", list(history), found)


READ_MARKS: Final = bounded_suite(
    who_has_read_a_message_is_named,
    the_asked_alone_are_named,
    what_came_later_is_not_read,
)
"""Promises of `ReadMarks`, each bounded in time."""
HISTORY: Final = bounded_suite(
    history_is_newest_first,
    pages_meet_without_a_gap,
    history_says_what_find_says,
)
"""Promises of `History`, each bounded in time."""
