"""Events of providers that came: each token stands for one event, and each event is carried out once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.outbound.reports import DeliveryEvent, SeenEvent
from convalias.ports.errors import Unavailable
from convalias.ports.records import Insert, Key, Records
from convalias.stores.encoding import digest
from convalias.stores.retention import ends

TABLE: Final = "delivery_events"
KEPT: Final = timedelta(days=4)
"""A day longer than a signature is believed."""
_PARTITION: Final = 2


@frozen(kw_only=True)
class DeliveryEvents:
    """Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def bind(self, event: DeliveryEvent, *, now: datetime) -> bool:
        """Bind the event's token to it. False: the token stands for another event."""
        key = _key("token", event.source, event.token)
        seen = SeenEvent(digest=event.digest, at=now)
        await self.records.write([Insert(key, dump(seen), (), ends(now, after=KEPT))])
        stored = (await self.records.get([key])).get(key)
        if stored is None:  # ended in this very moment
            raise Unavailable("delivery events")
        return load(stored.body, SeenEvent).digest == event.digest

    async def is_done(self, event: DeliveryEvent) -> bool:
        """Whether the event was carried out, under whatever token it came."""
        key = _done(event)
        return key in await self.records.get([key])

    async def done(self, event: DeliveryEvent, *, now: datetime) -> None:
        """Remember that the event was carried out."""
        seen = SeenEvent(digest=event.digest, at=now)
        await self.records.write([Insert(_done(event), dump(seen), (), ends(now, after=KEPT))])


def _done(event: DeliveryEvent) -> Key:
    return _key("done", event.source, event.digest)


def _key(*parts: str) -> Key:
    name = digest(*parts)
    return Key(TABLE, name[:_PARTITION], name)
