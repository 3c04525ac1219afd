"""Take a mail so that it is kept and queued, or say that it is not."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from attrs import frozen

from convalias.codec import CodecError, dumps, loads
from convalias.domain.addresses.email_address import MailDomains
from convalias.domain.aliases.alias import AliasKeys
from convalias.domain.aliases.unwrapping import may_be_ours
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import EnvelopeRecord, IncomingMail, MailReference, Post, RawKey, RecordKey
from convalias.domain.mail.envelope import NullReturnPath
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.blobs import Blobs, Put
from convalias.ports.errors import Unavailable
from convalias.ports.queue import JobQueue

KEEP_WITHIN: Final = timedelta(seconds=30)
"""All three steps together; then the source is told to try again."""

STRANGERS_KEPT: Final = 327_680
"""Octets of a mail that may be nobody's here: the longest header block, and 64 kB behind it."""


@frozen
class Kept:
    """Raw mail, envelope record and job are durable."""

    record: RecordKey
    trace: TraceId
    quarantined: str | None = None


@frozen
class TokenReused:
    """The token came before, with something else: a signature that somebody put under another body."""

    record: RecordKey


Receipt: TypeAlias = Kept | TokenReused
"""Answer about a mail that came in: it is kept, or its signed token was used for another one."""


@frozen(kw_only=True)
class Receiver:
    """Keeps mail. Needs the raw store and the queue, nothing else: with the database away, mail is still accepted."""

    blobs: Blobs
    queue: JobQueue
    clock: Clock
    telemetry: Telemetry
    within: timedelta = KEEP_WITHIN
    domains: MailDomains | None = None
    """Ours. None: not known, and all mail is kept whole."""
    keys: AliasKeys | None = None
    """Of our v3 aliases; None: no token is known to be forged."""

    async def accept(self, mail: IncomingMail) -> Receipt:
        """Raw object, envelope record, job: each step idempotent, so a repeated call heals a half-done one.

        Returned: kept and queued. Raised (`Unavailable`): let the source try again. May be repeated.
        """
        now, kept = self.clock.now(), self._kept(mail)
        record = self._record(mail, raw=raw_key(kept, now), now=now, cut=len(kept) < len(mail.raw))
        try:
            return await self._in_time(mail, kept, record)
        except Unavailable as away:
            away.record = record.key
            raise

    def _kept(self, mail: IncomingMail) -> bytes:
        """Return what is kept of a mail: all, unless what needs no store shows that it is no mail of ours.

        A cached absence of an alias never shows that.
        """
        if self.domains is None or not mail.recipients or may_be_ours(mail.recipients, self.domains, self.keys):
            return mail.raw
        return mail.raw[:STRANGERS_KEPT]

    async def _in_time(self, mail: IncomingMail, kept: bytes, record: EnvelopeRecord) -> Receipt:
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self._accept(mail, kept, record)
        except TimeoutError as late:
            raise Unavailable("raw store or queue", retry_after=self.within) from late

    async def _accept(self, mail: IncomingMail, kept: bytes, new: EnvelopeRecord) -> Receipt:
        await self.blobs.put(new.raw, kept)
        record = await self._bind(new)
        if record is None:
            with self.telemetry.span("icer.receiving", "", record=new.key):
                self.telemetry.measure("icer.token_reused", 1, source=mail.source)
            return TokenReused(new.key)
        with self.telemetry.span("icer.receiving", record.trace, record=record.key):
            return await self._queued(mail, record)

    async def _queued(self, mail: IncomingMail, record: EnvelopeRecord) -> Kept:
        try:
            await self.queue.put([reference_body(reference_to(record))])
        except Unavailable as away:
            away.trace = record.trace
            raise
        self.telemetry.measure("icer.messages.received", 1, source=mail.source)
        if record.cut:
            self.telemetry.measure("icer.messages.cut", 1, source=mail.source)
        if record.quarantined:
            self.telemetry.measure("icer.messages.quarantined", 1, reason=record.quarantined)
        return Kept(record.key, record.trace, record.quarantined)

    def _record(self, mail: IncomingMail, *, raw: RawKey, now: datetime, cut: bool) -> EnvelopeRecord:
        post = Post(
            received_at=now,
            recipients=mail.recipients,
            return_path=mail.sender,
            evidence=mail.evidence,
            spam=mail.spam,
        )
        return EnvelopeRecord(
            key=record_key(mail, now),
            raw=raw,
            source=mail.source,
            post=post,
            digest=mail.digest or posted_digest(mail),
            trace=TraceId(self.clock.new_id()),
            quarantined=mail.quarantine,
            cut=cut,
        )

    async def _bind(self, record: EnvelopeRecord) -> EnvelopeRecord | None:
        """The record that stands under this token, or None when it was bound to something else.

        Signature and token do not cover the body, so the first post of a token decides what it stands for.
        """
        if await self.blobs.put(record.key, dumps(record)) is Put.NEW:
            return record
        body = await self.blobs.get(record.key)
        if body is None:  # deleted by retention in this very moment
            raise Unavailable("raw store")
        try:
            standing = loads(body, EnvelopeRecord)
        except CodecError as unreadable:  # kept by a newer release: only that can tell whether this is the same mail
            raise Unavailable(f"envelope record of this token ({unreadable})") from unreadable
        return standing if standing.digest == record.digest else None


