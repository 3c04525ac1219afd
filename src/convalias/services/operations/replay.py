"""Decide mails anew from the raw store. Safe to replay everything, twice: what is final is left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from attrs import frozen

from convalias.codec import loads
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.outcomes import Again, Dead, Done, Expired, Outcome, OutcomeRecord, Quarantined, Relayed
from convalias.domain.inbound.posts import EnvelopeRecord, MailReference, RecordKey
from convalias.domain.routing.plan import TryAgain
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.services.conversations.alias_keys import KeyGuard
from convalias.services.inbound.carrier import is_final as is_final_effect
from convalias.services.inbound.relay import LANE, InboundRelay
from convalias.services.operations.receipt_order import received_order
from convalias.services.running.outages import outage_in
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.errors import Parked
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.mails import InboundRecords


@frozen(kw_only=True)
class Replayed:
    """The result of a replay, or of a dry run of it."""

    looked_at: int = 0
    final: int = 0
    """Left alone: relayed, handed over, skipped, or refused by a person."""
    decided: int = 0
    events: int = 0
    """Messages added, or to be added."""
    waiting: int = 0
    """A dependency was away: replay again."""
    failed: int = 0
    """Failed again; its dead letter, if it has one, stays."""
    lost: int = 0
    """Of the final ones: relayed, and the message is not in its conversation. They are left alone like the others."""
    lost_records: tuple[RecordKey, ...] = ()
    """The first of them."""
    young: int = 0
    """Of the waiting ones: left to the workers, for it came within six hours."""

    def plus(self, other: Replayed) -> Replayed:
        """Both together."""
        return Replayed(
            looked_at=self.looked_at + other.looked_at,
            final=self.final + other.final,
            decided=self.decided + other.decided,
            events=self.events + other.events,
            waiting=self.waiting + other.waiting,
            failed=self.failed + other.failed,
            lost=self.lost + other.lost,
            lost_records=(self.lost_records + other.lost_records)[:NAMED],
            young=self.young + other.young,
        )


@frozen(kw_only=True)
class Selection:
    """The selection of a restoring replay, and whether people are notified of what it adds."""

    since: datetime | None = None
    """Received then or later."""
    until: datetime | None = None
    """Received before that."""
    conversation: ConversationId | None = None
    """Mail that leads into that conversation now."""
    recent: bool = False
    """Whether mail without an outcome is restored too that is so young that workers may have it in hand."""
    notify: bool = False
    """True: what is added is told of as if it had come in now."""


EVERYTHING: Final = Selection()
NAMED: Final = 20
"""So many lost mails are named."""
PENDING: Final = timedelta(hours=6)
"""A mail without an outcome that is younger is left to the workers: a restore would keep people from hearing of it.

