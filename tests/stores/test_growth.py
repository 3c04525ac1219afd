"""What a call costs does not grow with what lies beside it: counted at two sizes, never timed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from convalias.adapters import embedded, memory
from convalias.app.facade import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from convalias.ports.records import Due, DuePlace, Insert, Key, Replace, Written, write_in_order
from convalias.stores.outbound.ledger import DUE, PAGE, GivenBack, Ledger
from stores.counting import Counting
from stores.growing import NOON, Steps, alias_steps, given_back, passed_on


@pytest.mark.threads
async def test_finding_and_minting_an_alias_cost_the_same_beside_ten_and_beside_twenty_thousand(tmp_path: Path) -> None:
    few, many = await alias_steps(tmp_path / "few", 10), await alias_steps(tmp_path / "many", 20_000)
    assert all(0 < more <= less + 20 for less, more in zip(few, many, strict=True)), (few, many)


@pytest.mark.parametrize("waiting", [60, 3_000])
async def test_taking_deliveries_reads_as_many_rows_as_are_taken(waiting: int) -> None:
    counting = Counting(memory.Records())
    await counting.write(
        [
            Insert(Key("decisions", f"c{number}", "e"), {"$": "decision/3"}, due=Due(DUE, NOON))
            for number in range(waiting)
        ]
    )
    ledger = Ledger(records=counting, incarnation=memory.Incarnation("1"))
    assert len(await ledger.due(now=NOON + timedelta(days=1), limit=50)) == 50
    assert counting.rows == {"decisions": 50}


@pytest.mark.parametrize("waiting", [600, 1_200])
async def test_giving_deliveries_back_holds_a_page_of_them_whatever_waits(waiting: int) -> None:
    counting = Counting(memory.Records())
    assert await given_back(counting, waiting) == GivenBack(waiting, 0)
    assert counting.most_rows == PAGE
    assert counting.rows["decisions"] == 2 * waiting
    assert counting.calls["due deliveries"] == 1 + -(-waiting // PAGE)
    assert counting.writes == {"decisions update": waiting}


async def lane_steps(folder: Path, rows: int) -> int:
    """Steps to read the last ten of that many rows of one due time, behind the one before them."""
    async with embedded.Database(folder) as database:
        records, steps = embedded.Records(database), Steps()
        keys = [Key("notes", "c", f"{number:06}") for number in range(rows)]
        await records.write([Insert(key, {}, due=Due("lane", NOON)) for key in keys])
        await database.read(steps.count)
        found = await records.due_after("lane", after=DuePlace(NOON, keys[-11]), until=NOON, limit=50)
        assert [one.key for one in found] == keys[-10:]
        return steps.taken


@pytest.mark.threads
async def test_a_page_of_a_lane_on_disk_costs_the_same_however_much_is_due_before_it(tmp_path: Path) -> None:
    few, many = await lane_steps(tmp_path / "few", 20), await lane_steps(tmp_path / "many", 5_000)
    assert 0 < many <= few + 20, (few, many)


async def relayed(recipients: int) -> tuple[float, float]:
    """Rows read and records written by the relay of one mail, for each of its conversations."""
    counting = Counting(memory.Records())
    async with Convalias.in_memory(alias_domain="reply.example", records=counting) as cv:
        await cv.rollout.set(UseCase("hiring"), stage=Stage.NATIVE, basis_points=10_000)
        ann = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
        bob = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])
        to: list[str] = []
        for number in range(recipients):
            given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=[ann, bob])
            to.append(str(given[ann.account]))
        raw = (
            f"From: Bob Lee <bob@corp.example>\nTo: {', '.join(to)}\nSubject: To all\nMessage-ID: <1@corp.example>\n"
            "Date: Sun, 01 Mar 2026 11:59:00 +0000\nContent-Type: text/plain\n\nHello to all of you.\n"
        ).encode()
        await cv.run_until_idle()
        await cv.receiver.accept(IncomingMail(raw, recipients=to, sender="bob@corp.example"))
        counting.forget()
        await cv.run_until_idle("inbound")
        assert counting.writes["events insert"] == recipients
    return counting.rows.total() / recipients, counting.writes.total() / recipients


async def test_a_recipient_of_a_mail_to_many_costs_no_more_than_one_of_a_mail_to_one() -> None:
    one, many = await relayed(1), await relayed(40)
    assert all(more <= less for less, more in zip(one, many, strict=True)), (one, many)


@pytest.mark.threads
@pytest.mark.parametrize("published", [50, 5_000])
async def test_an_event_log_on_disk_holds_what_it_is_to_keep_however_much_was_published(
    tmp_path: Path, published: int
) -> None:
    async with embedded.Database(tmp_path) as database:
        log = embedded.EventLog(database, clock=memory.Clock(), incarnation=memory.Incarnation("1"), keep=10)
        await passed_on(log, published)
        assert await log.trim() == published - 10
        assert (await log.lag("late")).count == 10


async def test_what_counts_is_each_call_each_row_and_each_write() -> None:
    counting = Counting(memory.Records(), with_octets=True)
    one, two = Key("events", "c", "1"), Key("claims", "c", "2")
    answers = await write_in_order(
        counting, [Insert(one, {"a": "é"}), Insert(two, {}), Insert(one, {}), Insert(two, {})]
    )
    assert len(answers) == 3
    (written, *_) = answers
    assert isinstance(written, Written)
    await counting.write([Replace(one, written.version, {"a": 1}, due=Due("lane", NOON))])
    await counting.get([one, two, Key("events", "c", "3")])
    await counting.range("events", "c", after="", limit=9)
    await counting.latest("events", "c")
    await counting.latest("claims", "nobody")
    await counting.due("lane", until=NOON, limit=9)
    await counting.due_after("lane", after=DuePlace(NOON, two), until=NOON, limit=9)
    assert counting.most_rows == 2
    assert counting.writes == {"events insert": 2, "claims insert": 1, "events update": 1}
    assert counting.rows == {"events": 5, "claims": 1}
    assert counting.calls == {
        "write claims+events": 1,
        "write events": 1,
        "get claims+events": 1,
        "range events": 1,
        "latest events": 1,
        "latest claims": 1,
        "due lane": 2,
    }
    assert (counting.octets_written, counting.octets_read) == (11 + 2 + 2 + 8, 5 * 8 + 2)
    counting.forget()
    assert counting.octets_read == counting.octets_written == counting.calls.total() == 0
