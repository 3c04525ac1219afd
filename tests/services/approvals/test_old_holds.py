"""Holds without a due time, as an older release wrote them, expire like all others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from convalias import Convalias
from convalias.adapters import memory
from convalias.codec import Codec
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import HeldMail, HoldId, HoldState
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.ports.errors import Unavailable
from convalias.ports.records import Insert, Key, Stored
from convalias.services.approvals.old_holds import PAGE, OldHolds
from convalias.stores.approvals.holds import HOLDS, Holds
from convalias.stores.encoding import encoded
from services.inbound_desk import BOBS, NOON

OLD = Codec(write_format={"hold": 1})
FORTNIGHT = timedelta(days=14)


def hold(number: int, *, conversation: str = "c1", state: HoldState = HoldState.HELD) -> HeldMail:
    record = RecordKey("envelopes/2026/03/01/ab.json")
    return HeldMail(
        HoldId(f"m-{number:04d}"),
        ConversationId(conversation),
        EmailAddress.parse(str(BOBS)),
        Reason.NEEDS_APPROVAL,
        record,
        "<1@corp.example>",
        NOON,
        state,
    )


async def left(records: memory.Records, *holds: HeldMail) -> None:
    """As the older release left them: in its format, never due."""
    await records.write([Insert(Key(HOLDS, encoded(one.conversation), one.id), OLD.dump(one)) for one in holds])


class Listed(memory.Records):
    """Records whose partitions can be told; away for a while, if need be."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, set[str]] = {}
        self.ranges_left = 10_000

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        return sorted(one for one in self.tables.get(table, ()) if one > after)[:limit]

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        self.ranges_left -= 1
        if self.ranges_left < 0:
            raise Unavailable("records")
        return await super().range(table, partition, after=after, limit=limit)


def old(records: memory.Records) -> OldHolds:
    return OldHolds(records=records, holds=Holds(records=records), clock=memory.Clock(NOON))


async def test_every_hold_that_waits_gets_the_time_it_expires_at_and_is_looked_at_once() -> None:
    records = Listed()
    many = [hold(number) for number in range(PAGE + 1)]
    await left(records, *many, hold(1, conversation="c2 @"), hold(2, conversation="c3", state=HoldState.APPROVED))
    records.tables[HOLDS] = {encoded(ConversationId(one)) for one in ("c1", "c2 @", "c3")}
    assert await old(records).date_all() == PAGE + 2
    assert await Holds(records=records).due(until=NOON + FORTNIGHT - timedelta(seconds=1), limit=9) == []
    assert len(await Holds(records=records).due(until=NOON + FORTNIGHT, limit=2 * PAGE)) == PAGE + 2
    records.ranges_left = 0
    assert await old(records).date_all() == 0


async def test_a_pass_that_was_broken_off_is_made_again() -> None:
    records = Listed()
    await left(records, hold(1), hold(1, conversation="c2"))
    records.tables[HOLDS] = {"c1", "c2"}
    records.ranges_left = 2
    with pytest.raises(Unavailable):
        await old(records).date_all()
    records.ranges_left = 10
    assert await old(records).date_all() == 1


async def test_where_nothing_can_be_listed_a_hold_is_dated_when_its_mail_comes_again() -> None:
    records = memory.Records()
    await left(records, hold(1), hold(2, state=HoldState.REJECTED))
    assert await old(memory.faulty.Records(records, memory.Faults())).date_all() == 0
    holds = Holds(records=records)
    assert await holds.keep(hold(1)) == hold(1)
    assert await holds.keep(hold(2)) == hold(2, state=HoldState.REJECTED)
    assert [row.key.id for row in await holds.due(until=NOON + FORTNIGHT, limit=9)] == ["m-0001"]


@pytest.mark.threads
async def test_a_data_directory_of_an_older_release_lets_its_holds_expire(tmp_path: Path) -> None:
    clock = memory.Clock(NOON)
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\n')
    cv = Convalias.from_toml(settings, data=tmp_path / "data", environ={}, clock=clock)
    async with cv:
        key = Key(HOLDS, "c1", "m-0001")
        await cv.ports.records.write([Insert(key, OLD.dump(hold(1)))])
        await cv.run_until_idle()
        assert await Holds(records=cv.ports.records).get(ConversationId("c1"), HoldId("m-0001")) == hold(1)
        await clock.advance(FORTNIGHT)
        await cv.run_until_idle()
        expired = await Holds(records=cv.ports.records).get(ConversationId("c1"), HoldId("m-0001"))
        assert expired == hold(1, state=HoldState.EXPIRED)
