"""The alias table: every address that was ever given out, and which one is live.

Two tables over `Records`:

- `aliases`, partition = conversation: one record per alias, its id `<participant and topic>:<generation>`. A new
  generation is inserted, so of two processes that issue at once one finds the key taken: at most one alias is live
  per conversation, participant and topic. The highest generation is the live one, unless it is revoked or expired.
- `alias_handles`, partition and id made of the handle: what an address leads to. Such a record is only ever
  inserted. It is the uniqueness of tokens and addresses, the index for mail, and the tombstone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final

from attrs import evolve, field, frozen

from convalias.codec import CODEC, Codec
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat, AliasHandle, ByName, ConversationAlias, Token, is_live
from convalias.domain.aliases.reservations import AliasReservation
from convalias.domain.aliases.tokens import is_v1, read_v3
from convalias.domain.ids import AccountId, AliasId, ConversationId
from convalias.ports.records import Delete, Insert, Key, Partitioned, Records, Replace, Stored, Written
from convalias.stores.encoding import digest, encoded
from convalias.stores.errors import Contended, NoFreeAddress

TABLE: Final = "aliases"
HANDLES: Final = "alias_handles"
PAGE: Final = 100
DRAWS: Final = 200
"""A fifth of the draws is thrown away for its looks, and one in a million meets a living alias."""
TRIES: Final = 100
REMEMBERED: Final = 10_000

Draw = Callable[[], EmailAddress | None]
"""A fresh address; None: this draw looks bad, draw again."""


@frozen(kw_only=True)
class NewAlias:
    """The alias that is wanted: for a participant of a conversation."""

    id: AliasId
    conversation: ConversationId
    stands_for: AccountId
    topic: str = ""
    created_at: datetime
    expires_at: datetime | None = None


@frozen
class _Row:
    """An alias as it is kept."""

    stored: Stored
    alias: ConversationAlias

    @property
    def group(self) -> str:
        return self.stored.key.id.partition(":")[0]

    @property
    def generation(self) -> int:
        return int(self.stored.key.id.partition(":")[2])


@frozen(kw_only=True)
class Aliases:
    """Every call may be repeated. Raises `Unavailable`; what is superseded goes on working."""

    records: Records
    codec: Codec = CODEC
    remembered: int = REMEMBERED
    """So many handles are remembered; the longest known goes first."""
    _homes: OrderedDict[Key, Key] = field(factory=OrderedDict[Key, Key], init=False, repr=False, eq=False)
    """Where the alias of a handle is kept. The alias itself may change, and is read each time."""

    # --- looking up ----------------------------------------------------------------------------------

    async def find(self, handles: Collection[AliasHandle]) -> Mapping[AliasHandle, ConversationAlias]:
        """Return the aliases that exist, each in its present state: two batch reads, or one if memory knows the handles.

        A v3 alias is found under both of its handles.
        """
        at = {handle: _handle_key(handle) for handle in handles}
        keys = frozenset(at.values())
        known = {key: self._homes[key] for key in keys if key in self._homes}
        homes = {**known, **await self._reserved(keys - known.keys())}
        aliases = await self._kept(homes.values())
        # In a database that was restored from a backup, another alias may be behind a handle, or none.
        if lost := {key for key, home in known.items() if home not in aliases}:
            looked_up = await self._reserved(lost)
            homes |= looked_up
            aliases |= await self._kept(looked_up.values())
        found: dict[AliasHandle, ConversationAlias] = {}
        for handle, key in at.items():
            if key in homes and homes[key] in aliases:
                alias = aliases[homes[key]]
                if not isinstance(handle, ByName) or handle.address == alias.address:
                    found[handle] = alias
        return found

    async def at(self, address: EmailAddress) -> ConversationAlias | None:
        """The alias that mail to this (unwrapped) address is meant for; no MAC is checked."""
        handle = handle_of(address)
        return (await self.find([handle])).get(handle)

    async def of(self, conversation: ConversationId) -> Sequence[ConversationAlias]:
        """All aliases of a conversation; those of one participant and topic from the oldest to the newest."""
        return [row.alias for row in await self._rows(conversation)]

    @property
    def can_be_listed(self) -> bool:
        """Whether this store can list all aliases."""
        return isinstance(self.records, Partitioned)

    async def every_live(self, *, now: datetime) -> AsyncIterator[ConversationAlias]:
        """All that are neither revoked nor expired by then, by conversation; none where a store cannot list them."""
        if not isinstance(self.records, Partitioned):
            return
        partition = ""
        while page := await self.records.partitions(TABLE, after=partition, limit=PAGE):
            for partition in page:
                after = ""
                while rows := await self.records.range(TABLE, partition, after=after, limit=PAGE):
                    for stored in rows:
                        if is_live(alias := self._load(stored), now):
                            yield alias
                    after = rows[-1].key.id

    # --- issuing -------------------------------------------------------------------------------------

    async def issue(self, wanted: NewAlias, draw: Draw, *, replacing: AliasId | None = None) -> ConversationAlias:
        """Issue an alias for a participant and topic, unless a live one exists that is not `replacing`.

        Of several that issue at once all get the same. Raises `NoFreeAddress`.
        """
        group = _group(wanted.stands_for, wanted.topic)
        for _ in range(TRIES):
            rows = await self._rows(wanted.conversation, group)
            if rows and rows[-1].alias.id != replacing and is_live(rows[-1].alias, wanted.created_at):
                await self._supersede(rows)
                return rows[-1].alias
            address = await self._reserve(wanted, draw)
            alias = _made(wanted, address)
            if await self._insert(alias, generation=rows[-1].generation + 1 if rows else 1):
                await self._supersede(await self._rows(wanted.conversation, group))
                return alias
        raise Contended("issue of an alias")

    async def adopt(self, given: Sequence[ConversationAlias]) -> Sequence[ConversationAlias]:
        """Take over aliases with their addresses: of one participant and topic the last is the live one.

        An address that is known in that conversation keeps its id, and gets the expiry and revocation given; twice is
        the same as once. Raises `NoFreeAddress` for an address that belongs to another conversation.
        """
        identified = [await self._identified(alias) for alias in given]
        newest = {(alias.conversation, _group(alias.stands_for, alias.topic)): alias for alias in identified}
        adopted = [await self._adopt(alias, newest=alias in newest.values()) for alias in identified]
        for conversation in dict.fromkeys(alias.conversation for alias in given):
            await self._supersede(await self._rows(conversation))
        return adopted

    async def revoke(self, address: EmailAddress, *, at: datetime) -> ConversationAlias | None:
        """Revoke an alias: it takes no mail from `at` on; one that was revoked before stays as it was.

        None when there is no such alias.
        """
        for _ in range(TRIES):
            handle = handle_of(address)
            reserved = (await self.records.get([_handle_key(handle)])).get(_handle_key(handle))
            home = None if reserved is None else self._home(reserved)
            stored = None if home is None else (await self.records.get([home])).get(home)
            if stored is None:
                return None
            alias = self._load(stored)
            if alias.revoked_at is not None:
                return alias
            revoked = evolve(alias, revoked_at=at)
            if await self._replace(stored, revoked):
                return revoked
        raise Contended("revocation of an alias")

    # --- how it is kept ------------------------------------------------------------------------------

    async def _reserved(self, handles: Collection[Key]) -> Mapping[Key, Key]:
        """Return where the aliases of these handles are kept, and remember it: a handle never leads elsewhere."""
        found: Mapping[Key, Stored] = await self.records.get(sorted(handles)) if handles else {}
        homes = {key: self._home(stored) for key, stored in found.items()}
        self._homes.update(homes)
        while len(self._homes) > self.remembered:
            self._homes.popitem(last=False)
        return homes

    async def _kept(self, homes: Collection[Key]) -> dict[Key, ConversationAlias]:
        rows: Mapping[Key, Stored] = await self.records.get(sorted(set(homes))) if homes else {}
        return {home: self._load(stored) for home, stored in rows.items()}

    async def _rows(self, conversation: ConversationId, group: str = "") -> list[_Row]:
        """Of one participant and topic (or of all), by generation."""
        rows: list[_Row] = []
        after = f"{group}:" if group else ""
        while True:
            page = await self.records.range(TABLE, encoded(conversation), after=after, limit=PAGE)
            rows.extend(_Row(stored, self._load(stored)) for stored in page if stored.key.id.startswith(group))
            if len(page) < PAGE or not page[-1].key.id.startswith(group):
                return rows
            after = page[-1].key.id

    async def _reserve(self, wanted: NewAlias, draw: Draw) -> EmailAddress:
        """An address that nobody ever had. If the alias is then not needed, the address is merely spent."""
        reservation = AliasReservation(wanted.conversation, wanted.id)
        for _ in range(DRAWS):
            address = draw()
            if address is not None and await self._reserve_one(address, reservation):
                return address
        raise NoFreeAddress(f"no free alias address in {DRAWS} draws")

    async def _reserve_one(self, address: EmailAddress, reservation: AliasReservation) -> bool:
        key = _handle_key(handle_of(address))
        (answer,) = await self.records.write([Insert(key, self.codec.dump(reservation))])
        if isinstance(answer, Written):
            return True
        stored = (await self.records.get([key])).get(key)
        return stored is not None and self.codec.load(stored.body, AliasReservation) == reservation

    async def _insert(self, alias: ConversationAlias, *, generation: int) -> bool:
        """Whether that generation is this alias now."""
        key = _alias_key(alias, generation)
        (answer,) = await self.records.write([Insert(key, self.codec.dump(alias), (_by_id(alias),))])
        if isinstance(answer, Written):
            return True
        stored = (await self.records.get([key])).get(key)
        return stored is not None and self._load(stored).id == alias.id

    async def _replace(self, stored: Stored, alias: ConversationAlias) -> bool:
        (answer,) = await self.records.write([Replace(stored.key, stored.version, self.codec.dump(alias))])
        return isinstance(answer, Written)

    async def _supersede(self, rows: Sequence[_Row]) -> None:
        """Note by which alias each was superseded: a repeatable step, for people; the generations decide."""
        for older, newer in zip_longest(rows, rows[1:]):
            successor = newer.alias.id if newer is not None and older.group == newer.group else None
            if older.alias.superseded_by != successor:
                await self._replace(older.stored, evolve(older.alias, superseded_by=successor))

    async def _adopt(self, alias: ConversationAlias, *, newest: bool) -> ConversationAlias:
        group = _group(alias.stands_for, alias.topic)
        for _ in range(TRIES):
            rows = await self._rows(alias.conversation, group)
            there = next((row for row in rows if row.alias.id == alias.id), None)
            if there is not None and (not newest or there == rows[-1]):
                kept = evolve(alias, created_at=there.alias.created_at)
                if there.alias == kept or await self._replace(there.stored, kept):
                    return kept
            elif there is not None:  # listed last, but not the newest
                await self.records.write([Delete(there.stored.key, there.stored.version)])
            elif await self._insert(alias, generation=rows[-1].generation + 1 if rows else 1):
                return alias
        raise Contended("adoption of an alias")

    async def _identified(self, given: ConversationAlias) -> ConversationAlias:
        """With the id under which its address is reserved: an id made of the address, so that twice is once."""
        identity = AliasId(digest("alias", given.conversation, given.address.key)[:26])
        key = _handle_key(handle_of(given.address))
        await self._reserve_one(given.address, AliasReservation(given.conversation, given.id or identity))
        stored = (await self.records.get([key]))[key]
        reserved = self.codec.load(stored.body, AliasReservation)
        if reserved.conversation != given.conversation:
            raise NoFreeAddress("the address of an alias belongs to another conversation")
        return evolve(given, id=reserved.alias, format=format_of(given.address), superseded_by=None)

    def _home(self, stored: Stored) -> Key:
        reservation = self.codec.load(stored.body, AliasReservation)
        return Key(TABLE, encoded(reservation.conversation), _id_name(reservation.alias))

    def _load(self, stored: Stored) -> ConversationAlias:
        return self.codec.load(stored.body, ConversationAlias)


def handle_of(address: EmailAddress) -> Token | ByName:
    """Return the handle that decides about an address, by its shape alone."""
    token = read_v3(address.local, address.domain, None)
    return token if isinstance(token, Token) else ByName(address)


def format_of(address: EmailAddress) -> AliasFormat:
    """Return the spelling of an alias.

    What has no shape of ours is looked up as v2 is: name and digits decide together.
    """
    if isinstance(handle_of(address), Token):
        return AliasFormat.V3
    return AliasFormat.V1 if is_v1(address.local) else AliasFormat.V2


def _made(wanted: NewAlias, address: EmailAddress) -> ConversationAlias:
    return ConversationAlias(
        address=address,
        conversation=wanted.conversation,
        stands_for=wanted.stands_for,
        id=wanted.id,
        topic=wanted.topic,
        format=format_of(address),
        created_at=wanted.created_at,
        expires_at=wanted.expires_at,
    )


def _group(stands_for: AccountId, topic: str) -> str:
    return digest(stands_for, topic)[:24]


def _alias_key(alias: ConversationAlias, generation: int) -> Key:
    group = _group(alias.stands_for, alias.topic)
    return Key(TABLE, encoded(alias.conversation), f"{group}:{generation:06d}")


def _by_id(alias: ConversationAlias) -> str:
    return _id_name(alias.id or AliasId(""))


def _id_name(alias: AliasId) -> str:
    return f"id:{encoded(alias)}"


def _handle_key(handle: AliasHandle) -> Key:
    """Partition and id are functions of the handle, so that it is unique over the whole table."""
    decides = handle_of(handle.address) if isinstance(handle, ByName) else handle
    if isinstance(decides, Token):
        name = digest("token", decides.value, decides.domain)
    else:
        name = digest("address", decides.address.key)
    return Key(HANDLES, name[:2], name)
