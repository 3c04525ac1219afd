"""An IdentityDirectory kept in `Records`: accounts, and the indexes of their addresses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from attrs import frozen

from convalias.codec import CODEC, Codec
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.reservations import AddressHolders
from convalias.domain.conversations import storable
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.ports.records import Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest
from convalias.stores.errors import Contended

ACCOUNTS: Final = "accounts"
ADDRESSES: Final = "addresses"
PASSED: Final = "authenticated"
TRIES: Final = 100


@frozen(kw_only=True)
class IdentityDirectory:
    """`ports.IdentityDirectory`, and the way to fill it. Every call may be repeated. Raises `Unavailable`.

    The index of addresses may name too many accounts, never too few: the account itself says which addresses it has.
    """

    records: Records
    codec: Codec = CODEC

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Return the accounts that have these addresses now, by id; every asked address is a key of the answer."""
        rows = await self.records.get(sorted({_address_key(address) for address in addresses}))
        holders = {address: self._holders(rows.get(_address_key(address))).accounts for address in addresses}
        accounts = await self.get(frozenset[AccountId]().union(*holders.values()))
        return {
            address: tuple(
                accounts[one] for one in sorted(listed) if one in accounts and address in accounts[one].addresses
            )
            for address, listed in holders.items()
        }

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Return the addresses that an account names among its authenticated ones."""
        rows = await self.records.get(sorted({_passed_key(address) for address in addresses}))
        holders = {address: self._holders(rows.get(_passed_key(address))).accounts for address in addresses}
        accounts = await self.get(frozenset[AccountId]().union(*holders.values()))
        return frozenset(
            address
            for address, named in holders.items()
            if any(one in accounts and address in accounts[one].authenticates for one in named)
        )

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Return these accounts; an unknown one is missing."""
        if not accounts:
            return {}
        keys = {account: _account_key(account) for account in accounts}
        rows = await self.records.get(sorted(keys.values()))
        return {one: self.codec.load(rows[key].body, Account) for one, key in keys.items() if key in rows}

    async def upsert(self, account: Account) -> None:
        """Replace the record of an account.

        The index first, so that at no moment an address of the account leads nowhere. Nothing is taken out of it:
        of two processes that change one account at once, the slower could take out what the faster needs. Raises
        `Unstorable` for what no store can hold.
        """
        storable.account(account)
        for address in account.addresses:
            await self._change(_address_key(address), lambda body: self._with(body, account.id))
        for address in sorted(account.authenticates):
            await self._change(_passed_key(address), lambda body: self._with(body, account.id))
        await self._change(_account_key(account.id), lambda _: account)

    async def _change(self, key: Key, change: Callable[[Stored | None], object]) -> None:
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            body = self.codec.dump(change(stored))
            write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
            if stored is not None and stored.body == body:
                return
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return
        raise Contended("identity directory")

    def _holders(self, stored: Stored | None) -> AddressHolders:
        return AddressHolders() if stored is None else self.codec.load(stored.body, AddressHolders)

    def _with(self, stored: Stored | None, account: AccountId) -> AddressHolders:
        return AddressHolders(self._holders(stored).accounts | {account})


def _account_key(account: AccountId) -> Key:
    name = digest("account", account)
    return Key(ACCOUNTS, name[:2], name)


def _address_key(address: EmailAddress) -> Key:
    name = digest("address", address.key)
    return Key(ADDRESSES, name[:2], name)


def _passed_key(address: EmailAddress) -> Key:
    name = digest("authenticated", address.key)
    return Key(PASSED, name[:2], name)