def raw_key(raw: bytes, received: datetime) -> RawKey:
    """`raw/yyyy/mm/dd/<sha256>` by reception day: at most one object per digest and day.

    The day makes "already there" safe against retention, which deletes by age.
    """
    return RawKey(f"raw/{received:%Y/%m/%d}/{hashlib.sha256(raw).hexdigest()}")


def is_whole(key: RawKey, raw: bytes) -> bool:
    """Whether these are the octets that were kept under that key."""
    return key.rpartition("/")[2] == hashlib.sha256(raw).hexdigest()


def record_key(mail: IncomingMail, received: datetime) -> RecordKey:
    """`envelopes/yyyy/mm/dd/<digest of source and token>.json`, by the token's own day.

    A source without tokens gets one made of digest and recipients, on the day of reception.
    """
    token = mail.token or f"{mail.source}:{posted_digest(mail)}"
    digest = hashlib.sha256(f"{mail.source}\0{token}".encode()).hexdigest()
    return RecordKey(f"envelopes/{mail.token_at or received:%Y/%m/%d}/{digest}.json")


def posted_digest(mail: IncomingMail) -> str:
    """SHA-256 over the raw mail, its sorted envelope recipients and its envelope sender."""
    digest = hashlib.sha256(hashlib.sha256(mail.raw).digest())
    for recipient in sorted(mail.recipients):
        digest.update(b"\0r" + recipient.key.encode())
    sender = mail.sender
    if sender is not None:
        digest.update(b"\0s" + (b"" if isinstance(sender, NullReturnPath) else sender.key.encode()))
    return digest.hexdigest()


def reference_to(record: EnvelopeRecord) -> MailReference:
    """Make the reference of a kept mail for the queue."""
    recipients = "\0".join(sorted(one.key for one in record.post.recipients))
    return MailReference(record.key, record.trace, hashlib.sha256(recipients.encode()).hexdigest()[:16])


def reference_body(reference: MailReference) -> str:
    """Write a reference as a job: ASCII, ids and digests only. `mail/1 <record key> <trace id> <lane>`."""
    return f"mail/1 {reference.record} {reference.trace} {reference.lane}".rstrip()


def read_reference(body: str) -> MailReference | None:
    """Return the reference in a job, or None if the job is not ours."""
    match body.split(" "):
        case ["mail/1", record, trace, *lane]:
            return MailReference(RecordKey(record), TraceId(trace), "".join(lane))
        case _:
            return None
