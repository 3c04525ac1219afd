"""Decide mails anew from the raw store. Safe to replay everything, twice: what is final is left alone."""

from __future__ import annotations

from typing import assert_never

from attrs import frozen

from convalias.codec import loads
from convalias.domain.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound import (
    Again,
    Dead,
    Done,
    EnvelopeRecord,
    Expired,
    MailReference,
    Outcome,
    OutcomeRecord,
    Quarantined,
    RecordKey,
    Relayed,
)
from convalias.domain.plan import TryAgain
from convalias.domain.verdicts import RelayToConversation
from convalias.ports.blobs import Blobs
from convalias.services.alias_keys import KeyGuard
from convalias.services.carrier import is_final as is_final_effect
from convalias.services.failures import outage_in
from convalias.services.inbound_relay import LANE, InboundRelay
from convalias.services.kept import names_of
from convalias.stores.dead_letters import DeadLetters
from convalias.stores.inbound import InboundRecords


@frozen(kw_only=True)
class Replayed:
    """What a replay did, or with `dry_run` would do."""

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

    def plus(self, other: Replayed) -> Replayed:
        """Both together."""
        return Replayed(
            looked_at=self.looked_at + other.looked_at,
            final=self.final + other.final,
            decided=self.decided + other.decided,
            events=self.events + other.events,
            waiting=self.waiting + other.waiting,
            failed=self.failed + other.failed,
        )


@frozen(kw_only=True)
class Replay:
    """Looks at the recorded outcome first. Mails nobody: refusals are not sent again.

    One mail that fails is counted, and the next one is looked at. Raises `Unavailable` when our own stores are away,
    and `KeysRefused`.
    """

    blobs: Blobs
    inbound: InboundRecords
    dead_letters: DeadLetters
    relay: InboundRelay
    keys: KeyGuard

    async def all(self, *, dry_run: bool) -> Replayed:
        """Every mail that is still kept."""
        total = Replayed()
        async for key in names_of(self.blobs):
            total = total.plus(await self.one(key, dry_run=dry_run))
        return total

    async def dead(self, *, dry_run: bool) -> Replayed:
        """Every dead letter of the inbound side; one whose mail came to an end is dropped."""
        total = Replayed()
        async for letter in self.dead_letters.list(LANE):
            done = await self.one(RecordKey(letter.subject), dry_run=dry_run)
            total = total.plus(done)
            if (done.decided or done.final) and not dry_run:
                await self.dead_letters.drop(letter)
        return total

    async def one(self, key: RecordKey, *, dry_run: bool) -> Replayed:
        """One envelope record."""
        await self.keys.check()  # with other keys its alias would be a forged one
        standing = await self.inbound.outcome(key)
        body = await self.blobs.get(key)
        if body is None or (standing is not None and is_final(standing.outcome)):
            return Replayed(looked_at=1, final=1)
        try:
            record = loads(body, EnvelopeRecord)
            if dry_run:
                return await self._would(record)
            return await self._decided(MailReference(key, record.trace), standing)
        except Exception as error:  # noqa: BLE001 - poison never blocks others
            away = outage_in(error) is not None
            return Replayed(looked_at=1, waiting=1) if away else Replayed(looked_at=1, failed=1)

    async def _decided(self, mail: MailReference, standing: OutcomeRecord | None) -> Replayed:
        progress = await self.relay.conclude(mail, standing=standing)
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

    async def _would(self, record: EnvelopeRecord) -> Replayed:
        raw = await self.blobs.get(record.raw)
        if raw is None or record.quarantined is not None:
            return Replayed(looked_at=1, decided=1)
        read = await self.relay.read(record, raw, keep=False)
        plan = read if isinstance(read, Again) else await self.relay.decide(record, read)
        if isinstance(plan, TryAgain | Again):
            return Replayed(looked_at=1, waiting=1)
        relays = sum(isinstance(ruling.verdict, RelayToConversation) for ruling in plan)
        return Replayed(looked_at=1, decided=1, events=relays)


def is_final(outcome: Outcome) -> bool:
    """Whether a replay leaves it alone. Holds, refusals by rule, dead and quarantined mails are decided anew."""
    match outcome:
        case Done(effects=effects):
            return all(is_final_effect(effect) for _, effect in effects)
        case Expired():
            return True
        case Dead() | Quarantined():
            return False
        case _:
            assert_never(outcome)
