"""Every number of a deployment is read with a bound, and tells on which side of its own bound it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.ids import AccountId, EventId, Seq, TraceId, UseCase
from convalias.domain.inbound.held import HeldMail, HoldState
from convalias.domain.migration.rollout import Stage
from convalias.domain.operations.numbers import BOUNDS, Figure, GoneEvent, Number, SignOfLife, Unit
from convalias.domain.outbound.delivery import Delivery, DeliveryDecision, DeliveryState, NotificationId, Owner
from convalias.domain.outbound.undecided import UndecidedEvent
from convalias.ports.event_log import EventRecord
from convalias.ports.records import Due, Insert, Key
from convalias.services.operations import numbers as module
from convalias.services.operations.numbers import Numbers
from convalias.stores.deployment.signs import Signs
from convalias.stores.feed.gone import GoneEvents
from convalias.stores.operations.endings import Endings
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.undecided import LANE, TABLE, UndecidedEvents
from services.inbound_desk import ANN, BOB, C1, NOON, TO_C1, TO_C2, Process, Town, open_town, written


class Desk:
    """The numbers of a town."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.process = Process(town)
        self.log = memory.EventLog(town.clock)
        self.ledger = Ledger(records=town.records, incarnation=memory.Incarnation())
        self.numbers = Numbers(
            records=town.records,
            events=self.log,
            conversations=town.store,
            operations=self.process.operations,
            signs=Signs(records=town.records),
            clock=town.clock,
        )

    async def read(self, figure: Figure) -> Number | None:
        return await dict(self.numbers.readings())[figure]()

    async def said(self, figure: Figure) -> str:
        return str(await self.read(figure))

    async def decide(
        self, event: str, *states: DeliveryState, next_at: timedelta | None = None, attempts: int = 0
    ) -> None:
        at = None if next_at is None else NOON + next_at
        rows = [
            Delivery(
                id=NotificationId(f"{event}.{n}"), recipient=AccountId("a"), state=state, next_at=at, attempts=attempts
            )
            for n, state in enumerate(states)
        ]
        decision = DeliveryDecision(
            event=EventId(event),
            conversation=C1,
            use_case=UseCase("apply"),
            seq=Seq(3),
            owner=Owner.HUB,
            stage=Stage.NATIVE,
            reason="",
            decided_at=NOON,
            deliveries=tuple(rows),
        )
        assert await self.ledger.insert(decision)


async def test_every_figure_has_a_bound_and_is_read_once() -> None:
    assert set(BOUNDS) == set(Figure)

    town = await open_town()
    readings = Desk(town).numbers.readings()
    assert sorted(figure.value for figure, _ in readings) == sorted(figure.value for figure in Figure)
    for figure, reading in readings:
        number = await reading()
        assert number is not None
        assert number.bound is BOUNDS[figure]
        if figure.value.endswith("worker"):
            assert (str(number), number.is_past) == ("no sign of life", True)


async def test_kept_mail_without_an_outcome_is_measured() -> None:
    town = await open_town()
    desk = Desk(town)
    assert await desk.said(Figure.OLDEST_MAIL) == "none (bound 45 s)"
    await desk.process.take(written(TO_C1))
    await town.clock.advance(timedelta(seconds=61))
    await desk.process.take(written(TO_C1, number=2))
    await town.blobs.put("envelopes/2026/03/01/newer.json", b'{"$": "envelope_record/99"}')
    number = await desk.read(Figure.OLDEST_MAIL)
    assert number is not None
    assert (str(number), number.is_past) == ("3, the oldest for 61 s (bound 45 s)", True)
    await desk.process.worker.step()
    await town.blobs.delete(["envelopes/2026/03/01/newer.json"])
    assert await desk.said(Figure.OLDEST_MAIL) == "none (bound 45 s)"


