"""Accounts, and who has an address now."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.ports.records import Replace
from convalias.stores.conversations.directory import ACCOUNTS, IdentityDirectory
from convalias.stores.errors import Contended
from stores.interfering import Interfering, Stubborn

HOME, WORK, NOBODY = (EmailAddress.parse(f"{name}@x.example") for name in ("home", "work", "nobody"))
ANN = Account(AccountId("ann"), (HOME, WORK), name="Ann")
BOB = Account(AccountId("bob"), (WORK,))


async def test_accounts_are_found_by_id_and_by_address() -> None:
    directory = IdentityDirectory(records=memory.Records())
    for account in (BOB, ANN, ANN):
        await directory.upsert(account)
    assert await directory.get([ANN.id, AccountId("eve")]) == {ANN.id: ANN}
    assert await directory.at([HOME, WORK, NOBODY]) == {HOME: (ANN,), WORK: (ANN, BOB), NOBODY: ()}
    assert await directory.at([]) == {}


async def test_an_address_given_up_leads_to_its_account_no_more() -> None:
    directory = IdentityDirectory(records=memory.Records())
    await directory.upsert(ANN)
    await directory.upsert(evolve(ANN, addresses=(WORK,)))
    assert await directory.at([HOME]) == {HOME: ()}


async def test_an_index_whose_account_was_not_written_leads_nowhere() -> None:
    faults = memory.Faults()
    directory = IdentityDirectory(records=memory.faulty.Records(memory.Records(), faults))
    faults.fail("records.write", memory.before("records"), times=1, skip=2)
    with pytest.raises(Exception, match="records"):
        await directory.upsert(ANN)
    assert await directory.at([HOME]) == {HOME: ()}
    await directory.upsert(ANN)
    assert await directory.at([HOME]) == {HOME: (ANN,)}


async def test_two_accounts_that_get_one_address_at_once_both_have_it() -> None:
    records = Interfering()
    directory = IdentityDirectory(records=records)
    records.meanwhile = [lambda: directory.upsert(BOB)]
    await directory.upsert(evolve(ANN, addresses=(WORK,)))
    assert [one.id for one in (await directory.at([WORK]))[WORK]] == ["ann", "bob"]


def test_it_gives_up_where_somebody_else_is_always_faster() -> None:
    async def story() -> None:
        directory = IdentityDirectory(records=Stubborn(Replace, ACCOUNTS))
        await directory.upsert(BOB)
        await directory.upsert(evolve(BOB, name="Bob"))

    with pytest.raises(Contended):
        asyncio.run(story())


async def test_an_address_that_passed_once_is_remembered_after_it_was_given_up() -> None:
    directory = IdentityDirectory(records=memory.Records())
    await directory.upsert(evolve(ANN, addresses=(WORK,), authenticates=frozenset({HOME})))
    assert await directory.authenticated([HOME, WORK, NOBODY]) == {HOME}
    await directory.upsert(evolve(ANN, authenticates=frozenset()))
    assert await directory.authenticated([HOME]) == frozenset()
