"""Find the mails that an operator asks about: by the index, among those that wait, and by days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from convalias.codec import CodecError, loads
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.unwrapping import unwrapped
from convalias.domain.inbound.outcomes import OutcomeRecord
from convalias.domain.inbound.posts import EnvelopeRecord, RecordKey
from convalias.domain.mail.envelope import ClearFrom, InboundMail, MessageEnvelope
from convalias.domain.operations.mail_index import (
    Known,
    message_value,
    recipient_value,
    recipient_values,
    sender_value,
    typed_message_id,
)
from convalias.ports.blobs import Blobs
from convalias.ports.mail import MailReader
from convalias.services.inbound.envelope_records import days_of, names_of
from convalias.stores.inbound.mails import InboundRecords, bare_digest

LOOK_BACK: Final = timedelta(days=7)
MOST: Final = 100
MOST_ROWS: Final = 1_000
"""So many rows of the index are compared with all that is asked."""
MOST_READ: Final = 1_000
"""So many mails that wait are read to see whether they are meant."""
MOST_LISTED: Final = 20_000
"""So many names of kept mail are gone through in search of mails that wait."""
MOST_SCANNED: Final = 10_000
"""So many outcomes of before the index are read."""
AT_ONCE: Final = 100
ENVELOPES: Final = "envelopes/"


@frozen(kw_only=True)
class Asked:
    """Which mails are meant; what is None does not matter."""

    message_id: str | None = None
    sender: EmailAddress | None = field(default=None, repr=False)
    recipient: EmailAddress | None = field(default=None, repr=False)
    record: RecordKey | None = None
    conversation: str | None = None
    """All mails of that conversation and its latest messages; stands alone."""
    notification: str | None = None
    """The mail or message that this notification tells of; stands alone."""

    @property
    def is_open(self) -> bool:
        """Whether all mails are meant."""
        return self.message_id is None and self.sender is None and self.recipient is None


@frozen(kw_only=True)
class Found:
    """Records of the mails that are meant, newest first, and what the asker must know about the search."""

    records: tuple[RecordKey, ...]
    notes: tuple[str, ...] = ()


class _Notes(dict[str, None]):
    """Each note once, in order."""

    def add(self, note: str) -> None:
        self[note] = None


@frozen(kw_only=True)
class MailFinder:
    """Reads only. Raises `Unavailable`.

    What is known of a mail costs one read of the index, however many days are kept.
    """

    blobs: Blobs
    inbound: InboundRecords
    domains: MailDomains = MailDomains(())
    reader: MailReader | None = None
    """Tells whose a mail is that waits; without it such a mail is found by its recipient alone."""

    async def find(self, asked: Asked, *, since: datetime | None, now: datetime) -> Found:
        """The mails that are meant. `since`: received then or later; None: any that the index knows.

        Mails that wait, and outcomes of before the index, are looked for in the last seven days unless told.
        """
        notes = _Notes()
        start = since or now - LOOK_BACK
        found = {} if asked.is_open else {record: None async for record in self._indexed(asked, since, notes)}
        async for record in self._waiting(asked, start, notes):
            found[record] = None
        if since is None and (asked.is_open or not found) and await self._is_kept_before(start):
            notes.add(f"cut: mails that wait were looked for since {start:%Y-%m-%d} alone (--since)")
        if not found:
            async for record in self._scanned(asked, start, notes):
                found[record] = None
        return Found(records=tuple(found), notes=tuple(notes))

    async def by(self, known: Known, value: str | bytes) -> tuple[RecordKey, ...]:
        """Mails of which that is known, newest first, at most 100."""
        return tuple(entry.record for entry in await self.inbound.indexed(known, value, limit=MOST))

    # --- by the index --------------------------------------------------------------------------------

    async def _indexed(self, asked: Asked, since: datetime | None, notes: _Notes) -> AsyncIterator[RecordKey]:
        """By what tells most; all else is compared with the outcomes."""
        (known, value), *more = self._values(asked)
        entries = await self.inbound.indexed(known, value, limit=MOST_ROWS + 1)
        if len(entries) > MOST_ROWS:
            notes.add(f"cut: only the newest {MOST_ROWS} mails with that {known.value} were looked at")
        listed = [one.record for one in entries[:MOST_ROWS] if since is None or one.received_at >= since]
        for begin in range(0, len(listed), AT_ONCE):
            part = listed[begin : begin + AT_ONCE]
            outcomes = await self.inbound.outcomes(part if more else ())
            for record in part:
                outcome = outcomes.get(record)
                if not more or (outcome is not None and self._fits(asked, outcome)):
                    yield record

    def _values(self, asked: Asked) -> list[tuple[Known, str | bytes]]:
        """What is known, in the order of how much it tells."""
        values: list[tuple[Known, str | bytes]] = []
        if asked.message_id is not None:
            values.append((Known.MESSAGE_ID, message_value(typed_message_id(asked.message_id))))
        if asked.sender is not None:
            values.append((Known.SENDER, sender_value(asked.sender)))
        if asked.recipient is not None:
            values.append((Known.RECIPIENT, recipient_value(asked.recipient, self.domains)))
        return values

    def _fits(self, asked: Asked, outcome: OutcomeRecord) -> bool:
        """By digests of any version and any key: an outcome names nobody."""
        held = {
            Known.MESSAGE_ID: {outcome.message_digest},
            Known.SENDER: {outcome.sender_digest},
            Known.RECIPIENT: set(outcome.recipient_digests),
        }
        for known, value in self._values(asked):
            spellings = _spellings(asked, self.domains) if known is Known.RECIPIENT else (value,)
            wanted = {*self.inbound.index.digests(known, value), *(bare_digest(known, one) for one in spellings)}
            if not wanted & held[known]:
                return False
        return True

    # --- by days -------------------------------------------------------------------------------------

    async def _waiting(self, asked: Asked, since: datetime, notes: _Notes) -> AsyncIterator[RecordKey]:
        """Mails without an outcome, of the newest days first: each is read as the relay will read it."""
        listed = read = 0
        for day in await self._days(since):
            async for batch in _batches(names_of(self.blobs, f"envelopes/{day}/")):
                concluded = await self.inbound.concluded_among(batch) if batch else frozenset[RecordKey]()
                listed += len(batch)
                for key in batch:
                    if key in concluded:
                        continue
                    read += 1
                    if read > MOST_READ:
                        notes.add(f"cut: only {MOST_READ} of the mails that wait were read")
                        return
                    if await self._is_meant(asked, key, since):
                        yield key
                if listed >= MOST_LISTED:
                    notes.add(f"cut: mails that wait were looked for among the {listed} newest names alone")
                    return

    async def _is_meant(self, asked: Asked, key: RecordKey, since: datetime) -> bool:
        body = await self.blobs.get(key)
        if body is None:
            return False
        try:
            record = loads(body, EnvelopeRecord)
        except CodecError:  # nobody knows whose it is: it is shown to whoever asks about all
            return asked.is_open
        if record.post.received_at < since:
            return False
        if self.reader is None:
            return self._fits_route(asked, record, None)
        raw = await self.blobs.get(record.raw)
        return raw is not None and self._fits_route(asked, record, (await self.reader.read(raw, record.post)).mail)

    def _fits_route(self, asked: Asked, record: EnvelopeRecord, mail: InboundMail | None) -> bool:
        """None: the mail was not read, so its sender and its id are not known."""
        sender = mail.sender if isinstance(mail, MessageEnvelope) else None
        message_id = None if mail is None else mail.message_id
        reached = recipient_values(record.post.recipients, self.domains)
        return (
            (asked.message_id is None or message_id == typed_message_id(asked.message_id))
            and (asked.sender is None or (isinstance(sender, ClearFrom) and sender.address == asked.sender))
            and (asked.recipient is None or recipient_value(asked.recipient, self.domains) in reached)
        )

    async def _scanned(self, asked: Asked, since: datetime, notes: _Notes) -> AsyncIterator[RecordKey]:
        """Outcomes of before the index, of the newest days first."""
        read = found = 0
        for day in await self._days(since):
            async for outcome in self.inbound.outcomes_of(day):
                read += 1
                if read > MOST_SCANNED:
                    notes.add(f"cut: of the days since {since:%Y-%m-%d} only {MOST_SCANNED} outcomes were read")
                    return
                received = outcome.received_at or outcome.decided_at
                if received >= since and self._fits(asked, outcome):
                    found += 1
                    if found > MOST:
                        notes.add(f"cut: there are more than {MOST}; name what is known of the mail")
                        return
                    yield outcome.record
        if found and not asked.is_open:
            notes.add("found by reading days: it was decided before mails were indexed")
        elif not asked.is_open:
            notes.add(f"mails of before the index were looked for since {since:%Y-%m-%d} alone (--since)")

    async def _is_kept_before(self, start: datetime) -> bool:
        """Whether mail of days that were not looked at is still kept: one name, the oldest."""
        oldest = await self.blobs.names(ENVELOPES, after="", limit=1)
        return bool(oldest) and oldest[0] < f"{ENVELOPES}{start - timedelta(days=3):%Y/%m/%d}"

    async def _days(self, since: datetime) -> tuple[str, ...]:
        """Days of tokens that mail received since then may bear, the newest first."""
        first = f"{since - timedelta(days=3):%Y/%m/%d}"
        return tuple(sorted([day async for day in days_of(self.blobs, first=first)], reverse=True))


def _spellings(asked: Asked, domains: MailDomains) -> tuple[str, ...]:
    """Version 1 kept a digest of each address by itself."""
    return () if asked.recipient is None else tuple(one.key for one in unwrapped(asked.recipient, domains))


async def _batches(names: AsyncIterator[RecordKey]) -> AsyncIterator[list[RecordKey]]:
    batch: list[RecordKey] = []
    async for name in names:
        batch.append(name)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    yield batch
