"""Addresses that take no mail, conversations that were muted, and where the event of a notification lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, TypeVar

from attrs import frozen

from convalias.codec import CodecError, dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound import suppressions
from convalias.domain.outbound.delivery import NotificationId
from convalias.domain.outbound.suppressions import (
    EventPlace,
    Muted,
    Suppressed,
    SuppressionList,
    Unreadable,
    event_part,
)
from convalias.ports.errors import Rejected
from convalias.ports.records import Delete, Insert, Key, Partitioned, Records, Stored, Written
from convalias.stores.encoding import digest, encoded

PLACES: Final = "event_places"
SUPPRESSED: Final = "suppressed"
MUTED: Final = "muted"
_PARTITION: Final = 2
"""Characters of a digest: 256 partitions."""
_PAGE: Final = 500
_Row = TypeVar("_Row", Suppressed, Muted)


@frozen(kw_only=True)
class Suppressions:
    """Written once, by whoever is first, until lifted. Every call may be repeated. Raises `Unavailable`.

    - `suppressed`: by a digest of the address; rows of a former release by one of account and address.
    - `muted`: by conversation and a digest of the account.
    """

    records: Records

    async def place(self, notification: NotificationId, place: EventPlace) -> None:
        """Before its first notification is sent: a report may be faster than the call that sent it."""
        await self.records.write([placing(notification, place)])

    async def where(self, notification: NotificationId) -> EventPlace | None:
        """The event that notification is about."""
        key = _place_key(notification)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else load(stored.body, EventPlace)

    async def suppress(self, suppressed: Suppressed) -> bool:
        """Let no mail leave for that address any more. False: none did already."""
        return await self._insert(_address_key(suppressed.address), suppressed)

    async def mute(self, muted: Muted) -> bool:
        """Let no mail about that conversation leave for that participant any more. False: none did already."""
        return await self._insert(_muted_key(muted.account, muted.conversation), muted)

    async def _insert(self, key: Key, row: Suppressed | Muted) -> bool:
        (answer,) = await self.records.write([Insert(key, dump(row))])
        return isinstance(answer, Written)

    async def is_muted(self, account: AccountId, conversation: ConversationId) -> bool:
        """Whether that participant wants no mail about that conversation."""
        key = _muted_key(account, conversation)
        return key in await self.records.get([key])

    async def lift_mute(self, account: AccountId, conversation: ConversationId) -> bool:
        """Mail about that conversation to that participant again. A mute that comes meanwhile stays. False: no mute."""
        key = _muted_key(account, conversation)
        found = await self.records.get([key])
        return await self._delete([*found.values()])

    async def lift(self, address: EmailAddress) -> bool:
        """Mail to that address again, also where a newer release forbade it. False: none was forbidden."""
        key = _address_key(address)
        rows = [row async for row in self._rows(SUPPRESSED) if row.key == key or _is_about(address, row)]
        return await self._delete(rows)

    async def _delete(self, rows: list[Stored]) -> bool:
        if rows:
            await self.records.write([Delete(row.key, row.version) for row in rows])
        return bool(rows)

    async def listed(self) -> SuppressionList:
        """Return every suppression. Raises `Rejected` if this store cannot list its partitions."""
        addresses = [_read(row, Suppressed) async for row in self._rows(SUPPRESSED)]
        muted = [_read(row, Muted) async for row in self._rows(MUTED)]
        return SuppressionList(
            addresses=tuple(one for one in addresses if isinstance(one, Suppressed)),
            muted=tuple(one for one in muted if isinstance(one, Muted)),
            unreadable=sum(isinstance(one, Unreadable) for one in (*addresses, *muted)),
        )

    async def _rows(self, table: str) -> AsyncIterator[Stored]:
        if not isinstance(self.records, Partitioned):
            raise Rejected("suppressions: this store cannot list its partitions, expected one that can")
        partition = ""
        while page := await self.records.partitions(table, after=partition, limit=_PAGE):
            for partition in page:
                after = ""
                while rows := await self.records.range(table, partition, after=after, limit=_PAGE):
                    for row in rows:
                        yield row
                    after = rows[-1].key.id

    async def suppressed(self, account: AccountId | None, address: EmailAddress) -> Suppressed | Unreadable | None:
        """Return why no mail leaves for that address, or None if mail may leave."""
        keys = [_address_key(address), *([] if account is None else [_former_key(account, address)])]
        found = await self.records.get(keys)
        return next((_read(found[key], Suppressed) for key in keys if key in found), None)

    async def muted(self, account: AccountId, conversation: ConversationId) -> Muted | Unreadable | None:
        """Return since when that participant wants no mail about that conversation, or None."""
        key = _muted_key(account, conversation)
        found = (await self.records.get([key])).get(key)
        return None if found is None else _read(found, Muted)

    async def objection(self, account: AccountId, address: EmailAddress, conversation: ConversationId) -> str | None:
        """Return why no mail may leave for an address; None: mail may leave."""
        muted_key = _muted_key(account, conversation)
        found = await self.records.get([_address_key(address), _former_key(account, address), muted_key])
        return suppressions.SUPPRESSED if {*found} - {muted_key} else suppressions.MUTED if found else None


def placing(notification: NotificationId, place: EventPlace) -> Insert:
    """Return what `place` writes: whatever notification of the event it is, it is the same row."""
    return Insert(_place_key(notification), dump(place))


def _place_key(notification: NotificationId) -> Key:
    event = event_part(notification)
    return Key(PLACES, digest(event)[:_PARTITION], event)


def _read(row: Stored, kind: type[_Row]) -> _Row | Unreadable:
    try:
        return load(row.body, kind)
    except CodecError:
        return Unreadable()


def _is_about(address: EmailAddress, row: Stored) -> bool:
    read = _read(row, Suppressed)
    return isinstance(read, Suppressed) and read.address == address


def _address_key(address: EmailAddress) -> Key:
    name = digest(address.key)
    return Key(SUPPRESSED, name[:_PARTITION], name)


def _former_key(account: AccountId, address: EmailAddress) -> Key:
    """The key under which a former release suppressed an address for one account."""
    name = digest(account, address.key)
    return Key(SUPPRESSED, name[:_PARTITION], name)


def _muted_key(account: AccountId, conversation: ConversationId) -> Key:
    return Key(MUTED, encoded(conversation), digest(account))
