"""Conversations of a host: what is committed is found, told of until it is told, and under a key once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from typing import Final

from convalias.domain.conversations.events import UNVERIFIED
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.mail.envelope import Attachment
from convalias.ports.conversations import (
    AlreadyPosted,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    Thread,
)
from convalias.testing.conformance.apart import AT_MOST, PAUSE, bounded_suite, together, until_answered
from convalias.testing.conformance.check import NotSupportedError, PromiseBrokenError, agree, expect
from convalias.testing.conformance.host import Held, HostWorld, MakeConversations

_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ALL: Final = 100
"""A limit above what a check writes, the flood aside."""
_RACES: Final = 60
"""Of hosts on SQLite that look before they insert, these many races catch 149 of 150."""
_RACERS: Final = 4
_BACKLOG: Final = 25
_FEW: Final = 4
_WRITES: Final = 25
"""Messages of each writer in a flood."""
_FAR: Final = "x@other.example"
_NOTHING: Final = frozenset[tuple[str, str]]()


def _key(number: int) -> str:
    return f"m-{number:040x}"


def _mail(
    thread: str, number: int, author: str | None, text: str = "from a mail", answers: str | None = None
) -> NewMessage:
    return NewMessage(
        thread=thread,
        key=_key(number),
        author=author,
        author_name="Ann" if author else _FAR,
        text=text,
        at=_NOON,
        answers=answers,
        subject="Re: a room",
        full_text=f"{text}\n> quoted",
        attachments=(Attachment("plan.pdf", "application/pdf", 3, "0" * 64),),
        flags=frozenset({UNVERIFIED}),
    )


async def _posted(world: HostWorld, mail: NewMessage) -> str:
    answer = await world.conversations.post(mail)
    if not isinstance(answer, Posted):
        raise PromiseBrokenError(f"a post under a free key: found {answer!r}, expected Posted")
    return answer.id


async def _thread(world: HostWorld, id: str) -> Thread:  # noqa: A002 - as in the port
    found = await world.conversations.thread(id)
    if found is None:
        raise PromiseBrokenError(f"thread({id!r}): found None, expected the thread")
    return found


async def _found(world: HostWorld, thread: str, message: str) -> Message:
    found = await world.conversations.find(thread, message=message)
    if found is None:
        raise PromiseBrokenError(f"find({thread!r}, message={message!r}): found None, expected the message")
    return found


async def _untold(world: HostWorld, *, limit: int = _ALL) -> set[tuple[str, str]]:
    return {(ref.thread, ref.message) for ref in await world.conversations.untold(limit=limit)}


def _accounts(thread: Thread) -> list[str]:
    return sorted(str(member.account) for member in thread.members)


async def a_thread_is_given_as_it_is_now(open_: MakeConversations) -> None:
    """Look before and after each change, from the process that did not make it."""
    async with open_("a") as here, open_("a") as there:
        ann, bob = await here.person("ann"), await here.person("bob")
        thread = await here.open(ann)
        first = await _thread(there, thread)
        agree("the id of a thread", first.id, thread)
        expect(first.use_case, f"use_case: found {first.use_case!r}, expected a name")
        agree("the state of an open thread", first.state, ThreadState.OPEN)
        agree("the members", _accounts(first), [ann])
        await here.join(thread, bob)
        agree("the members after one joined", _accounts(await _thread(there, thread)), sorted([ann, bob]))
        await here.leave(thread, ann)
        agree("the members after one left", _accounts(await _thread(there, thread)), [bob])
        if await here.close(thread):
            state = (await _thread(there, thread)).state
            expect(state is not ThreadState.OPEN, f"the state after it was closed: found {state!r}, expected CLOSED")
        agree("a thread that was never opened", await there.conversations.thread("never-opened"), None)


async def what_was_posted_is_found_by_id_and_by_key_by_every_process(open_: MakeConversations) -> None:
    """Look from one that is there, from one that comes later, and when all others have ended."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread, other = await here.open(ann), await here.open(ann)
        first = await here.say(thread, ann, "before")
        message = await _posted(here, _mail(thread, 1, ann, "Grüße, 日本語 👋🏽\n\n> no quote", answers=first))
        async with open_("a") as later:
            for world in (here, there, later):
                await _is_found(world, thread, message, ann)
        agree("find by id in another thread", await there.conversations.find(other, message=message), None)
        agree("find by key in another thread", await there.conversations.find(other, key=_key(1)), None)
        agree("find by an id that nobody gave", await there.conversations.find(thread, message="never-posted"), None)
        agree("find by a key that nobody posted", await there.conversations.find(thread, key=_key(2)), None)
    async with open_("a") as world:
        await _is_found(world, thread, message, ann)


