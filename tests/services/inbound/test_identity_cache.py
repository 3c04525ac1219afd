"""A directory is asked once in a while; nobody, and an error, are never remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import define, evolve, field

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.ports.errors import Unavailable
from convalias.ports.people import IdentityDirectory
from convalias.services.inbound.identity_cache import CachedIdentities
from convalias.testing import conformance
from convalias.testing.conformance import Check

BOB, EVE = EmailAddress.parse("bob@corp.example"), EmailAddress.parse("eve@corp.example")
ACCOUNT = Account(AccountId("bob"), (BOB,), authenticates=frozenset({BOB}))


@define
class Directory:
    """What is known may change; each call is noted."""

    accounts: dict[AccountId, Account] = field(factory=lambda: {ACCOUNT.id: ACCOUNT})
    asked: list[tuple[str, tuple[object, ...]]] = field(factory=list)
    away: bool = False

    def _note(self, call: str, what: Collection[object]) -> None:
        self.asked.append((call, tuple(what)))
        if self.away:
            raise Unavailable("identity directory")

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        self._note("at", addresses)
        return {one: tuple(acc for acc in self.accounts.values() if one in acc.addresses) for one in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        self._note("authenticated", addresses)
        return frozenset(one for one in addresses if any(one in acc.authenticates for acc in self.accounts.values()))

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        self._note("get", accounts)
        return {one: self.accounts[one] for one in accounts if one in self.accounts}


def cached(**more: object) -> tuple[CachedIdentities, Directory, memory.Clock]:
    directory, clock = Directory(), memory.Clock()
    return evolve(CachedIdentities(directory=directory, clock=clock), **more), directory, clock


@asynccontextmanager
async def known(accounts: Sequence[Account]) -> AsyncGenerator[IdentityDirectory]:
    yield CachedIdentities(directory=Directory({one.id: one for one in accounts}), clock=memory.Clock())


@pytest.mark.parametrize("check", conformance.IDENTITY_DIRECTORY, ids=str)
def test_it_is_a_directory_like_any_other(check: Check[conformance.MakeIdentityDirectory]) -> None:
    asyncio.run(check(known))


async def test_what_is_known_is_asked_once_until_its_time_is_over() -> None:
    cache, directory, clock = cached()
    for _ in range(3):
        assert await cache.at([BOB]) == {BOB: (ACCOUNT,)}
        assert await cache.authenticated([BOB]) == {BOB}
        assert await cache.get([ACCOUNT.id]) == {ACCOUNT.id: ACCOUNT}
    assert [call for call, _ in directory.asked] == ["at", "authenticated", "get"]
    directory.accounts.clear()
    await clock.advance(timedelta(seconds=59))
    assert await cache.at([BOB]) == {BOB: (ACCOUNT,)}
    await clock.advance(timedelta(seconds=1))
    assert await cache.at([BOB]) == {BOB: ()}


async def test_only_what_is_missing_is_asked() -> None:
    cache, directory, _ = cached()
    await cache.at([BOB])
    assert await cache.at([EVE, BOB]) == {BOB: (ACCOUNT,), EVE: ()}
    assert directory.asked == [("at", (BOB,)), ("at", (EVE,))]


async def test_nobody_is_not_remembered_so_a_new_address_works_at_once() -> None:
    cache, directory, _ = cached()
    other = AccountId("eve")
    assert await cache.at([EVE]) == {EVE: ()}
    assert await cache.authenticated([EVE]) == frozenset()
    assert await cache.get([other]) == {}
    account = Account(other, (EVE,), authenticates=frozenset({EVE}))
    directory.accounts[other] = account
    assert await cache.at([EVE]) == {EVE: (account,)}
    assert await cache.authenticated([EVE]) == {EVE}
    assert await cache.get([other]) == {other: account}


async def test_an_error_is_an_error_and_is_not_remembered() -> None:
    cache, directory, clock = cached()
    directory.away = True
    with pytest.raises(Unavailable):
        await cache.at([BOB])
    directory.away = False
    assert await cache.at([BOB]) == {BOB: (ACCOUNT,)}
    directory.away = True
    assert await cache.at([BOB]) == {BOB: (ACCOUNT,)}
    await clock.advance(timedelta(minutes=1))
    with pytest.raises(Unavailable):
        await cache.at([BOB])


async def test_it_keeps_so_many_and_drops_the_longest_unused() -> None:
    cache, directory, _ = cached(most=2)
    ids = [AccountId(str(number)) for number in range(3)]
    directory.accounts = {one: Account(one) for one in ids}
    await cache.get(ids[:2])
    await cache.get(ids[:1])
    await cache.get(ids[2:])
    directory.asked.clear()
    await cache.get(ids)
    assert directory.asked == [("get", (ids[1],))]
    await cache.get([AccountId(str(number)) for number in range(1_000)])
    assert len(cache._accounts.answers) == 2
