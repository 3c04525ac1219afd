"""Suppressions as an operator sees them: list them, add one, lift one."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import storable
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.suppressions import Muted, Suppressed, SuppressionList, Unreadable
from convalias.ports.ambient import Clock
from convalias.services.conversations.contacts import Contacts
from convalias.stores.outbound.suppressions import Suppressions


@frozen(kw_only=True)
class Suppressing:
    """Every call may be repeated. Raises `Unavailable`, and `Unstorable` for an id that no store can keep."""

    suppressions: Suppressions
    contacts: Contacts
    clock: Clock

    async def listed(self) -> SuppressionList:
        """Return all of them. Raises `Rejected` if the store cannot list its partitions."""
        return await self.suppressions.listed()

    async def add(self, address: EmailAddress) -> bool:
        """Let no mail of any kind leave for an address. False: none did already."""
        return await self.suppressions.suppress(Suppressed(address=address, at=self.clock.now()))

    async def lift(self, address: EmailAddress) -> bool:
        """Let mail leave for that address again. False: it was not suppressed. Raises `Rejected` as `listed` does."""
        return await self.suppressions.lift(address)

    async def mute(self, account: str, conversation: str) -> bool:
        """Let no mail about a conversation leave for an account. False: none did already."""
        who, where = storable.account_id(account), storable.conversation_id(conversation)
        return await self.suppressions.mute(Muted(account=who, conversation=where, at=self.clock.now()))

    async def unmute(self, account: str, conversation: str) -> bool:
        """Let mail about a conversation leave for an account again. False: it was not muted."""
        who, where = storable.account_id(account), storable.conversation_id(conversation)
        return await self.suppressions.lift_mute(who, where)

    async def against(self, account: AccountId, conversation: ConversationId) -> Suppressed | Muted | Unreadable | None:
        """Return what now keeps mail about that conversation from that account, or None."""
        thread = await self.contacts.conversations.thread(conversation)
        address = None if thread is None else await self.contacts.address(account, thread)
        suppressed = None if address is None else await self.suppressions.suppressed(account, address)
        return suppressed or await self.suppressions.muted(account, conversation)
