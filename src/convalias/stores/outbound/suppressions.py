"""Addresses that take no mail, conversations that were muted, and where the event of a notification lies."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound import suppressions
from convalias.domain.outbound.delivery import NotificationId
from convalias.domain.outbound.suppressions import EventPlace, Muted, Suppressed, event_part
from convalias.ports.records import Delete, Insert, Key, Records
from convalias.stores.encoding import digest, encoded

PLACES: Final = "event_places"
SUPPRESSED: Final = "suppressed"
MUTED: Final = "muted"
_PARTITION: Final = 2
"""Characters of a digest: 256 partitions."""


@frozen(kw_only=True)
class Suppressions:
    """Written once, by whoever is first; a mute may be lifted. Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def place(self, notification: NotificationId, place: EventPlace) -> None:
        """Before its first notification is sent: a report may be faster than the call that sent it."""
        await self.records.write([Insert(_place_key(notification), dump(place))])

    async def where(self, notification: NotificationId) -> EventPlace | None:
        """The event that notification is about."""
        key = _place_key(notification)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else load(stored.body, EventPlace)

    async def suppress(self, suppressed: Suppressed) -> None:
        """No mail to that address for that participant any more."""
        await self.records.write([Insert(_address_key(suppressed.account, suppressed.address), dump(suppressed))])

    async def mute(self, muted: Muted) -> None:
        """No mail about that conversation to that participant any more."""
        await self.records.write([Insert(_muted_key(muted.account, muted.conversation), dump(muted))])

    async def is_muted(self, account: AccountId, conversation: ConversationId) -> bool:
        """Whether that participant wants no mail about that conversation."""
        key = _muted_key(account, conversation)
        return key in await self.records.get([key])

    async def lift_mute(self, account: AccountId, conversation: ConversationId) -> None:
        """Mail about that conversation to that participant again. A mute that comes meanwhile stays."""
        key = _muted_key(account, conversation)
        stored = (await self.records.get([key])).get(key)
        if stored is not None:
            await self.records.write([Delete(key, stored.version)])

    async def objection(self, account: AccountId, address: EmailAddress, conversation: ConversationId) -> str | None:
        """Return why no mail may leave for an address; None: mail may leave."""
        address_key, muted_key = _address_key(account, address), _muted_key(account, conversation)
        found = await self.records.get([address_key, muted_key])
        return suppressions.SUPPRESSED if address_key in found else suppressions.MUTED if muted_key in found else None


def _place_key(notification: NotificationId) -> Key:
    event = event_part(notification)
    return Key(PLACES, digest(event)[:_PARTITION], event)


def _address_key(account: AccountId, address: EmailAddress) -> Key:
    name = digest(account, address.key)
    return Key(SUPPRESSED, name[:_PARTITION], name)


def _muted_key(account: AccountId, conversation: ConversationId) -> Key:
    return Key(MUTED, encoded(conversation), digest(account))
