"""Records of the relay about mails: outcomes, claims (which are sightings too), tries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, TypeVar

from attrs import frozen

from convalias.codec import CodecError, dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.claims import Claim
from convalias.domain.inbound.outcomes import OutcomeRecord, Tries
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.message_id import MessageId
from convalias.domain.operations.mail_index import IndexEntry, IndexKeys, Known
from convalias.domain.routing.context import SightingKey
from convalias.ports.records import (
    Conflict,
    Delete,
    Due,
    Insert,
    Key,
    Records,
    Replace,
    Stored,
    Written,
    write_in_order,
)
from convalias.stores.encoding import digest, encoded
from convalias.stores.errors import Contended
from convalias.stores.retention import COUNT_KEPT, GRACE, MAIL_KEPT, ends

R = TypeVar("R")
PAGE: Final = 500
INDEX: Final = "mail_index"
_LAST_SECOND: Final = 99_999_999_999
TRIES: Final = 100
"""Each lost one means that somebody else changed the record in between."""


@frozen(kw_only=True)
class InboundRecords:
    """Typed access to the relay's own records. Every call may be repeated. Raises `Unavailable`, `Contended`."""

    records: Records
    index: IndexKeys = IndexKeys()
    kept: timedelta | None = MAIL_KEPT
    """How long claims stay: as long as the mail that they are of. None: for ever."""

    # --- outcomes: one per envelope record -----------------------------------------------------------

    async def outcome(self, record: RecordKey) -> OutcomeRecord | None:
        """Return the outcome of an envelope record, or None if it has none."""
        stored = await self._get(_outcome_key(record))
        return None if stored is None else load(stored.body, OutcomeRecord)

    async def conclude(self, outcome: OutcomeRecord) -> OutcomeRecord:
        """Write it, unless one stands: of two workers with one mail the first concludes it. The one that stands.

        The rows by which it is found again ride in the same request.
        """
        answer, *_ = await self.records.write([self._outcome(outcome), *self._index_rows(outcome)])
        if isinstance(answer, Written):
            return outcome
        return await self.outcome(outcome.record) or outcome

    async def conclude_anew(self, outcome: OutcomeRecord) -> None:
        """Put it in the place of the one that stands: a replay. From then on it is found by the index."""
        if rows := self._index_rows(outcome):
            await self.records.write(rows)
        await self._change(_outcome_key(outcome.record), OutcomeRecord, lambda _: outcome)

    async def amend(self, record: RecordKey, change: Callable[[OutcomeRecord], OutcomeRecord]) -> OutcomeRecord | None:
        """Change the one that stands, by compare-and-set; None while there is none."""
        found = await self.outcome(record)
        if found is None:
            return None
        return await self._change(_outcome_key(record), OutcomeRecord, lambda standing: change(standing or found))

    async def outcomes_of(self, day: str) -> AsyncIterator[OutcomeRecord]:
        """All outcomes of envelope records of one day (`yyyy/mm/dd`), by record key. Passes over unreadable ones."""
        async for stored in self._all("outcomes", day):
            if (outcome := _readable(stored)) is not None:
                yield outcome

    async def outcomes(self, records: Collection[RecordKey]) -> Mapping[RecordKey, OutcomeRecord]:
        """Return the outcomes of these envelope records. Who has no outcome, or one that cannot be read, is missing."""
        keys = [_outcome_key(record) for record in records]
        found: Mapping[Key, Stored] = await self.records.get(keys) if keys else {}
        read = {record: _readable(found.get(_outcome_key(record))) for record in records}
        return {record: outcome for record, outcome in read.items() if outcome is not None}

    async def concluded_among(self, records: Sequence[RecordKey]) -> frozenset[RecordKey]:
        """Return those of these envelope records that have an outcome; a damaged outcome counts. One read."""
        found = await self.records.get([_outcome_key(record) for record in records])
        return frozenset(record for record in records if _outcome_key(record) in found)

    async def indexed(self, known: Known, value: str | bytes, *, limit: int) -> tuple[IndexEntry, ...]:
        """Mails of which that is known, newest first, at most so many of each key's. One read for each key."""
        entries = [
            load(stored.body, IndexEntry)
            for digest_of_it in self.index.digests(known, value)
            for stored in await self.records.range(INDEX, digest_of_it, after="", limit=limit)
        ]
        entries.sort(key=lambda entry: entry.received_at, reverse=True)
        return tuple({entry.record: entry for entry in entries}.values())

    async def tries(self, record: RecordKey) -> Tries | None:
        """Return the recorded failures of a mail that waits, of the kind that came most often, or None."""
        keys = [_count_key(table, record) for table in ("tries", "faults", "overruns")]
        found = await self.records.get(keys)
        listed = [load(found[key].body, Tries) for key in keys if key in found]
        return max(listed, key=lambda tries: tries.failures, default=None)

    async def concluded(self, day: str) -> AsyncIterator[RecordKey]:
        """Envelope records of one day that have an outcome, ascending. Reads no outcome: a damaged one is one."""
        async for stored in self._all("outcomes", day):
            yield RecordKey(f"envelopes/{day}/{stored.key.id}")

    async def conclude_in_order(
        self, claims: Sequence[Claim], effect: Insert, outcome: OutcomeRecord, *, ahead: Sequence[Insert] = ()
    ) -> bool:
        """Claim, do one effect and conclude, behind rows `ahead`, by one ordered write; whether all of it was written.

        The rows by which it is found again stand before the outcome. False: something stands already, before which all
        is written and behind which nothing is. Whoever then claims, does the effect and concludes one by one finds
        each of them done, or not.
        """
        writes = [*ahead, *map(self._claim, claims), effect, *self._index_rows(outcome), self._outcome(outcome)]
        answers = await write_in_order(self.records, writes)
        return all(isinstance(answer, Written) for answer in answers)

    # --- claims --------------------------------------------------------------------------------------

    async def claim(self, claims: Sequence[Claim]) -> tuple[Claim, ...]:
        """Claim what is free; the claims that stand now, in the order asked. The first one stands for ever."""
        if not claims:
            return ()
        answers = await self.records.write([self._claim(claim) for claim in claims])
        lost = [claim for claim, answer in zip(claims, answers, strict=True) if isinstance(answer, Conflict)]
        if not lost:
            return tuple(claims)
        standing = await self.records.get([_claim_key(claim) for claim in lost])
        return tuple(
            load(standing[_claim_key(claim)].body, Claim) if _claim_key(claim) in standing else claim
            for claim in claims
        )

    async def sightings(
        self, of: Collection[SightingKey], *, before: datetime
    ) -> Mapping[SightingKey, frozenset[ConversationId]]:
        """Return the conversations in which each sender had used that Message-ID before; every asked key is answered.

        Claims are kept by sender and Message-ID, so they answer this without an index of their own. Those of the
        mail itself, and of posts received later, are no use *before*: every try of a mail sees the same.
        """
        found: dict[SightingKey, frozenset[ConversationId]] = {}
        for message_id, sender in sorted(of, key=_sighted):
            stored = [load(one.body, Claim) async for one in self._all("claims", _mail(sender, message_id))]
            earlier = (claim for claim in stored if claim.at is None or claim.at < before)
            found[message_id, sender] = frozenset(claim.key.conversation for claim in earlier)
        return found

    def _claim(self, claim: Claim) -> Insert:
        return Insert(_claim_key(claim), dump(claim), due=self._ends(claim.at))

    def _outcome(self, outcome: OutcomeRecord) -> Insert:
        return Insert(_outcome_key(outcome.record), dump(outcome))

    def _index_rows(self, outcome: OutcomeRecord) -> list[Insert]:
        """A row for each thing that is known of the mail. Ids ascend from the newest mail to the oldest."""
        received = outcome.received_at or outcome.decided_at
        row_id = f"{_LAST_SECOND - int(received.timestamp()):011d}.{name_of(outcome.record)}"
        body, due = dump(IndexEntry(record=outcome.record, received_at=received)), self._ends(received)
        digests = (outcome.message_digest, outcome.sender_digest, *outcome.recipient_digests)
        return [Insert(Key(INDEX, one, row_id), body, due=due) for one in digests if one]

    def _ends(self, at: datetime | None) -> Due | None:
        """When what is known of a mail of that time ends: behind the mail itself."""
        return None if self.kept is None else ends(at, after=self.kept + GRACE)

    # --- tries ---------------------------------------------------------------------------------------

    async def failed(self, record: RecordKey, *, because: str, at: datetime) -> Tries:
        """Count one more failure of the job itself; the count as it stands."""
        return await self._count("tries", record, because, at)

    async def forgive(self, record: RecordKey) -> None:
        """Start counting anew, failures, starts, overruns and faults: a redrive, or an orderly end."""
        for table in ("tries", "starts", "overruns", "faults"):
            await self._forget(table, record)

    async def begun(self, record: RecordKey, *, at: datetime) -> int:
        """Count work that was begun and not ended, this time included: the mail may have stopped its worker."""
        return (await self._count("starts", record, "begun", at)).failures

    async def overran(self, record: RecordKey, *, because: str, at: datetime) -> int:
        """Count work that took longer than it may, this time included."""
        return (await self._count("overruns", record, because, at)).failures

    async def faulted(self, record: RecordKey, *, because: str, at: datetime) -> int:
        """Count failures of the host's adapters on the mail, this time included. `because`: call, class and line."""
        return (await self._count("faults", record, because, at)).failures

    async def ended(self, record: RecordKey) -> None:
        """Work on it came to an end, whichever: no worker died of it."""
        await self._forget("starts", record)

    async def _count(self, table: str, record: RecordKey, last: str, at: datetime) -> Tries:
        def counted(standing: Tries | None) -> Tries:
            before = 0 if standing is None else standing.failures
            return Tries(record=record, failures=before + 1, last=last)

        return await self._change(_count_key(table, record), Tries, counted, ends(at, after=COUNT_KEPT))

    async def _forget(self, table: str, record: RecordKey) -> None:
        for _ in range(TRIES):
            stored = await self._get(_count_key(table, record))
            if stored is None:
                return
            (answer,) = await self.records.write([Delete(stored.key, stored.version)])
            if isinstance(answer, Written):
                return
        raise Contended(table)

    # --- over records --------------------------------------------------------------------------------

    async def _get(self, key: Key) -> Stored | None:
        return (await self.records.get([key])).get(key)

    async def _change(self, key: Key, kind: type[R], change: Callable[[R | None], R], due: Due | None = None) -> R:
        """Read, change, write if nobody was faster."""
        for _ in range(TRIES):
            stored = await self._get(key)
            standing = None if stored is None else load(stored.body, kind)
            changed = change(standing)
            if changed == standing:
                return changed
            body = dump(changed)
            write = Insert(key, body, due=due) if stored is None else Replace(key, stored.version, body, due)
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return changed
        raise Contended(key.table)

    async def _all(self, table: str, partition: str) -> AsyncIterator[Stored]:
        after = ""
        while True:
            page = await self.records.range(table, partition, after=after, limit=PAGE)
            for stored in page:
                yield stored
            if len(page) < PAGE:
                return
            after = page[-1].key.id


