"""An address or a conversation takes no mail until that is lifted; all of it can be listed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from convalias.adapters import memory
from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.suppressions import MUTED, SUPPRESSED, Muted, Suppressed, SuppressionList, Unreadable
from convalias.ports.errors import Rejected
from convalias.ports.records import Insert, Key, Records, Stored
from convalias.stores.encoding import digest
from convalias.stores.outbound.suppressions import Suppressions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB = AccountId("ann"), AccountId("bob")
C1 = ConversationId("c1")
HOME = EmailAddress.parse("ann@home.example")
OF_ANN = Suppressed(account=ANN, address=HOME, status="5.1.1", at=NOON)
MUTE = Muted(account=ANN, conversation=C1, at=NOON)


class Unlisted:
    """Records without partitions that can be listed."""

    def __init__(self) -> None:
        records = memory.Records()
        self.get, self.write, self.range = records.get, records.write, records.range
        self.latest, self.due = records.latest, records.due


def former(row: Suppressed, account: AccountId) -> Insert:
    """As a release wrote it that suppressed an address for one account."""
    name = digest(account, row.address.key)
    return Insert(Key("suppressed", name[:2], name), dump(row))


def test_a_suppressed_address_takes_no_mail_for_anybody_until_it_is_lifted() -> None:
    async def scenario() -> None:
        store = Suppressions(records=memory.Records())
        assert [await store.suppress(OF_ANN), await store.suppress(OF_ANN)] == [True, False]
        assert await store.objection(BOB, HOME, C1) == SUPPRESSED
        assert await store.suppressed(None, HOME) == OF_ANN
        assert [await store.lift(HOME), await store.lift(HOME)] == [True, False]
        assert await store.objection(BOB, HOME, C1) is None
        assert await store.suppressed(BOB, HOME) is None

    asyncio.run(scenario())


def test_a_row_of_a_former_release_holds_for_its_account_and_can_be_lifted() -> None:
    async def scenario() -> None:
        records = memory.Records()
        store = Suppressions(records=records)
        await records.write([former(OF_ANN, ANN)])
        assert [await store.objection(one, HOME, C1) for one in (ANN, BOB)] == [SUPPRESSED, None]
        assert [await store.suppressed(one, HOME) for one in (ANN, BOB)] == [OF_ANN, None]
        assert await store.lift(HOME)
        assert await store.objection(ANN, HOME, C1) is None

    asyncio.run(scenario())


def test_a_mute_holds_for_one_participant_and_one_conversation() -> None:
    async def scenario() -> None:
        store = Suppressions(records=memory.Records())
        assert [await store.mute(MUTE), await store.mute(MUTE)] == [True, False]
        assert await store.objection(ANN, HOME, C1) == MUTED
        assert [await store.muted(one, C1) for one in (ANN, BOB)] == [MUTE, None]
        assert [await store.lift_mute(ANN, C1), await store.lift_mute(ANN, C1)] == [True, False]
        assert await store.objection(ANN, HOME, C1) is None

    asyncio.run(scenario())


def test_all_are_listed_and_what_a_newer_release_wrote_is_counted() -> None:
    async def scenario() -> None:
        records = memory.Records()
        store = Suppressions(records=records)
        await store.suppress(OF_ANN)
        await store.mute(MUTE)
        await records.write([Insert(Key("suppressed", "zz", "zz"), {"$": "suppressed/99"})])
        assert await store.listed() == SuppressionList(addresses=(OF_ANN,), muted=(MUTE,), unreadable=1)
        assert not await store.lift(EmailAddress.parse("bob@home.example"))

    asyncio.run(scenario())


def test_what_a_newer_release_wrote_forbids_mail_and_can_be_lifted() -> None:
    async def scenario() -> None:
        records = memory.Records()
        store = Suppressions(records=records)
        of_address, of_account = digest(HOME.key), digest(BOB)
        await records.write(
            [
                Insert(Key("suppressed", of_address[:2], of_address), {"$": "suppressed/99"}),
                Insert(Key("muted", "c1", of_account), {"$": "muted/99"}),
            ]
        )
        assert [await store.objection(one, HOME, C1) for one in (ANN, BOB)] == [SUPPRESSED, SUPPRESSED]
        assert [await store.suppressed(one, HOME) for one in (ANN, None)] == [Unreadable(), Unreadable()]
        assert await store.listed() == SuppressionList(unreadable=2)
        assert [await store.lift(HOME), await store.lift(HOME)] == [True, False]
        assert [await store.objection(one, HOME, C1) for one in (ANN, BOB)] == [None, MUTED]
        assert [await store.muted(one, C1) for one in (ANN, BOB)] == [None, Unreadable()]
        assert await store.lift_mute(BOB, C1)
        assert await store.objection(BOB, HOME, C1) is None

    asyncio.run(scenario())


def test_a_store_that_lists_no_partitions_says_so() -> None:
    async def scenario() -> None:
        records: Records = Unlisted()
        with pytest.raises(Rejected, match="cannot list its partitions"):
            await Suppressions(records=records).listed()

    asyncio.run(scenario())


def test_pages_of_many_are_all_read() -> None:
    class Short(memory.Records):
        async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
            return await super().range(table, partition, after=after, limit=min(limit, 2))

    async def scenario() -> None:
        store = Suppressions(records=Short())
        for number in range(5):
            await store.mute(Muted(account=AccountId(f"a{number}"), conversation=C1, at=NOON))
        assert len((await store.listed()).muted) == 5

    asyncio.run(scenario())
