"""The accounts of a host."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from convalias import Account, AccountId, EmailAddress


class People:
    """Every account is reached at its own name."""

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return {one: (Account(AccountId(one.local), (one,)),) for one in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        return frozenset()

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {one: Account(one, (EmailAddress.parse(f"{one}@home.example"),)) for one in accounts}