After a restored backup that is not so: those that were told of have no outcome any more. `Selection.recent` says so.
"""


@frozen(kw_only=True)
class Replay:
    """Looks at the recorded outcome first. Mails nobody: refusals are not sent again.

    One mail that fails is counted, and the next one is looked at. Raises `Unavailable` when our own stores are away,
    and `KeysRefused`. A dry run is the run itself over ports that change nothing.
    """

    blobs: Blobs
    inbound: InboundRecords
    dead_letters: DeadLetters
    conversations: ConversationAccess
    relay: InboundRelay
    """For a redrive: what it adds is told of, as by a first try."""
    restoring: InboundRelay
    """For a restore: what it adds is told to nobody."""
    keys: KeyGuard
    clock: Clock
    rehearse: Callable[[], Replay]
    """The same over ports that change nothing."""

    async def all(self, *, dry_run: bool, of: Selection = EVERYTHING) -> Replayed:
        """Every mail that is still kept and selected, in the order of receipt. Restores: notifies only if `of` says so."""
        if dry_run:
            return await self.rehearse().all(dry_run=False, of=of)
        total = Replayed()
        async for key in received_order(self.blobs, since=of.since, until=of.until):
            total = total.plus(await self._one(key, of))
        return total

    async def dead(self, *, dry_run: bool) -> Replayed:
        """Every dead letter of the inbound side; one whose mail came to an end is dropped."""
        if dry_run:
            return await self.rehearse().dead(dry_run=False)
        total = Replayed()
        async for letter in self.dead_letters.list(LANE):
            done = await self._one(RecordKey(letter.subject), None)
            total = total.plus(done)
            if done.decided or done.final:
                await self.dead_letters.drop(letter)
        return total

    async def one(self, key: RecordKey, *, dry_run: bool) -> Replayed:
        """Replay one envelope record as a first try: people are notified of what it adds."""
        if dry_run:
            return await self.rehearse().one(key, dry_run=False)
        return await self._one(key, None)

    async def _one(self, key: RecordKey, restore: Selection | None) -> Replayed:
        await self.keys.check()  # with other keys its alias would be a forged one
        standing = await self.inbound.outcome(key)
        body = await self.blobs.get(key)
        if body is None or (standing is not None and is_final(standing.outcome)):
            return await self._left_alone(key, standing, restore)
        try:
            record = loads(body, EnvelopeRecord)
            place = None if restore is None else restore.conversation
            if place is not None and not await self._leads_into(place, record):
                return Replayed()
            quiet = restore is not None and not restore.notify
            young = standing is None and record.post.received_at > self.clock.now() - PENDING
            if restore is not None and quiet and young and not restore.recent:
                return Replayed(looked_at=1, waiting=1, young=1)
            relay = self.restoring if quiet else self.relay
            return await self._decided(relay, MailReference(key, record.trace), standing)
        except Exception as error:  # noqa: BLE001 - poison never blocks others
            away = outage_in(error) is not None
            return Replayed(looked_at=1, waiting=1) if away else Replayed(looked_at=1, failed=1)

    async def _left_alone(self, key: RecordKey, standing: OutcomeRecord | None, restore: Selection | None) -> Replayed:
        """Of a selection by conversation only what was added to it is counted."""
        effects = standing.outcome.effects if standing is not None and isinstance(standing.outcome, Done) else ()
        relayed = [effect for _, effect in effects if isinstance(effect, Relayed)]
        place = None if restore is None else restore.conversation
        if place is not None and place not in {effect.conversation for effect in relayed}:
            return Replayed()
        for effect in relayed:
            if not await self._is_there(effect):
                return Replayed(looked_at=1, final=1, lost=1, lost_records=(key,))
        return Replayed(looked_at=1, final=1)

    async def _is_there(self, effect: Relayed) -> bool:
        try:
            return await self.conversations.keyed(effect.conversation, key=effect.event) is not None
        except Parked:  # of a newer release, but there
            return True

    async def _leads_into(self, conversation: ConversationId, record: EnvelopeRecord) -> bool:
        """Whether a recipient of that mail is an address of the conversation, whatever the rules say of the mail."""
        raw = await self.blobs.get(record.raw)
        read = None if raw is None else await self.relay.read(record, raw, keep=False)
        if read is None or isinstance(read, Again):
            return False
        plan = await self.relay.decide(record, read)
        return not isinstance(plan, TryAgain) and any(one.conversation == conversation for one in plan)

    async def _decided(self, relay: InboundRelay, mail: MailReference, standing: OutcomeRecord | None) -> Replayed:
        progress = await relay.conclude(mail, standing=standing)
        if isinstance(progress, Again):
            return Replayed(looked_at=1, waiting=1)
        if standing is not None and isinstance(standing.outcome, Dead):
            await self.inbound.forgive(mail.record)
            if (letter := await self._letter(standing)) is not None:
                await self.dead_letters.drop(letter)
        before = standing.outcome.effects if standing is not None and isinstance(standing.outcome, Done) else ()
        effects = progress.effects if isinstance(progress, Done) else ()
        added = [one for one in effects if one not in before and isinstance(one[1], Relayed) and one[1].added]
        return Replayed(looked_at=1, decided=1, events=len(added))

    async def _letter(self, standing: OutcomeRecord) -> DeadLetter | None:
        return await self.dead_letters.get(LANE, DeadLetterId(str(standing.trace)))


def is_final(outcome: Outcome) -> bool:
    """Whether a replay leaves it alone. Holds, refusals by rule, dead and quarantined mails are decided anew.

    So is one that had expired: its octets may be back.
    """
    match outcome:
        case Done(effects=effects):
            return all(is_final_effect(effect) for _, effect in effects)
        case Dead() | Quarantined() | Expired():
            return False
        case _:
            assert_never(outcome)