@pytest.mark.parametrize("limit", ["MOST", "MOST_LISTED"])
async def test_counting_mail_that_waits_ends_at_a_limit(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(f"convalias.services.operations.operations.{limit}", 1)

    town = await open_town()
    desk = Desk(town)
    for number in range(2):
        await desk.process.take(written(TO_C1, number=number))
    assert (await desk.said(Figure.OLDEST_MAIL)).startswith("at least ")

    class Gone:
        names = staticmethod(town.blobs.names)

        async def get(self, key: str) -> None:
            return None

    operations = desk.process.operations
    operations = evolve(operations, finder=evolve(operations.finder, blobs=Gone()))
    assert (await operations.oldest_waiting(since=NOON)).oldest is None


async def test_the_lag_of_the_feed_is_that_of_the_oldest_unpublished_event() -> None:
    town = await open_town()
    desk = Desk(town)
    await town.clock.advance(timedelta(minutes=2))
    number = await desk.read(Figure.FEED_LAG)
    assert number is not None
    assert (number.value, number.is_past) == (120, True)
    assert await dict(evolve(desk.numbers, polls_feed=False).readings())[Figure.FEED_LAG]() is None


async def test_the_lag_of_the_consumer_is_that_of_the_oldest_event_that_nobody_decided_about() -> None:
    town = await open_town()
    desk = Desk(town)
    assert await desk.said(Figure.CONSUMER_LAG) == "none (bound 45 s)"
    await desk.process.messaging.send(C1, "Hello", author=BOB, key="k")
    event = (await town.store.after(C1, 0, limit=100))[-1]
    await desk.log.publish([EventRecord(C1, event.id, event.seq, "message_added", TraceId(""))])
    await desk.log.publish([EventRecord(C1, EventId("gone"), event.seq, "message_added", TraceId(""))])
    await town.clock.advance(timedelta(seconds=90))
    assert await desk.said(Figure.CONSUMER_LAG) == "2, the oldest for 90 s (bound 45 s)"
    reader = desk.log.records("outbound")
    await reader.take(limit=1, wait=timedelta(0))
    await reader.commit()
    assert await desk.said(Figure.CONSUMER_LAG) == "1, the oldest for 0 s (bound 45 s)"

    class Silent:
        """A log that cannot tell."""

    assert await dict(evolve(desk.numbers, events=Silent()).readings())[Figure.CONSUMER_LAG]() is None


async def test_events_that_wait_apart_from_the_log_are_of_the_lag_too() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.process.messaging.send(C1, "Hello", author=BOB, key="k")
    event = (await town.store.after(C1, 0, limit=100))[-1]
    await town.clock.advance(timedelta(seconds=90))
    now = town.clock.now()
    waiting = UndecidedEvent(conversation=C1, event=event.id, seq=event.seq, since=now)
    await UndecidedEvents(records=desk.numbers.records).put([waiting], due=now)
    assert await desk.said(Figure.CONSUMER_LAG) == "1, the oldest for 90 s (bound 45 s)"
    unreadable = Insert(Key(TABLE, "c9", "e9"), {"$": "undecided/9"}, due=Due(LANE, now))
    await desk.numbers.records.write([unreadable])
    assert await desk.said(Figure.CONSUMER_LAG) == "2, the oldest for 90 s (bound 45 s)"


async def test_deliveries_that_are_due_are_measured_and_those_in_back_off_are_not() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.decide("e1", DeliveryState.PLANNED, next_at=timedelta(hours=1))
    assert await desk.said(Figure.OVERDUE) == "none (bound 45 s)"
    await desk.decide("e2", DeliveryState.PLANNED, next_at=timedelta(0))
    (due,) = await desk.ledger.due(now=NOON, limit=9)
    await town.clock.advance(timedelta(minutes=5))
    assert await desk.said(Figure.OVERDUE) == "1, the oldest for 300 s (bound 45 s)"
    await desk.ledger.take(due, now=NOON, lease=timedelta(seconds=60))
    assert await desk.said(Figure.OVERDUE) == "1, the oldest for 240 s (bound 45 s)"


async def test_deliveries_that_are_tried_again_are_counted() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.decide("e1", DeliveryState.PLANNED, next_at=timedelta(hours=1))
    assert await desk.said(Figure.FAILING) == "0 (bound 0)"
    await desk.decide("e2", DeliveryState.PLANNED, next_at=timedelta(hours=1), attempts=1)
    newer = Insert(Key("decisions", "x", "x"), {"$": "decision/99"}, due=Due("deliveries", NOON))
    await town.records.write([newer])
    assert await desk.said(Figure.FAILING) == "1 (bound 0)"


async def test_uncertain_and_failed_deliveries_are_counted_until_something_is_known() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.decide("e1", DeliveryState.UNCERTAIN, DeliveryState.SENT)
    await desk.decide("e2", DeliveryState.FAILED, DeliveryState.FAILED)
    assert await desk.said(Figure.UNCERTAIN) == "1 (bound 0)"
    assert await desk.said(Figure.FAILED) == "2 (bound 0)"
    await desk.ledger.receipt(C1, EventId("e1"), NotificationId("e1.0"), DeliveryState.DELIVERED)
    number = await desk.read(Figure.UNCERTAIN)
    assert number is not None
    assert (str(number), number.is_past) == ("0 (bound 0)", False)


async def test_counting_ends_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)

    town = await open_town()
    desk = Desk(town)
    await desk.decide("e1", DeliveryState.FAILED)
    await desk.decide("e2", DeliveryState.FAILED)
    assert await desk.said(Figure.FAILED) == "at least 1 (bound 0)"


def approved(hold: HeldMail) -> HeldMail:
    return evolve(hold, state=HoldState.APPROVED, decided_by=ANN)


