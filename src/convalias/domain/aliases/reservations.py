"""Reserve each alias address for ever, and remember which accounts an address has reached."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.ids import AccountId, AliasId, ConversationId


@frozen
class AliasReservation:
    """An address that was given out. It stays when the alias is revoked or erased: nobody else ever gets it.

    The address itself is not in it: it names a person.
    """

    conversation: ConversationId
    alias: AliasId


@frozen
class AddressHolders:
    """Accounts that may have an address. An index: each account itself says whether it does."""

    accounts: frozenset[AccountId] = frozenset()
