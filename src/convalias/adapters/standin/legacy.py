"""The stand-in legacy relay over `Records`: every machine of a deployment sees the same aliases, history and calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Final, TypeAlias

from attrs import evolve, frozen

from convalias.adapters.memory.legacy import HANDOFF, INDEX, Telling
from convalias.codec import dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.ports.ambient import Clock
from convalias.ports.errors import Unavailable
from convalias.ports.legacy import Audience
from convalias.ports.mail import OutgoingMail
from convalias.ports.records import Body, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest, encoded

ALIASES: Final = "legacy_aliases"
LISTED: Final = "legacy_listed"
"""Which aliases a conversation has, in the order they were loaded in."""
TENURES: Final = "legacy_tenures"
CALLS: Final = "legacy_calls"
TRIES: Final = 100
PAGE: Final = 500
_ONE: Final = "alias"
_HEX: Final = "0123456789abcdef"


@frozen(kw_only=True)
class Before:
    """The knowledge of an earlier relay: aliases in order, history, calls in order."""

    aliases: Sequence[LegacyAlias] = ()
    tenures: Sequence[AddressTenure] = ()
    calls: Sequence[LegacyCall] = ()


TakeOver: TypeAlias = Callable[[], Awaitable[Before | None]]
"""Reads what a machine kept by itself; None when there is nothing."""


class LegacyRelay(Telling):
    """`ports.LegacyRelay` in the store that the workers share. Every call may be repeated, by any machine."""

    def __init__(
        self,
        *,
        records: Records,
        outgoing: OutgoingMail,
        audience: Audience,
        clock: Clock,
        take_over: TakeOver | None = None,
    ) -> None:
        """Name the parts; nothing is read. `take_over` brings what this machine kept by itself, at the first call."""
        super().__init__(outgoing=outgoing, audience=audience, clock=clock)
        self._records = records
        self._take_over = take_over
        self._taking = asyncio.Lock()

    async def load(self, aliases: Iterable[LegacyAlias], tenures: Iterable[AddressTenure]) -> None:
        """Know these too; what is known under the same address, or account and beginning, is replaced."""
        await self._ready()
        for alias in aliases:
            await self._put(_alias_key(alias.address), dump(alias))
            await self._list(alias)
        for one in tenures:
            await self._put(_tenure_key(one), dump(one))

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Return the aliases that are known."""
        await self._ready()
        return await self._aliases(addresses)

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Return aliases of conversations in the order they were loaded in."""
        await self._ready()
        return {one: await self._of(one) for one in conversations}

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """Return tenures by beginning."""
        await self._ready()
        return {address: await self._tenures(address) for address in addresses}

    async def calls(self) -> Sequence[LegacyCall]:
        """Return the calls in order. Reads all of them."""
        await self._ready()
        found: list[LegacyCall] = []
        for kind in (INDEX, HANDOFF):
            for bucket in (f"{high}{low}" for high in _HEX for low in _HEX):
                found += [load(stored.body, LegacyCall) for stored in await self._all(CALLS, f"{kind}.{bucket}")]
        return tuple(sorted(found, key=lambda call: call.order))

    # --- within --------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        """Bring what this machine kept by itself, once: what the shared store says already stands."""
        async with self._taking:
            before = None if self._take_over is None else await self._take_over()
            if before is None:
                self._take_over = None
                return
            for alias in before.aliases:
                await self._records.write([Insert(_alias_key(alias.address), dump(alias))])
                await self._list(alias)
            for tenure in before.tenures:
                await self._records.write([Insert(_tenure_key(tenure), dump(tenure))])
            for call in before.calls:
                await self._records.write([Insert(_call_key(call), dump(call))])
            self._take_over = None

    async def _aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        keys = {_alias_key(address): address for address in addresses}
        found = await self._records.get(list(keys))
        return {address: load(found[key].body, LegacyAlias) for key, address in keys.items() if key in found}

    async def _of(self, conversation: ConversationId) -> tuple[LegacyAlias, ...]:
        """Listed rows name addresses; an alias that was loaded for another conversation since is that one's."""
        listed = [load(one.body, LegacyAlias) for one in await self._all(LISTED, encoded(conversation))]
        known = await self._aliases([one.address for one in listed])
        here = [known[one.address] for one in listed if one.address in known]
        return tuple(one for one in here if one.conversation == conversation)

    async def _tenures(self, address: EmailAddress) -> tuple[AddressTenure, ...]:
        found = [load(one.body, AddressTenure) for one in await self._all(TENURES, digest(address.key))]
        return tuple(sorted(found, key=lambda one: (one.since, one.account)))

    async def _list(self, alias: LegacyAlias) -> None:
        """Behind those that are listed, once."""
        if alias.conversation is None:
            return
        partition, name = encoded(alias.conversation), f"a:{digest(alias.address.key)}"
        for _ in range(TRIES):
            if Key(LISTED, partition, name) in await self._records.get([Key(LISTED, partition, name)]):
                return
            last = await self._records.latest(LISTED, partition)
            number = 0 if last is None else int(last.key.id) + 1
            insert = Insert(Key(LISTED, partition, f"{number:08d}"), dump(alias), (name,))
            (answer,) = await self._records.write([insert])
            if isinstance(answer, Written):
                return
        raise Unavailable("legacy relay")

    async def _put(self, key: Key, body: Body) -> None:
        for _ in range(TRIES):
            stored = (await self._records.get([key])).get(key)
            if stored is not None and stored.body == body:
                return
            write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
            (answer,) = await self._records.write([write])
            if isinstance(answer, Written):
                return
        raise Unavailable("legacy relay")

    async def _noted(self, row: LegacyCall) -> LegacyCall:
        ordered = evolve(row, order=self._clock.new_id())
        key = _call_key(ordered)
        (answer,) = await self._records.write([Insert(key, dump(ordered))])
        if isinstance(answer, Written):
            return ordered
        stored = (await self._records.get([key])).get(key)
        return ordered if stored is None else load(stored.body, LegacyCall)

    async def _mark(self, row: LegacyCall) -> None:
        await self._put(_call_key(row), dump(evolve(row, notified=True)))

    async def _all(self, table: str, partition: str) -> Sequence[Stored]:
        found: list[Stored] = []
        after = ""
        while page := await self._records.range(table, partition, after=after, limit=PAGE):
            found += page
            after = page[-1].key.id
        return found


def _alias_key(address: EmailAddress) -> Key:
    return Key(ALIASES, digest(address.key), _ONE)


def _tenure_key(one: AddressTenure) -> Key:
    since = one.since.astimezone(UTC).isoformat(timespec="microseconds")
    return Key(TENURES, digest(one.address.key), digest(since, one.account))


def _call_key(call: LegacyCall) -> Key:
    name = digest(call.kind, call.external_id)
    return Key(CALLS, f"{call.kind}.{name[:2]}", name)
