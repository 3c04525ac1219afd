"""What this release cannot read waits by itself: all others go on, and a redrive takes it up in order."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import UnknownFormat
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.links import Allow
from convalias.domain.conversations import events as e
from convalias.domain.conversations.participants import AccountAuthor, Participant
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.inbound.outcomes import Again, Dead, Done
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import Channel, DeliveryState
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.event_log import UNPLACED, UNREADABLE, EventRecord
from convalias.ports.records import Due, Insert, Key, Records
from convalias.services.approvals.approvals import HeldPage
from convalias.services.approvals.old_holds import OldHolds
from convalias.services.feed.change_feed import ChangeFeedPump, record
from convalias.services.outbound.deciding import OnlyEmail
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS, Parking
from convalias.stores.encoding import encoded
from convalias.stores.errors import Parked
from convalias.stores.feed.positions import Positions
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.sweeps import Sweeps
from services.approval_desk import Desk, token
from services.approvals.test_approvals import holding
from services.feed.test_change_feed import Log
from services.feed.test_change_stream import Station
from services.inbound_desk import NOBODY, TO_C1, TO_C2, Process, Town, open_town, written
from services.outbound_world import ANN, BOB, C1, World, own
from services.system_mail.test_announcements import mails, opened, writes
from stores.conversations.test_parking import rewrite

C2 = ConversationId("c2")
HOUR = timedelta(hours=1)


def event_key(seq: int, conversation: str = C1) -> Key:
    return Key("events", encoded(conversation), f"{seq:012d}")


async def newer(records: Records, seq: int, conversation: str = C1) -> None:
    """That event is in the format of a newer release."""
    await rewrite(records, event_key(seq, conversation), **{"$": "event/9"})


async def upgraded(records: Records, seq: int, conversation: str = C1) -> None:
    """This release can read it now."""
    await rewrite(records, event_key(seq, conversation), **{"$": "event/1"})


async def parked(records: Records) -> dict[str, int]:
    return {one.conversation: one.seq async for one in Parking(records=records).list()}


class Scenery:
    """Two conversations of three people, a feed, and workers."""

    def __init__(self) -> None:
        self.world = World()
        self.records = self.world.raw_records

    async def open(self) -> Scenery:
        await self.world.begin()
        people = (Participant(ANN, "candidate", "Ann"), Participant(BOB, "recruiter"))
        await self.append(1, e.ConversationCreated(UseCase("apply"), None, people))
        await self.world.aliases.adopt(
            [
                evolve(
                    self.world.alias(account),
                    address=EmailAddress.parse(f"{account}-2-1ab131e2@reply.example"),
                    conversation=C2,
                    id=AliasId(f"{account} 2"),
                )
                for account in (ANN, BOB)
            ]
        )
        return self

    async def append(self, seq: int, happening: e.Happening, conversation: str = C2) -> e.ConversationEvent:
        now = self.world.clock.now()
        event = e.ConversationEvent(
            EventId(f"{conversation}-{seq}"),
            ConversationId(conversation),
            Seq(seq),
            happening,
            f"k{seq}",
            e.Origin.CHAT,
            now,
            now,
            "t",
        )
        await self.world.conversations.append(event)
        return event

    def pump(self, log: object = None, **more: object) -> ChangeFeedPump:
        world = self.world
        return ChangeFeedPump(
            records=self.records, log=log or world.log, clock=world.clock, telemetry=world.telemetry, **more
        )

    async def work(self) -> None:
        """Publish, decide and send all that is due, as a fresh process does."""
        await self.pump().drain()
        await self.world.consumer("fresh").drain()

    def told(self) -> list[str]:
        """Events in the order in which the first of their recipients was told."""
        return list(dict.fromkeys(one.event.id for one in self.world.hub.told))

    async def redrive(self) -> int:
        """All letters, as `replay --dead` does; how many are still parked."""
        left = 0
        for lane in (CONVERSATIONS, RECORDS, "deliveries"):
            for letter in [one async for one in self.world.dead_letters.list(lane)]:
                try:
                    await self.world.worker().redrive(letter)
                except Parked:
                    left += 1
        return left


SAID = e.MessageAdded(author=AccountAuthor(ANN), text="hello")


async def test_the_feed_and_the_deciding_go_on_for_all_other_conversations() -> None:
    stage = await Scenery().open()
    first, second = await stage.world.said(), await stage.world.said()
    await newer(stage.records, first.seq)
    other = await stage.append(2, SAID)
    await stage.work()
    assert stage.told() == [other.id]
    assert await parked(stage.records) == {C1: first.seq}
    assert await stage.world.letters() == []

    assert await stage.redrive() == 1  # nothing has changed
    assert await parked(stage.records) == {C1: first.seq}

    await upgraded(stage.records, first.seq)
    await stage.work()
    assert stage.told() == [other.id]  # not before somebody says so
    assert await stage.redrive() == 0
    await stage.work()
    await stage.work()
    assert stage.told() == [other.id, first.id, second.id]
    assert set(stage.world.hub.left.values()) == {1}
    assert await parked(stage.records) == {}


async def test_a_redrive_issues_the_aliases_that_a_parked_conversation_lacks() -> None:
    stage = await Scenery().open()
    people = (Participant(ANN, "candidate", "Ann"), Participant(BOB, "recruiter"))
    await stage.append(1, e.ConversationCreated(UseCase("apply"), None, people), conversation="c3")
    said = await stage.append(2, SAID, conversation="c3")
    await newer(stage.records, 2, "c3")
    await stage.work()
    assert await parked(stage.records) == {"c3": 2}
    await upgraded(stage.records, 2, "c3")
    stage.world.own = own(stage.world.watched, stage.records, stage.world.clock)  # a new process
    assert await stage.redrive() == 0
    await stage.work()
    assert stage.told() == [said.id]


async def test_events_before_the_unreadable_one_that_nobody_decided_about_are_taken_up_too() -> None:
    stage = await Scenery().open()
    events = [await stage.world.said() for _ in range(3)]
    await newer(stage.records, events[2].seq)
    await stage.work()
    assert await parked(stage.records) == {C1: events[0].seq}
    await upgraded(stage.records, events[2].seq)
    assert await stage.redrive() == 0
    await stage.work()
    assert stage.told() == [one.id for one in events]


async def test_a_parked_conversation_takes_no_chat_and_its_deliveries_wait_untried() -> None:
    stage = await Scenery().open()
    world = stage.world
    said = await world.said()
    await world.worker().decide([record(said)])
    closed = await world.happens(e.ConversationClosed(None))
    await newer(stage.records, closed.seq)
    for _ in range(30):
        await world.worker().deliver_due()
        await world.pass_time(hours=1)
    assert world.hub.told == []
    assert {(row.state, row.attempts) for row in await world.rows(said)} == {(DeliveryState.PLANNED, 0)}
    await upgraded(stage.records, closed.seq)
    await world.worker().deliver_due()
    assert set(await world.states(said)) == {"sent"}


async def test_what_may_have_been_sent_stays_in_doubt_while_its_conversation_is_parked() -> None:
    stage = await Scenery().open()
    world = stage.world
    world.set(Stage.PARALLEL)
    said = await world.said()
    await world.worker().decide([record(said)])
    world.faults.fail("hub.send", memory.after(TimeoutError()), times=9)
    await world.worker().deliver_due()
    assert set(await world.states(said)) == {"tried"}
    tries = [row.attempts for row in await world.rows(said)]
    await newer(stage.records, said.seq)
    await world.pass_time(hours=1)
    await world.worker().deliver_due()
    assert set(await world.states(said)) == {"tried"}
    assert [row.attempts for row in await world.rows(said)] == tries
    index = (await world.decision(said)).index
    assert index is None or index.attempts <= 1


async def test_an_index_call_of_a_parked_conversation_is_no_try() -> None:
    stage = await Scenery().open()
    world = stage.world
    world.set(Stage.PARALLEL)
    said = await world.said()
    await world.worker().decide([record(said)])
    await newer(stage.records, said.seq)
    await world.worker().deliver_due()
    decision = await world.decision(said)
    assert decision.index is not None
    assert (decision.index.attempts, decision.index.reason) == (0, "")


async def test_a_decision_that_cannot_be_read_is_put_aside_and_comes_back() -> None:
    stage = await Scenery().open()
    world = stage.world
    said, other = await world.said(), await stage.append(2, SAID)
    await world.worker().decide([record(said), record(other)])
    row = Key("decisions", encoded(C1), encoded(said.id))
    await rewrite(stage.records, row, **{"$": "decision/9"})
    await stage.work()
    assert stage.told() == [other.id]
    assert await world.worker().give_back(UseCase("apply")) is not None
    assert [one async for one in world.ledger().of(C1)] == []
    # The log tells of it again: a decision of a newer release is one.
    await world.worker("another").decide([record(said)])
    assert await parked(stage.records) == {}
    assert await world.letters() == []

    await rewrite(stage.records, row, **{"$": "decision/1"})
    assert await stage.redrive() == 0
    await stage.work()
    assert stage.told() == [other.id, said.id]


async def test_a_lease_that_cannot_be_read_is_left_to_its_holder_until_it_ends() -> None:
    stage = await Scenery().open()
    world = stage.world
    said = await world.said()
    await world.worker().decide([record(said)])
    ledger = world.ledger()
    (stored,) = await ledger.due(now=world.clock.now(), limit=9)
    await ledger.take(stored, now=world.clock.now(), lease=HOUR)
    await rewrite(stage.records, stored.key, **{"$": "decision/9"})
    assert await ledger.due(now=world.clock.now(), limit=9) == []
    assert [one async for one in ledger.waiting(UseCase("apply"))] == []
    await world.pass_time(hours=2)
    assert len(await ledger.due(now=world.clock.now(), limit=9)) == 1


async def test_nobody_is_moved_between_owners_while_parked() -> None:
    stage = await Scenery().open()
    world = stage.world
    said = await world.said()
    await world.worker().decide([record(said)])
    closed = await world.happens(e.ConversationClosed(None))
    await newer(stage.records, closed.seq)
    done = await world.worker().give_back(UseCase("apply"))
    assert (done.re_owned, done.already_tried) == (0, 1)


async def test_a_gap_in_the_log_over_an_unreadable_event_parks_its_conversation() -> None:
    stage = await Scenery().open()
    world = stage.world
    first, lost, last = [await world.said() for _ in range(3)]
    worker = world.worker()
    await worker.decide([record(first)])
    await newer(stage.records, lost.seq)
    await worker.decide([record(last)])
    assert await parked(stage.records) == {C1: lost.seq}


async def test_a_setting_that_cannot_be_read_parks_what_is_decided_on_it() -> None:
    stage = await Scenery().open()
    world = stage.world
    said = await world.said()
    alone = evolve(world.worker().deciding, channels=Unreadable())
    await alone.decide([record(said)])
    assert await parked(stage.records) == {C1: said.seq}
    assert await stage.redrive() == 0
    await stage.work()
    assert stage.told() == [said.id]


class Unreadable:
    """What each wants to be reached by is kept in a newer format."""

    async def of(self, thread: object) -> object:
        raise UnknownFormat("rollout", "rollout/9", ["rollout/1"])


async def test_an_unreadable_event_without_a_place_has_a_letter_of_its_own() -> None:
    stage = await Scenery().open()
    world = stage.world
    said = await world.said()
    await newer(stage.records, said.seq)
    await world.worker().decide([EventRecord(C1, said.id, UNPLACED, UNREADABLE, TraceId("t"))])
    assert await world.letters() == ["no decision: Parked"]
    await upgraded(stage.records, said.seq)
    assert await stage.redrive() == 0
    await stage.work()
    assert stage.told() == [said.id]


async def test_a_redrive_goes_past_an_event_that_nobody_can_decide_about() -> None:
    stage = await Scenery().open()
    world = stage.world
    first, second = await world.said(), await world.said()
    await world.happens(e.ConversationClosed(None))
    worker = world.worker()

    class Once:
        calls = 0

        async def of(self, thread: object) -> dict[object, object]:
            self.calls += 1
            if self.calls == 1:
                raise ValueError
            if self.calls == 2:
                raise Unavailable("channels")
            return {}

    channels = Once()
    deciding = evolve(worker.deciding, channels=channels)
    await deciding.parking.park(C1, first.seq, because="newer", at=world.clock.now())
    with pytest.raises(Unavailable):
        await deciding.unparked().take_up(C1, after=first.seq - 1)
    (reason,) = await world.letters()
    assert reason.startswith("no decision: ValueError")
    assert await deciding.unparked().take_up(C1, after=first.seq - 1) == (2, second.seq + 1)


@pytest.mark.parametrize("is_dropped", [False, True], ids=["still parked", "redriven by another"])
async def test_a_redrive_decides_what_a_worker_parked_below_it_meanwhile(*, is_dropped: bool) -> None:
    """As in seed 10384 x 200: the letter that the worker had lowered was dropped, and nobody heard of what was below."""
    stage = await Scenery().open()
    world = stage.world
    first, second = await world.said(), await world.said()
    notifier = world.worker()
    parking, letters = notifier.deciding.parking, notifier.deciding.dead_letters
    await parking.park(C1, second.seq, because="newer", at=world.clock.now())
    parked = await parking.of(C1)
    assert parked is not None

    class Meanwhile(OnlyEmail):
        """A worker parks the conversation from its first message on, while the redrive decides about the second."""

        async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
            await parking.park(C1, first.seq, because="newer", at=world.clock.now())
            lower = await parking.of(C1)
            if is_dropped and lower is not None:
                await letters.drop(lower.letter)
            return await super().of(thread)

    raced = evolve(notifier, deciding=evolve(notifier.deciding, channels=Meanwhile()))
    assert await raced.redrive(parked.letter)
    decided = [one.id for one in (first, second) if await world.ledger().get(C1, one.id) is not None]
    assert decided == [one.id for one in (first, second) if one is second or not is_dropped]
    assert await parking.of(C1) is None


# --- the feed ----------------------------------------------------------------------------------------


async def test_an_event_whose_ids_no_log_takes_is_parked_and_the_batch_goes_on() -> None:
    stage = await Scenery().open()
    log = Log()
    bad = ConversationId("c\ud800")
    await stage.append(1, e.ConversationCreated(UseCase("apply"), None, ()), conversation=bad)
    assert await stage.pump(log).drain() == 3
    assert [one.conversation for one in log.published] == [C1, C2]
    assert await parked(stage.records) == {bad: 1}


async def test_an_event_that_the_log_refuses_is_parked_and_the_batch_goes_on() -> None:
    class Choosy(Log):
        async def publish(self, records: Sequence[EventRecord]) -> None:
            if any(one.conversation == C1 for one in records):
                raise Rejected("too large")
            await super().publish(records)

    stage = await Scenery().open()
    log = Choosy()
    assert await stage.pump(log).drain() == 2
    assert [one.conversation for one in log.published] == [C2]
    assert await parked(stage.records) == {C1: 1}


@pytest.mark.parametrize("knows_body", [True, False])
@pytest.mark.parametrize("named", [True, False])
async def test_an_unreadable_event_is_published_as_far_as_its_key_tells_whose_it_is(
    *, knows_body: bool, named: bool
) -> None:
    stage = Scenery()
    log = Log()
    long = "c" * 200
    key = Key("events", encoded(long), "odd" if not named else f"{7:012d}")
    body = {"$": "event/9", **({"conversation": long} if knows_body else {"conversation": "another"})}
    also = (f"e:{encoded('event')}",) if named else ()
    at = stage.world.clock.now()
    await stage.records.write([Insert(key, body, also, Due("feed", at))])
    assert await stage.pump(log).drain() == 1
    told = [(one.conversation, one.event, one.seq, one.kind) for one in log.published]
    assert told == ([(long, "event", 7, UNREADABLE)] if named and knows_body else [])
    assert await parked(stage.records) == ({long: 7 if named else 0} if knows_body else {})


async def test_the_stream_feed_parks_what_it_cannot_read_and_goes_on() -> None:
    station = await Station().filled()
    await newer(station.store, 3, "c1")
    feed = station.feed()
    assert await feed.drain() == 4
    assert station.seqs == [1, 2, 3, 4]
    assert [one.kind for one in station.log.published][2] == UNREADABLE
    assert await parked(station.store) == {"c1": 3}
    await feed.close()


@pytest.mark.parametrize("cursor", ["no JSON", '{"$": "feed_cursor/9"}'])
async def test_a_cursor_that_cannot_be_read_is_a_lost_position(cursor: str) -> None:
    station = await Station().filled()
    feed = station.feed()
    assert await feed.drain() == 4
    await feed.close()
    await rewrite(station.store, Key("positions", "positions", "feed"), cursor=cursor)
    assert await station.feed("two").drain() == 4
    assert station.seqs == [1, 2, 3, 4, 1, 2, 3, 4]
    assert station.alarms == 1


async def test_a_position_of_a_newer_release_is_waited_for_and_a_damaged_one_is_made_anew() -> None:
    records, clock = memory.Records(), memory.Clock()
    positions = Positions(records=records, clock=clock, incarnation=memory.Incarnation("w", gone=set()))
    lease = await positions.acquire("feed", lease=HOUR)
    assert lease is not None
    key = Key("positions", "positions", "feed")
    await rewrite(records, key, **{"$": "position/9"})
    with pytest.raises(Unavailable, match=r"position feed .*position/9"):
        await positions.acquire("feed", lease=HOUR)
    await rewrite(records, key, **{"$": "position/1", "epoch": "x"})
    again = await positions.acquire("feed", lease=HOUR)
    assert again is not None
    assert again.cursor == ""


# --- mail --------------------------------------------------------------------------------------------


async def test_mail_to_a_parked_conversation_waits_for_days_and_other_mail_goes_on() -> None:
    town = await open_town()
    await newer(town.records, 1, "c1")
    process = Process(town)
    waiting = await process.take(written(TO_C1, number=1))
    for _ in range(300):
        progress = await process.relay.process(waiting, receives=9)
        assert isinstance(progress, Again)
        assert progress.after == timedelta(minutes=10)
        assert "is parked from event 1 on" in progress.because
        await town.clock.advance(timedelta(minutes=10))
    other = await process.take(written(TO_C2, number=2))
    assert not isinstance(await process.relay.process(other), Again)
    await upgraded(town.records, 1, "c1")
    assert isinstance(await Process(town).relay.process(waiting), Done)
    assert len(await town.messages()) == 1


async def test_mail_whose_own_record_cannot_be_read_is_a_dead_letter_and_a_redrive_takes_it_up() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    await process.worker.step()
    (outcome,) = await town.outcomes()
    key = Key("outcomes", "2026/03/01", outcome.record.rpartition("/")[2])
    await rewrite(town.records, key, **{"$": "outcome_record/9"})
    mail = await town.reference(outcome.record)
    ended = await process.relay.process(mail)
    assert isinstance(ended, Dead)
    (letter,) = await process.operations.dead()
    assert letter.subject == outcome.record
    assert "outcome_record/9" in letter.reason
    assert [one async for one in town.inbound.outcomes_of("2026/03/01")] == []
    process.faults.fail("records.write", memory.before("records"), times=1)
    assert isinstance(await process.relay.process(mail), Again)
    await rewrite(town.records, key, **{"$": "outcome_record/1"})
    assert (await process.replay.dead(dry_run=False)).final == 1
    assert await process.operations.dead() == ()


async def test_a_repeated_post_whose_record_a_newer_release_kept_is_asked_for_again() -> None:
    town = await open_town()
    process = Process(town)
    mail = await process.take(written(TO_C1))
    body = await town.blobs.get(mail.record)
    assert body is not None
    await town.blobs.delete([mail.record])
    await town.blobs.put(mail.record, re.sub(rb"envelope_record/\d+", b"envelope_record/9", body))
    with pytest.raises(Unavailable, match="envelope_record/9"):
        await process.take(written(TO_C1))


async def test_a_refusal_that_cannot_be_read_is_put_aside_and_others_leave() -> None:
    town = await open_town()
    process = Process(town)
    for number, sender in enumerate(("eve@one.example", "eve@two.example")):
        await process.take(
            written(NOBODY, number=number, sender=EmailAddress.parse(sender), return_path=EmailAddress.parse(sender))
        )
    await process.worker.step()
    await town.clock.advance(timedelta(minutes=5))
    row, _ = await town.records.due("system_outbox", until=town.clock.now(), limit=9)
    await rewrite(town.records, row.key, **{"$": "system_mail/9"})
    assert await process.system_outbox.send_due() == 2
    assert len(town.outbox.mails) == 1
    (letter,) = [one async for one in process.dead_letters.list(RECORDS)]
    await rewrite(town.records, row.key, **{"$": "system_mail/1"})
    assert await Parking(records=town.records).put_back(letter)
    assert await process.system_outbox.send_due() == 1
    assert len(town.outbox.mails) == 2


async def test_a_sweep_mark_that_cannot_be_read_is_a_turn_that_is_due() -> None:
    records, now = memory.Records(), memory.Clock().now()
    sweeps = Sweeps(records=records)
    assert await sweeps.turn(now=now, every=HOUR)
    assert not await sweeps.turn(now=now, every=HOUR)
    await rewrite(records, Key("sweep_turns", "sweep_turns", "sweep_turns"), **{"$": "mark/9"})
    assert await sweeps.turn(now=now, every=HOUR)
    assert not await sweeps.turn(now=now, every=HOUR)


async def test_an_announcement_that_cannot_be_read_is_put_aside() -> None:
    async with opened() as (cv, alias):
        await writes(cv, alias, 1)
        records, now = cv.ports.records, cv.ports.clock.now()
        (row,) = await records.due("system_outbox", until=now, limit=9)
        await rewrite(records, row.key, **{"$": "system_mail/9"})
        assert await cv.services.system_outbox.send_due() == 1
        assert await cv.services.system_outbox.send_due() == 0
        assert mails(cv) == []
        await rewrite(records, row.key, **{"$": "system_mail/1"})
        (letter,) = [one async for one in cv.services.stores.dead_letters.list(RECORDS)]
        assert await cv.outbound.redrive(letter)
        assert await cv.services.system_outbox.send_due() == 1
        assert len(mails(cv)) == 1


async def test_a_hold_and_a_question_that_cannot_be_read_are_put_aside_and_come_back() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await town.clock.advance(timedelta(days=20))
    await aside_and_back(town, "asking", desk.mails.enter_due)
    await aside_and_back(town, "holds", desk.approvals.carry_due)
    await desk.work()
    assert {one.state.value for one in await town.holds()} == {"expired"}
    assert hold.id


async def aside_and_back(town: Town, table: str, step: Callable[[], Awaitable[int]]) -> None:
    (row,) = await town.records.due(table, until=town.clock.now(), limit=9)
    mark = row.body["$"]
    await rewrite(town.records, row.key, **{"$": f"{table}/99"})
    assert await step() == 1
    assert await step() == 0
    (letter,) = [one async for one in DeadLetters(records=town.records).list(RECORDS)]
    assert "/99" in letter.reason
    await rewrite(town.records, row.key, **{"$": mark})
    assert await Parking(records=town.records).put_back(letter)
    assert len(await town.records.due(table, until=town.clock.now(), limit=9)) == 1


async def test_questions_and_answers_about_held_mail_wait_while_their_conversation_is_parked() -> None:
    town = await open_town()
    hold = await holding(town, Desk(town))
    await newer(town.records, 1, "c2")
    desk = Desk(town)
    await town.clock.advance(timedelta(hours=1))
    while await desk.mails.enter_due():
        pass
    (letter,) = [one async for one in DeadLetters(records=town.records).list(RECORDS)]
    assert letter.subject.startswith("asking c2")
    assert desk.asked() == []

    await upgraded(town.records, 1, "c2")
    assert isinstance(await desk.approvals.decide(token(hold), Allow()), HeldPage)
    await newer(town.records, 1, "c2")
    assert await Desk(town).approvals.carry_due() == 1
    assert await Desk(town).approvals.carry_due() == 0

    await upgraded(town.records, 1, "c2")
    assert await Parking(records=town.records).put_back(letter)
    await Desk(town).work(minutes=60)
    assert len(await town.messages(C2)) == 1


async def test_a_damaged_hold_of_old_does_not_keep_the_others_undated() -> None:
    town = await open_town()
    desk = Desk(town)
    await holding(town, desk)
    (row,) = await town.records.due("holds", until=town.clock.now() + timedelta(days=99), limit=9)
    await rewrite(town.records, row.key, **{"$": "hold/99"})
    assert await OldHolds(records=town.records, holds=desk.holds, clock=town.clock).date_all() == 0


async def test_what_legacy_tells_waits_with_its_conversation() -> None:
    stage = await Scenery().open()
    world = stage.world
    world.set(Stage.LEGACY)
    said = await world.said()
    await world.worker().decide([record(said)])
    await newer(stage.records, said.seq)
    await world.worker().deliver_due()
    decision = await world.decision(said)
    assert decision.index is not None
    assert (decision.index.attempts, decision.index.done) == (0, False)
    await upgraded(stage.records, said.seq)
    await world.pass_time(hours=1)
    await world.worker().deliver_due()
    assert set(await world.states(said)) == {"sent"}
