"""An `IdentityDirectory` that is right, and a broken one for each check."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.ports.people import IdentityDirectory
from convalias.testing.conformance import MakeIdentityDirectory


class Directory:
    def __init__(self, accounts: Sequence[Account]) -> None:
        self._accounts = accounts

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return {address: tuple(one for one in self._accounts if address in one.addresses) for address in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        return frozenset(one for account in self._accounts for one in account.authenticates if one in addresses)

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {one.id: one for one in self._accounts if one.id in accounts}


class LeavesOutNobody(Directory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return {address: found for address, found in (await super().at(addresses)).items() if found}


class KnowsIdsAlone(Directory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        found = await super().at(addresses)
        return {address: tuple(Account(one.id) for one in accounts) for address, accounts in found.items()}


class KnowsOneOwner(Directory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return {address: found[:1] for address, found in (await super().at(addresses)).items()}


class ComparesSpellings(Directory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        found = await super().at(addresses)
        return {address: found[address] if address.written == address.key else () for address in addresses}


class MakesUpAccounts(Directory):
    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {one: Account(one) for one in accounts} | dict(await super().get(accounts))


class ForgetsWhoLeft(Directory):
    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        passed = await super().authenticated(addresses)
        return frozenset(one for account in self._accounts for one in account.addresses if one in passed)


def making(directory: Callable[[Sequence[Account]], IdentityDirectory]) -> Callable[[], MakeIdentityDirectory]:
    @asynccontextmanager
    async def make(accounts: Sequence[Account]) -> AsyncIterator[IdentityDirectory]:
        yield directory(accounts)

    return lambda: make


MUTANTS: Mapping[str, Callable[[], MakeIdentityDirectory]] = {
    "every address asked is answered": making(LeavesOutNobody),
    "an account is found at each of its addresses": making(KnowsIdsAlone),
    "all accounts of a shared address are answered": making(KnowsOneOwner),
    "spellings of one address are one": making(ComparesSpellings),
    "accounts are found by id and unknown ones missing": making(MakesUpAccounts),
    "what passed once is remembered": making(ForgetsWhoLeft),
}