async def test_held_mail_is_measured_and_what_cannot_be_read_is_passed_over() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.process.take(written(TO_C2))
    await desk.process.worker.step()
    for lane in ("holds", "deliveries.failed"):
        newer = Insert(Key(lane, "x", "x"), {"$": "hold/99"}, due=Due(lane, NOON))
        await town.records.write([newer])
    await town.clock.advance(timedelta(days=8))
    number = await desk.read(Figure.HOLDS)
    assert number is not None
    assert (number.count, number.value, number.is_past) == (1, 8 * 86_400, True)
    assert await desk.said(Figure.FAILED) == "0 (bound 0)"
    (hold,) = await town.holds()
    holds = desk.process.operations.follower.stores.holds
    await holds.change(hold.conversation, hold.id, approved, now=NOON)
    assert (await desk.said(Figure.HOLDS)).startswith("none")


async def test_quarantined_mail_is_counted() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.process.take(written(TO_C1, quarantine="too_large"))
    await desk.process.worker.step()
    assert await desk.said(Figure.QUARANTINED) == "1 (bound 0)"


async def test_published_events_that_the_store_does_not_have_are_counted() -> None:
    town = await open_town()
    desk = Desk(town)
    gone = GoneEvents(records=town.records)
    for event in ("e8", "e9", "e9"):
        await gone.note(GoneEvent(conversation=C1, event=EventId(event), at=town.clock.now()))
    number = await desk.read(Figure.GONE)
    assert number is not None
    assert (str(number), number.is_past) == ("2 (bound 0)", True)
    await Endings(records=town.records).end_due(now=town.clock.now() + timedelta(days=8))
    assert await desk.said(Figure.GONE) == "0 (bound 0)"


async def test_a_worker_that_gives_no_sign_for_a_minute_is_told() -> None:
    town = await open_town()
    desk = Desk(town)
    for name in ("old", "new"):
        await desk.numbers.signs.give(SignOfLife(worker="feed", incarnation=name, at=town.clock.now()))
        await town.clock.advance(timedelta(seconds=30))
    await desk.numbers.signs.give(SignOfLife(worker="feed", incarnation="old", at=NOON))
    number = await desk.read(Figure.FEED_WORKER)
    assert number is not None
    assert (str(number), number.is_past) == ("last sign of life 30 s ago (bound 45 s)", False)
    await town.clock.advance(timedelta(seconds=31))
    number = await desk.read(Figure.FEED_WORKER)
    assert number is not None
    assert number.is_past


async def test_a_worker_whose_clock_is_ahead_is_told() -> None:
    town = await open_town()
    desk = Desk(town)
    assert await desk.said(Figure.SKEW) == "none (bound 5 s)"
    for worker, ahead in (("feed", 6), ("inbound", -9)):
        at = town.clock.now() + timedelta(seconds=ahead)
        await desk.numbers.signs.give(SignOfLife(worker=worker, incarnation="x", at=at))
    number = await desk.read(Figure.SKEW)
    assert number is not None
    assert (str(number), number.is_past) == ("a worker wrote 6 s ahead of this clock (bound 5 s)", True)
    await town.clock.advance(timedelta(seconds=1))
    number = await desk.read(Figure.SKEW)
    assert number is not None
    assert not number.is_past


async def test_signs_of_long_ago_are_removed_with_the_next_one() -> None:
    town = await open_town()
    signs = Signs(records=town.records)
    for name in ("a", "b"):
        await signs.give(SignOfLife(worker="feed", incarnation=name, at=NOON))
    later = NOON + timedelta(days=2)
    await signs.give(SignOfLife(worker="feed", incarnation="b", at=later))
    rows: Sequence[object] = await town.records.range("signs_of_life", "signs_of_life", after="", limit=9)
    assert len(rows) == 1
    assert await signs.latest() == {"feed": later}


def test_a_number_says_its_bound() -> None:
    assert str(Number(Figure.HOLDS, 5)) == "the oldest for 5 s (bound 604800 s)"
    assert BOUNDS[Figure.UNCERTAIN].unit is Unit.THINGS


async def test_messages_that_wait_for_the_bound_of_an_hour_are_counted_until_their_time_comes() -> None:

    town = await open_town()
    desk = Desk(town)
    assert await desk.said(Figure.POSTPONED) == "0 (bound 0)"
    await desk.decide("e1", DeliveryState.PLANNED, next_at=timedelta(0))
    await desk.decide("e2", DeliveryState.PLANNED, DeliveryState.PLANNED, next_at=timedelta(hours=1))
    await town.records.write(
        [
            Insert(
                Key("decisions", "c1", "newer"),
                {"$": "decision/99"},
                due=Due("deliveries", NOON + timedelta(hours=1)),
            )
        ]
    )
    number = await desk.read(Figure.POSTPONED)
    assert number is not None
    assert (str(number), number.is_past) == ("1 (bound 0)", True)
    assert (await desk.said(Figure.OVERDUE)).startswith("1, ")
    await town.clock.advance(timedelta(hours=1))
    assert await desk.said(Figure.POSTPONED) == "0 (bound 0)"
