"""Addresses are given out once, and one of them is live."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat, AliasKey, AliasKeys, ByName, ConversationAlias, Token, is_live
from convalias.domain.aliases.minting import mint
from convalias.domain.ids import AccountId, AliasId, ConversationId
from convalias.ports.records import Delete, Insert, Key, Replace, Stored
from convalias.stores.aliases.aliases import DRAWS, HANDLES, PAGE, TABLE, Aliases, Draw, NewAlias, format_of
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended, NoFreeAddress
from stores.interfering import Interfering, Stubborn, nothing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, C2 = ConversationId("c1"), ConversationId("c 2")
ANN, BOB = AccountId("ann"), AccountId("bob")
V1 = EmailAddress.parse("1ab131e2-9b14-4a49-93bc-56cb01e413a6@reply.example")
V2 = EmailAddress.parse("john-smith-1ab131e2@reply.example")
OTHER = EmailAddress.parse("john-smith-1ab131e3@reply.example")
KEYS = AliasKeys((AliasKey(0, b"s" * 32),))


def draws(*addresses: EmailAddress | None) -> Draw:
    waiting = iter(addresses)
    return lambda: next(waiting)


def minting(seed: int = 0) -> Draw:
    entropy = memory.Clock(seed=seed).entropy
    return lambda: mint("John Smith", domain="reply.example", random=entropy(16), keys=KEYS)


def wanted(identity: str = "l1", who: AccountId = ANN, where: ConversationId = C1, topic: str = "") -> NewAlias:
    return NewAlias(id=AliasId(identity), conversation=where, stands_for=who, topic=topic, created_at=NOON)


def listed(address: EmailAddress, who: AccountId = ANN, where: ConversationId = C1) -> ConversationAlias:
    return ConversationAlias(address=address, conversation=where, stands_for=who, format=AliasFormat.V2)


async def test_an_issued_alias_is_found_by_its_address_whatever_its_format() -> None:
    aliases = Aliases(records=memory.Records())
    for number, address in enumerate((V1, V2)):
        alias = await aliases.issue(wanted(f"l{number}", topic=str(number)), draws(address))
        assert await aliases.find([ByName(address)]) == {ByName(address): alias}
        assert alias.format is (AliasFormat.V2 if number else AliasFormat.V1)
    assert await aliases.find([ByName(OTHER), Token("0" * 17, "reply.example")]) == {}
    assert await aliases.find([]) == {}
    assert await aliases.at(OTHER) is None


async def test_a_v3_alias_is_found_by_its_token_and_by_exactly_its_address() -> None:
    aliases = Aliases(records=memory.Records())
    alias = await aliases.issue(wanted(), minting())
    token = alias.address.local[-17:]
    renamed = EmailAddress.parse(f"jane-{token.upper()}@reply.example")
    asked = [Token(token, "reply.example"), ByName(alias.address), ByName(renamed), Token(token, "other.example")]
    found = await aliases.find(asked)
    assert found == dict.fromkeys(asked[:2], alias)
    assert await aliases.at(renamed) == alias
    assert alias.format is format_of(renamed) is AliasFormat.V3


async def test_who_has_a_live_alias_is_given_no_other() -> None:
    aliases = Aliases(records=memory.Records())
    first = await aliases.issue(wanted("l1"), draws(V1))
    assert await aliases.issue(wanted("l2"), draws()) == first
    assert await aliases.of(C1) == [first]


async def test_participants_topics_and_conversations_are_apart() -> None:
    aliases, draw = Aliases(records=memory.Records()), minting()
    wishes = [wanted("1"), wanted("2", topic="job"), wanted("3", BOB), wanted("4", ANN, C2)]
    issued = [await aliases.issue(wish, draw) for wish in wishes]
    assert len({alias.address for alias in issued}) == 4
    assert {alias.id for alias in await aliases.of(C1)} == {"1", "2", "3"}


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_an_alias_that_ended_gives_way_to_a_new_one(end: str) -> None:
    aliases, draw = Aliases(records=memory.Records()), minting()
    wish = evolve(wanted("l1"), expires_at=NOON + timedelta(1) if end == "expired" else None)
    first = await aliases.issue(wish, draw)
    later = NOON + timedelta(1)
    if end == "revoked":
        await aliases.revoke(first.address, at=later)
    second = await aliases.issue(evolve(wanted("l2"), created_at=later), draw)
    assert [alias.id for alias in await aliases.of(C1)] == ["l1", "l2"]
    assert not is_live((await aliases.of(C1))[0], later)
    assert is_live(second, later)


async def test_a_rotated_alias_is_superseded_and_goes_on_working() -> None:
    aliases, draw = Aliases(records=memory.Records()), minting()
    first = await aliases.issue(wanted("l1"), draw)
    second = await aliases.issue(wanted("l2"), draw, replacing=AliasId("l1"))
    assert await aliases.issue(wanted("l3"), draw, replacing=AliasId("l1")) == second
    found = await aliases.at(first.address)
    assert found == evolve(first, superseded_by=AliasId("l2"))
    assert is_live(found, NOON)


async def test_an_address_that_somebody_has_is_drawn_again() -> None:
    aliases = Aliases(records=memory.Records())
    await aliases.issue(wanted("l1"), draws(V2))
    second = await aliases.issue(wanted("l2", BOB, C2), draws(None, V2, OTHER))
    assert second.address == OTHER


async def test_an_address_is_never_given_out_again_even_when_its_alias_is_gone() -> None:
    records = memory.Records()
    aliases = Aliases(records=records)
    await aliases.issue(wanted("l1"), draws(V2))
    await aliases.revoke(V2, at=NOON)
    (row,) = await records.range(TABLE, encoded(C1), after="", limit=9)
    await records.write([Delete(row.key, row.version)])  # erased
    assert await aliases.at(V2) is None
    assert await aliases.revoke(V2, at=NOON) is None
    assert (await aliases.issue(wanted("l2"), draws(V2, OTHER))).address == OTHER


def test_a_source_of_addresses_that_are_all_taken_is_at_fault() -> None:
    async def story() -> None:
        aliases = Aliases(records=memory.Records())
        await aliases.issue(wanted("l1"), draws(V2))
        await aliases.issue(wanted("l2", BOB), lambda: V2)

    with pytest.raises(NoFreeAddress, match=str(DRAWS)):
        asyncio.run(story())


async def test_of_two_that_issue_at_once_both_get_the_same() -> None:
    records = Interfering()
    aliases = Aliases(records=records)
    records.meanwhile = [nothing, lambda: aliases.issue(wanted("theirs"), draws(V1))]
    assert (await aliases.issue(wanted("mine"), draws(V2))).id == "theirs"
    assert [alias.id for alias in await aliases.of(C1)] == ["theirs"]
    assert await aliases.at(V2) is None  # spent


@pytest.mark.parametrize("write", [0, 1])
async def test_an_issue_whose_answer_was_lost_can_be_repeated(write: int) -> None:
    faults = memory.Faults()
    aliases = Aliases(records=memory.faulty.Records(memory.Records(), faults))
    faults.fail("records.write", memory.after("records"), times=1, skip=write)
    with pytest.raises(Exception, match="records"):
        await aliases.issue(wanted("l1"), draws(V2))
    again = await aliases.issue(wanted("l1"), draws(V2))
    assert [again] == await aliases.of(C1)
    assert await aliases.at(V2) == again


async def test_an_insert_that_answers_late_is_recognised_as_ones_own() -> None:
    records = memory.Records()
    aliases = Aliases(records=records)
    alias = await aliases.issue(wanted("l1"), draws(V2))
    assert await aliases._insert(alias, generation=1)
    assert not await aliases._insert(evolve(alias, id=AliasId("l2")), generation=1)


async def test_revocation_ends_an_alias_once() -> None:
    aliases = Aliases(records=memory.Records())
    await aliases.issue(wanted(), draws(V2))
    revoked = await aliases.revoke(V2, at=NOON)
    assert revoked is not None
    assert revoked.revoked_at == NOON
    assert await aliases.revoke(V2, at=NOON + timedelta(1)) == revoked == await aliases.at(V2)
    assert await aliases.revoke(OTHER, at=NOON) is None


async def test_listed_aliases_are_taken_over_and_the_last_one_is_live() -> None:
    aliases = Aliases(records=memory.Records())
    adopted = await aliases.adopt([listed(V1), listed(V2), listed(OTHER, BOB)])
    assert [alias.address for alias in adopted] == [V1, V2, OTHER]
    by_address = {alias.address: alias for alias in await aliases.of(C1)}
    assert by_address[V1].superseded_by == by_address[V2].id
    assert by_address[V2].superseded_by is by_address[OTHER].superseded_by is None
    assert (await aliases.issue(wanted("new"), draws())).address == V2


async def test_listing_twice_is_listing_once() -> None:
    records = memory.Records()
    aliases = Aliases(records=records)
    await aliases.adopt([listed(V1), listed(V2)])
    once = await records.range(TABLE, encoded(C1), after="", limit=9)
    again = await aliases.adopt([listed(V1), listed(V2)])
    assert await aliases.of(C1) == [evolve(again[0], superseded_by=again[1].id), again[1]]
    assert [row.key for row in await records.range(TABLE, encoded(C1), after="", limit=9)] == [row.key for row in once]


async def test_another_order_makes_another_one_live() -> None:
    aliases = Aliases(records=memory.Records())
    await aliases.adopt([listed(V1), listed(V2)])
    await aliases.adopt([listed(V2), listed(V1)])
    assert [alias.address for alias in await aliases.of(C1)] == [V2, V1]
    assert (await aliases.of(C1))[1].superseded_by is None
    assert await aliases.at(V1) == (await aliases.of(C1))[1]


async def test_a_listed_alias_takes_the_expiry_and_revocation_it_is_listed_with() -> None:
    aliases = Aliases(records=memory.Records())
    await aliases.adopt([listed(V1), listed(V2)])
    await aliases.adopt([evolve(listed(V1), expires_at=NOON), evolve(listed(V2), revoked_at=NOON)])
    first, second = await aliases.of(C1)
    assert (first.expires_at, second.revoked_at) == (NOON, NOON)


def test_a_listed_address_of_another_conversation_is_refused() -> None:
    async def story() -> None:
        aliases = Aliases(records=memory.Records())
        await aliases.adopt([listed(V1)])
        await aliases.adopt([listed(V1, ANN, C2)])

    with pytest.raises(NoFreeAddress, match="another conversation"):
        asyncio.run(story())


async def test_an_alias_that_was_issued_may_be_listed() -> None:
    aliases = Aliases(records=memory.Records())
    issued = await aliases.issue(wanted("l1"), draws(V2))
    assert await aliases.adopt([listed(V2)]) == [issued]


async def test_adoption_that_loses_a_race_looks_again() -> None:
    records = Interfering()
    aliases = Aliases(records=records)
    records.meanwhile = [nothing, lambda: aliases.issue(wanted("theirs"), draws(V1))]
    await aliases.adopt([listed(V2)])
    assert [alias.address for alias in await aliases.of(C1)] == [V1, V2]


async def test_a_listed_alias_that_was_changed_in_between_is_written_again() -> None:
    records = Interfering()
    aliases = Aliases(records=records)
    await aliases.adopt([listed(V2)])
    records.meanwhile = [nothing, lambda: aliases.revoke(V2, at=NOON)]
    await aliases.adopt([evolve(listed(V2), expires_at=NOON)])
    (alias,) = await aliases.of(C1)
    assert (alias.expires_at, alias.revoked_at) == (NOON, None)


async def test_many_aliases_are_read_in_pages() -> None:
    aliases, draw = Aliases(records=memory.Records()), minting()
    for number in range(PAGE + 1):
        await aliases.issue(wanted(f"l{number}", topic=str(number)), draw)
    assert len(await aliases.of(C1)) == PAGE + 1


@pytest.mark.parametrize(
    ("stubborn", "action"),
    [
        (Stubborn(Insert, TABLE), lambda aliases: aliases.issue(wanted(), minting())),
        (Stubborn(Insert, TABLE), lambda aliases: aliases.adopt([listed(V2)])),
    ],
    ids=["issue", "adopt"],
)
def test_it_gives_up_where_somebody_else_is_always_faster(stubborn: Stubborn, action: object) -> None:
    with pytest.raises(Contended):
        asyncio.run(action(Aliases(records=stubborn)))


def test_revocation_gives_up_where_somebody_else_is_always_faster() -> None:
    async def story() -> None:
        aliases = Aliases(records=Stubborn(Replace, TABLE))
        await aliases.issue(wanted(), draws(V2))
        await aliases.revoke(V2, at=NOON)

    with pytest.raises(Contended):
        asyncio.run(story())


async def test_no_address_stands_in_a_reservation() -> None:
    records = memory.Records()
    await Aliases(records=records).issue(wanted(), draws(V2))
    rows = [row for row in records._rows.values() if row.key.table == HANDLES]
    assert rows
    assert all("john" not in f"{row.key}{row.text}" for row in rows)


class Counted(memory.Records):
    """Names the table of each read by key."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        self.read += sorted({key.table for key in keys})
        return await super().get(keys)


