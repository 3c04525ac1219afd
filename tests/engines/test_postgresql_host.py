"""A host on a real PostgreSQL keeps its promises, and the ways to read a feed that only such an engine shows wrong are caught."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import psycopg
import pytest

from convalias import Convalias, IncomingMail
from convalias.adapters import memory
from convalias.ports import AlreadyPosted, MessageRef, NewMessage, PostDeclined, Posted
from convalias.testing import conformance
from convalias.testing.conformance import Check, MakeConversations, MakeReadMarks, PromiseBrokenError
from hosts import postgresql as host
from hosts.directory import People

LATE = "what commits late is still untold"
RUNS = 15


def named(name: str) -> Check[MakeConversations]:
    (check,) = [check for check in conformance.CONVERSATIONS if check.name == name]
    return check


@pytest.mark.parametrize("world", [host.World, host.HardDeletes])
@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
async def test_a_host_keeps_its_promises(
    check: Check[MakeConversations], world: type[host.World], postgresql: str
) -> None:
    with host.schemas(postgresql) as place:
        await check(host.opened(postgresql, place, world=world))


@pytest.mark.parametrize("check", conformance.READ_MARKS, ids=str)
async def test_a_host_knows_who_has_read(check: Check[MakeReadMarks], postgresql: str) -> None:
    with host.schemas(postgresql) as place:
        await check(host.opened(postgresql, place))


@pytest.mark.parametrize("check", conformance.HISTORY, ids=str)
async def test_a_host_gives_its_history(check: Check[MakeConversations], postgresql: str) -> None:
    with host.schemas(postgresql) as place:
        await check(host.opened(postgresql, place))


async def test_what_an_app_had_before_its_migration_is_told_from_birth(postgresql: str) -> None:
    before = f"{host.APP} insert into messages (thread, author, body) values (1, 'ann', 'of last year');"
    with host.schemas(postgresql, before) as place:
        async with host.opened(postgresql, place)("a") as world:
            assert await world.conversations.untold(limit=100) == []
            new = await world.say("1", "ann", "of today")
            assert [ref.message for ref in await world.conversations.untold(limit=100)] == [new]


FEED = f"""{host.MIGRATION}
    alter table messages add column tx bigint not null default pg_current_xact_id()::text::bigint;
    create table feed (id bigint not null default 0, created timestamptz not null default '-infinity', tx bigint not null default 0);
    insert into feed default values;
