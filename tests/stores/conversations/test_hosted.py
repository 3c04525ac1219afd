"""Conversations of a host through its five calls, and the rows that are kept beside its messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    RESTORED,
    AliasIssued,
    CopiesSeen,
    MessageAdded,
    NewEvent,
    Origin,
    StatusNoted,
)
from convalias.domain.conversations.host_messages import SeenMessage, host_event_id, post_key
from convalias.domain.conversations.participants import NOBODY, AccountAuthor, Participant, PeripheralAuthor
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq
from convalias.ports.conversations import AlreadyPosted, Message, MessageRef, NewMessage, Posted
from convalias.ports.errors import Deferred
from convalias.ports.event_log import UNPLACED
from convalias.ports.records import Conflict, Insert, Replace, Write, Written
from convalias.stores.conversations import hosted
from convalias.stores.conversations.access import EventGone
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.errors import Contended, PostingDeclined
from ports.minimal.talks import Conversations

C1 = ConversationId("c1")
ANN, BOB = AccountId("ann"), AccountId("bob")
EVE = EmailAddress.parse("eve@else.example")
NOON = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


@define
class Desk:
    port: Conversations
    records: memory.Records
    clock: memory.Clock
    there: HostConversations

    def other(self) -> HostConversations:
        """Another process."""
        return evolve(self.there)

    async def mail(self, text: str = "Hello", *, key: str = "mail:1", author: Any = None, **more: Any) -> Any:
        message = MessageAdded(
            author=author or AccountAuthor(BOB, verified=True),
            text=text,
            full_text=text,
            body_digest=f"digest of {text}",
            **{"message_id": "<1@home.example>", "sent_at": NOON, **more},
        )
        return await self.there.append(C1, lambda _: new(message, key), key=key)

    def seen(self, message: str, *, key: str | None = None) -> SeenMessage:
        now = self.clock.now()
        return SeenMessage(
            conversation=C1,
            event=host_event_id(C1, message),
            message=message,
            key=key,
            author=ANN,
            written_at=now,
            seen_at=now,
        )


def new(happening: Any, key: str = "k") -> NewEvent:
    return NewEvent(
        id=EventId("drawn"),
        conversation=C1,
        happening=happening,
        dedup_key=key,
        origin=Origin.ALIAS_MAIL,
        occurred_at=NOON,
        trace="t",
    )


def desk(port: Conversations | None = None, records: Any = None) -> Desk:
    port, clock = port or Conversations(), memory.Clock()
    records = records or memory.Records()
    port.tables.open("c1", Participant.of("ann", name="Ann"), Participant.of("bob", name="Bob"))
    return Desk(port, records, clock, HostConversations(port=port, rows=HostRows(records=records), clock=clock))


# --- posting -----------------------------------------------------------------------------------------


async def test_our_row_stands_before_the_host_is_asked_to_post() -> None:
    class Watching(Conversations):
        rows: HostRows | None = None

        async def post(self, message: NewMessage) -> Any:
            assert self.rows is not None
            kept = await self.rows.mail(C1, message.key)
            assert kept is not None
            assert (kept.posted_as, kept.message.text, kept.message.body_digest) == (None, "", "digest of Hello")
            return await super().post(message)

    here = desk(Watching())
    here.port.rows = here.there.rows  # type: ignore[attr-defined]
    done = await here.mail()
    assert (done.added, done.event.happening.text, done.event.seq) == (True, "Hello", UNPLACED)
    kept = await here.there.rows.mail(C1, post_key("mail:1"))
    assert kept is not None
    assert kept.posted_as == "1"
    assert done.event.id == host_event_id(C1, "1")


async def test_a_host_is_told_what_its_readers_should_know() -> None:
    here = desk(Conversations())
    await here.mail()
    every = frozenset({"restored", "unverified", "harmful", "message_id_reused"})
    await here.mail("Again", key="mail:2", flags=every)
    assert [(one.verified, one.flags) for one in here.port.tables.posted] == [(True, frozenset()), (False, every)]


async def test_a_post_whose_answer_was_lost_is_found_again() -> None:
    class Deaf(Conversations):
        async def post(self, message: NewMessage) -> Any:
            await super().post(message)
            raise ConnectionError

    here = desk(Deaf())
    with pytest.raises(ConnectionError):
        await here.mail()
    here.there = evolve(here.there, port=Conversations(here.port.tables))
    done = await here.mail()
    assert (done.added, done.event.id) == (False, host_event_id(C1, "1"))
    assert len(here.port.tables.messages) == 1


async def test_a_mail_is_not_posted_again_when_its_answer_was_lost_and_it_was_told_and_deleted_since() -> None:
    class Deaf(Conversations):
        async def post(self, message: NewMessage) -> Any:
            await super().post(message)
            raise ConnectionError

    here = desk(Deaf())
    with pytest.raises(ConnectionError):
        await here.mail()
    event = await here.there.found(MessageRef("c1", "1"))  # by the feed, before the host is told
    here.port.tables.withdraw("c1", "1")
    here.port.tables.keys.clear()  # a hard delete frees the key
    here.there = evolve(here.there, port=Conversations(here.port.tables))
    done = await here.mail()
    assert event is not None
    assert (done.added, done.event.id) == (False, event.id)
    assert not here.port.tables.messages


async def test_a_decline_is_believed_once_the_key_is_not_found() -> None:
    here = desk()
    here.port.tables.declines = "quota"
    with pytest.raises(PostingDeclined, match=r"c1.*quota"):
        await here.mail()

    class Muddled(Conversations):
        """It posts, and says no when it is asked once more."""

        async def post(self, message: NewMessage) -> Any:
            answer = await super().post(message)
            if isinstance(answer, AlreadyPosted | Posted):
                self.tables.declines = "closed meanwhile"
                self.tables.keys = {}
            return await super().post(message)

        async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
            found = [one for (_, _), one in self.tables.messages.items() if key is not None and one.key == key]
            return found[0] if found else await super().find(thread, message=message, key=key)

    here = desk(Muddled())
    done = await here.mail()
    assert (done.added, done.event.id) == (False, host_event_id(C1, "1"))


async def test_another_mail_under_the_key_is_told_apart_posted_or_not() -> None:
    here = desk()
    await here.mail("One")
    later = NOON + timedelta(hours=1)
    other = await here.mail("Two", sent_at=later)
    assert (other.added, other.event.happening.body_digest, other.event.id) == (
        False,
        "digest of One",
        host_event_id(C1, "1"),
    )
    here = desk()
    here.port.tables.declines = "quota"
    with pytest.raises(PostingDeclined):
        await here.mail("One")
    here.port.tables.declines = ""
    other = await here.mail("Two", sent_at=later)
    assert (other.added, other.event.happening.body_digest, here.port.tables.messages) == (False, "digest of One", {})


async def test_a_guest_is_posted_as_nobody_under_the_address() -> None:
    here = desk()
    await here.mail(author=PeripheralAuthor(EVE))
    (posted,) = here.port.tables.posted
    assert (posted.author, posted.author_name) == (None, "eve@else.example")
    scene = await here.there.scene(C1, host_event_id(C1, "1"), UNPLACED)
    assert scene.event.happening.author == PeripheralAuthor(EVE)  # type: ignore[union-attr]


async def test_who_left_before_the_post_has_no_name_there() -> None:
    here = desk()
    here.port.tables.leave("c1", "bob")
    await here.mail()
    assert here.port.tables.posted[0].author_name == ""


async def test_what_a_message_answers_is_told_by_the_hosts_id() -> None:
    here = desk()
    await here.mail()
    await here.mail("Answer", key="mail:2", in_reply_to=host_event_id(C1, "1"), message_id="<2@home.example>")
    await here.mail("Other", key="mail:3", in_reply_to=EventId("unknown"), message_id="<3@home.example>")
    assert [one.answers for one in here.port.tables.posted] == [None, "1", None]


async def test_a_refusal_of_the_draft_is_no_refusal_of_what_is_there() -> None:
    here = desk()
    await here.mail()

    def refuse(_: object) -> NewEvent:
        raise ValueError("closed")

    done = await here.there.append(C1, refuse, key="mail:1")
    assert done is not None
    assert not done.added
    for key in ("mail:2", None):
        with pytest.raises(ValueError, match="closed"):
            await here.there.append(C1, refuse, key=key)
    assert await here.there.append(C1, lambda _: None) is None


# --- what a host has no place for --------------------------------------------------------------------


async def test_statuses_and_copies_are_kept_beside_and_alias_events_are_not() -> None:
    here = desk()
    status = StatusNoted(BOB, "bounce")
    for _ in range(2):
        assert await here.there.append(C1, lambda _: new(status, "s")) is None
    noted = await here.there.keyed(C1, key="s")
    assert noted is not None
    assert (noted.happening, noted.seq) == (status, UNPLACED)
    for copies in ({EVE}, {EVE}, {EVE, EmailAddress.parse("x@y.example")}):
        await here.there.append(C1, lambda _, found=frozenset(copies): new(CopiesSeen(found)))  # type: ignore[misc]
    thread = await here.there.thread(C1)
    assert thread is not None
    assert thread.cc_seen == {EVE, EmailAddress.parse("x@y.example")}
    assert await here.there.append(C1, lambda _: new(AliasIssued(AliasId("l"), BOB), "a")) is None
    assert await here.there.keyed(C1, key="a") is None


# --- reading -----------------------------------------------------------------------------------------


async def test_threads_are_asked_for_one_by_one_and_an_unknown_one_is_none() -> None:
    here = desk()
    found = await here.there.threads([C1, ConversationId("none")])
    assert list(found) == [C1]
    assert [one.account for one in found[C1].participants] == ["ann", "bob"]
    assert await here.there.thread(ConversationId("none")) is None
    assert not here.there.keeps_events
    assert here.there.unparked() is here.there
    assert await here.there.after(C1, 0, limit=9) == ()


async def test_what_was_withdrawn_is_found_without_its_words() -> None:
    here = desk()
    done = await here.mail()
    here.port.tables.withdraw("c1", "1")
    by_event = await here.there.keyed(C1, key=done.event.id)
    by_key = await here.there.keyed(C1, key="mail:1")
    assert by_event is not None
    assert by_key is not None
    assert (by_event.happening.text, by_key.happening.text) == ("", "")  # type: ignore[union-attr]
    assert await here.there.keyed(C1, key="mail:2") is None


async def test_a_mail_is_found_by_its_key_as_it_reads_now() -> None:
    here = desk()
    done = await here.mail()
    here.port.tables.edit("c1", "1", "Edited")
    found = await here.there.keyed(C1, key="mail:1")
    assert found is not None
    assert (found.id, found.happening.text, found.dedup_key) == (done.event.id, "Edited", "mail:1")  # type: ignore[union-attr]


async def test_the_latest_messages_come_oldest_first_with_what_their_mails_were() -> None:
    here = desk()
    events = []
    for number in range(5):
        await here.clock.advance(timedelta(seconds=1))
        if number % 2:
            events.append((await here.mail(f"{number}", key=f"mail:{number}", subject=f"S{number}")).event)
        else:
            identity = here.port.tables.say("c1", "ann", f"{number}", at=here.clock.now())
            events.append(await here.there.found(MessageRef("c1", identity)))
    listed = await here.there.ends(C1, first=0, last=3)
    assert [one.id for one in listed] == [one.id for one in events[2:]]
    assert [one.happening.subject for one in listed] == ["", "S3", ""]  # type: ignore[union-attr]
    before = await here.there.ends(C1, first=1, last=1, before=events[2])
    assert [one.id for one in before] == [one.id for one in events[:2]]


async def test_a_mail_whose_row_has_ended_is_a_message_of_its_author() -> None:
    here = desk()
    done = await here.mail()
    (stored,) = await here.records.range("kept_mails", "c1", after="", limit=9)
    await here.records.write([_gone(stored)])
    scene = await here.there.scene(C1, done.event.id, UNPLACED)
    message = scene.event.happening
    assert isinstance(message, MessageAdded)
    assert (message.author, message.text, scene.event.origin) == (
        AccountAuthor(BOB, verified=True),
        "Hello",
        Origin.ALIAS_MAIL,
    )


async def test_a_mail_that_the_host_has_and_a_restored_backup_has_not_is_nobodys_news() -> None:
    here = desk()
    posted = await here.mail()
    backup = desk(here.port)  # our records as they were before that mail; the host keeps it
    found = await backup.there.keyed(C1, key="mail:1")
    assert found is not None
    assert (found.id, found.happening.flags) == (posted.event.id, frozenset({RESTORED}))  # type: ignore[union-attr]
    assert (await backup.there.scene(C1, found.id, UNPLACED)).event.happening.flags == frozenset({RESTORED})  # type: ignore[union-attr]
    assert posted.event.happening.flags == frozenset()


async def test_a_mail_that_a_backup_was_about_to_post_is_nobodys_news_behind_a_restore() -> None:
    class Away(Conversations):
        async def post(self, message: NewMessage) -> Any:
            raise ConnectionError

    backup = desk(Away())
    with pytest.raises(ConnectionError):
        await backup.mail()
    behind = evolve(backup.there, port=Conversations(backup.port.tables))
    await desk(behind.port).mail()  # posted since, and people were told
    for _ in range(2):
        again = await evolve(backup, there=behind).mail(flags=frozenset({RESTORED}))
        assert (again.added, again.event.id) == (False, host_event_id(C1, "1"))
        assert (await behind.scene(C1, again.event.id, UNPLACED)).event.happening.flags == frozenset({RESTORED})  # type: ignore[union-attr]


async def test_a_restore_leaves_alone_what_is_known_to_be_posted() -> None:
    here = desk()
    done = await here.mail()
    kept = await here.there.rows.mail(C1, post_key("mail:1"))
    assert kept is not None
    assert await here.there.rows.restored(kept) == kept
    again = await here.mail(flags=frozenset({RESTORED}))
    assert (again.added, again.event.happening.flags, again.event.id) == (False, frozenset(), done.event.id)


def _gone(stored: Any) -> Any:
    from convalias.ports.records import Delete  # noqa: PLC0415

    return Delete(stored.key, stored.version)


async def test_a_message_that_was_never_seen_is_gone() -> None:
    with pytest.raises(EventGone):
        await desk().there.scene(C1, EventId("unknown"), UNPLACED)


async def test_none_is_believed_the_second_time_and_forgotten_once_the_message_is_there() -> None:
    here = desk()
    done = await here.mail()
    message = here.port.tables.messages.pop(("c1", "1"))
    with pytest.raises(Deferred):
        await here.there.scene(C1, done.event.id, UNPLACED)
    here.port.tables.messages["c1", "1"] = message
    assert not (await here.there.scene(C1, done.event.id, UNPLACED)).is_withdrawn
    del here.port.tables.messages["c1", "1"]
    with pytest.raises(Deferred):
        await here.there.scene(C1, done.event.id, UNPLACED)
    scene = await here.there.scene(C1, done.event.id, UNPLACED)
    assert scene.is_withdrawn
    assert scene.thread.takes_part(BOB)
    here.port.tables.threads.clear()
    gone = await here.there.scene(C1, done.event.id, UNPLACED)
    assert gone.is_withdrawn
    assert gone.thread.participants == ()


async def test_what_was_missed_is_forgotten_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted, "REMEMBERED", 1)
    here = desk()
    one, two = await here.mail(), await here.mail("Two", key="mail:2", message_id="<2@home.example>")
    here.port.tables.messages.clear()
    for event in (one.event.id, two.event.id, one.event.id):
        with pytest.raises(Deferred):
            await here.there.scene(C1, event, UNPLACED)


async def test_the_audience_is_who_was_written_to_in_the_order_of_the_members() -> None:
    here = desk()
    identity = here.port.tables.say("c1", None, "x", at=NOON, audience=frozenset({"cid", "bob", "ann"}))
    event = await here.there.found(MessageRef("c1", identity))
    assert event is not None
    assert event.happening.author == NOBODY  # type: ignore[union-attr]
    scene = await here.there.scene(C1, event.id, Seq(0))
    as_of = await here.there.as_of(scene)
    assert [one.account for one in as_of.participants] == ["ann", "bob", "cid"]
    assert [one.name for one in as_of.participants] == ["Ann", "Bob", ""]
    assert await here.there.readers(scene, [BOB]) == frozenset()


async def test_readers_are_asked_only_of_a_host_that_keeps_marks() -> None:
    class Reading(Conversations):
        async def read(self, thread: str, message: str, accounts: Any) -> Any:
            return ["bob"]

    here = desk(Reading())
    done = await here.mail()
    scene = await here.there.scene(C1, done.event.id, UNPLACED)
    assert await here.there.as_of(scene) == scene.thread
    assert await here.there.readers(scene, [ANN, BOB]) == {BOB}
    assert await here.there.readers(scene, []) == frozenset()
    unknown = evolve(scene, event=evolve(scene.event, id=EventId("unknown")))
    assert await here.there.readers(unknown, [BOB]) == frozenset()


async def test_history_is_read_until_it_ends_or_is_enough() -> None:
    class Remembering(Conversations):
        async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
            listed = [*self.tables.messages.values()][::-1]
            start = 0 if before is None else [one.id for one in listed].index(before) + 1
            return listed[start : start + min(limit, 2)]

    here = desk(Remembering())
    for number in range(5):
        here.port.tables.say("c1", "ann", f"{number}", at=NOON)
    for limit, expected in ((9, "01234"), (3, "234")):
        found = await here.there.history(C1, limit=limit)
        assert found is not None
        assert "".join(one.happening.text for one in found) == expected  # type: ignore[union-attr]
    assert await desk().there.history(C1, limit=9) is None


# --- what could not be found -------------------------------------------------------------------------


async def test_a_placeholder_becomes_the_message_once_the_host_gives_it() -> None:
    here = desk()
    identity = here.port.tables.say("c1", "ann", "Here", at=NOON)
    ref = MessageRef("c1", identity)
    seen = await here.there.unfound(ref)
    assert not seen.found
    assert await here.there.unfound(ref) == seen
    scene = await here.there.scene(C1, seen.event, UNPLACED)
    assert scene.event.happening.text == "Here"  # type: ignore[union-attr]
    known = await here.there.rows.message(C1, seen.event)
    assert known is not None
    assert (known.found, known.author, known.seen_at) == (True, ANN, seen.seen_at)
    assert await here.there.found(MessageRef("c1", "none")) is None


async def test_a_placeholder_of_what_is_gone_for_good_is_withdrawn_in_the_end() -> None:
    here = desk()
    seen = await here.there.unfound(MessageRef("c1", "9"))
    with pytest.raises(Deferred):
        await here.there.scene(C1, seen.event, UNPLACED)
    assert (await here.there.scene(C1, seen.event, UNPLACED)).is_withdrawn


# --- rows that others change -------------------------------------------------------------------------


class Fought(memory.Records):
    """Each write is lost to somebody else, so often."""

    times = 0
    kind: type[Any] = Replace

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        if self.times and isinstance(writes[0], self.kind):
            self.times -= 1
            return [Conflict() for _ in writes]
        return await super().write(writes)


async def test_a_row_that_others_change_is_changed_in_the_end_or_told() -> None:
    records = Fought()
    here = desk(records=records)
    records.times = 2
    assert (await here.mail()).added
    records.times = 10_000
    with pytest.raises(Contended, match="beside a mail"):
        await here.mail("Two", key="mail:2", message_id="<2@home.example>")
    await here.there.rows.add_copies(C1, frozenset({EVE}))
    with pytest.raises(Contended, match="copies"):
        await here.there.rows.add_copies(C1, frozenset({EmailAddress.parse("x@y.example")}))


async def test_who_posted_it_first_says_as_what() -> None:
    here = desk()
    done = await here.mail()
    kept = await here.there.rows.mail(C1, post_key("mail:1"))
    assert kept is not None
    assert (await here.there.rows.posted(kept, "other")).posted_as == "1"
    lost = evolve(kept, key="m-lost", posted_as=None)
    assert (await here.there.rows.posted(lost, "7")).posted_as == "7"
    assert done.added


async def test_rows_that_end_between_a_conflict_and_a_look_are_as_if_written() -> None:
    records = Fought()
    records.kind, records.times = Insert, 2
    rows = HostRows(records=records)
    here = desk()
    await here.mail()
    kept = await here.there.rows.mail(C1, post_key("mail:1"))
    assert kept is not None
    assert await rows.keep(kept) == kept
    assert await rows.see(here.seen("1")) == here.seen("1")


async def test_the_first_start_is_the_first_one_told() -> None:
    rows = HostRows(records=memory.Records())
    assert [await rows.first_start(NOON), await rows.first_start(NOON + timedelta(days=1))] == [NOON, NOON]
    records = Fought()
    records.kind, records.times = Insert, 1
    assert await HostRows(records=records).first_start(NOON) == NOON


async def test_a_host_gets_a_long_text_whole() -> None:
    here = desk()
    text = "long " * 20_000
    done = await here.mail(text)
    (posted,) = here.port.tables.posted
    assert posted.text == text
    assert await here.there.whole(done.event) is done.event
    draft = new(done.event.happening)
    assert await here.there.kept(draft) is draft


async def test_a_host_takes_a_message_by_a_call_of_its_own_and_never_as_a_record() -> None:
    assert desk().there.draft_append(C1, lambda _: None) is None