async def test_an_alias_that_was_found_before_is_found_by_one_read_and_as_it_is_now() -> None:
    records = Counted()
    aliases, other = Aliases(records=records), Aliases(records=records)
    alias = await aliases.issue(wanted(), draws(V1))
    assert await aliases.at(V1) == alias
    revoked = await other.revoke(V1, at=NOON)
    records.read.clear()
    assert await aliases.at(V1) == revoked != alias
    assert records.read == [TABLE]


async def test_of_several_handles_only_those_that_are_not_remembered_are_looked_up() -> None:
    records = Counted()
    aliases = Aliases(records=records)
    first = await aliases.issue(wanted("l1"), draws(V1))
    second = await aliases.issue(wanted("l2", BOB), draws(V2))
    await aliases.at(V1)
    records.read.clear()
    found = await aliases.find([ByName(V1), ByName(V2), ByName(OTHER)])
    assert found == {ByName(V1): first, ByName(V2): second}
    assert records.read == [HANDLES, TABLE]


async def test_an_address_that_leads_nowhere_is_looked_up_each_time() -> None:
    aliases = Aliases(records=memory.Records())
    assert await aliases.at(V1) is None
    alias = await Aliases(records=aliases.records).issue(wanted(), draws(V1))
    assert await aliases.at(V1) == alias


async def test_what_is_remembered_of_a_database_that_was_restored_is_looked_up_again() -> None:
    records = memory.Records()
    aliases = Aliases(records=records)
    await aliases.issue(wanted(), draws(V1))
    await aliases.at(V1)
    records.__dict__.update(memory.Records().__dict__)
    assert await aliases.at(V1) is None
    elsewhere = await Aliases(records=records).issue(wanted("l9", BOB, C2), draws(V1))
    assert await aliases.at(V1) == elsewhere


async def test_as_many_handles_are_remembered_as_the_bound_allows() -> None:
    records = Counted()
    aliases = Aliases(records=records, remembered=1)
    for number, address in enumerate((V1, V2)):
        await aliases.issue(wanted(f"l{number}", topic=str(number)), draws(address))
        await aliases.at(address)
    records.read.clear()
    await aliases.at(V2)
    await aliases.at(V1)
    assert records.read == [TABLE, HANDLES, TABLE]
