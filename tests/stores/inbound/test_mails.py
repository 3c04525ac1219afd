"""What the relay keeps about mails, each record under its condition."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, TraceId
from convalias.domain.inbound.claims import Claim, ClaimKey, Path
from convalias.domain.inbound.outcomes import Done, Expired, OutcomeRecord, Tries
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.message_id import MessageId
from convalias.ports.records import Conflict, Delete, Insert, Key, Replace, Write, Written
from convalias.stores.errors import Contended
from convalias.stores.inbound.mails import PAGE, TRIES, InboundRecords, day_of, name_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = RecordKey("envelopes/2026/03/01/ab.json")
C1, C2 = ConversationId("c1"), ConversationId("c2 @ä")
BOB = EmailAddress.parse("bob@corp.example")
ID = MessageId(b"1@corp.example")
OUTCOME = OutcomeRecord(record=RECORD, outcome=Done(()), decided_at=NOON, trace=TraceId("t"))


class Outrun(memory.Records):
    """Somebody else is always faster."""

    async def write(self, writes: list[Write]) -> object:
        for write in writes:
            match write:
                case Insert(key=key, body=body):
                    await super().write([Insert(key, body)])
                case Replace(key=key, version=version, body=body):
                    await super().write([Replace(key, version, body)])
                case _:
                    pass
        return await super().write(writes)


# --- outcomes ------------------------------------------------------------------------------------------


async def test_the_first_outcome_stands_until_a_replay() -> None:
    store = InboundRecords(records=memory.Records())
    assert await store.outcome(RECORD) is None
    assert await store.conclude(OUTCOME) == OUTCOME
    other = evolve(OUTCOME, outcome=Expired())
    assert await store.conclude(other) == OUTCOME
    await store.conclude_anew(other)
    assert await store.outcome(RECORD) == other
    await store.conclude_anew(other)


async def test_an_outcome_is_amended_only_where_there_is_one() -> None:
    store = InboundRecords(records=memory.Records())
    assert await store.amend(RECORD, lambda one: evolve(one, outcome=Expired())) is None
    await store.conclude(OUTCOME)
    amended = await store.amend(RECORD, lambda one: evolve(one, outcome=Expired()))
    assert amended == evolve(OUTCOME, outcome=Expired()) == await store.outcome(RECORD)
    assert await store.amend(RECORD, lambda one: one) == amended


async def test_outcomes_of_a_day_come_in_the_order_of_their_records() -> None:
    store = InboundRecords(records=memory.Records())
    keys = [RecordKey(f"envelopes/2026/03/01/{number:04d}.json") for number in range(PAGE + 3)]
    for key in [*reversed(keys), RecordKey("envelopes/2026/03/02/ab.json")]:
        await store.conclude(evolve(OUTCOME, record=key))
    assert [one.record async for one in store.outcomes_of("2026/03/01")] == keys
    assert [key async for key in store.concluded("2026/03/01")] == keys


async def test_a_damaged_outcome_is_one_all_the_same() -> None:
    store = InboundRecords(records=memory.Records())
    await store.records.write([Insert(Key("outcomes", "2026/03/01", "ab.json"), {"$": "nonsense"})])
    assert [key async for key in store.concluded("2026/03/01")] == [RECORD]


def test_a_record_key_has_a_day_and_a_name() -> None:
    assert (day_of(RECORD), name_of(RECORD)) == ("2026/03/01", "ab.json")


# --- claims --------------------------------------------------------------------------------------------


async def test_the_first_claim_stands() -> None:
    store = InboundRecords(records=memory.Records())
    first = Claim(ClaimKey(C1, BOB, ID), Path.RELAY, AccountAuthor(AccountId("bob")), NOON)
    second = Claim(ClaimKey(C1, BOB, ID), Path.LEGACY, at=NOON)
    other = Claim(ClaimKey(C2, BOB, ID), Path.LEGACY, at=NOON)
    assert await store.claim([]) == ()
    assert await store.claim([first]) == (first,)
    assert await store.claim([other, second]) == (other, first)


async def test_sightings_are_the_claims_of_earlier_mail() -> None:
    store = InboundRecords(records=memory.Records())
    await store.claim(
        [
            Claim(ClaimKey(C1, BOB, ID), Path.RELAY, at=NOON),
            Claim(ClaimKey(C2, BOB, ID), Path.RELAY, at=NOON + timedelta(seconds=1)),
            Claim(ClaimKey(ConversationId("old"), BOB, ID), Path.LEGACY),
        ]
    )
    nobody = (ID, EmailAddress.parse("x@else.example"))
    old = ConversationId("old")
    for before, seen in ((0, {old}), (1, {old, C1}), (2, {old, C1, C2})):
        found = await store.sightings([(ID, BOB), nobody], before=NOON + timedelta(seconds=before))
        assert found == {(ID, BOB): frozenset(seen), nobody: frozenset()}


async def test_what_is_fought_over_gives_up_in_the_end() -> None:
    store = InboundRecords(records=Outrun())
    with pytest.raises(Contended, match="tries"):
        await store.failed(RECORD, because="Broken", at=NOON)
    assert TRIES == 100


async def test_a_count_that_is_fought_over_while_it_is_forgotten_is_looked_at_again() -> None:
    class Slow(memory.Records):
        """So many deletions lose a race."""

        races = 0

        async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
            if self.races and isinstance(writes[0], Delete):
                self.races -= 1
                return [Conflict()]
            return await super().write(writes)

    records = Slow()
    store = InboundRecords(records=records)
    await store.begun(RECORD, at=NOON)
    records.races = 1
    await store.ended(RECORD)
    assert await store.begun(RECORD, at=NOON) == 1
    records.races = TRIES
    with pytest.raises(Contended, match="starts"):
        await store.ended(RECORD)


# --- tries ---------------------------------------------------------------------------------------------


async def test_failures_starts_and_overruns_are_counted_apart() -> None:
    store = InboundRecords(records=memory.Records())
    await store.forgive(RECORD)
    assert [(await store.failed(RECORD, because="Broken", at=NOON)).failures for _ in range(2)] == [1, 2]
    assert [await store.begun(RECORD, at=NOON) for _ in range(3)] == [1, 2, 3]
    await store.ended(RECORD)
    assert await store.begun(RECORD, at=NOON) == 1
    assert (await store.failed(RECORD, because="Other", at=NOON)).last == "Other"
    assert [await store.overran(RECORD, because="slow", at=NOON) for _ in range(2)] == [1, 2]
    assert [await store.faulted(RECORD, because="theirs", at=NOON) for _ in range(4)] == [1, 2, 3, 4]
    assert await store.tries(RECORD) == Tries(record=RECORD, failures=4, last="theirs"), "what came most often"
    await store.forgive(RECORD)
    assert await store.tries(RECORD) is None
    assert (await store.failed(RECORD, because="Broken", at=NOON)).failures == 1
    assert await store.begun(RECORD, at=NOON) == 1
    assert await store.overran(RECORD, because="slow", at=NOON) == 1


async def test_many_that_count_at_once_lose_no_count() -> None:
    store = InboundRecords(records=memory.Records())
    await asyncio.gather(*(store.failed(RECORD, because="Broken", at=NOON) for _ in range(20)))
    assert (await store.failed(RECORD, because="Broken", at=NOON)).failures == 21
