"""Functions of a host that are called for events: at least once, in order, each in its own time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias import Convalias, Participant
from convalias.adapters import memory
from convalias.app import AlreadyOpen, NotReady
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.conversations.events import ConversationClosed, ConversationEvent, MessageAdded
from convalias.domain.errors import InvalidValue
from ports.minimal.talks import Conversations

PEOPLE = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]


def deployment() -> Convalias:
    return Convalias.in_memory(alias_domain="reply.example")


async def passing(cv: Convalias, seconds: float) -> None:
    clock = cv.ports.clock
    assert isinstance(clock, memory.Clock)
    for _ in range(int(seconds * 10)):
        await clock.advance(timedelta(milliseconds=100))


def texts(events: list[ConversationEvent]) -> list[str]:
    return [one.happening.text for one in events if isinstance(one.happening, MessageAdded)]


async def test_a_function_gets_each_message_with_its_text_and_no_other_kind() -> None:
    cv, heard = deployment(), list[ConversationEvent]()

    @cv.on(MessageAdded, group="search")
    async def index(event: ConversationEvent) -> None:
        heard.append(event)

    async with cv:
        await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
        for number in range(3):
            await cv.messaging.send("c1", f"hello {number}", author="bob", key=f"k{number}")
        done = (await cv.run_until_idle()).done
        assert done["handlers"] >= 3
        assert texts(heard) == ["hello 0", "hello 1", "hello 2"]
        assert len({event.id for event in heard}) == len(heard) == 3
        await cv.run_until_idle()
        assert len(heard) == 3
    assert index is not None


async def test_a_function_gets_a_long_text_whole() -> None:
    cv, heard = deployment(), list[ConversationEvent]()

    @cv.on(MessageAdded, group="search")
    async def index(event: ConversationEvent) -> None:
        heard.append(event)

    async with cv:
        await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
        await cv.messaging.send("c1", "long " * 20_000, author="bob", key="k")
        await cv.run_until_idle()
        assert texts(heard) == ["long " * 20_000]


async def test_what_a_function_raises_comes_again_alone_and_shows_in_readiness() -> None:
    cv, heard, is_broken = deployment(), list[ConversationEvent](), True
    others = list[ConversationEvent]()

    @cv.on(MessageAdded, group="search")
    async def index(event: ConversationEvent) -> None:
        heard.append(event)
        if is_broken and len(texts([event])) and texts([event])[0] == "second":
            raise ZeroDivisionError

    @cv.on(group="audit")
    async def audit(event: ConversationEvent) -> None:
        others.append(event)

    async with cv:
        await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
        for word in ("first", "second", "third"):
            await cv.messaging.send("c1", word, author="bob", key=word)
        async with cv.running():
            await passing(cv, 30)
            check = (await cv.checks())["workers"]
            with pytest.raises(NotReady, match=r"handlers since \S+: ZeroDivisionError at .*test_handlers.py"):
                await check()
            assert texts(heard)[:2] == ["first", "second"]
            assert set(texts(heard)[1:]) == {"second"}  # nothing behind it before, nothing before it again
            assert texts(others) == ["first", "second", "third"]
            is_broken = False
            await passing(cv, 30)
            assert not await check()
            assert texts(heard)[-2:] == ["second", "third"]


async def test_a_group_keeps_its_place_when_the_deployment_is_opened_anew() -> None:
    ports, heard = memory_ports(legacy=False), list[ConversationEvent]()
    for _ in range(2):
        cv = Convalias.over(ports, memory_wiring("reply.example", None, None))

        @cv.on(ConversationClosed, group="closing")
        async def closing(event: ConversationEvent) -> None:
            heard.append(event)

        async with cv:
            await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
            await cv.messaging.close("c1", by="ann")
            await cv.run_until_idle()
            assert len(heard) == 1


async def test_messages_of_a_host_are_handed_over_and_one_that_is_gone_is_passed_over() -> None:
    host, heard = Conversations(), list[ConversationEvent]()
    host.tables.open("c1", *PEOPLE)
    cv = Convalias.in_memory(alias_domain="reply.example", conversations=host)

    @cv.on(MessageAdded, group="search")
    async def index(event: ConversationEvent) -> None:
        heard.append(event)

    async with cv:
        for word in ("hello", "hidden"):
            host.tables.say("c1", "ann", word, at=cv.ports.clock.now())
        await cv.run_until_idle("feed")
        host.tables.withdraw("c1", "2")
        async with cv.running():
            await passing(cv, 150)  # a message that is not found is looked for again for a while
        assert texts(heard) == ["hello"]


def test_what_cannot_be_called_is_refused_where_it_is_given() -> None:
    cv = deployment()

    async def fine(event: ConversationEvent) -> None: ...

    def blocking(event: ConversationEvent) -> None: ...

    cv.on(MessageAdded, group="search")(fine)
    for group in ("search", "outbound", "", "Ä", "a" * 65, "-a"):
        with pytest.raises(InvalidValue, match="group"):
            cv.on(MessageAdded, group=group)(fine)
    with pytest.raises(InvalidValue, match="not async"):
        cv.on(MessageAdded, group="other")(blocking)  # type: ignore[type-var]
    with pytest.raises(InvalidValue, match="kind of event"):
        cv.on(str, group="other")(fine)  # type: ignore[arg-type]


async def test_a_function_cannot_come_when_the_deployment_is_open() -> None:
    async def fine(event: ConversationEvent) -> None: ...

    async with deployment() as cv:
        with pytest.raises(AlreadyOpen):
            cv.on(MessageAdded, group="search")(fine)
