"""The ledger under interference: a receipt or another worker in between, a store where somebody is always faster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import (
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    Owner,
)
from convalias.domain.outbound.lease import Results, receipted, redriven
from convalias.ports.records import Replace
from convalias.services.outbound.sending import LEASE
from convalias.stores.errors import Contended
from convalias.stores.outbound import ledger as module
from convalias.stores.outbound.ledger import TABLE, Ledger, Work
from stores.interfering import Interfering, Stubborn, nothing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, E2, N1 = ConversationId("c1"), EventId("e2"), NotificationId("n1")
ROW = Delivery(id=N1, recipient=AccountId("bob"), next_at=NOON)
DECISION = DeliveryDecision(
    event=E2,
    conversation=C1,
    use_case=UseCase("apply"),
    seq=Seq(2),
    owner=Owner.HUB,
    stage=Stage.NATIVE,
    reason="",
    decided_at=NOON,
    deliveries=(ROW,),
)


def ledger(records: memory.Records, name: str = "w1") -> Ledger:
    return Ledger(records=records, incarnation=memory.Incarnation(name))


async def held(records: memory.Records) -> Work:
    mine = ledger(records)
    await mine.insert(DECISION)
    (due,) = await mine.due(now=NOON, limit=9)
    work = await mine.take(due, now=NOON, lease=LEASE)
    assert work is not None
    return work


async def test_the_first_decision_stands() -> None:
    mine = ledger(memory.Records())
    assert await mine.insert(DECISION)
    assert not await mine.insert(DECISION)


async def test_of_two_that_take_one_gets_it() -> None:
    records = memory.Records()
    await ledger(records).insert(DECISION)
    (due,) = await ledger(records).due(now=NOON, limit=9)
    taken = [await ledger(records, name).take(due, now=NOON, lease=LEASE) for name in ("w1", "w2")]
    assert [one is not None for one in taken] == [True, False]


async def test_a_receipt_between_reading_and_releasing_is_kept() -> None:
    records = Interfering()
    work = await held(records)
    theirs = ledger(records, "receipts")
    records.meanwhile = [lambda: theirs.receipt(C1, E2, N1, DeliveryState.DELIVERED), nothing]
    sent = work.taken.rows[0].becoming(DeliveryState.SENT)
    released = await ledger(records).release(work, Results(rows={N1: sent}))
    assert released is not None
    assert released.deliveries[0].state is DeliveryState.DELIVERED
    assert released.holder == ""


async def test_a_receipt_that_loses_the_race_is_noted_at_its_next_try() -> None:
    records = Interfering()
    work = await held(records)
    sent = work.taken.rows[0].becoming(DeliveryState.SENT)
    mine = ledger(records)
    records.meanwhile = [lambda: mine.release(work, Results(rows={N1: sent})), nothing]
    assert await mine.receipt(C1, E2, N1, DeliveryState.DELIVERED)
    decision = await mine.get(C1, E2)
    assert decision is not None
    assert decision.deliveries[0].state is DeliveryState.DELIVERED


async def test_where_somebody_is_always_faster_it_is_given_up_and_said() -> None:
    records = Stubborn(Replace, TABLE)
    mine = ledger(records)
    await mine.insert(DECISION)
    (due,) = await mine.due(now=NOON, limit=9)
    assert await mine.take(due, now=NOON, lease=LEASE) is None
    with pytest.raises(Contended):
        await mine.reown(DECISION, lambda one: one)


async def test_a_release_that_never_gets_through_says_so() -> None:
    plain = memory.Records()
    work = await held(plain)
    refusing = Stubborn(Replace, TABLE)
    refusing.__dict__.update({key: value for key, value in plain.__dict__.items() if key not in {"_kind", "_table"}})
    with pytest.raises(Contended):
        await ledger(refusing).release(work, Results(rows={}))


async def test_as_many_as_were_asked_for_are_given_what_was_left_behind_first() -> None:
    records = memory.Records()
    await held(records)
    for number in range(3):
        await ledger(records).insert(
            DeliveryDecision(
                event=EventId(f"f{number}"),
                conversation=C1,
                use_case=UseCase("apply"),
                seq=Seq(3 + number),
                owner=Owner.HUB,
                stage=Stage.NATIVE,
                reason="",
                decided_at=NOON,
                deliveries=(ROW,),
            )
        )
    other = Ledger(records=records, incarnation=memory.Incarnation("w2", gone={"w1"}))
    assert [one.key.id for one in await other.due(now=NOON, limit=1)] == ["e2"]
    assert [one.key.id for one in await other.due(now=NOON, limit=3)] == ["e2", "f0", "f1"]


def test_a_receipt_for_nothing_we_know_changes_nothing() -> None:
    assert receipted(DECISION, NotificationId("x"), DeliveryState.DELIVERED) is None
    assert receipted(DECISION, N1, DeliveryState.DELIVERED) is None


@pytest.mark.parametrize(("reason", "due"), [("", False), ("withdrawn", False), ("rejected", True)])
def test_only_an_index_call_that_was_given_up_is_redriven(reason: str, *, due: bool) -> None:
    decision = DeliveryDecision(
        event=E2,
        conversation=C1,
        use_case=UseCase("apply"),
        seq=Seq(2),
        owner=Owner.HUB,
        stage=Stage.PARALLEL,
        reason="",
        decided_at=NOON,
        index=IndexRow(suppress_notification=True, reason=reason),
    )
    assert (redriven(decision, now=NOON) is not None) == due


@pytest.mark.parametrize(("most", "found"), [(1_000, ["c1", "c2"]), (40, ["c1"])])
async def test_what_is_passed_over_hides_nothing_behind_it_as_far_as_is_looked(
    most: int, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PASSED", most)
    mine = ledger(memory.Records())
    for minute, conversation in enumerate(["c1", *["full"] * 50, "c2"]):
        at = NOON + timedelta(minutes=minute)
        row = evolve(ROW, id=NotificationId(f"n{minute}"), next_at=at)
        decision = evolve(
            DECISION, event=EventId(f"e{minute}"), conversation=ConversationId(conversation), deliveries=(row,)
        )
        assert await mine.insert(decision)
    later = NOON + timedelta(days=1)
    due = await mine.due(now=later, limit=10, passing=lambda partition: partition == "full")
    assert [one.key.partition for one in due] == found
    assert len(await mine.due(now=later, limit=10)) == 10
    assert len(await mine.due(now=later, limit=60)) == 52


async def test_what_a_gone_worker_left_is_passed_over_too() -> None:
    records = memory.Records()
    await held(records)
    later = NOON + 2 * LEASE
    assert await ledger(records).due(now=later, limit=9, passing=lambda partition: True) == []
    assert len(await ledger(records).due(now=later, limit=1)) == 1
