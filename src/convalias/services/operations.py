"""For the operator at 3 a.m.: the way of a mail through the system, what is dead, and how to go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final, assert_never

from attrs import field, frozen

from convalias.codec import loads
from convalias.domain.addresses import EmailAddress
from convalias.domain.dead_letters import DeadLetter
from convalias.domain.dedup import MessageId
from convalias.domain.envelope import ClearFrom, InboundMail, MessageEnvelope
from convalias.domain.ids import TraceId
from convalias.domain.inbound import (
    Dead,
    Done,
    EnvelopeRecord,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Outcome,
    OutcomeRecord,
    Quarantined,
    RecordKey,
    Refused,
    Relayed,
    Skipped,
)
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.mail import MailReader
from convalias.services.advice import advice
from convalias.services.inbound_relay import LANE
from convalias.services.kept import days_of, without_outcome
from convalias.stores.dead_letters import DeadLetters
from convalias.stores.inbound import InboundRecords, message_digest, recipient_digests, sender_digest

LOOK_BACK: Final = timedelta(days=7)
MOST: Final = 100
MOST_READ: Final = 1_000
"""So many mails that wait are read to see whether they are meant."""


@frozen(kw_only=True)
class Step:
    """One thing that happened to a mail."""

    at: datetime
    what: str


@frozen(kw_only=True)
class Story:
    """The way of one mail; printing it is the point. Names aliases and ids, no sender and no text."""

    record: RecordKey
    trace: TraceId
    steps: tuple[Step, ...]
    next: str

    def __str__(self) -> str:
        """A line a step, then what to do next."""
        lines = [f"{step.at:%Y-%m-%d %H:%M:%S}  {step.what}" for step in self.steps]
        return "\n".join([*lines, f"next                 {self.next}"])


@frozen(kw_only=True)
class Asked:
    """Which mails are meant; what is None does not matter."""

    message_id: str | None = None
    sender: EmailAddress | None = field(default=None, repr=False)
    recipient: EmailAddress | None = field(default=None, repr=False)
    record: RecordKey | None = None

    def fits(self, outcome: OutcomeRecord) -> bool:
        """By digests: an outcome names nobody."""
        message_id = self.message_id
        return (
            (self.record is None or outcome.record == self.record)
            and (message_id is None or outcome.message_digest == message_digest(_message_id(message_id)))
            and (self.sender is None or outcome.sender_digest == sender_digest(self.sender))
            and (self.recipient is None or recipient_digests([self.recipient])[0] in outcome.recipient_digests)
        )

    def fits_route(self, record: EnvelopeRecord, mail: InboundMail | None) -> bool:
        """The same of a mail that has no outcome yet; None: it was not read, so its sender and id are not known."""
        sender = mail.sender if isinstance(mail, MessageEnvelope) else None
        message_id = None if mail is None else mail.message_id
        return (
            (self.message_id is None or message_id == _message_id(self.message_id))
            and (self.sender is None or (isinstance(sender, ClearFrom) and sender.address == self.sender))
            and (self.recipient is None or self.recipient in record.post.recipients)
        )


@frozen(kw_only=True)
class Operations:
    """Reads only. Every call may be repeated. Raises `Unavailable`."""

    blobs: Blobs
    inbound: InboundRecords
    dead_letters: DeadLetters
    clock: Clock
    reader: MailReader | None = None
    """Tells whose a mail is that waits; without it one that waits is found by its record or its recipient alone."""

    async def why(self, asked: Asked, *, since: datetime | None = None) -> tuple[Story, ...]:
        """What became of these mails since then (default: 7 days), newest first, at most 100; also of those that wait.

        Costs a scan of the outcomes of those days, and a reading of the mails that wait.
        """
        if asked.record is not None:
            story = await self._story(asked.record, await self.inbound.outcome(asked.record))
            return () if story is None else (story,)
        start = since or self.clock.now() - LOOK_BACK
        stories = [story async for story in self._search(asked, start)]
        stories += [story async for story in self._waiting(asked, start)]
        stories.sort(key=lambda story: story.steps[0].at, reverse=True)
        return tuple(stories[:MOST])

    async def waiting(self, *, since: datetime | None = None) -> int:
        """How many mails were kept since then and are not concluded yet."""
        return len([key async for key in self._open(since or self.clock.now() - LOOK_BACK)])

    async def _search(self, asked: Asked, since: datetime) -> AsyncIterator[Story]:
        async for day in self._days(since):
            async for outcome in self.inbound.outcomes_of(day):
                if asked.fits(outcome):
                    story = await self._story(outcome.record, outcome)
                    if story is not None and story.steps[-1].at >= since:
                        yield story

    async def _waiting(self, asked: Asked, since: datetime) -> AsyncIterator[Story]:
        looked = 0
        async for key in self._open(since):
            looked += 1
            if (
                looked <= MOST_READ
                and (record := await self._record(key)) is not None
                and await self._is(asked, record)
            ):
                yield _story_of(record, None)

    async def _is(self, asked: Asked, record: EnvelopeRecord) -> bool:
        """Whether a mail that waits is meant: it is read as the relay will read it."""
        if self.reader is None:
            return asked.fits_route(record, None)
        raw = await self.blobs.get(record.raw)
        return raw is not None and asked.fits_route(record, (await self.reader.read(raw, record.post)).mail)

    async def _open(self, since: datetime) -> AsyncIterator[RecordKey]:
        async for day in self._days(since):
            async for key in without_outcome(self.blobs, self.inbound, day):
                yield key

    async def _days(self, since: datetime) -> AsyncIterator[str]:
        """Days of tokens that mail received since then may bear."""
        first = f"{since - timedelta(days=3):%Y/%m/%d}"
        async for day in days_of(self.blobs):
            if day >= first:
                yield day

    async def _record(self, key: RecordKey) -> EnvelopeRecord | None:
        body = await self.blobs.get(key)
        return None if body is None else loads(body, EnvelopeRecord)

    async def _story(self, key: RecordKey, outcome: OutcomeRecord | None) -> Story | None:
        record = await self._record(key)
        if record is not None:
            return _story_of(record, outcome)
        if outcome is None:
            return None
        return Story(record=key, trace=outcome.trace, steps=_decided(outcome), next=advice(outcome.outcome))

    async def dead(self) -> tuple[DeadLetter, ...]:
        """Inbound mails that were given up."""
        return tuple([letter async for letter in self.dead_letters.list(LANE)])

    async def quarantined(self) -> int:
        """How many kept mails are never routed. Costs a scan of the outcomes."""
        count = 0
        async for day in days_of(self.blobs):
            async for outcome in self.inbound.outcomes_of(day):
                count += isinstance(outcome.outcome, Quarantined)
        return count


def _story_of(record: EnvelopeRecord, outcome: OutcomeRecord | None) -> Story:
    decided = () if outcome is None else _decided(outcome)
    said = advice(None if outcome is None else outcome.outcome)
    return Story(record=record.key, trace=record.trace, steps=(_received(record), *decided), next=said)


def _decided(outcome: OutcomeRecord) -> tuple[Step, ...]:
    return tuple(Step(at=outcome.decided_at, what=line) for line in _lines(outcome))


def _received(record: EnvelopeRecord) -> Step:
    what = f"received   by {record.source}, kept as {record.raw}"
    if record.quarantined:
        what += f", quarantined: {record.quarantined}"
    return Step(at=record.post.received_at, what=what)


def _lines(outcome: OutcomeRecord) -> list[str]:
    rules = dict(outcome.rules)
    match outcome.outcome:
        case Done(effects=effects):
            return [
                f"{_said(effect)}, at {address.key}, by rule {rules.get(address, '?')}" for address, effect in effects
            ]
        case Dead(reason=reason, tries=tries):
            return [f"dead       after {tries} tries: {reason}"]
        case Quarantined(reason=reason):
            return [f"quarantine {reason}"]
        case Expired():
            return ["expired    the raw mail is gone"]
        case _:
            assert_never(outcome.outcome)


def _said(effect: Relayed | HandedOver | Skipped | Held | Refused | Ignored) -> str:
    match effect:
        case Relayed(event=event, conversation=conversation, added=added):
            return f"relayed    to {conversation} as event {event}{'' if added else ' (it was there already)'}"
        case HandedOver():
            return "handed     over to the legacy relay"
        case Skipped(carried_by=carrier):
            return f"skipped    {'another post carries it' if carrier is None else f'{carrier.key} carries it'}"
        case Held(hold=hold):
            return f"held       as {hold}"
        case Refused(reason=reason, told=told):
            return f"refused    {reason.value}, {'the sender is told' if told else 'nobody is told'}"
        case Ignored(reason=reason):
            return f"ignored    {reason.value}"
        case _:
            assert_never(effect)


def _message_id(text: str) -> MessageId:
    """As the reader makes it canonical: what is between `<` and the last `>`, without white space."""
    inner = text.partition("<")[2].rpartition(">")[0] if "<" in text and ">" in text else text
    return MessageId("".join(inner.split()).encode("utf-8", "surrogateescape"))


def outcome_name(outcome: Outcome | None) -> str:
    """One word."""
    return "waiting" if outcome is None else type(outcome).__name__.lower()
