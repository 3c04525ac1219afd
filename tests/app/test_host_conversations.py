"""A platform that keeps its own conversations: mail in and out over its tables, by the whole path."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message as Mail
from typing import cast

import pytest
from attrs import define, evolve

from convalias.adapters import memory
from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.outcomes import Done, Refused
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.reasons import Reason
from convalias.ports.conversations import AlreadyPosted, Message, MessageRef, NewMessage, Posted, Thread
from convalias.ports.examining import Grade, Observation
from convalias.ports.records import Replace
from convalias.services.conversations.errors import HostMissing, KeptByHost
from convalias.services.conversations.loading import GivenConversation
from convalias.services.operations import rehearsal
from convalias.settings import WrongSettings
from convalias.stores.outbound.letters import LANE
from ports.minimal.table import body
from ports.minimal.talks import Conversations, Tables

C1 = "c1"
MEMBERS = [Participant.of(name, name=name.title(), addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]


@define
class Platform:
    """A host, and convalias beside it."""

    cv: Convalias
    tables: Tables
    clock: memory.Clock

    def say(self, text: str, *, author: str | None = "ann", at: datetime | None = None) -> str:
        return self.tables.say(C1, author, text, at=at or self.clock.now())

    async def work(self) -> None:
        await self.cv.run_until_idle()

    async def later(self, time: timedelta) -> None:
        await self.clock.advance(time)
        await self.work()

    async def write(
        self, text: str, *, sender: str = "bob", number: str = "1", to: EmailAddress | None = None, fields: str = ""
    ) -> None:
        alias = to or await self.cv.alias(C1, for_="ann")
        await self.post(
            IncomingMail(
                f"From: {sender}@home.example\nTo: {alias}\nSubject: Job\nMessage-ID: <{number}@home.example>\n"
                f"Date: Sun, 1 Mar 2026 12:00:00 +0000\n{fields}\n{text}\n".encode(),
                recipients=[alias],
                sender=f"{sender}@home.example",
            )
        )

    async def post(self, mail: IncomingMail) -> None:
        await self.cv.receiver.accept(mail)
        await self.work()

    def mails(self, name: str) -> list[Mail]:
        return [message_from_bytes(raw) for raw in self.cv.mailbox(f"{name}@home.example")]

    def texts(self, name: str) -> list[str]:
        return [body(raw).split("\n")[0].strip() for raw in self.cv.mailbox(f"{name}@home.example")]

    def told_of(self, name: str, text: str) -> int:
        return sum(text in body(raw) for raw in self.cv.mailbox(f"{name}@home.example"))

    @property
    def stored(self) -> list[str]:
        return [one.text for one in self.tables.messages.values()]


@asynccontextmanager
async def platform(host: Conversations | None = None, **instead: object) -> AsyncIterator[Platform]:
    host, clock = host or Conversations(), memory.Clock()
    host.tables.open(C1, *MEMBERS)
    async with Convalias.in_memory(
        alias_domain="reply.example",
        conversations=host,
        clock=clock,
        **instead,  # type: ignore[arg-type]
    ) as cv:
        for name in ("ann", "bob", "cid"):
            account = Account(AccountId(name), (EmailAddress.parse(f"{name}@home.example"),))
            await cv.services.stores.directory.upsert(account)
        yield Platform(cv, host.tables, clock)


# --- both ways ---------------------------------------------------------------------------------------


async def test_a_mail_becomes_a_message_of_the_host_once_and_the_others_are_told() -> None:
    async with platform() as here:
        for _ in range(2):
            await here.write("I would like to come")
        assert here.stored == ["I would like to come"]
        (posted,) = here.tables.posted
        assert (posted.author, posted.author_name, posted.subject) == ("bob", "Bob", "Job")
        assert (posted.flags, posted.verified) == (frozenset({"unverified"}), False)
        assert len(posted.key) == 42
        assert "home.example" not in posted.key
        assert (here.told_of("ann", "I would like to come"), here.told_of("bob", "I would like to come")) == (1, 0)
        assert not await here.cv.operations.dead()


async def test_what_the_hosts_own_people_write_is_mailed_and_can_be_answered() -> None:
    async with platform() as here:
        here.say("Are you there?")
        await here.work()
        (mail,) = here.mails("bob")
        alias = EmailAddress.parse(str(mail["From"]).rpartition("<")[2].rstrip(">"))
        await here.write("Yes", to=alias, number="answer", fields=f"In-Reply-To: {mail['Message-ID']}\n")
        assert here.stored == ["Are you there?", "Yes"]
        assert here.tables.posted[0].author == "bob"
        assert here.told_of("ann", "Yes") == 1


async def test_all_mails_of_a_conversation_are_one_thread_in_a_mailbox() -> None:
    async with platform() as here:
        here.say("First")
        await here.write("Second", sender="ann", to=await here.cv.alias(C1, for_="bob"))
        first, second = here.mails("bob")
        assert str(first["References"]).split()[0] == str(second["References"]).split()[0]


async def test_a_message_of_nobody_is_told_to_everybody() -> None:
    async with platform() as here:
        here.say("Your booking is confirmed", author=None)
        await here.work()
        assert [here.told_of(name, "Your booking is confirmed") for name in ("ann", "bob")] == [1, 1]


async def test_the_directory_is_never_asked_for_nobody() -> None:
    class People:
        def __init__(self) -> None:
            self.asked: set[str] = set()

        async def at(self, addresses: Collection[EmailAddress]) -> dict[EmailAddress, tuple[Account, ...]]:
            return {one: (Account(AccountId(one.local), (one,)),) for one in addresses}

        async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
            return frozenset()

        async def get(self, accounts: Collection[AccountId]) -> dict[AccountId, Account]:
            self.asked |= {*accounts}
            return {one: Account(one, (EmailAddress.parse(f"{one}@home.example"),)) for one in accounts}

    people = People()
    async with platform(identity=people) as here:
        here.say("Your booking is confirmed", author=None)
        await here.work()
        assert here.told_of("bob", "Your booking is confirmed") == 1
    assert people.asked == {"ann", "bob"}


async def test_what_is_told_of_late_is_as_old_as_the_host_says() -> None:
    async with platform() as here:
        await here.later(timedelta(days=9))
        here.say("Of last week", at=here.clock.now() - timedelta(days=8))
        here.say("From a clock that is ahead", at=here.clock.now() + timedelta(days=1))
        await here.work()
        assert (here.told_of("bob", "Of last week"), here.told_of("bob", "From a clock that is ahead")) == (0, 1)


async def test_only_the_audience_is_told() -> None:
    async with platform() as here:
        here.tables.open(C1, *MEMBERS, Participant.of("cid", name="Cid"))
        here.tables.say(C1, "ann", "For Bob", at=here.clock.now(), audience=frozenset({"ann", "bob"}))
        await here.work()
        assert [here.told_of(name, "For Bob") for name in ("ann", "bob", "cid")] == [0, 1, 0]


async def test_who_was_in_the_audience_and_has_left_is_told_nothing() -> None:
    async with platform() as here:
        here.tables.say(C1, "ann", "For Bob", at=here.clock.now(), audience=frozenset({"ann", "bob"}))
        here.tables.leave(C1, "bob")
        await here.work()
        assert here.told_of("bob", "For Bob") == 0
        assert not await here.cv.operations.dead()


# --- edits, withdrawals, closing ---------------------------------------------------------------------


async def test_an_edit_is_what_is_mailed() -> None:
    async with platform() as here:
        identity = here.say("Helo")
        here.tables.edit(C1, identity, "Hello")
        await here.work()
        assert (here.told_of("bob", "Hello"), here.told_of("bob", "Helo ")) == (1, 0)


async def test_what_is_withdrawn_before_it_was_told_of_is_looked_for_a_minute_and_told_to_nobody() -> None:
    class Forgetful(Conversations):
        """It goes on telling of what is gone."""

        gone: list[MessageRef] = []  # noqa: RUF012 - of the test

        async def untold(self, *, limit: int) -> Sequence[MessageRef]:
            return [one for one in self.gone if one not in self.tables.told] + [*await super().untold(limit=limit)]

    host = Forgetful()
    async with platform(host) as here:
        host.gone.append(MessageRef(C1, here.say("Oops")))
        here.tables.withdraw(C1, host.gone[0].message)
        await here.work()
        assert host.gone[0] not in here.tables.told
        await here.later(timedelta(seconds=61))
        assert host.gone[0] in here.tables.told
        assert here.mails("bob") == []


async def test_a_none_at_a_send_is_believed_the_second_time() -> None:
    class Lagging(Conversations):
        nones = 0

        async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
            if self.nones and message is not None:
                self.nones -= 1
                return None
            return await super().find(thread, message=message, key=key)

    for nones, told in ((1, 1), (9, 0)):
        host = Lagging()
        async with platform(host) as here:
            here.say("Hello")
            await here.cv.run_until_idle("feed")
            host.nones = nones
            for _ in range(6):
                await _tried(here)
            assert here.told_of("bob", "Hello") == told
            assert not await here.cv.operations.dead()


async def _tried(here: Platform) -> None:
    try:
        await here.cv.run_until_idle("outbound")
    except Exception as again:  # noqa: BLE001 - as the worker's loop does
        assert "once more" in str(again.__cause__ or again) or "is decided on" in str(again)  # noqa: PT017
    await here.clock.advance(timedelta(seconds=6))


async def test_a_closed_thread_takes_no_mail_and_says_so() -> None:
    async with platform() as here:
        alias = await here.cv.alias(C1, for_="ann")
        here.tables.close(C1)
        await here.write("Too late", to=alias)
        assert here.stored == []
        assert await reasons(here) == [Reason.CONVERSATION_CLOSED]


async def test_a_no_of_the_host_is_an_outcome() -> None:
    async with platform() as here:
        here.tables.declines = "over quota"
        await here.write("One too many")
        assert await reasons(here) == [Reason.DECLINED]
        here.tables.declines = ""
        await here.work()
        assert here.stored == []  # nobody tries again


async def test_a_no_because_it_was_closed_meanwhile_is_decided_anew() -> None:
    class Closing(Conversations):
        async def post(self, message: object) -> object:  # type: ignore[override]
            self.tables.close(C1)
            return await super().post(cast("object", message))  # type: ignore[arg-type]

    async with platform(Closing()) as here:
        await here.write("Just missed")
        assert await reasons(here) == [Reason.CONVERSATION_CLOSED]


async def reasons(here: Platform) -> list[Reason]:
    found = []
    async for day in _days(here):
        async for outcome in here.cv.services.stores.inbound.outcomes_of(day):
            assert isinstance(outcome.outcome, Done)
            found += [effect.reason for _, effect in outcome.outcome.effects if isinstance(effect, Refused)]
    return found


async def _days(here: Platform) -> AsyncIterator[str]:
    yield f"{here.clock.now():%Y/%m/%d}"


# --- the beginning, and what repeats -----------------------------------------------------------------


async def test_a_first_start_mails_nothing_of_the_past() -> None:
    host = Conversations()
    host.tables.open(C1, *MEMBERS)
    yesterday = memory.Clock().now() - timedelta(days=1)
    host.tables.say(C1, "ann", "From before", at=yesterday)
    async with platform(host) as here:
        here.say("News")
        await here.work()
        assert (here.told_of("bob", "From before"), here.told_of("bob", "News")) == (0, 1)
        assert len(host.tables.told) == 2


async def test_a_second_mail_under_one_message_id_is_a_message_of_its_own() -> None:
    async with platform() as here:
        await here.write("One")
        alias = await here.cv.alias(C1, for_="ann")
        await here.post(
            IncomingMail(
                f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@home.example>\n"
                "Date: Sun, 1 Mar 2026 13:00:00 +0000\n\nQuite another\n".encode(),
                recipients=[alias],
                sender="bob@home.example",
            )
        )
        assert here.stored == ["One", "Quite another"]


async def test_a_deleted_message_is_not_added_again_by_a_replay() -> None:
    async with platform() as here:
        await here.write("Delete me")
        ((thread, identity),) = here.tables.messages
        here.tables.withdraw(thread, identity)
        here.tables.keys.clear()  # a hard delete frees the key
        await here.write("Delete me")
        assert here.stored == []


async def test_all_mail_replayed_twice_tells_nobody_again() -> None:
    async with platform() as here:
        for number in ("1", "2"):
            await here.write(f"Hello {number}", number=number)
        for _ in range(2):
            await here.cv.replay.all(dry_run=False)
            await here.work()
        assert here.stored == ["Hello 1", "Hello 2"]
        assert [here.told_of("ann", f"Hello {number}") for number in ("1", "2")] == [1, 1]


async def test_one_mail_over_two_aliases_is_one_message() -> None:
    async with platform() as here:
        aliases = [await here.cv.alias(C1, for_="ann"), await here.cv.alias(C1, for_="bob")]
        raw = (
            f"From: bob@home.example\nTo: {aliases[0]}, {aliases[1]}\nSubject: Job\n"
            "Message-ID: <1@home.example>\n\nTo both\n"
        ).encode()
        for recipients in ([aliases[0]], [aliases[1]], aliases):
            await here.post(IncomingMail(raw, recipients=recipients, sender="bob@home.example"))
        assert here.stored == ["To both"]
        assert here.told_of("ann", "To both") == 1


async def test_our_records_alone_put_back_tell_nobody_twice() -> None:
    class Backed(memory.Records):
        """A store that can be put back to an earlier state."""

        def saved(self) -> object:
            return copy.deepcopy(vars(self))

        def restore(self, saved: object) -> None:
            vars(self).clear()
            vars(self).update(copy.deepcopy(cast("dict[str, object]", saved)))

    records = Backed()
    async with platform(records=records) as here:
        await here.write("Before", number="1")
        saved = records.saved()
        await here.write("After", number="2")
        here.say("Chat")
        await here.work()
        records.restore(saved)
        here.say("New")
        await here.work()
        await here.cv.replay.all(dry_run=False)
        await here.work()
        assert here.stored == ["Before", "After", "Chat", "New"]
        assert [here.told_of("ann", text) for text in ("Before", "After")] == [1, 1]
        assert [here.told_of("bob", text) for text in ("Chat", "New")] == [1, 1]


async def test_who_joins_is_told_of_what_is_written_from_then_on() -> None:
    async with platform() as here:
        here.say("Before")
        await here.work()
        here.tables.open(C1, *MEMBERS, Participant.of("cid", name="Cid"))
        here.say("After")
        await here.work()
        assert (here.told_of("cid", "Before"), here.told_of("cid", "After")) == (0, 1)


async def test_a_flood_waits_for_its_hour() -> None:
    async with platform() as here:
        for number in range(301):
            here.say(f"Message {number:03d}.")
        await here.work()
        await here.work()
        assert len(here.mails("bob")) == 300
        await here.later(timedelta(hours=1, seconds=1))
        assert here.told_of("bob", "Message 300.") == 1


# --- capabilities ------------------------------------------------------------------------------------


async def test_who_has_read_it_at_the_host_is_not_mailed() -> None:
    class Reading(Conversations):
        async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
            assert (thread, set(accounts)) == (C1, {"bob"})
            return {"bob"} if self.tables.messages[thread, message].text == "Read" else set()

    async with platform(Reading()) as here:
        here.say("Read")
        here.say("Unread")
        await here.work()
        assert (here.told_of("bob", "Read"), here.told_of("bob", "Unread")) == (0, 1)


async def test_a_timeline_is_made_of_the_hosts_history() -> None:
    class Remembering(Conversations):
        async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
            listed = [one for (place, _), one in self.tables.messages.items() if place == thread][::-1]
            names = [one.id for one in listed]
            start = 0 if before is None else names.index(before) + 1
            return listed[start : start + min(limit, 2)]

    async with platform(Remembering()) as here:
        here.say("Hello")
        await here.later(timedelta(seconds=1))
        await here.write("By mail")
        await here.later(timedelta(seconds=1))
        here.say("Good", author="bob")
        items = await here.cv.messaging.timeline(C1, seen_by="ann")
        assert [(one.author, one.text, one.medium.value) for one in items] == [
            ("Ann", "Hello", "chat"),
            ("Bob", "By mail", "mail"),
            ("Bob", "Good", "chat"),
        ]
    async with platform() as here:
        with pytest.raises(KeptByHost, match="timeline"):
            await here.cv.messaging.timeline(C1, seen_by="ann")


# --- what only our own events can do -----------------------------------------------------------------


async def test_what_a_host_does_itself_is_refused_in_one_line() -> None:
    async with platform() as here:
        messaging = here.cv.messaging
        for call in (
            messaging.send(C1, "x", author="ann", key="k"),
            messaging.create("hiring"),
            messaging.add_participant(C1, MEMBERS[0]),
            messaging.remove_participant(C1, "ann"),
            messaging.mark_read(C1, account="ann", up_to=1),
            messaging.close(C1),
            messaging.reopen(C1),
            messaging.events(C1),
            here.cv.open_conversation(C1, use_case="hiring", participants=MEMBERS),
        ):
            with pytest.raises(KeptByHost, match=r"conversations=") as refused:
                await call
            assert "\n" not in str(refused.value)
        thread = await messaging.thread(C1)
        assert [one.account for one in thread.participants] == ["ann", "bob"]


def test_a_host_keeps_its_conversations_or_our_events_but_not_both() -> None:
    with pytest.raises(WrongSettings, match="event_store"):
        Convalias.in_memory(
            alias_domain="reply.example",
            conversations=Conversations(),
            event_store=cast("object", memory.faulty.EventStore),  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Thread(id=cast("str", 7), use_case="hiring", members=()),
        lambda: Thread(id="c1", use_case="", members=()),
        lambda: Thread(id="c1", use_case="hiring", members=cast("tuple[Participant, ...]", ("ann",))),
        lambda: MessageRef("c1", cast("str", 17)),
        lambda: Message(id="17", author="ann", text="x", at=datetime(2026, 3, 1)),  # noqa: DTZ001 - that is the point
        lambda: Message(id="17", author="ann", text="x", at=cast("datetime", "today")),
    ],
)
def test_what_a_host_says_is_checked_where_it_says_it(wrong: object) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        cast("type", wrong)()


async def test_why_tells_the_way_of_a_message_of_the_host() -> None:
    async with platform() as here:
        await here.write("Hello")
        found = await here.cv.operations.why(_asked(C1))
        (story,) = found.stories
        assert any(step.what.startswith("event ") and " in c1" in step.what for step in story.steps)


def _asked(conversation: str) -> object:
    from convalias.services.operations.operations import Asked  # noqa: PLC0415

    return Asked(conversation=ConversationId(conversation))


async def test_a_dry_run_posts_nothing() -> None:
    async with platform() as here:
        here.tables.declines = "quota"
        await here.write("Hello")
        here.tables.declines = ""
        replayed = await here.cv.replay.all(dry_run=True)
        assert (replayed.decided, replayed.events, here.stored) == (1, 1, [])
        replayed = await here.cv.replay.all(dry_run=False)
        assert (replayed.decided, here.stored) == (1, ["Hello"])


async def test_a_rehearsed_host_takes_nothing_and_tells_of_nothing() -> None:
    host = Conversations()
    host.tables.open(C1, *MEMBERS)
    quiet = rehearsal.Conversations(host)
    message = NewMessage(thread=C1, key="k", author="ann", author_name="Ann", text="x", at=memory.Clock().now())
    assert await quiet.post(message) == Posted("k")
    assert host.tables.messages == {}
    await host.post(message)
    assert await quiet.post(message) == AlreadyPosted("1")
    assert await quiet.thread(C1) == await host.thread(C1)
    assert await quiet.find(C1, key="k") == await host.find(C1, message="1")
    assert await quiet.untold(limit=9) == ()
    await quiet.told([MessageRef(C1, "1")])
    assert await host.untold(limit=9) == [MessageRef(C1, "1")]


async def test_a_row_of_a_newer_release_is_a_letter_and_keeps_nobody_waiting() -> None:
    async with platform() as here:
        here.say("Unreadable")
        await here.cv.run_until_idle("feed")
        (stored,) = await here.cv.ports.records.range("seen_messages", C1, after="", limit=9)
        await here.cv.ports.records.write(
            [Replace(stored.key, stored.version, {**stored.body, "$": "seen_message/99"}, stored.due)]
        )
        here.say("Readable")
        await here.work()
        assert (here.told_of("bob", "Readable"), here.told_of("bob", "Unreadable")) == (1, 0)
        (letter,) = [one async for one in here.cv.services.stores.dead_letters.list(LANE)]
        assert "seen_message" in letter.reason


async def test_a_given_world_with_conversations_is_refused() -> None:
    async with platform() as here:
        given = GivenConversation(id=ConversationId(C1), use_case=UseCase("hiring"))
        with pytest.raises(KeptByHost, match="load"):
            await here.cv.services.loading.load(given)


async def test_workers_without_the_hosts_conversations_are_refused() -> None:
    records = memory.Records()
    async with platform(records=records) as here:
        here.say("Hello")
        await here.work()
    async with Convalias.in_memory(alias_domain="reply.example", records=records) as cv:
        with pytest.raises(HostMissing, match="conversations=") as missing:
            await cv.run_until_idle()
        assert "\n" not in str(missing.value)
        with pytest.raises(HostMissing):
            async with cv.running():
                pass
        with pytest.raises(HostMissing):
            await cv.check_host()
        for _ in range(2):
            await cv.services.host.give_up()
        await cv.run_until_idle()
    async with platform(records=records) as here:
        await here.cv.check_host()


async def test_a_woken_feed_looks_at_once() -> None:
    async with platform() as here:
        here.cv.wake()
        (loop,) = here.cv.loops("feed")
        assert loop.woken is not None
        assert loop.woken.is_set()
        assert evolve(loop).idle >= timedelta(milliseconds=500)
        loop.woken.clear()
        alias = await here.cv.alias(C1, for_="ann")
        raw = f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@home.example>\n\nHello\n".encode()
        await here.cv.receiver.accept(IncomingMail(raw, recipients=[alias], sender="bob@home.example"))
        await here.cv.run_until_idle("inbound")
        assert loop.woken.is_set()  # a mail has become a message


async def test_what_a_host_says_of_itself_is_shown_by_readiness() -> None:
    class Examined(Conversations):
        async def examine(self) -> Sequence[Observation]:
            return [
                Observation(about="messages", found="3 late within ten minutes", grade=Grade.WEAK),
                Observation(about="clock", found="right"),
            ]

    async with platform(Examined()) as here:
        checks = await here.cv.checks()
        assert await checks["conversations"]() == "messages: 3 late within ten minutes"
    async with platform() as here:
        assert "conversations" not in await here.cv.checks()
