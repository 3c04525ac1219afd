"""What enters a conversation, under which checks, and what a repeat of it is."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor, Participant, PeripheralAuthor
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import EventId
from convalias.domain.mail.reasons import CONSEQUENCES, Reason
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.ports.drafts import AttachedFile
from convalias.ports.errors import Unavailable
from convalias.services.conversations.errors import KeyReused, NoSuchConversation, Refused
from convalias.services.conversations.messaging import Messaging
from services.messaging_desk import ANN, ANN_WRITES, BOB, C1, EVE, HOME, NOON, PEOPLE, Desk, addition, content, mail_key

# --- chat ----------------------------------------------------------------------------------------------


async def test_a_chat_message_is_an_event_of_its_author() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    event = await messaging.send(C1, "hello", author=ANN, key="1", in_reply_to="e1")
    assert (event.seq, event.origin, event.occurred_at) == (2, Origin.CHAT, NOON)
    assert event.happening == MessageAdded(
        author=AccountAuthor(ANN, verified=True), text="hello", full_text="hello", in_reply_to=EventId("e1")
    )
    assert (await desk.events())[-1] == event


PDF = AttachedFile("C:\\CV.pdf", "Application/PDF", b"%PDF")


async def test_files_of_a_chat_message_are_kept_before_it_names_them() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    event = await messaging.send(C1, "", author=ANN, key="1", attachments=[PDF, PDF])
    assert isinstance(event.happening, MessageAdded)
    described = event.happening.attachments
    assert [(one.name, one.media_type, one.size) for one in described] == [("C_CV.pdf", "application/pdf", 4)] * 2
    assert await messaging.attachments.get(described[0].digest) == b"%PDF"
    assert await messaging.send(C1, "", author=ANN, key="1", attachments=[PDF, PDF]) == event


@pytest.mark.parametrize("files", [[], [PDF], [PDF, evolve(PDF, content=b"another")], [PDF, evolve(PDF, name="b")]])
async def test_other_files_under_the_same_key_are_a_conflict(files: list[AttachedFile]) -> None:
    messaging = await Desk().conversation()
    await messaging.send(C1, "see", author=ANN, key="1", attachments=[PDF, PDF])
    with pytest.raises(KeyReused):
        await messaging.send(C1, "see", author=ANN, key="1", attachments=files)


@pytest.mark.parametrize(("author", "is_closed"), [(EVE, False), (ANN, True)])
async def test_files_of_a_message_that_is_refused_are_not_kept(author: str, *, is_closed: bool) -> None:
    desk = Desk()
    messaging = await desk.conversation()
    if is_closed:
        await messaging.close(C1)
    with pytest.raises(Refused):
        await messaging.send(C1, "see", author=author, key="1", attachments=[PDF])
    assert await desk.blobs.names("attachments/", after="", limit=9) == []


@pytest.mark.parametrize(
    "files",
    [
        [PDF] * 101,
        [AttachedFile("a", "image/png", b"x" * 13_107_201)] * 2,
        [AttachedFile("a\0b", "image/png", b"")],
        [AttachedFile("a", "image/png\ud800", b"")],
    ],
)
async def test_files_that_no_store_can_hold_are_refused(files: list[AttachedFile]) -> None:
    messaging = await Desk().conversation()
    with pytest.raises(InvalidValue):
        await messaging.send(C1, "see", author=ANN, key="1", attachments=files)


async def test_the_same_key_gives_the_first_result() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    first = await messaging.send(C1, "hello", author=ANN, key="1")
    assert await messaging.send(C1, "hello", author=ANN, key="1") == first
    assert await messaging.send(C1, "hello", author=ANN, key="2") != first
    assert len(await desk.events()) == 3


@pytest.mark.parametrize("files", [[], [PDF]])
@pytest.mark.parametrize("change", ["close", "leave"])
async def test_the_first_result_is_given_to_a_repeat_that_would_be_refused_now(
    change: str, files: list[AttachedFile]
) -> None:
    messaging = await Desk().conversation()
    first = await messaging.send(C1, "hello", author=ANN, key="1", attachments=files)
    if change == "close":
        await messaging.close(C1)
    else:
        await messaging.remove_participant(C1, ANN)
    assert await messaging.send(C1, "hello", author=ANN, key="1", attachments=files) == first


@pytest.mark.parametrize("change", [{"text": "other"}, {"author": BOB}, {"in_reply_to": "e1"}])
async def test_another_body_under_the_same_key_is_a_conflict(change: dict[str, str]) -> None:
    messaging = await Desk().conversation()
    await messaging.send(C1, "hello", author=ANN, key="1")
    with pytest.raises(KeyReused, match=r"key '1'.*event 2.*new key") as caught:
        await messaging.send(C1, **{"text": "hello", "author": ANN, "key": "1", **change})
    assert (caught.value.key, caught.value.seq) == ("1", 2)


async def test_a_redacted_message_is_still_the_first_result_of_its_key() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    first = await messaging.send(C1, "hello", author=ANN, key="1")
    assert isinstance(first.happening, MessageAdded)
    blank = evolve(first, happening=evolve(first.happening, text="", full_text=""))
    await desk.store.redact(blank)
    assert await messaging.send(C1, "hello", author=ANN, key="1") == blank


async def test_a_repeat_brings_no_redacted_file_back() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    first = await messaging.send(C1, "hello", author=ANN, key="1", attachments=[PDF])
    assert isinstance(first.happening, MessageAdded)
    blank = evolve(first, happening=evolve(first.happening, text="", full_text="", attachments=()))
    await desk.store.redact(blank)
    await desk.blobs.delete(await desk.blobs.names("attachments/", after="", limit=9))
    assert await messaging.send(C1, "hello", author=ANN, key="1", attachments=[PDF]) == blank
    assert await desk.blobs.names("attachments/", after="", limit=9) == []


async def test_only_participants_write_only_in_open_conversations_and_only_something() -> None:
    messaging = await Desk().conversation()
    with pytest.raises(Refused, match="NOT_PARTICIPANT: account eve") as caught:
        await messaging.send(C1, "hello", author=EVE, key="1")
    assert caught.value.consequence == CONSEQUENCES[Reason.NOT_PARTICIPANT]
    with pytest.raises(Refused, match="EMPTY"):
        await messaging.send(C1, " \n", author=ANN, key="1")
    await messaging.close(C1)
    with pytest.raises(Refused, match="CONVERSATION_CLOSED: conversation c1 is closed"):
        await messaging.send(C1, "hello", author=ANN, key="1")
    with pytest.raises(NoSuchConversation, match=r"'c9'.*create it first"):
        await messaging.send("c9", "hello", author=ANN, key="1")


async def test_many_writers_leave_no_hole_and_no_double() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    other = Desk(desk.records).messaging
    async with asyncio.TaskGroup() as group:
        for number in range(30):
            for process in (messaging, other):
                group.create_task(process.send(C1, f"{number}", author=ANN, key=f"{number}"))
    events = await desk.events()
    assert [event.seq for event in events] == list(range(1, 32))
    assert len({event.dedup_key for event in events}) == 31


# --- mail ----------------------------------------------------------------------------------------------


async def test_a_mail_is_a_message_with_what_is_known_of_it() -> None:
    messaging = await Desk().conversation()
    details = addition(flags=frozenset({"spam"}), raw_key="raw/1")
    added = await messaging.add_mail(content(), conversation=C1, author=ANN_WRITES, key=mail_key(), addition=details)
    assert added is not None
    assert added.added
    assert (added.event.dedup_key, added.event.origin, added.event.trace) == (
        str(mail_key()),
        Origin.ALIAS_MAIL,
        "t",
    )
    assert added.event.happening == MessageAdded(
        author=ANN_WRITES,
        text="hello",
        full_text="hello\n> old",
        subject="Re: job",
        message_id="<x@y>",
        body_digest="digest of hello",
        sent_at=NOON,
        flags=frozenset({"spam"}),
        raw_key="raw/1",
    )


async def add(messaging: Messaging, text: str = "hello", minutes: int = 0, **more: object) -> tuple[bool, MessageAdded]:
    author = more.pop("author", ANN_WRITES)
    added = await messaging.add_mail(
        content(text), conversation=C1, author=author, key=mail_key(), addition=addition(minutes, **more)
    )
    assert added is not None
    assert isinstance(added.event.happening, MessageAdded)
    return added.added, added.event.happening


@pytest.mark.parametrize(("text", "minutes"), [("hello", 0), ("hello with a footer", 0), ("hello", 5)])
async def test_a_mail_whose_date_or_body_is_the_same_is_the_same_mail(text: str, minutes: int) -> None:
    desk = Desk()
    messaging = await desk.conversation()
    assert (await add(messaging))[0]
    assert not (await add(messaging, text, minutes))[0]
    assert len(await desk.events()) == 2


async def test_a_second_mail_under_a_reused_message_id_is_a_second_message_once() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    await add(messaging, "one", 1)
    added, second = await add(messaging, "two", 2)
    assert added
    assert second.flags == {"message_id_reused"}
    assert not (await add(messaging, "two", 2))[0]
    assert not (await add(messaging, "one", 1))[0]
    assert (await add(messaging, "three", 3))[0]
    assert len(await desk.events()) == 4


async def test_a_standing_message_without_a_digest_is_never_told_apart() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    added = await messaging.add_mail(content(), conversation=C1, author=ANN_WRITES, key=mail_key(), addition=addition())
    assert added is not None
    assert isinstance(added.event.happening, MessageAdded)
    await desk.store.redact(evolve(added.event, happening=evolve(added.event.happening, body_digest="")))
    assert not (await add(messaging, "two", 2))[0]


@pytest.mark.parametrize("change", ["close", "leave", "erase", "missing"])
async def test_a_mail_that_the_conversation_takes_no_more_is_to_be_decided_anew(change: str) -> None:
    desk = Desk()
    messaging = await desk.conversation()
    match change:
        case "close":
            await messaging.close(C1)
        case "leave":
            await messaging.remove_participant(C1, ANN)
        case "erase":
            await desk.conversations.append(C1, lambda _: _erasure(messaging))
        case _:
            pass
    where = "c9" if change == "missing" else C1
    added = await messaging.add_mail(
        content(), conversation=where, author=ANN_WRITES, key=mail_key(), addition=addition(copies=(HOME,))
    )
    assert added is None


def _erasure(messaging: Messaging) -> e.NewEvent:
    identity = EventId(messaging.clock.new_id())
    return e.NewEvent(identity, C1, e.ConversationErased(), "erased", Origin.CHAT, NOON)


async def test_a_mail_that_is_there_is_success_after_its_author_has_left() -> None:
    messaging = await Desk().conversation()
    await add(messaging)
    await messaging.remove_participant(C1, ANN)
    assert not (await add(messaging))[0]


async def test_somebody_peripheral_needs_no_part_in_the_conversation() -> None:
    messaging = await Desk().conversation()
    assert (await add(messaging, author=PeripheralAuthor(HOME)))[0]


async def test_copies_are_noted_once() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    one, two = EmailAddress.parse("one@x.example"), EmailAddress.parse("two@x.example")
    await add(messaging, copies=(two, one))
    await add(messaging, copies=(one, two))
    await messaging.add_mail(
        content(), conversation=C1, author=ANN_WRITES, key=mail_key("other"), addition=addition(copies=(one, HOME))
    )
    assert (await messaging.thread(C1)).cc_seen == {one, two, HOME}
    assert (await desk.kinds()).count("CopiesSeen") == 2


async def test_copies_of_a_mail_that_a_closing_overtook_are_left_out() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    await add(messaging)
    await desk.conversations.append(C1, lambda _: _erasure(messaging))
    assert not (await add(messaging, copies=(HOME,)))[0]
    assert "CopiesSeen" not in await desk.kinds()


# --- conversations -------------------------------------------------------------------------------------


async def test_a_new_conversation_has_its_participants_and_an_alias_for_each() -> None:
    desk = Desk()
    thread = await desk.messaging.create("apply", PEOPLE, market="jp")
    assert (thread.use_case, thread.participants, thread.market) == ("apply", PEOPLE, "jp")
    assert {alias.stands_for for alias in await desk.aliases.of(thread.id)} == {ANN, BOB}


async def test_creating_twice_is_creating_once() -> None:
    desk = Desk()
    first = await desk.messaging.create("apply", PEOPLE, conversation=C1)
    await desk.messaging.create("apply", PEOPLE, conversation=C1)
    assert await desk.kinds() == ["ConversationCreated", "AliasIssued", "AliasIssued"]
    assert (await desk.messaging.thread(C1)).participants == first.participants
    with pytest.raises(KeyReused):
        await desk.messaging.create("apply", conversation=C1)


async def test_of_two_that_create_at_once_both_have_it() -> None:
    desk = Desk(mints=False)
    both = await asyncio.gather(
        *(Desk(desk.records, mints=False).messaging.create("apply", PEOPLE, conversation=C1) for _ in range(2))
    )
    assert both[0] == both[1]
    assert await desk.kinds() == ["ConversationCreated"]


@pytest.mark.parametrize("how", ["unset", "flag"])
async def test_where_minting_is_off_nobody_gets_an_alias(how: str) -> None:
    desk = Desk(unset=Stage.LEGACY if how == "unset" else Stage.NATIVE)
    if how == "flag":
        desk.flags.set(Rollout("apply", Stage.NATIVE, 0, "s"), Axis.MINTING)
    await desk.messaging.create("apply", PEOPLE, conversation=C1)
    assert await desk.aliases.of(C1) == []


async def test_participants_come_with_an_alias_and_go_without_losing_it() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    eve = Participant(EVE, name="Eve")
    await messaging.add_participant(C1, eve)
    thread = await messaging.add_participant(C1, eve)
    assert thread.participants == (*PEOPLE, eve)
    assert [alias.stands_for for alias in await desk.aliases.of(C1)].count(EVE) == 1
    await messaging.remove_participant(C1, EVE)
    thread = await messaging.remove_participant(C1, EVE)
    assert thread.participants == PEOPLE
    await messaging.add_participant(C1, eve)
    kinds = await desk.kinds()
    assert (kinds.count("ParticipantAdded"), kinds.count("ParticipantRemoved")) == (2, 1)


async def test_a_read_mark_moves_forward_only() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    await messaging.send(C1, "hello", author=ANN, key="1")
    await messaging.mark_read(C1, account=BOB, up_to=2)
    thread = await messaging.mark_read(C1, account=BOB, up_to=1)
    assert thread.read_up_to == {BOB: 2}
    assert (await desk.kinds()).count("MessagesRead") == 1


@pytest.mark.parametrize("seq", [0, -1, 2])
async def test_what_is_not_there_cannot_be_read(seq: int) -> None:
    messaging = await Desk().conversation()
    with pytest.raises(InvalidValue, match="1 to 1"):
        await messaging.mark_read(C1, account=BOB, up_to=seq)
    with pytest.raises(Refused):
        await messaging.mark_read(C1, account=EVE, up_to=1)


async def test_a_conversation_is_closed_and_reopened_by_a_participant_or_the_platform() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    await messaging.close(C1, by=ANN)
    assert (await messaging.close(C1)).state is ThreadState.CLOSED
    await messaging.reopen(C1)
    assert (await messaging.reopen(C1, by=BOB)).state is ThreadState.OPEN
    await messaging.close(C1)
    assert await desk.kinds() == [
        "ConversationCreated",
        "ConversationClosed",
        "ConversationReopened",
        "ConversationClosed",
    ]
    with pytest.raises(Refused, match="eve"):
        await messaging.reopen(C1, by=EVE)


async def test_what_is_archived_is_closed_for_good() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    archived = evolve(_erasure(messaging), happening=e.ConversationArchived())
    await desk.conversations.append(C1, lambda _: archived)
    with pytest.raises(Refused, match="for good"):
        await messaging.reopen(C1)


# --- queries -------------------------------------------------------------------------------------------


async def test_events_are_listed_in_pages() -> None:
    messaging = await Desk().conversation()
    for number in range(3):
        await messaging.send(C1, "hello", author=ANN, key=f"{number}")
    first = await messaging.events(C1, limit=2)
    rest = await messaging.events(C1, after=first[-1].seq, limit=0)
    assert [event.seq for event in (*first, *rest)] == [1, 2, 3]
    assert await messaging.events("c9") == []


async def test_a_conversation_that_is_not_there_is_named() -> None:
    messaging = await Desk().conversation()
    with pytest.raises(NoSuchConversation) as caught:
        await messaging.thread("c9")
    assert caught.value.conversation == "c9"


async def test_an_alias_is_resolved_by_its_address() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    alias = await desk.aliasing.issue(C1, account=ANN)
    assert await messaging.resolve(str(alias.address)) == alias
    assert await messaging.resolve("nobody@reply.example") is None


# --- a store that fails --------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [memory.before("records"), memory.after("records")])
async def test_a_send_whose_answer_was_lost_can_be_repeated(fault: memory.Fault) -> None:
    faults = memory.Faults()
    desk = Desk(memory.faulty.Records(memory.Records(), faults), mints=False)
    messaging = await desk.conversation()
    faults.fail("records.write", fault, times=1)
    with pytest.raises(Unavailable):
        await messaging.send(C1, "hello", author=ANN, key="1")
    await messaging.send(C1, "hello", author=ANN, key="1")
    assert await desk.kinds() == ["ConversationCreated", "MessageAdded"]
