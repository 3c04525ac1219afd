"""Accounts of a host as an identity directory, over one look-up of the host's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId


class FindAccounts(Protocol):
    """A function of the host that looks accounts up. Whatever it raises means "try again"."""

    async def __call__(self, ids: Sequence[str], addresses: Sequence[str], /) -> Iterable[Account]:
        """Return the accounts that have one of these ids, or are reached at one of these addresses.

        Addresses are in their canonical spelling, which is lower case: compare them with that of yours. Either list may
        be empty. An account may be returned twice, and more than were asked for.
        """
        ...


class Directory:
    """An `IdentityDirectory` over a look-up by ids and addresses, such as one SELECT on a table of users.

    An address belongs to every account that is found with it. Authenticated is what the accounts found say of themselves
    (`Account.authenticates`).
    """

    def __init__(self, find: FindAccounts) -> None:
        """Ask that function; nothing is cached here."""
        self._find = find

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Return the accounts that have these addresses now."""
        found = await self._at(addresses)
        return {address: tuple(one for one in found if address in one.addresses) for address in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Return which of these have passed authentication before, as far as the accounts found say so."""
        found = await self._at(addresses)
        return frozenset(address for address in addresses if any(address in one.authenticates for one in found))

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Return these accounts."""
        if not accounts:
            return {}
        asked = frozenset(accounts)
        return {one.id: one for one in await self._find(sorted(asked), []) if one.id in asked}

    async def _at(self, addresses: Collection[EmailAddress]) -> Iterable[Account]:
        """Each account once."""
        if not addresses:
            return ()
        keys = sorted({address.key for address in addresses})
        return {one.id: one for one in await self._find([], keys)}.values()
