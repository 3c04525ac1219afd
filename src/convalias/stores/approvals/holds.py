"""Held mails: a limit for each conversation, one decision for each mail, and what is due about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeVar

from attrs import evolve, frozen

from convalias.codec import dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import (
    DEFAULT_HOLD_POLICY,
    GivesWay,
    HoldPolicy,
    Room,
    ask_at,
    expires_at,
    gives_way,
    is_of,
    other_id,
    room_for,
)
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import Admits, Admitted, AdmittedList, Asking, HeldMail, HoldId, HoldState, Waiting
from convalias.domain.inbound.outcomes import Mark
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.routing.context import HoldKey, ListKey
from convalias.ports.records import Delete, Due, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest, encoded
from convalias.stores.errors import Contended

HOLDS: Final = "holds"
"""Lane and table: a mail that waits is due when it expires, one that was decided until that is carried out."""
ASKING: Final = "asking"
"""Lane and table of approval mails."""
POSTS: Final = "hold_posts"
"""Table of the further posts of held mails: a provider posts once for each recipient."""
PAGE: Final = 100
TRIES: Final = 100
ONE: Final = "waiting"
_OPEN: Final = frozenset({HoldState.HELD, HoldState.APPROVED})
"""What a further post has to wait for; whatever else was decided, its outcome says so at once."""

R = TypeVar("R")


@frozen(kw_only=True)
class Holds:
    """Typed access to held mails. Every call may be repeated. Raises `Unavailable`, `Contended`."""

    records: Records
    policy: HoldPolicy = DEFAULT_HOLD_POLICY

    # --- a mail is held ------------------------------------------------------------------------------

    async def keep(self, mail: HeldMail, *, asks: bool = True) -> HeldMail | None:
        """Keep it, unless it is kept already: the hold that stands; None when too many wait.

        Its place is taken before it is kept, so that of any number of workers none gets past the bound.
        Not `asks`: participants are not asked about it now. The link of a mail that asked them before works.
        """
        stored = await self._stored(_hold_key(mail.conversation, mail.id))
        standing = None if stored is None else load(stored.body, HeldMail)
        if standing is not None and not is_of(standing, mail.content_digest):
            return await self.keep(evolve(mail, id=_other(mail.id, mail)), asks=asks)
        if stored is not None:
            await self.date(stored)
        if standing is None:
            if not await self._place(mail):
                return None
            due = Due(HOLDS, expires_at(mail, self.policy))
            (answer,) = await self.records.write([Insert(_hold_key(mail.conversation, mail.id), dump(mail), due=due)])
            standing = mail if isinstance(answer, Written) else await self.get(mail.conversation, mail.id) or mail
        if standing.record != mail.record and standing.state in _OPEN:
            standing = await self._join(mail)
        if asks and standing.state is HoldState.HELD:
            await self._ask(standing)
        return standing

    async def date(self, row: Stored) -> bool:
        """Give a hold that waits and is never due, as an older release wrote it, the time when it expires.

        Whether it had none. Whoever changed it meanwhile has given it one.
        """
        hold = load(row.body, HeldMail)
        if row.due is not None or hold.state is not HoldState.HELD:
            return False
        due = Due(HOLDS, expires_at(hold, self.policy))
        await self.records.write([Replace(row.key, row.version, row.body, due)])
        return True

    async def _join(self, mail: HeldMail) -> HeldMail:
        """Note a further post; the hold as it stands after that.

        Whoever decides later finds the post noted; where it was approved in between, it is due once more.
        """
        key = _hold_key(mail.conversation, mail.id)
        await self.records.write([Insert(_post_key(mail, mail.record), dump(Mark(mail.record, mail.since)))])
        for _ in range(TRIES):
            stored = (await self.records.get([key]))[key]  # holds are never removed
            standing = load(stored.body, HeldMail)
            if standing.state is not HoldState.APPROVED or stored.due is not None:
                return standing
            if await self._write(key, stored, standing, Due(HOLDS, mail.since)):
                return standing
        raise Contended(HOLDS)

    async def _place(self, mail: HeldMail) -> bool:
        """A place for it among those that wait. Decided ones lose theirs; one of less claim may expire for it."""
        key = _conversation_key("waiting", mail.conversation)
        for _ in range(TRIES):
            stored = await self._stored(key)
            row = Waiting(conversation=mail.conversation) if stored is None else load(stored.body, Waiting)
            if mail.id in row.holds:
                return True
            among = await self.several(mail.conversation, row.holds)
            room = room_for(mail, among, self.policy)
            if room is Room.FULL:
                return False
            if isinstance(room, GivesWay):
                await self.change(mail.conversation, room.hold.id, gives_way, now=mail.since)
            row = evolve(row, holds=self._still(row, among, room))
            if await self._write(key, stored, evolve(row, holds=(*row.holds, mail.id))):
                return True
        raise Contended("waiting")

    def _still(self, row: Waiting, among: Sequence[HeldMail], room: Room | GivesWay) -> tuple[HoldId, ...]:
        """The places that stay taken: of what waits, and of what is about to be kept, unless places are short."""
        gone = room.hold.id if isinstance(room, GivesWay) else None
        waiting = {one.id for one in among if one.state is HoldState.HELD and one.id != gone}
        known = {one.id for one in among}
        coming = {one for one in row.holds if one not in known} if len(row.holds) < self.policy.most else set[HoldId]()
        return tuple(one for one in row.holds if one in waiting or one in coming)

    async def _ask(self, mail: HeldMail) -> None:
        """Participants have to be asked about it, if they were not: written down after the mail itself."""
        key = _conversation_key(ASKING, mail.conversation)
        for _ in range(TRIES):
            stored = await self._stored(key)
            row = Asking(conversation=mail.conversation) if stored is None else load(stored.body, Asking)
            if mail.id in row.listed:
                return
            # Counted even where an approval mail is due already: it may have been put together a moment ago.
            wanted = evolve(row, wanted=row.wanted + 1)
            at = ask_at(row, mail.since)
            if stored is not None and stored.due is not None:
                at = min(at, stored.due.at)
            if await self._write(key, stored, wanted, Due(ASKING, at)):
                return
        raise Contended(ASKING)

    # --- looking -------------------------------------------------------------------------------------

    async def get(self, conversation: ConversationId, hold: HoldId) -> HeldMail | None:
        """Return a hold in any state."""
        stored = await self._stored(_hold_key(conversation, hold))
        return None if stored is None else load(stored.body, HeldMail)

    async def of(self, key: HoldKey) -> HeldMail | None:
        """The hold of that very mail, in whatever state."""
        ids = key.hold, _other(key.hold, key)
        return _among(key, await self.several(key.conversation, ids))

    async def several(self, conversation: ConversationId, holds: Sequence[HoldId]) -> tuple[HeldMail, ...]:
        """Return the holds that exist, in the order asked."""
        keys = [_hold_key(conversation, one) for one in holds]
        if not keys:
            return ()
        found = await self.records.get(keys)
        return tuple(load(found[key].body, HeldMail) for key in keys if key in found)

    async def waiting(self, conversation: ConversationId) -> tuple[HeldMail, ...]:
        """Return the holds that have a place, including decided ones that still have theirs."""
        stored = await self._stored(_conversation_key("waiting", conversation))
        return () if stored is None else await self.several(conversation, load(stored.body, Waiting).holds)

    async def posts(self, hold: HeldMail) -> AsyncIterator[RecordKey]:
        """Every post of that mail whose outcome may still wait for the decision, the first one first."""
        yield hold.record
        after = ""
        while page := await self.records.range(POSTS, _posts_of(hold), after=after, limit=PAGE):
            for stored in page:
                yield load(stored.body, Mark).record
            after = page[-1].key.id

    async def concluded(self, hold: HeldMail, record: RecordKey) -> None:
        """Conclude a post: it waits no longer."""
        if (stored := await self._stored(_post_key(hold, record))) is not None:
            await self.records.write([Delete(stored.key, stored.version)])

    async def approvals(self, of: Collection[HoldKey]) -> Mapping[HoldKey, Admits | None]:
        """Return the scope of each approval: that mail, or only its address; every asked key is answered."""
        mails = {one: [_hold_key(one.conversation, hold) for hold in (one.hold, _other(one.hold, one))] for one in of}
        senders = {one: _admitted_key(one.conversation, one.sender) for one in of if one.sender is not None}
        found = await self.records.get(sorted({*chain.from_iterable(mails.values()), *senders.values()}))
        answers: dict[HoldKey, Admits | None] = {}
        for one, keys in mails.items():
            hold = _among(one, [load(found[key].body, HeldMail) for key in keys if key in found])
            state = None if hold is None else hold.state
            # A person's no about this mail stands above a yes about its address.
            address = senders.get(one) in found and state is not HoldState.REJECTED
            answers[one] = Admits.THIS_MAIL if state is HoldState.APPROVED else Admits.THIS_ADDRESS if address else None
        return answers

    # --- deciding and carrying out -------------------------------------------------------------------

    async def change(
        self, conversation: ConversationId, hold: HoldId, change: Callable[[HeldMail], HeldMail], *, now: datetime
    ) -> HeldMail | None:
        """Change a hold by compare-and-set; return it, due at once for the worker that carries decisions out."""
        key = _hold_key(conversation, hold)
        for _ in range(TRIES):
            stored = await self._stored(key)
            if stored is None:
                return None
            standing = load(stored.body, HeldMail)
            changed = change(standing)
            if changed == standing or await self._write(key, stored, changed, Due(HOLDS, now)):
                return changed
        raise Contended(HOLDS)

    async def admit(self, admitted: Admitted) -> None:
        """Admit an address: from now on it may write to the conversation. The first who let it in stands."""
        await self.records.write([Insert(_admitted_key(admitted.conversation, admitted.address), dump(admitted))])

    async def admit_list(self, admitted: AdmittedList) -> None:
        """Admit a mailing list: from now on mail may come by it. The first who let it in stands."""
        key = _list_key((admitted.conversation, admitted.by_list))
        await self.records.write([Insert(key, dump(admitted))])

    async def lists(self, of: Collection[ListKey]) -> Mapping[ListKey, bool]:
        """Return whether each list was let in; every key is answered."""
        found = await self.records.get(sorted(map(_list_key, of)))
        return {one: _list_key(one) in found for one in of}

    async def due(self, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Holds that want attention; `load(row.body, HeldMail)` reads one."""
        return await self.records.due(HOLDS, until=until, limit=limit)

    async def settle(self, row: Stored, *, again: datetime | None = None) -> None:
        """Settle a hold: nothing more is due about it, or not before `again`. Whoever changed it meanwhile is right."""
        due = None if again is None else Due(HOLDS, again)
        await self.records.write([Replace(row.key, row.version, row.body, due)])

    # --- asking --------------------------------------------------------------------------------------

    async def to_ask(self, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Conversations whose participants are to be asked; `load(row.body, Asking)` reads one."""
        return await self.records.due(ASKING, until=until, limit=limit)

    async def asked(self, row: Stored, asking: Asking, *, due: datetime | None) -> None:
        """Write how far asking is. Not written if a mail was held meanwhile: then the row is still due."""
        at = None if due is None else Due(ASKING, due)
        await self.records.write([Replace(row.key, row.version, dump(asking), at)])

    async def sent(self, conversation: ConversationId, *, at: datetime, again: datetime) -> None:
        """The approval mails of `at` are entered in the outbox; the conversation is looked at again at `again`."""
        key = _conversation_key(ASKING, conversation)
        for _ in range(TRIES):
            stored = await self._stored(key)
            row = None if stored is None else load(stored.body, Asking)
            if row is None or not row.sending or row.at != at:
                return
            if await self._write(key, stored, evolve(row, sending=False), Due(ASKING, again)):
                return
        raise Contended(ASKING)

    # --- over records --------------------------------------------------------------------------------

    async def _stored(self, key: Key) -> Stored | None:
        return (await self.records.get([key])).get(key)

    async def _write(self, key: Key, stored: Stored | None, record: object, due: Due | None = None) -> bool:
        body = dump(record)
        write = Insert(key, body, due=due) if stored is None else Replace(key, stored.version, body, due)
        (answer,) = await self.records.write([write])
        return isinstance(answer, Written)


def _hold_key(conversation: ConversationId, hold: HoldId) -> Key:
    return Key(HOLDS, encoded(conversation), hold)


def _other(hold: HoldId, mail: HeldMail | HoldKey) -> HoldId:
    return other_id(hold, mail.content_digest)


def _among(key: HoldKey, holds: Iterable[HeldMail]) -> HeldMail | None:
    return next((one for one in holds if is_of(one, key.content_digest)), None)


def _posts_of(hold: HeldMail) -> str:
    return digest(hold.conversation, hold.id)


def _post_key(hold: HeldMail, record: RecordKey) -> Key:
    return Key(POSTS, _posts_of(hold), digest(record))


def _conversation_key(table: str, conversation: ConversationId) -> Key:
    return Key(table, encoded(conversation), ONE)


def _admitted_key(conversation: ConversationId, address: EmailAddress) -> Key:
    return Key("admitted", encoded(conversation), digest(address.key))


def _list_key(of: ListKey) -> Key:
    conversation, by_list = of
    return Key("admitted_lists", encoded(conversation), digest(by_list))