def bare_digest(known: Known, value: str | bytes) -> str:
    """The digest without a key, as outcomes of version 1 hold it. Nothing is written under it."""
    return digest(known.value, value)


def day_of(record: RecordKey) -> str:
    """`yyyy/mm/dd` of an envelope record."""
    return record.removeprefix("envelopes/").rpartition("/")[0]


def name_of(record: RecordKey) -> str:
    """The last part of its key, unique in its day."""
    return record.rpartition("/")[2]


def _readable(stored: Stored | None) -> OutcomeRecord | None:
    """None also for a format that this release cannot read."""
    with suppress(CodecError):
        return None if stored is None else load(stored.body, OutcomeRecord)
    return None


def _outcome_key(record: RecordKey) -> Key:
    return Key("outcomes", day_of(record), name_of(record))


def _count_key(table: str, record: RecordKey) -> Key:
    return Key(table, day_of(record), name_of(record))


def _sighted(sighting: SightingKey) -> str:
    message_id, sender = sighting
    return _mail(sender, message_id)


def _mail(sender: EmailAddress, message_id: MessageId) -> str:
    return digest(sender.key, message_id.value)


def _claim_key(claim: Claim) -> Key:
    return Key("claims", _mail(claim.key.sender, claim.key.message_id), encoded(claim.key.conversation))