async def _is_found(world: HostWorld, thread: str, message: str, author: str) -> None:
    by_id = await world.conversations.find(thread, message=message)
    by_key = await world.conversations.find(thread, key=_key(1))
    for way, found in (("id", by_id), ("key", by_key)):
        if found is None:
            raise PromiseBrokenError(f"find by {way}: found None, expected the message that was posted")
        agree(f"find by {way}: its id", found.id, message)
        agree(f"find by {way}: its key", found.key, _key(1))
        agree(f"find by {way}: its author", found.author, author)
        agree(f"find by {way}: its text", found.text, "Grüße, 日本語 👋🏽\n\n> no quote")
        expect(found.at.tzinfo is not None, f"find by {way}: found {found.at!r}, expected an aware time")


async def a_key_is_taken_once_in_its_thread(open_: MakeConversations) -> None:
    """Post again from both processes, with another text too; then in another thread, where it is free."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread, other = await here.open(ann), await here.open(ann)
        message = await _posted(here, _mail(thread, 1, ann))
        for world, text in ((here, "from a mail"), (there, "from a mail"), (there, "another text")):
            agree(
                "a post under a key that is taken",
                await world.conversations.post(_mail(thread, 1, ann, text)),
                AlreadyPosted(message),
            )
        agree("the text after it", (await _found(there, thread, message)).text, "from a mail")
        await _posted(there, _mail(other, 1, ann))
        await _posted(there, _mail(thread, 2, ann))
        agree("messages that are there", len(await _untold(here)), 3)


async def of_posts_of_one_key_at_once_one_is_posted(open_: MakeConversations) -> None:
    """Post from four processes, sixty times. Raising is allowed: the call is repeated."""
    async with open_("a") as world:
        ann = await world.person("ann")
        thread = await world.open(ann)
    start = threading.Barrier(_RACERS)

    async def racer() -> list[Posted | AlreadyPosted]:
        answers: list[Posted | AlreadyPosted] = []
        async with open_("a") as world:
            for number in range(_RACES):
                start.wait(AT_MOST.total_seconds())
                answer = await until_answered(partial(world.conversations.post, _mail(thread, number, ann)))
                if isinstance(answer, PostDeclined):
                    raise PromiseBrokenError(
                        f"a post at once with others: found {answer!r}, expected one that names it"
                    )
                answers.append(answer)
        return answers

    try:
        racers = await together(*[racer] * _RACERS)
    finally:
        start.abort()  # where one failed the others would wait for it
    async with open_("a") as world:
        for number, answers in enumerate(zip(*racers, strict=True)):
            ids = {answer.id for answer in answers}
            agree(f"messages that {_RACERS} posts under one key name", len(ids), 1)
            posted = sum(isinstance(answer, Posted) for answer in answers)
            expect(posted <= 1, f"answers Posted under one key: found {posted}, expected 1")
            found = await world.conversations.find(thread, key=_key(number))
            agree("the message under that key", found and found.id, ids.pop())
        agree("messages that are there", len(await _untold(world)), _RACES)


async def what_was_withdrawn_is_not_found(open_: MakeConversations) -> None:
    """Withdraw one of each way in; its key finds nothing either."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        said, kept = await here.say(thread, ann, "said"), await here.say(thread, ann, "kept")
        mailed = await _posted(here, _mail(thread, 1, ann))
        for message in (said, mailed):
            await _found(there, thread, message)
            await here.withdraw(thread, message)
            for world in (there, here):
                agree("find by id what was withdrawn", await world.conversations.find(thread, message=message), None)
        agree("find by key what was withdrawn", await there.conversations.find(thread, key=_key(1)), None)
        await here.conversations.told([MessageRef(thread, message) for message in (said, mailed, kept)])
        agree("untold after all was told", await _untold(there), _NOTHING)
        await _found(there, thread, kept)


