"""Traces that a run left, read off the engines: the checker's view, apart from the services that wrote them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from email import message_from_bytes
from itertools import accumulate

from attrs import field, frozen

from convalias.codec import load, loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import RESTORED, ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.host_messages import KeptMail
from convalias.domain.conversations.projection import fold
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.held import HeldMail
from convalias.domain.inbound.outcomes import Done, Held, Ignored, OutcomeRecord, Refused
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.routing.rules import RULES
from convalias.stores.conversations.host_rows import MAILS
from convalias.testing.simulator.journal import Mail, Post
from convalias.testing.simulator.platform import Row, named
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.releases import as_ours
from convalias.testing.simulator.world import World

PAGE = 1_000
EARLY = timedelta(seconds=15)
"""As far as the clock of the first process may be fast, and the time it takes to begin."""


@frozen
class Violation:
    """A thing that must not be."""

    law: str
    """`I1` to `I8`, or `run` when something ended that must not end."""
    what: str
    about: tuple[str, ...] = ()
    """Words that stand in the trace entries concerned: a mail's name, an event's id, a conversation."""


@frozen
class LegacyMail:
    """A notification that the legacy relay sent."""

    to: EmailAddress
    about: str
    """The event id of an index call, the external id of a hand-off."""
    references: str
    """The Message-ID that it is about."""


@frozen(kw_only=True)
class Findings:
    """All that the laws look at."""

    world: World
    events: Mapping[ConversationId, Sequence[ConversationEvent]]
    """In order. Where a platform keeps the conversations: what happened in its tables, a withdrawn message included."""
    decisions: Mapping[EventId, DeliveryDecision]
    outcomes: Mapping[str, OutcomeRecord]
    """By the key of the envelope record."""
    envelopes: Mapping[str, EnvelopeRecord]
    raws: Sequence[str]
    texts: Sequence[str]
    """The keys of blobs with long texts."""
    holds: Sequence[HeldMail]
    legacy_mails: Sequence[LegacyMail]
    rows: Mapping[EventId, Row] = field(factory=dict[EventId, Row])
    """Messages of a platform that keeps the conversations, by the id of their event; those from before as well."""

    kept: Mapping[tuple[str, str], KeptMail] = field(factory=dict[tuple[str, str], KeptMail])
    """Our rows beside the mails of such a platform, by conversation and key."""

    def messages(self) -> Iterator[tuple[ConversationEvent, MessageAdded]]:
        """All messages of all conversations."""
        for events in self.events.values():
            for event in events:
                if isinstance(event.happening, MessageAdded):
                    yield event, event.happening

    def as_messages(self, mail: Mail, conversation: ConversationId) -> Sequence[ConversationEvent]:
        """The events of that conversation that are this mail."""
        return [
            event
            for event in self.events.get(conversation, ())
            if isinstance(event.happening, MessageAdded) and is_of(event.happening, mail)
        ]

    def threads(self, conversation: ConversationId) -> Sequence[ConversationThread]:
        """The conversation as of each of its events."""
        first, *others = self.events[conversation]
        return list(accumulate(others, lambda thread, event: fold([event], thread), initial=fold([first])))

    def as_of(self, conversation: ConversationId, at: float) -> Sequence[ConversationEvent]:
        """The conversation's events as the store had them at that virtual second, what a restore took away included."""
        events, restored = self.events.get(conversation, ()), self.world.restored
        if restored is None or at >= restored.lost:
            return events
        lost = [event for event in restored.gone.values() if event.conversation == conversation]
        return sorted(
            [*(event for event in events if (event.appended_at - EPOCH).total_seconds() < restored.lost), *lost],
            key=lambda event: event.seq,
        )

    @property
    def gone(self) -> Mapping[EventId, ConversationEvent]:
        """Events that a restored backup has taken away."""
        return {} if self.world.restored is None else self.world.restored.gone

    @property
    def undone(self) -> Collection[EventId]:
        """Events of a restored backup that were not decided about, or not to the end, when it was made."""
        restored = self.world.restored
        return () if restored is None else restored.undone | restored.passed

    def is_quiet(self, event: ConversationEvent) -> bool:
        """Whether a restore added it without a word, as it was to: its mail had come before the loss."""
        restored, row = self.world.restored, self.rows.get(event.id)
        mail = None if row is None else self.kept.get((event.conversation, row.key or ""))
        message = event.happening if mail is None else mail.message  # a platform keeps no flags
        if restored is None or not isinstance(message, MessageAdded) or RESTORED not in message.flags:
            return False
        received = {one.post.received_at for one in self.envelopes.values() if one.raw == message.raw_key}
        return any(at < restored.until for at in received)

    @property
    def is_hosted(self) -> bool:
        """Whether a platform keeps the conversations, in no order and under no numbers."""
        return self.world.engines.platform is not None

    def is_withdrawn(self, event: EventId) -> bool:
        """Whether a platform's people have deleted that message, before or after anybody was told of it."""
        row = self.rows.get(event)
        return row is not None and row.withdrawn is not None

    def is_vanished(self, event: EventId) -> bool:
        """Whether a platform has put back a backup from before that message."""
        row = self.rows.get(event)
        return row is not None and row.vanished is not None

    def is_forgotten(self, event: EventId) -> bool:
        """Whether a platform's people deleted that message with its key before our records of it were lost.

        Then nobody knows any more that its mail was posted, and a replay posts it again.
        """
        restored, row, platform = self.world.restored, self.rows.get(event), self.world.engines.platform
        if restored is None or row is None or row.withdrawn is None or platform is None:
            return False
        return platform.frees_keys and row.withdrawn < restored.lost

    def is_declined(self, mail: Mail, conversation: ConversationId) -> bool:
        """Whether a platform has declined that mail there, at least once."""
        platform = self.world.engines.platform
        return platform is not None and any(
            one.thread == conversation and one.text.partition(" ")[0] == mail.name for one in platform.declined
        )

    def is_kept_by_own_rule(self, mail: Mail, conversation: ConversationId) -> bool:
        """Whether the rules are the host's own, and refused, held or ignored that mail there: ours would not."""
        if self.world.shape.rules == RULES:
            return False
        there = {to for to, place in zip(mail.recipients, mail.conversations, strict=True) if place == conversation}
        posts = [post for post in self.world.journal.posts if post.mail is mail]
        outcomes = [found.outcome for post in posts if (found := self.outcomes.get(envelope_key(post))) is not None]
        effects = [effect for one in outcomes if isinstance(one, Done) for effect in one.effects]
        return any(to in there and isinstance(effect, Refused | Held | Ignored) for to, effect in effects)

    def is_early(self, event: ConversationEvent) -> bool:
        """Whether a fast clock may take that message for one from before the first start."""
        row = self.rows.get(event.id)
        return row is not None and row.key is None and row.at < EPOCH + EARLY

    def changed(self, conversation: ConversationId, *words: str) -> bool:
        """Whether anybody changed, in this conversation or in all, what one of these words tells of."""
        return any(
            change.conversation in {None, conversation} and any(word in change.what for word in words)
            for change in self.world.journal.changes
        )


