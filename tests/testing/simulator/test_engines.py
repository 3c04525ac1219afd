"""What all processes share is as weak as each port's promise allows."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.domain.outbound.delivery import Channel, NotificationId, NotificationKind
from convalias.domain.outbound.notifications import Notification
from convalias.ports.event_log import EventRecord
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.engines import HUBS, TURN, Flags, Hub, HubKind, Log, Queue
from convalias.testing.simulator.loop import VirtualLoop

LEASE = timedelta(seconds=60)


def run(work: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


def queue(*, reorders: bool = True, duplicates: bool = False) -> Queue:
    return Queue(Draws(1).stream("queue"), reorders=reorders, duplicates=duplicates)


def test_a_queue_keeps_no_order_and_loses_nothing() -> None:
    async def story() -> None:
        weak = queue()
        bodies = [str(number) for number in range(20)]
        weak.put(bodies, calm=True)
        taken = [job.body for job in weak.take(20, LEASE)]
        assert taken != bodies
        assert sorted(taken) == sorted(bodies)

    run(story())


def test_a_queue_that_is_emptied_knows_what_it_lost_and_when_it_first_heard_of_it() -> None:
    async def story() -> None:
        weak = queue()
        kept, again = "envelopes/2026/03/01/0a.json", "envelopes/2026/03/01/0b.json"
        weak.put([f"mail/1 {kept} t1", f"mail/1 {again} t2"], calm=True)
        await asyncio.sleep(5.0)
        weak.put([f"mail/1 {again} t3"], calm=True)
        assert weak.told == {kept: 0.0, again: 0.0}
        assert not weak.lost
        weak.lose()
        assert not weak.take(10, LEASE)
        assert weak.lost == {kept, again}

    run(story())


def test_a_queue_may_deliver_twice_but_not_once_it_is_calm() -> None:
    async def story() -> None:
        weak = queue(duplicates=True)
        weak.put(["x"] * 200, calm=False)
        assert 200 < len(weak.entries) < 240
        calm = queue(duplicates=True)
        calm.put(["x"] * 200, calm=True)
        assert len(calm.entries) == 200

    run(story())


def test_a_job_comes_back_when_its_lease_runs_out_and_who_held_it_can_no_longer_be_done_with_it() -> None:
    async def story() -> None:
        weak = queue()
        weak.put(["x"], calm=True)
        (first,) = weak.take(1, LEASE)
        assert weak.take(1, LEASE) == []
        await asyncio.sleep(60)
        (second,) = weak.take(1, LEASE)
        assert (second.id, second.receives) == (first.id, 2)
        weak.done([first])
        assert weak.depth().in_flight == 1
        weak.done([second])
        assert weak.entries == {}

    run(story())


def record(seq: int, conversation: str = "c1") -> EventRecord:
    return EventRecord(ConversationId(conversation), EventId(f"e{seq}"), Seq(seq), "message_added", TraceId("t"))


def test_a_consumer_that_does_nothing_loses_its_partitions_and_its_successor_sees_all_that_was_not_committed() -> None:
    async def story() -> None:
        log = Log()
        log.publish([record(1), record(2)])
        number = next(n for n, one in enumerate(log.partitions) if one.records)
        first, second = log.join(), log.join()
        assert log.turn("g", first, number) == 0
        log.commit("g", first, number, 1)
        assert log.turn("g", second, number) is None
        await asyncio.sleep(TURN)
        assert log.turn("g", second, number) == 1
        log.commit("g", first, number, 2)
        assert log.lag("g") == 1, "who was taken over from commits nothing any more"
        log.commit("g", second, number, 2)
        assert log.lag("g") == 0

    run(story())


def test_a_conversation_stays_in_one_partition_in_order_and_each_group_has_a_position_of_its_own() -> None:
    async def story() -> None:
        log = Log()
        log.publish([record(seq, f"c{seq % 5}") for seq in range(40)])
        for partition in log.partitions:
            for conversation in {one.conversation for one in partition.records}:
                seqs = [one.seq for one in partition.records if one.conversation == conversation]
                assert seqs == sorted(seqs)
                assert len(seqs) == 8
        assert log.lag("one") == log.lag("other") == 40

    run(story())


def test_a_group_that_is_rewound_sees_some_records_again_and_skips_none() -> None:
    async def story() -> None:
        log = Log()
        log.publish([record(seq, f"c{seq}") for seq in range(40)])
        consumer = log.join()
        for number, partition in enumerate(log.partitions):
            log.turn("g", consumer, number)
            log.commit("g", consumer, number, len(partition.records))
        assert log.lag("g") == 0
        log.rewind("g", Draws(1).stream("rewind"))
        assert 0 < log.lag("g") <= 40

    run(story())


def notification() -> Notification:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    ann, c1 = AccountId("ann"), ConversationId("c1")
    message = MessageAdded(author=AccountAuthor(ann), text="Hello")
    return Notification(
        id=NotificationId("e1.0123456789abcdef.message.email"),
        kind=NotificationKind.MESSAGE,
        channel=Channel.EMAIL,
        conversation=c1,
        use_case=UseCase("hiring"),
        recipient=AccountId("bob"),
        recipient_address=EmailAddress.parse("bob@home.example"),
        author_name="Ann",
        reply_alias=EmailAddress.parse("ann-0f3a52c7@reply.example"),
        event=ConversationEvent(EventId("e1"), c1, Seq(1), message, "k", Origin.CHAT, at, at),
    )


def test_a_hub_forgets_a_key_as_soon_as_it_may() -> None:
    async def story() -> None:
        hub = Hub(HubKind("five minutes", timedelta(minutes=5)), forgets=True)
        told = notification()
        assert hub.send(told)
        await asyncio.sleep(300)
        assert not hub.send(told)
        await asyncio.sleep(1)
        assert hub.send(told)
        assert len(hub.sent) == 2

    run(story())


def test_hubs_of_every_kind_are_drawn() -> None:
    assert {(one.remembers_for > timedelta(0), one.answers) for one in HUBS} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }


def test_a_flag_may_be_read_as_it_stood_a_while_ago() -> None:
    async def story() -> None:
        flags, hiring = Flags(), UseCase("hiring")
        old, new = (Rollout(hiring, stage, 10_000, "salt") for stage in (Stage.LEGACY, Stage.NATIVE))
        assert flags.read(hiring, Axis.INBOUND, lag=30.0) is None
        flags.set(old, Axis.INBOUND)
        await asyncio.sleep(100)
        flags.set(new, Axis.INBOUND)
        await asyncio.sleep(10)
        assert flags.read(hiring, Axis.INBOUND, lag=0.0) == new
        assert flags.read(hiring, Axis.INBOUND, lag=30.0) == old
        await asyncio.sleep(30)
        assert flags.read(hiring, Axis.INBOUND, lag=30.0) == new

    run(story())


def test_a_hub_remembers_for_ever_where_forgetting_is_off() -> None:
    async def story() -> None:
        hub = Hub(HubKind("five minutes", timedelta(minutes=5)), forgets=False)
        told = notification()
        assert hub.send(told)
        await asyncio.sleep(86_400)
        assert not hub.send(told)

    run(story())