async def an_id_is_never_given_again(open_: MakeConversations) -> None:
    """Withdraw the last message and write anew, by each way in. Its key may be free again, its id may not."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        given: list[str] = []
        for number in range(3):
            given.append(await here.say(thread, ann, "said"))
            await here.withdraw(thread, given[-1])
            given.append(await _posted(there, _mail(thread, number, ann)))
            await here.withdraw(thread, given[-1])
            again = await there.conversations.post(_mail(thread, number, ann))
            if isinstance(again, Posted):
                given.append(again.id)
                await here.withdraw(thread, again.id)
        twice = sorted({id_ for id_ in given if given.count(id_) > 1})
        agree("ids that were given twice", twice, [])


async def what_is_told_of_is_found_at_once(open_: MakeConversations) -> None:
    """Find each message in the moment in which `untold` has it, from both processes."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        for number in range(5):
            await here.say(thread, ann, f"said {number}")
            await _posted(there, _mail(thread, number, ann))
            for reader, finder in ((here, there), (there, here)):
                refs = await reader.conversations.untold(limit=_ALL)
                agree("messages that are untold", len(refs), 2 * number + 2)
                for ref in refs:
                    await _found(finder, ref.thread, ref.message)


async def a_closed_thread_declines(open_: MakeConversations) -> None:
    """Post into it; nothing is there afterwards. A host that closes none has nothing to show."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        if not await here.close(thread):
            raise NotSupportedError("a closed thread declines", "close() of its world closes none")
        for world in (there, here):
            answer = await world.conversations.post(_mail(thread, 1, ann))
            expect(
                isinstance(answer, PostDeclined),
                f"a post into a closed thread: found {answer!r}, expected PostDeclined",
            )
        agree("what was declined", await there.conversations.find(thread, key=_key(1)), None)
        agree("untold after it", await _untold(there), _NOTHING)


async def both_ways_in_are_untold_until_told(open_: MakeConversations) -> None:
    """Both processes have both, as often as they ask, until one of them has told."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        agree("untold of an empty host", await _untold(there), _NOTHING)
        said, mailed = await here.say(thread, ann, "said"), await _posted(here, _mail(thread, 1, ann))
        expected = {(thread, said), (thread, mailed)}
        for world in (there, here, there):
            agree("untold", await _untold(world), expected)
        refs = await there.conversations.untold(limit=_ALL)
        await there.conversations.told(refs)
        await here.conversations.told(refs)
        for world in (here, there):
            agree("untold after all was told", await _untold(world), _NOTHING)
        await _found(here, thread, said)


async def telling_of_one_tells_of_no_other(open_: MakeConversations) -> None:
    """Tell of the last, then of one in the middle: those before and after stay."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread, other = await here.open(ann), await here.open(ann)
        refs = {(thread, await here.say(thread, ann, f"said {number}")) for number in range(3)}
        middle = (thread, await _posted(here, _mail(thread, 1, ann)))
        refs |= {middle, (other, await here.say(other, ann, "elsewhere"))}
        last = (thread, await here.say(thread, ann, "last"))
        for ref in (last, middle):
            await there.conversations.told([MessageRef(*ref)])
            agree("untold after others were told", await _untold(here), (refs := refs - {ref}))
        await there.conversations.told([])
        agree("untold after nothing was told", await _untold(there), refs)


async def what_commits_late_is_still_untold(open_: MakeConversations) -> None:
    """Hold a transaction open while others write later, are read, and are told."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread, other = await here.open(ann), await here.open(ann)
        holding = here.held(thread, ann, "slow", commit=True)
        if holding is None:
            return  # the flood is what such a host has
        told: set[str] = set()
        async with holding as others:
            if others is Held.BESIDE:
                await there.say(other, ann, "fast")
                await _posted(there, _mail(other, 1, ann, "fast mail"))
            for _ in range(2):
                told |= set(await _texts_told(there))
            if others is Held.BESIDE:
                agree("texts that were told while a transaction was open", told, {"fast", "fast mail"})
        after = await here.say(other, ann, "after")
        agree("texts that are told after it was committed", sorted(await _texts_told(there)), ["after", "slow"])
        await _found(there, other, after)


