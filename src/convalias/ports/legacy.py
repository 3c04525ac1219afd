"""LegacyRelay: the system that is being left, while both run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.index_calls import IndexCall

__all__ = ["Audience", "HandOff", "IndexCall", "LegacyRelay"]


@frozen(kw_only=True)
class HandOff:
    """A mail that legacy processes itself. `external_id` is made of canonical Message-ID and legacy address."""

    external_id: str
    message_id: str
    address: EmailAddress
    raw_key: str


class LegacyRelay(Protocol):
    """The legacy system as far as we need it.

    Promises: idempotent per external id; it keeps the first call's flag. Raises: `Unavailable`; a call that raised
    may have been done. Every call may be repeated.
    """

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Return the aliases that legacy knows; an unlisted address is missing."""
        ...

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """The legacy aliases of these conversations, in the order legacy lists them."""
        ...

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """The history of these addresses; every asked address is a key of the answer."""
        ...

    async def process(self, mail: HandOff) -> None:
        """Take this mail over."""
        ...

    async def index(self, call: IndexCall) -> None:
        """Store and index this event; notify unless told not to."""
        ...


class Audience(Protocol):
    """The audience that a stand-in legacy relay notifies; a real one has lists of its own. Raises `Unavailable`."""

    async def of_event(self, conversation: ConversationId, *, author: str) -> Sequence[EmailAddress]:
        """Return the addresses of all participants except that author (as in `IndexCall`)."""
        ...

    async def of_mail(self, conversation: ConversationId, *, raw_key: str) -> Sequence[EmailAddress]:
        """Return the addresses of all participants except the sender of that raw mail."""
        ...
