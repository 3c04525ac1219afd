"""Explain the way of a mail, list dead letters, and say how to go on, for the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import evolve, field, frozen

from convalias.codec import CodecError, loads
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.outcomes import Done, Outcome, Relayed
from convalias.domain.inbound.posts import EnvelopeRecord, RecordKey
from convalias.domain.operations.mail_index import Known, message_value, recipient_value, typed_message_id
from convalias.domain.outbound.delivery import NotificationId
from convalias.domain.outbound.suppressions import EventPlace
from convalias.ports.ambient import Clock
from convalias.services.conversations.alias_keys import KeyGuard
from convalias.services.inbound.envelope_records import days_of, without_outcome
from convalias.services.inbound.relay import LANE
from convalias.services.operations.mail_finding import LOOK_BACK, MOST, MOST_LISTED, Asked, MailFinder
from convalias.services.operations.mail_following import MailFollower, Step, Story
from convalias.stores.errors import Parked
from convalias.stores.outbound.letters import LANE as DELIVERIES
from convalias.stores.outbound.letters import read_subject
from convalias.stores.outbound.suppressions import Suppressions

__all__ = ["Asked", "Operations", "Step", "Stories", "Story", "outcome_name"]

NO_NOTIFICATION: Final = (
    "no notification with that id was sent by e-mail from here, or given up; what the legacy relay delivers is not"
    " found by its notification: ask with --conversation or --message-id, or the legacy relay itself"
)
MOST_QUARANTINED: Final = 10_000
"""So many outcomes are looked through for mail in quarantine."""


@frozen
class Stories:
    """The stories of the mails that were asked about, newest first, and what the search left out."""

    stories: tuple[Story, ...] = ()
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    """`cut: …` where there may be more than is told."""

    def __iter__(self) -> Iterator[Story]:
        """Each story."""
        return iter(self.stories)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.stories)

    @property
    def is_cut(self) -> bool:
        """Whether there may be more."""
        return any(note.startswith("cut") for note in self.notes)


@frozen
class Counted:
    """A number that was counted up to a bound."""

    count: int
    at_least: bool = False
    """Whether the bound was reached, so that there may be more."""

    def __str__(self) -> str:
        """As people read it."""
        return f"at least {self.count}" if self.at_least else str(self.count)


@frozen
class Waiting:
    """Mails without an outcome: how many, and since when the oldest of them waits."""

    count: int
    oldest: datetime | None
    at_least: bool = False
    """Whether the count ended at a limit, or older ones may be among those that were not read."""


@frozen(kw_only=True)
class Operations:
    """Reads only. Every call may be repeated. Raises `Unavailable`."""

    finder: MailFinder
    follower: MailFollower
    suppressions: Suppressions
    keys: KeyGuard
    clock: Clock

    async def why(self, asked: Asked, *, since: datetime | None = None) -> Stories:
        """Explain what became of these mails, newest first, at most 100; also of those that wait.

        What is known of a mail is looked up in an index, so that the cost does not grow with the days that are kept.
        Without `since`, mails that wait and mails of before the index are looked for in the last 7 days.
        """
        found = await self._found(asked, since=since)
        if found.stories or asked.record is not None or not (lacking := await self.keys.lacking()):
            return found
        return evolve(found, notes=(*found.notes, f"keys: {lacking}; what was indexed with that key is not found"))

    async def _found(self, asked: Asked, *, since: datetime | None) -> Stories:
        if asked.record is not None:
            return _told([await self.follower.mail(asked.record)])
        if asked.notification is not None:
            return await self._of_notification(asked.notification)
        if asked.conversation is not None:
            return await self._of_conversation(ConversationId(asked.conversation))
        found = await self.finder.find(asked, since=since, now=self.clock.now())
        return await self._of_records(found.records, notes=found.notes)

    async def waiting(self, *, since: datetime | None = None) -> int:
        """Count the mails that were kept since then and are not concluded yet."""
        first = f"{since or self.clock.now() - LOOK_BACK:%Y/%m/%d}"
        blobs, inbound = self.finder.blobs, self.finder.inbound
        return len(
            [key async for day in days_of(blobs, first=first) async for key in without_outcome(blobs, inbound, day)]
        )

    async def oldest_waiting(self, *, since: datetime) -> Waiting:
        """The mail that waits longest for its outcome. Lists at most 20,000 names and reads at most 100 records."""
        blobs, inbound = self.finder.blobs, self.finder.inbound
        received: list[datetime] = []
        count = 0
        async for day in days_of(blobs, first=f"{since:%Y/%m/%d}"):
            async for key in without_outcome(blobs, inbound, day):
                count += 1
                if count <= MOST:
                    received += await self._received(key)
                if count >= MOST_LISTED:
                    return Waiting(count, min(received, default=None), at_least=True)
        return Waiting(count, min(received, default=None), at_least=count > MOST)

    async def _received(self, key: RecordKey) -> list[datetime]:
        body = await self.finder.blobs.get(key)
        with suppress(CodecError):
            return [] if body is None else [loads(body, EnvelopeRecord).post.received_at]
        return []

    async def dead(self) -> tuple[DeadLetter, ...]:
        """Inbound mails that were given up."""
        return tuple([letter async for letter in self.follower.stores.dead_letters.list(LANE)])

    async def quarantined(self) -> Counted:
        """Count the kept mails that are never routed. Reads at most 10,000 outcomes, the newest days first."""
        count = read = 0
        for day in sorted([day async for day in days_of(self.finder.blobs)], reverse=True):
            async for outcome in self.finder.inbound.outcomes_of(day):
                read += 1
                if read > MOST_QUARANTINED:
                    return Counted(count, at_least=True)
                count += outcome_name(outcome.outcome) == "quarantined"
        return Counted(count)

    # --- by conversation, by notification ------------------------------------------------------------

    async def _of_records(self, records: Sequence[RecordKey], *, notes: tuple[str, ...] = ()) -> Stories:
        if len(records) > MOST:
            notes = (*notes, f"cut: the newest {MOST} of {len(records)}")
        stories = [await self.follower.mail(record) for record in records[:MOST]]
        return _told(stories, notes=notes)

    async def _of_notification(self, notification: str) -> Stories:
        place = await self._place(notification)
        if place is None:
            return Stories(notes=(NO_NOTIFICATION,))
        event = await self.follower.stores.conversations.keyed(place.conversation, key=place.event)
        if event is None:
            return Stories(notes=(f"its message, event {place.event} of {place.conversation}, was removed",))
        return _told(await self._of_event(event))

    async def _place(self, notification: str) -> EventPlace | None:
        """Written before the first mail leaves; what was given up before has a letter."""
        place = await self.suppressions.where(NotificationId(notification))
        letter = await self.follower.stores.dead_letters.get(DELIVERIES, DeadLetterId(notification))
        if place is not None or letter is None:
            return place
        conversation, event = read_subject(letter.subject)
        return EventPlace(event=event, conversation=conversation)

    async def _of_conversation(self, conversation: ConversationId) -> Stories:
        """Every mail to an alias of it, and its latest messages, however they came."""
        stores, notes = self.follower.stores, list[str]()
        records: dict[RecordKey, None] = {}
        for alias in await stores.aliases.of(conversation):
            of_alias = await self.finder.by(Known.RECIPIENT, recipient_value(alias.address, self.finder.domains))
            if len(of_alias) >= MOST:
                notes.append(f"cut: the newest {MOST} mails to {alias.address.key}")
            records.update(dict.fromkeys(of_alias))
        told: dict[RecordKey | str, Story | None] = {record: await self.follower.mail(record) for record in records}
        try:
            async for story in self._of_messages(conversation, tuple(records), notes):
                told[story.record or story.steps[0].what] = story
        except Parked as parked:
            notes.append(str(parked))
        return _told(list(told.values()), notes=tuple(notes))

    async def _of_messages(
        self, conversation: ConversationId, told: Sequence[RecordKey], notes: list[str]
    ) -> AsyncIterator[Story]:
        """The latest messages that none of the mails told of brought."""
        conversations = self.follower.stores.conversations
        thread = await conversations.thread(conversation)
        if thread is not None and thread.seq > MOST:
            notes.append(f"cut: the latest {MOST} of {thread.seq} events")
        covered = await self._events_of(told)
        for event in await conversations.ends(conversation, first=0, last=MOST):
            if isinstance(event.happening, MessageAdded) and event.id not in covered:
                for story in await self._of_event(event):
                    yield story

    async def _of_event(self, event: ConversationEvent) -> list[Story]:
        """The mails that brought a message; where there is none, the way of the message itself."""
        said = event.happening
        message_id = said.message_id if isinstance(said, MessageAdded) else None
        value = b"" if message_id is None else message_value(typed_message_id(message_id))
        records = await self.finder.by(Known.MESSAGE_ID, value) if value else ()
        outcomes = await self.finder.inbound.outcomes(records)
        brought = [record for record, outcome in outcomes.items() if event.id in _events(outcome.outcome)]
        stories = [await self.follower.mail(record) for record in brought]
        return [story for story in stories if story is not None] or [await self.follower.message(event)]

    async def _events_of(self, records: Sequence[RecordKey]) -> frozenset[str]:
        outcomes = await self.finder.inbound.outcomes(records)
        return frozenset(event for outcome in outcomes.values() for event in _events(outcome.outcome))


def _events(outcome: Outcome) -> frozenset[str]:
    effects = outcome.effects if isinstance(outcome, Done) else ()
    return frozenset(effect.event for _, effect in effects if isinstance(effect, Relayed))


def _told(stories: Sequence[Story | None], *, notes: tuple[str, ...] = ()) -> Stories:
    """Newest first."""
    told = [story for story in stories if story is not None]
    told.sort(key=lambda story: story.steps[0].at, reverse=True)
    return Stories(tuple(told), notes=notes)


def outcome_name(outcome: Outcome | None) -> str:
    """Return the name of an outcome."""
    return "waiting" if outcome is None else type(outcome).__name__.lower()