async def _texts_told(world: HostWorld, *, limit: int = _ALL) -> list[str]:
    """Read, find and tell, as the library does. Return the texts."""
    refs = await world.conversations.untold(limit=limit)
    texts = [(await _found(world, ref.thread, ref.message)).text for ref in refs]
    if refs:
        await world.conversations.told(refs)
    return texts


async def what_is_rolled_back_is_nowhere(open_: MakeConversations) -> None:
    """Look while the transaction is open, and after it was rolled back."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        holding = here.held(thread, ann, "never", commit=False)
        if holding is None:
            raise NotSupportedError("what is rolled back is nowhere", "held() of its world holds no transaction open")
        async with holding:
            agree("untold while a transaction is open", await _untold(there), _NOTHING)
        for world in (there, here):
            agree("untold after it was rolled back", await _untold(world), _NOTHING)
        said = await here.say(thread, ann, "said")
        agree("untold after another one was committed", await _untold(there), {(thread, said)})


async def untold_gives_at_most_its_limit_and_gets_on(open_: MakeConversations) -> None:
    """Work through a backlog of two threads, four at a time."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        threads = [await here.open(ann), await here.open(ann)]
        expected = {
            (threads[number % 2], await here.say(threads[number % 2], ann, "said")) for number in range(_BACKLOG)
        }
        found: set[tuple[str, str]] = set()
        while len(found) < len(expected):
            refs = await there.conversations.untold(limit=_FEW)
            expect(len(refs) <= _FEW, f"untold(limit={_FEW}): found {len(refs)} messages, expected at most {_FEW}")
            fresh = {(ref.thread, ref.message) for ref in refs} - found
            expect(fresh, f"untold: found none that was not told, expected some of {len(expected) - len(found)}")
            found |= fresh
            await there.conversations.told(refs)
        agree("messages that were told", found, expected)
        agree("untold after all was told", await _untold(here), _NOTHING)


