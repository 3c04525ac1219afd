"""IdentityDirectory: addresses and the accounts behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId


class IdentityDirectory(Protocol):
    """Addresses and accounts. "Nobody" is an empty answer; not knowing is `Unavailable`, never empty. Read only."""

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Return the accounts that have these addresses now; every asked address is a key of the answer."""
        ...

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Which of these have passed authentication before, for any account, whether it still has them or not.

        What passed once must pass. A directory that keeps no such memory answers with none of them.
        """
        ...

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Return these accounts; an unknown one is missing."""
        ...
