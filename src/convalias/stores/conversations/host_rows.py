"""Rows beside the messages of a host: what mail needs, and what a host has no place for.

- `kept_mails`, partition = conversation, id = the key under which the host has the mail
- `seen_messages`, partition = conversation, latest first; also named by event id
- `host_notes`, partition = conversation: statuses that the host's conversation cannot hold
- `host_copies`: addresses that were seen in Cc
- `host_starts`: when the host's messages were looked for the first time
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CODEC, Codec
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import RESTORED, ConversationEvent
from convalias.domain.conversations.host_messages import FirstStart, KeptMail, SeenCopies, SeenMessage
from convalias.domain.ids import ConversationId, EventId
from convalias.ports.records import Delete, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest, encoded
from convalias.stores.errors import Contended
from convalias.stores.retention import ends

MAILS: Final = "kept_mails"
MESSAGES: Final = "seen_messages"
NOTES: Final = "host_notes"
COPIES: Final = "host_copies"
STARTS: Final = "host_starts"
KEPT: Final = timedelta(days=365)
"""An answer to an older message begins a new thread in a mailbox; nothing else is lost."""
TRIES: Final = 100
_START: Final = Key(STARTS, STARTS, "first")
_END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)


@frozen(kw_only=True)
class HostRows:
    """Typed rows over `Records`. Every call may be repeated. Raises `Unavailable`, `CodecError`, `Contended`."""

    records: Records
    codec: Codec = CODEC

    # --- mails ---------------------------------------------------------------------------------------

    async def keep(self, mail: KeptMail) -> KeptMail:
        """Write down a mail before it is posted.

        Returns what stands under its key: this one, or an earlier one.
        """
        key = _mail_key(mail.conversation, mail.key)
        due = ends(mail.kept_at, after=KEPT)
        (answer,) = await self.records.write([Insert(key, self.codec.dump(mail), due=due)])
        if isinstance(answer, Written):
            return mail
        return await self.mail(mail.conversation, mail.key) or mail

    async def mail(self, conversation: ConversationId, key: str) -> KeptMail | None:
        """Return the mail under that key of the host."""
        stored = await self._one(_mail_key(conversation, key))
        return None if stored is None else self.codec.load(stored.body, KeptMail)

    async def posted(self, mail: KeptMail, message: str) -> KeptMail:
        """Note as which message the host has that mail."""
        return await self._unposted(mail, lambda standing: evolve(standing, posted_as=message))

    async def restored(self, mail: KeptMail) -> KeptMail:
        """Note that a restore posts that mail, unless it is known to be posted: nobody is told of it."""
        return await self._unposted(mail, _as_restored)

    async def _unposted(self, mail: KeptMail, change: Callable[[KeptMail], KeptMail]) -> KeptMail:
        """Change the row of a mail, unless the row says already that the mail was posted; what stands then."""
        key = _mail_key(mail.conversation, mail.key)
        for _ in range(TRIES):
            stored = await self._one(key)
            standing = mail if stored is None else self.codec.load(stored.body, KeptMail)
            known = standing if standing.posted_as is not None else change(standing)
            if known == standing:
                return standing
            body, due = self.codec.dump(known), ends(known.kept_at, after=KEPT)
            write = Insert(key, body, due=due) if stored is None else Replace(key, stored.version, body, due)
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return known
        raise Contended("row beside a mail")

    # --- messages ------------------------------------------------------------------------------------

    async def see(self, message: SeenMessage) -> SeenMessage:
        """Write down a message of the host, and return what stands: how it was seen first."""
        insert = Insert(
            Key(MESSAGES, encoded(message.conversation), f"{_backwards(message.seen_at)}.{message.event}"),
            self.codec.dump(message),
            also=(_by_event(message.event),),
            due=ends(message.seen_at, after=KEPT),
        )
        (answer,) = await self.records.write([insert])
        if isinstance(answer, Written):
            return message
        stored = await self._one(Key(MESSAGES, encoded(message.conversation), _by_event(message.event)))
        standing = message if stored is None else self.codec.load(stored.body, SeenMessage)
        if stored is None or standing.found or not message.found:
            return standing
        known = evolve(message, seen_at=standing.seen_at)  # its place in the order of rows stays
        await self.records.write([Replace(stored.key, stored.version, self.codec.dump(known), stored.due)])
        return known

    async def message(self, conversation: ConversationId, event: EventId) -> SeenMessage | None:
        """Return the message with that event id."""
        stored = await self._one(Key(MESSAGES, encoded(conversation), _by_event(event)))
        return None if stored is None else self.codec.load(stored.body, SeenMessage)

    async def both(self, conversation: ConversationId, event: EventId) -> tuple[SeenMessage, KeptMail | None] | None:
        """Return the message with that event id, and the mail that it was."""
        seen = await self.message(conversation, event)
        if seen is None:
            return None
        return seen, None if seen.key is None else await self.mail(conversation, seen.key)

    async def latest(
        self, conversation: ConversationId, *, limit: int, before: SeenMessage | None = None
    ) -> Sequence[tuple[SeenMessage, KeptMail | None]]:
        """Return the latest messages with their mails, oldest first; `before`: those seen before that one."""
        after = "" if before is None else f"{_backwards(before.seen_at)}.{before.event}"
        stored = await self.records.range(MESSAGES, encoded(conversation), after=after, limit=limit)
        seen = [self.codec.load(one.body, SeenMessage) for one in reversed(stored)]
        keys = {one.event: _mail_key(conversation, one.key) for one in seen if one.key is not None}
        found: Mapping[Key, Stored] = await self.records.get(list(keys.values())) if keys else {}
        mails = {one: self.codec.load(found[key].body, KeptMail) for one, key in keys.items() if key in found}
        return [(one, mails.get(one.event)) for one in seen]

    # --- what a host has no place for ----------------------------------------------------------------

    async def note(self, event: ConversationEvent) -> bool:
        """Keep a status of a participant under its dedup key. False: it is kept already."""
        key = _note_key(event.conversation, event.dedup_key)
        insert = Insert(key, self.codec.dump(event), due=ends(event.appended_at, after=KEPT))
        (answer,) = await self.records.write([insert])
        return isinstance(answer, Written)

    async def noted(self, conversation: ConversationId, dedup_key: str) -> ConversationEvent | None:
        """Return the status under that dedup key."""
        stored = await self._one(_note_key(conversation, dedup_key))
        return None if stored is None else self.codec.load(stored.body, ConversationEvent)

    async def copies(self, conversation: ConversationId) -> frozenset[EmailAddress]:
        """Return the addresses that were seen in Cc of mail to that conversation."""
        stored = await self._one(_copies_key(conversation))
        return frozenset() if stored is None else self.codec.load(stored.body, SeenCopies).addresses

    async def add_copies(self, conversation: ConversationId, addresses: frozenset[EmailAddress]) -> None:
        """Add such addresses."""
        key = _copies_key(conversation)
        for _ in range(TRIES):
            stored = await self._one(key)
            known = frozenset[EmailAddress]()
            if stored is not None:
                known = self.codec.load(stored.body, SeenCopies).addresses
            if addresses <= known:
                return
            body = self.codec.dump(SeenCopies(conversation=conversation, addresses=known | addresses))
            write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return
        raise Contended("copies of a conversation")

    async def first_start(self, now: datetime) -> datetime:
        """Return when a host's messages were looked for the first time in this deployment: now, if nobody did before."""
        await self.records.write([Insert(_START, self.codec.dump(FirstStart(now)))])
        return await self.started() or now

    async def started(self) -> datetime | None:
        """Return when that was. None: no host's messages were ever looked for."""
        stored = await self._one(_START)
        return None if stored is None else self.codec.load(stored.body, FirstStart).at

    async def forget_start(self) -> None:
        """Let a host's messages be looked for as if for the first time."""
        stored = await self._one(_START)
        if stored is not None:
            await self.records.write([Delete(_START, stored.version)])

    async def _one(self, key: Key) -> Stored | None:
        return (await self.records.get([key])).get(key)


def _as_restored(mail: KeptMail) -> KeptMail:
    return evolve(mail, message=evolve(mail.message, flags=mail.message.flags | {RESTORED}))


def _mail_key(conversation: ConversationId, key: str) -> Key:
    return Key(MAILS, encoded(conversation), encoded(key))


def _note_key(conversation: ConversationId, dedup_key: str) -> Key:
    return Key(NOTES, encoded(conversation), digest(dedup_key))


def _copies_key(conversation: ConversationId) -> Key:
    return Key(COPIES, encoded(conversation), "copies")


def _by_event(event: EventId) -> str:
    return f"e:{encoded(event)}"


def _backwards(at: datetime) -> str:
    """A time as text that sorts the latest first: what is read most is read from the beginning of a range."""
    return f"{(_END_OF_TIME - at) // timedelta(microseconds=1):018d}"