async def found(world: World) -> Findings:
    """Read everything. Crosses no gate, so it takes no time and nothing fails."""
    shared = world.engines
    events: Mapping[ConversationId, Sequence[ConversationEvent]] = _stored(world)
    if shared.platform is not None:
        mails = {mail.name: mail.message_id for mail in world.journal.mails.values()}
        events = {place: _recognized(listed, mails) for place, listed in shared.platform.histories().items()}
    decisions = [load(stored.body, DeliveryDecision) for stored in shared.records.table("decisions")]
    outcomes = [load(stored.body, OutcomeRecord) for stored in shared.records.table("outcomes")]
    mails_beside = [load(stored.body, KeptMail) for stored in shared.records.table(MAILS)]
    envelopes: dict[str, EnvelopeRecord] = {}
    for key in await _names(world, "envelopes/"):
        body = await shared.blobs.get(key)
        if body is not None:
            envelopes[key] = loads(body, EnvelopeRecord)
    return Findings(
        world=world,
        events=events,
        decisions={decision.event: decision for decision in decisions},
        outcomes={outcome.record: outcome for outcome in outcomes},
        envelopes=envelopes,
        raws=await _names(world, "raw/"),
        texts=await _names(world, "texts/"),
        holds=[load(stored.body, HeldMail) for stored in shared.records.table("holds")],
        legacy_mails=[_legacy_mail(mail.raw) for mail in shared.legacy_box.mails],
        rows={} if shared.platform is None else shared.platform.by_event(),
        kept={(mail.conversation, mail.key): mail for mail in mails_beside},
    )


def _stored(world: World) -> Mapping[ConversationId, Sequence[ConversationEvent]]:
    """Our own events."""
    events: defaultdict[ConversationId, list[ConversationEvent]] = defaultdict(list)
    for stored in world.engines.records.table("events"):
        event = load(as_ours(stored.body), ConversationEvent)
        events[event.conversation].append(event)
    return events


def _recognized(events: Sequence[ConversationEvent], mails: Mapping[str, str]) -> Sequence[ConversationEvent]:
    """The same, with the Message-IDs that the platform has no place for: of what came by mail."""
    return [
        named(event, mails.get(marker(event.happening), ""))
        if isinstance(event.happening, MessageAdded) and event.origin is Origin.ALIAS_MAIL
        else event
        for event in events
    ]


def marker(message: MessageAdded) -> str:
    """The name of the mail whose text it shows: Message-IDs are other people's words, and may be borrowed."""
    return message.text.partition(" ")[0]


def is_of(message: MessageAdded, mail: Mail) -> bool:
    """Whether that message is that mail."""
    return message.message_id == mail.message_id and marker(message) == mail.name


def envelope_key(post: Post) -> str:
    """Return the key of a post's envelope record: the token's day and a digest of source and token."""
    digest = hashlib.sha256(f"{post.source}\0{post.token}".encode()).hexdigest()
    return f"envelopes/{post.day:%Y/%m/%d}/{digest}.json"


def raw_keys(post: Post, *, until: float) -> Sequence[str]:
    """Return where the raw mail may lie: under its digest, on any day since."""
    digest = hashlib.sha256(post.mail.raw).hexdigest()
    days = int((EPOCH + timedelta(seconds=until) - post.day) / timedelta(days=1)) + 3
    return [f"raw/{post.day + timedelta(days=day - 1):%Y/%m/%d}/{digest}" for day in range(days)]


async def _names(world: World, prefix: str) -> Sequence[str]:
    names: list[str] = []
    while page := await world.engines.blobs.names(prefix, after=names[-1] if names else "", limit=PAGE):
        names += page
    return names


def _legacy_mail(raw: bytes) -> LegacyMail:
    mail = message_from_bytes(raw)
    to = EmailAddress.parse(str(mail["To"]).strip("<>"))
    return LegacyMail(to, str(mail["X-External-Id"] or ""), str(mail["References"] or ""))