"""


class ById(host.Conversations):
    """Reads behind a place that moves on over all that was told: passes each check but that of a late commit."""

    column = "id"

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        rows = await self.rows(
            f"select thread, m.id from messages m, feed where not told and m.{self.column} > feed.{self.column}"
            f" order by m.{self.column} limit %s",
            limit,
        )
        return [MessageRef(str(thread), str(number)) for thread, number in rows]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        async with self.database.transaction():
            await super().told(messages)
            await self.database.execute(
                f"update feed set {self.column} = greatest({self.column}, (select max(m.{self.column}) from messages m where"
                f" m.{self.column} < coalesce((select min(n.{self.column}) from messages n, feed f"
                f" where not n.told and n.{self.column} > f.{self.column}), (select max({self.column}) from messages)"
                f" + {self.one})))".encode()
            )

    one = "1"


class ByCreationTime(ById):
    """`now()` is the time at which a transaction began."""

    column, one = "created", "interval '1 second'"


class ByTransactionId(ById):
    """Without the horizon of the transactions that are still open."""

    column = "tx"


class LocksItsThread(host.World):
    """Writers of one thread come one after the other: ids ascend with the commits there, and only there."""

    async def said(self, database: host.Connection, thread: str, author: str, text: str) -> str:
        await database.execute("select from threads where id = %s for update", (thread,))
        return await super().said(database, thread, author, text)


class LeavesItsTransactionOpen(host.Conversations):
    """A session in REPEATABLE READ that nobody ends, as an ORM may have it: sees what was there at its first look."""

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        if self.database.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            await self.database.execute("begin isolation level repeatable read")
        return await super().untold(limit=limit)


class LooksBeforeItInserts(host.Conversations):
    meeting = threading.Barrier(2)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        found = await self.find(message.thread, key=message.key)
        if found is not None:
            return AlreadyPosted(found.id)
        try:
            self.meeting.wait(0.02)
        except threading.BrokenBarrierError:
            self.meeting.reset()
        row = await self.row(
            "insert into messages (thread, author, body, created, mail_key) values (%s, %s, %s, %s, %s) returning id",
            *(message.thread, message.author, message.text, message.at, message.key),
        )
        return Posted(str((row or ("",))[0]))


NO_INDEX = host.MIGRATION.replace("create unique index mail_keys", "create index mail_keys")

WRONG: dict[str, tuple[str, str, Callable[[host.Connection], host.Conversations], type[host.World]]] = {
    "reader by id": (LATE, FEED, ById, host.World),
    "reader by creation time": (LATE, FEED, ByCreationTime, host.World),
    "reader by transaction id": (LATE, FEED, ByTransactionId, host.World),
    "lock a thread": (LATE, FEED, ById, LocksItsThread),
    "a transaction left open": (
        "who has read before sees what came since",
        host.MIGRATION,
        LeavesItsTransactionOpen,
        host.World,
    ),
    "key looked up before the insert": (
        "of posts of one key at once one is posted",
        NO_INDEX,
        LooksBeforeItInserts,
        host.World,
    ),
}


SAYS = {
    LATE: r"found \['after'\], expected \['after', 'slow'\]",
    "who has read before sees what came since": r"untold: found \{\('1', '1'\)\}, expected ",
    "of posts of one key at once one is posted": r"found \d, expected 1",
}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_host_is_caught_each_time(wrong: str, postgresql: str) -> None:
    name, migration, conversations, world = WRONG[wrong]
    said = SAYS[name]
    for _ in range(RUNS):
        with host.schemas(postgresql, migration=migration) as place, pytest.raises(PromiseBrokenError, match=said):
            await named(name)(host.opened(postgresql, place, conversations, world))


@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
@pytest.mark.parametrize("reader", [ById, ByCreationTime, ByTransactionId])
async def test_a_reader_with_a_cursor_works_until_two_transactions_overlap(
    check: Check[MakeConversations], reader: type[ById], postgresql: str
) -> None:
    """So its own tests show nothing, and the suite is what tells."""
    if check.name in {LATE, "every message of a flood is told"}:
        return
    with host.schemas(postgresql, migration=FEED) as place:
        await check(host.opened(postgresql, place, reader))


async def test_the_whole_path_over_a_host_mails_each_message_once(postgresql: str) -> None:
    """A message that commits late among them; an edit before the mail, a withdrawal, an answer by mail sent twice."""
    with host.schemas(postgresql) as place:
        async with host.opened(postgresql, place)("a") as world:
            conversations, identity = world.conversations, People()
            async with Convalias.in_memory(
                alias_domain="reply.example", conversations=conversations, identity=identity
            ) as cv:
                thread, other = await world.open("ann", "bob"), await world.open("ann", "bob")
                holding = world.held(thread, "ann", "slow words", commit=True)
                assert holding is not None
                async with holding:
                    edited = await world.say(other, "ann", "first words")
                    await world.edit(other, edited, "edited words")
                    await world.withdraw(other, await world.say(other, "ann", "withdrawn words"))
                    await cv.run_until_idle()
                await cv.run_until_idle()
                mails = cv.mailbox("bob@home.example")
                assert [word for word in WORDS for raw in mails if word in raw] == [b"edited words", b"slow words"]

                alias = await cv.alias(thread, for_="ann")
                raw = f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@home.example>\n\nanswered words\n".encode()
                for _ in range(2):
                    await cv.receiver.accept(IncomingMail(raw, recipients=[alias], sender="bob@home.example"))
                    await cv.run_until_idle()
                assert isinstance(conversations, host.Conversations)
                texts = [message.text for message in await conversations.history(thread, limit=9)]
                assert [text.strip() for text in texts] == ["answered words", "slow words"]
                assert [b"answered words" in raw for raw in cv.mailbox("ann@home.example")] == [True]
                assert isinstance(cv.ports.clock, memory.Clock)
                await cv.ports.clock.advance(timedelta(minutes=2))  # what is not found is looked for a minute
                await cv.run_until_idle()
                assert await conversations.untold(limit=9) == []


WORDS = (b"first words", b"edited words", b"withdrawn words", b"slow words")