async def an_edit_is_what_is_found(open_: MakeConversations) -> None:
    """Edit a message of each way in, after it was read. A host without edits has nothing to show."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        for message in (await here.say(thread, ann, "old"), await _posted(here, _mail(thread, 1, ann, "old"))):
            agree("the text before an edit", (await _found(there, thread, message)).text, "old")
            if not await here.edit(thread, message, "new"):
                raise NotSupportedError("an edit is what is found", "edit() of its world edits none")
            for world in (there, here):
                found = await _found(world, thread, message)
                agree("the text after an edit", found.text, "new")
                agree("its author", found.author, ann)


async def the_audience_stays(open_: MakeConversations) -> None:
    """Let a member leave and another join: what a message says of its audience is the same. None is allowed, always."""
    async with open_("a") as here, open_("a") as there:
        ann, bob, cid = [await here.person(name) for name in ("ann", "bob", "cid")]
        thread = await here.open(ann, bob)
        messages = [await here.say(thread, ann, "said"), await _posted(here, _mail(thread, 1, bob))]
        before = [(await _found(there, thread, message)).audience for message in messages]
        for audience in before:
            expect(
                audience is None or audience <= {ann, bob},
                f"the audience: found {audience!r}, expected members or None",
            )
        await here.leave(thread, bob)
        await here.join(thread, cid)
        for world in (there, here):
            agree(
                "the audience later", [(await _found(world, thread, message)).audience for message in messages], before
            )


async def the_author_may_be_nobody_of_the_hosts(open_: MakeConversations) -> None:
    """Post as a guest: no account, and no account is made up."""
    async with open_("a") as here, open_("a") as there:
        ann = await here.person("ann")
        thread = await here.open(ann)
        message = await _posted(here, _mail(thread, 1, None))
        agree("the author of a guest's message", (await _found(there, thread, message)).author, None)
        agree("the members after it", _accounts(await _thread(there, thread)), [ann])
        agree("untold after it", await _untold(there), {(thread, message)})


async def every_message_of_a_flood_is_told(open_: MakeConversations) -> None:
    """Four processes write while two read and tell. Raising is allowed: the call is repeated."""
    async with open_("a") as world:
        ann = await world.person("ann")
        threads = [await world.open(ann), await world.open(ann)]
    ended = threading.Event()

    async def saying(number: int) -> list[str]:
        async with open_("a") as world:
            texts = [f"said {number}-{turn}" for turn in range(_WRITES)]
            for turn, text in enumerate(texts):
                await world.say(threads[turn % 2], ann, text)
        return texts

    async def mailing(number: int) -> list[str]:
        async with open_("a") as world:
            texts = [f"mailed {number}-{turn}" for turn in range(_WRITES)]
            for turn, text in enumerate(texts):
                mail = _mail(threads[turn % 2], number * _WRITES + turn, ann, text)
                await until_answered(partial(world.conversations.post, mail))
        return texts

    async def writing() -> list[str]:
        try:
            writers = [partial(way, number) for way in (saying, mailing) for number in range(2)]
            return [text for texts in await together(*writers) for text in texts]
        finally:
            ended.set()

    async def reading() -> list[str]:
        texts: list[str] = []
        async with open_("a") as world:
            while True:
                last = ended.is_set()
                texts += (fresh := await until_answered(partial(_texts_told, world, limit=7)))
                if last and not fresh:
                    return texts
                if not fresh:
                    ended.wait(PAUSE / 10)

    written, *read = await together(writing, reading, reading)
    missed = sorted(set(written) - {text for texts in read for text in texts})
    agree(f"messages of {len(written)} that nobody was told of", missed, [])


async def who_has_read_before_sees_what_came_since(open_: MakeConversations) -> None:
    """Use every call once, so that a transaction or a cache that stays open is there; then look again."""
    async with open_("a") as here, open_("a") as there:
        ann, bob = await here.person("ann"), await here.person("bob")
        thread = await here.open(ann, bob)
        first = await here.say(thread, ann, "first")
        await _read_everything(there, thread, first)
        said, mailed = await here.say(thread, ann, "said"), await _posted(here, _mail(thread, 1, ann))
        await here.leave(thread, bob)
        agree("untold", await _untold(there), {(thread, first), (thread, said), (thread, mailed)})
        for message in (said, mailed):
            await _found(there, thread, message)
        agree("the members", _accounts(await _thread(there, thread)), [ann])
        await here.conversations.told([MessageRef(thread, first), MessageRef(thread, said)])
        await here.withdraw(thread, said)
        agree("untold after others told", await _untold(there), {(thread, mailed)})
        agree("what was withdrawn since", await there.conversations.find(thread, message=said), None)


async def _read_everything(world: HostWorld, thread: str, message: str) -> None:
    await _untold(world)
    await _thread(world, thread)
    await _found(world, thread, message)
    await world.conversations.find(thread, key=_key(9))


CONVERSATIONS: Final = bounded_suite(
    a_thread_is_given_as_it_is_now,
    what_was_posted_is_found_by_id_and_by_key_by_every_process,
    a_key_is_taken_once_in_its_thread,
    of_posts_of_one_key_at_once_one_is_posted,
    what_was_withdrawn_is_not_found,
    an_id_is_never_given_again,
    what_is_told_of_is_found_at_once,
    a_closed_thread_declines,
    both_ways_in_are_untold_until_told,
    telling_of_one_tells_of_no_other,
    what_commits_late_is_still_untold,
    what_is_rolled_back_is_nowhere,
    untold_gives_at_most_its_limit_and_gets_on,
    an_edit_is_what_is_found,
    the_audience_stays,
    the_author_may_be_nobody_of_the_hosts,
    every_message_of_a_flood_is_told,
    who_has_read_before_sees_what_came_since,
)
"""Promises of `Conversations`, each bounded in time."""
