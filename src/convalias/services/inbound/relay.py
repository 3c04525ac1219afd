"""Process one mail from its envelope record to its outcome. Knows no queue: embed it in any loop."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Final, assert_never

from attrs import evolve, field, frozen

from convalias.codec import CodecError, loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.unwrapping import may_be_ours
from convalias.domain.approvals.holds import masked
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.outcomes import (
    Again,
    Dead,
    Done,
    Effect,
    Expired,
    Ignored,
    Outcome,
    OutcomeRecord,
    Progress,
    Quarantined,
    Refused,
)
from convalias.domain.inbound.posts import EnvelopeRecord, MailReference, RecordKey
from convalias.domain.inbound.tries import (
    AWAY_FOR,
    GiveUp,
    Patience,
    Retry,
    Trouble,
    after_outage,
    after_trouble,
    before_try,
)
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.reasons import Severity
from convalias.domain.migration.rollout import Stage
from convalias.domain.operations.mail_index import Known, message_value, recipient_values, sender_value
from convalias.domain.outbound.delivery import backoff
from convalias.domain.routing.explanation import numbered
from convalias.domain.routing.misses import BY_SOURCE, IN_ALL, misses_of, source_of
from convalias.domain.routing.plan import Decision, RoutingPlan, TryAgain
from convalias.domain.routing.policy import DEFAULT_POLICY, RoutingPolicy
from convalias.domain.routing.repeated_texts import counted_texts
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.too_large import TOO_LARGE, refusals_of
from convalias.domain.routing.verdicts import Hold, RelayToConversation
from convalias.domain.system_mail.refusal_texts import language_of
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.blobs import Blobs
from convalias.ports.errors import AdapterFailed, PortError, Unavailable
from convalias.ports.mail import MailReader, ReadMail
from convalias.ports.records import Insert
from convalias.services.inbound.carrier import ClaimedOtherwise, OneMessage, Overtaken, PlanCarrier
from convalias.services.inbound.checking import Checking
from convalias.services.inbound.evidence import EvidenceFinder
from convalias.services.inbound.facts import FactFinder, mail_name
from convalias.services.inbound.mail_lines import concluded
from convalias.services.inbound.receiver import is_whole
from convalias.services.outbound.reports import Reports
from convalias.services.running.log_lines import engine_away
from convalias.services.running.outages import because, described, fault_in, is_unreadable, leaves, outage_in
from convalias.services.running.reason_labels import ReasonLabels
from convalias.services.system_mail.address_notices import Announcing
from convalias.stores.errors import Contended, MailGone
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.mails import InboundRecords, day_of
from convalias.stores.inbound.misses import Misses
from convalias.stores.inbound.traffic import Traffic

PROCESS_WITHIN: Final = timedelta(seconds=120)
END_WITHIN: Final = timedelta(seconds=5)
WRITE_WITHIN: Final = timedelta(seconds=30)
"""A write that takes longer is an outage of the store, and no overrun of the mail."""
RECOGNISE_WITHIN: Final = timedelta(seconds=2)
"""So long the head of a mail that is given up is read, to find the mail again."""
MOST_NAMED: Final = 20
"""So many recipients a dead letter names."""
DECISIONS: Final = 3
"""How often one try may decide again after losing a race."""
LANE: Final = "inbound"
LONGEST_HEAD: Final = 262_144
"""Octets; a longer header block is over the reader's limit."""
_RECEIVED: Final = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")


@frozen(kw_only=True)
class Stores:
    """Stores from which the relay reads mail, and to which it writes outcomes."""

    blobs: Blobs
    inbound: InboundRecords
    dead_letters: DeadLetters
    traffic: Traffic | None = None
    """None: mails are not counted, and a loop guard sees nothing."""
    misses: Misses | None = None
    """None: nobody notices who guesses aliases."""


@frozen(kw_only=True)
class InboundRelay:
    """Load, read, look up, route, claim, carry out, write the outcome. Safe to repeat at any point."""

    stores: Stores
    reader: MailReader
    facts: FactFinder
    carrier: PlanCarrier
    clock: Clock
    telemetry: Telemetry
    announcing: Announcing | None = None
    """None: nobody hears of the first use of an old address."""
    reports: Reports | None = None
    """None: bounces and complaints are counted, and act on nothing."""
    evidence: EvidenceFinder | None = None
    """None: a mail proves what its source and fields of trusted servers say, and no more."""
    checking: Checking | None = None
    """None: no detector looks at mail."""
    policy: RoutingPolicy = DEFAULT_POLICY
    rules: RuleBook = RULES
    labels: ReasonLabels = field(factory=ReasonLabels)
    patience: Patience = Patience()
    tell: Callable[[MailReference, Outcome], None] = concluded
    """Called once for each mail that this relay concludes."""

    async def process(self, mail: MailReference, *, receives: int = 1) -> Progress:
        """Process one mail: on `Again` the caller returns the job to the queue, on anything else it acknowledges.

        Never raises for a mail. Counts tries itself.
        """
        with self.telemetry.span("icer.processing", mail.trace, record=mail.record):
            return await self._process(mail, receives)

    async def _process(self, mail: MailReference, receives: int) -> Progress:
        started = self.clock.now()
        try:
            progress = await self._in_time(mail, receives)
        except Exception as error:  # noqa: BLE001 - told by what is in it
            if is_unreadable(error):
                return await self._unreadable(mail, error, receives)
            if (away := outage_in(error)) is None:  # of our own records about the mail: it could not even be counted
                self.telemetry.measure("icer.processing.errors", 1, error=described(error))
                return Again(self.patience.longest_pause, because(error))
            if (fault := fault_in(error)) is not None:
                return await self._faulty(mail, fault)
            # Not a try: however long a dependency is away, no mail dies of it.
            return Again(after_outage(away.retry_after), str(away), away=engine_away(error))
        self.telemetry.measure("icer.processing.latency", (self.clock.now() - started).total_seconds())
        return progress

    async def _unreadable(self, mail: MailReference, error: Exception, receives: int) -> Progress:
        """What is written of the mail already cannot be read: no outcome can be put beside it. Its letter lists it."""
        why = str(next(leaves(error)))
        letter = DeadLetter(
            id=DeadLetterId(str(mail.trace)),
            lane=LANE,
            subject=mail.record,
            reason=why,
            tries=receives,
            at=self.clock.now(),
            trace=mail.trace,
        )
        try:
            await self.stores.dead_letters.put(letter)
        except PortError as away:
            return Again(AWAY_FOR, str(away), away=engine_away(away))
        self.telemetry.measure("icer.processing.errors", 1, error=described(error))
        dead = Dead(why, receives)
        self.tell(mail, dead)
        return dead

    async def _faulty(self, mail: MailReference, fault: AdapterFailed) -> Progress:
        """Again, as with anything that is away; but what fails for a day, on one mail perhaps, is given up."""
        try:
            faults = await self.stores.inbound.faulted(mail.record, because=str(fault), at=self.clock.now())
            return await self._after(mail, after_trouble(Trouble.FAULT, faults, str(fault), self.patience))
        except (Unavailable, Contended, TimeoutError):
            return Again(AWAY_FOR, str(fault))

    async def _after(self, mail: MailReference, verdict: Retry | GiveUp, *, explanation: str = "") -> Progress:
        match verdict:
            case Retry(tries=tries, because=told):
                return Again(self._pause(tries), told)
            case GiveUp(tries=tries, because=why):
                return await self._bury(mail, why, tries, explanation=explanation)
            case _:
                assert_never(verdict)

    async def _in_time(self, mail: MailReference, receives: int) -> Progress:
        limit = asyncio.timeout(PROCESS_WITHIN.total_seconds())
        try:
            async with limit:
                return await self._once(mail, receives)
        except TimeoutError:
            if not limit.expired():  # a time-out of something outside: an outage like any other
                raise
        async with asyncio.timeout(END_WITHIN.total_seconds()):
            return await self._overrun(mail)

    async def _overrun(self, mail: MailReference) -> Progress:
        standing = await self.stores.inbound.outcome(mail.record)
        if standing is not None:  # only what follows the outcome took too long
            return standing.outcome
        why = f"took longer than {PROCESS_WITHIN.total_seconds():.0f} s"
        self.telemetry.measure("icer.processing.errors", 1, error="Overrun")
        overruns = await self.stores.inbound.overran(mail.record, because=why, at=self.clock.now())
        return await self._after(mail, after_trouble(Trouble.OVERRUN, overruns, why, self.patience))

    async def _once(self, mail: MailReference, receives: int) -> Progress:
        standing = await self.stores.inbound.outcome(mail.record)
        if standing is not None:
            return standing.outcome
        if not self.patience.is_suspect(receives):
            return await self._guarded(mail)
        try:
            progress = await self._suspected(mail)
        except (Exception, asyncio.CancelledError):  # an end, too; only a death is none
            with suppress(Exception):
                async with asyncio.timeout(END_WITHIN.total_seconds()):
                    await self.stores.inbound.ended(mail.record)
            raise
        await self.stores.inbound.ended(mail.record)
        return progress

    async def _suspected(self, mail: MailReference) -> Progress:
        deaths = await self.stores.inbound.begun(mail.record, at=self.clock.now()) - 1
        verdict = before_try(deaths, self.patience)
        if isinstance(verdict, GiveUp):
            return await self._bury_unread(mail, verdict.because, verdict.tries)
        return await self._guarded(mail)

    async def _guarded(self, mail: MailReference) -> Progress:
        try:
            return await self.conclude(mail)
        except Exception as error:
            if outage_in(error) is not None:
                raise
            return await self._failed(mail, error)

    async def conclude(self, mail: MailReference, *, standing: OutcomeRecord | None = None) -> Progress:
        """Decide and carry out; the outcome is written, in the place of `standing` if that is given (a replay).

        Raises what fails, counted nowhere.
        """
        record, raw = await self._load(mail)
        if record is None or raw is None:
            if self._is_kept(mail.record):  # a place that is not mounted, a wrong one, a file that somebody removed
                raise MailGone("the raw mail is not where it was kept")
            return await self._written(self._outcome(mail, Expired(), record=record), standing)
        if not is_whole(record.raw, raw):
            raise MailGone("the raw mail is damaged: it is not what was taken in")
        if record.cut and record.quarantined is None and self._is_ours_by_now(record):
            record = evolve(record, quarantined=TOO_LARGE)
        read = await self.read(record, raw)
        if isinstance(read, Again):
            return read
        if record.quarantined is not None:
            return await self._quarantine(mail, record, raw, read, standing)
        if self.reports is not None:
            await self.reports.take(read.mail, raw, record)
        return await self._route(mail, record, raw, read, standing)

    def _is_kept(self, record: RecordKey) -> bool:
        """Whether retention has left the mail of that day alone so far. It goes by days: one more is allowed for."""
        kept = self.stores.inbound.kept
        return kept is None or day_of(record) > f"{self.clock.now() - kept + timedelta(days=1):%Y/%m/%d}"

    def _is_ours_by_now(self, record: EnvelopeRecord) -> bool:
        """Whether a domain or a key became known since the mail was cut: its rest is gone, so nothing of it is relayed."""
        return may_be_ours(record.post.recipients, self.facts.domains, self.facts.keys)

    async def read(self, record: EnvelopeRecord, raw: bytes, *, keep: bool = True) -> ReadMail | Again:
        """The mail, with all that is proved of its sender and what a detector found. `Again`: that could not be found out yet.

        Not `keep`: changes nothing, waits for nobody, and asks no detector: its work costs, and where the mail leads is
        none of it.
        """
        read = await self.reader.read(raw, record.post)
        if record.quarantined is not None:  # cut off, no signature of it would hold, and nothing of it is relayed
            return read
        found = None if self.evidence is None else await self.evidence.missing(read.mail, raw, record, keep=keep)
        if isinstance(found, Again):
            return found
        if found is not None:
            # Once more, for who is believed to have written a mail that came by a list depends on the evidence.
            read = await self.reader.read(raw, evolve(record.post, evidence=found))
        return read if self.checking is None or not keep else await self.checking.checked(read, raw, record.post)

    async def decide(
        self, record: EnvelopeRecord, read: ReadMail, *, stages: Mapping[ConversationId, Stage] | None = None
    ) -> Decision:
        """Decide a kept mail by the present rules, as of its receipt. Changes nothing. `stages`: whatever flags say."""
        now = record.post.received_at
        return await self.facts.decision(read.mail, self.policy, now=now, rules=self.rules, stages=stages)

    async def _load(self, mail: MailReference) -> tuple[EnvelopeRecord | None, bytes | None]:
        body = await self.stores.blobs.get(mail.record)
        record = None if body is None else loads(body, EnvelopeRecord)
        return record, None if record is None else await self.stores.blobs.get(record.raw)

    async def _route(
        self, mail: MailReference, record: EnvelopeRecord, raw: bytes, read: ReadMail, standing: OutcomeRecord | None
    ) -> Progress:
        before = standing.outcome.effects if standing is not None and isinstance(standing.outcome, Done) else ()
        decided, stages = 0, dict[ConversationId, Stage]()
        while True:
            plan = await self.decide(record, read, stages=stages)
            decided += 1
            if isinstance(plan, TryAgain):
                return self._waiting(plan)
            counts = self._counts(plan, mail, record)
            message = self._one_message(plan, read, record) if standing is None and decided == 1 else None
            if message is None:
                await self._counted(counts)
            await self._notice_guesses(plan, record)
            if self.announcing is not None:
                await self.announcing.note(plan, received=record.post.received_at)
            if message is not None:
                outcome = self._outcome(
                    mail, _done(plan, message.effects), record=record, raw=raw, read=read, plan=plan
                )
                if await self._at_once(message, counts, outcome):
                    return outcome.outcome
                await self._counted(counts)
            try:
                effects = await self.carrier.carry_out(plan, read, record, before=dict(before), fixed=stages)
            except ClaimedOtherwise as claimed:
                stages.update(claimed.stages)
                continue
            except Exception as error:
                if decided < DECISIONS and all(isinstance(leaf, Overtaken) for leaf in leaves(error)):
                    continue
                error.add_note(plan.explain().text(numbered()))  # masked: it is kept with the dead letter
                raise
            done = self._outcome(mail, _done(plan, effects), record=record, raw=raw, read=read, plan=plan)
            return await self._written(done, standing)

    def _one_message(self, plan: RoutingPlan, read: ReadMail, record: EnvelopeRecord) -> OneMessage | None:
        """Draft an ordinary mail that one ordered write relays. None: it is another mail, or is written elsewhere."""
        found = self.carrier.one_message(plan, read, record)
        return None if found is None or found.append.records is not self.stores.inbound.records else found

    async def _at_once(self, message: OneMessage, counts: Sequence[Insert], outcome: OutcomeRecord) -> bool:
        """Count, claim, append and conclude by one ordered write: an ordinary mail, of which nothing stands yet.

        False: something stands already. Then each step is taken by itself, and finds whether it is done: by this write
        as far as it got, by an earlier try, or by another worker.
        """
        async with asyncio.timeout(WRITE_WITHIN.total_seconds()):
            if not await self.stores.inbound.conclude_in_order(
                message.claims, message.append.insert, outcome, ahead=counts
            ):
                return False
        message.append.written()
        self.carrier.measure_skipped(message.effects.values())
        self._concluded(outcome)
        return True

    def _waiting(self, undecided: TryAgain) -> Again:
        """Until whoever must be heard answers. Raises the fault of an adapter of the host: that is borne for a day."""
        outages = [self.facts.outage_of(one) for one in sorted(undecided.waiting_for, key=lambda one: one.value)]
        for outage in outages:
            if isinstance(outage, AdapterFailed):
                raise outage
        away = " and ".join(outage.what for outage in outages)
        return Again(AWAY_FOR, f"{away} is unavailable", away=away)

    async def _counted(self, counts: Sequence[Insert]) -> None:
        if self.stores.traffic is not None:
            await self.stores.traffic.write(counts)

    def _counts(self, plan: RoutingPlan, mail: MailReference, record: EnvelopeRecord) -> Sequence[Insert]:
        """Return what counts the mail, before anything else of it is seen: for the rules that know loops by their traffic."""
        told, guard, traffic = plan.case.mail, self.policy.loop_guard, self.stores.traffic
        if guard is None or traffic is None:
            return ()
        if not isinstance(told, MessageEnvelope) or not isinstance(told.sender, ClearFrom):
            return ()
        kept = [one.conversation for one in plan if isinstance(one.verdict, RelayToConversation | Hold)]
        return traffic.rows(
            mail_name(told),
            mail.record,
            at=record.post.received_at,
            texts=counted_texts(plan),
            conversations=[] if guard.mails_an_hour is None else [one for one in kept if one is not None],
        )

    async def _notice_guesses(self, plan: RoutingPlan, record: EnvelopeRecord) -> None:
        """Alarm where more addresses were missed within an hour than people mistype."""
        missed = list(islice(misses_of(plan), BY_SOURCE + 1))
        if self.stores.misses is None or not missed:
            return
        of_source, in_all = await self.stores.misses.note(
            source_of(plan.case.mail), missed, record.key, at=record.post.received_at, most=IN_ALL + 1
        )
        if of_source > BY_SOURCE:
            self.telemetry.measure("icer.aliases.guessed", 1, by="source")
        if in_all > IN_ALL:
            self.telemetry.measure("icer.aliases.guessed", 1, by="all")

    async def _quarantine(
        self, mail: MailReference, record: EnvelopeRecord, raw: bytes, read: ReadMail, standing: OutcomeRecord | None
    ) -> Progress:
        """It is not routed; the sender of one that is too large is told where he may be."""
        reason = record.quarantined or ""
        notices = self.carrier.notices
        if reason == TOO_LARGE and notices is not None:
            decision = await self.decide(record, read)
            if isinstance(decision, TryAgain):
                return self._waiting(decision)
            for refusal in refusals_of(decision):
                await notices.refuse(
                    refusal.tell,
                    alias=refusal.alias,
                    reason=refusal.reason,
                    record=record,
                    about=read.mail.message_id,
                    to_participant=refusal.to_participant,
                    language=language_of(refusal.market),
                )
        outcome = self._outcome(mail, Quarantined(reason), record=record, raw=raw, read=read)
        return await self._written(outcome, standing)

    def _outcome(
        self,
        mail: MailReference,
        outcome: Outcome,
        *,
        record: EnvelopeRecord | None = None,
        raw: bytes = b"",
        read: ReadMail | None = None,
        plan: RoutingPlan | None = None,
    ) -> OutcomeRecord:
        """The outcome with all that is known of the mail, so that it is found again."""
        known = None if read is None else read.mail
        message = known if isinstance(known, MessageEnvelope) else None
        message_id = None if known is None else known.message_id
        index = self.stores.inbound.index
        rules = () if plan is None else tuple((one.recipient.address, str(one.rule)) for one in plan)
        posted = () if record is None else record.post.recipients
        reached = recipient_values([*posted, *(address for address, _ in rules)], self.facts.domains)
        return OutcomeRecord(
            record=mail.record,
            outcome=outcome,
            decided_at=self.clock.now(),
            trace=mail.trace,
            message_digest="" if message_id is None else index.digest(Known.MESSAGE_ID, message_value(message_id)),
            sender_digest=index.digest(Known.SENDER, sender_value(message.sender.address))
            if message is not None and isinstance(message.sender, ClearFrom)
            else "",
            recipient_digests=tuple(index.digest(Known.RECIPIENT, one) for one in reached),
            rules=rules,
            received_at=None if record is None else record.post.received_at,
            evidence=None if message is None else message.evidence,
            has_received=message is None or _RECEIVED.search(head_of(raw)) is not None,
        )

    async def _written(self, outcome: OutcomeRecord, standing: OutcomeRecord | None = None) -> Outcome:
        ours = outcome
        if standing is None:
            outcome = await self.stores.inbound.conclude(outcome)
        else:
            await self.stores.inbound.conclude_anew(outcome)
        if outcome is ours:
            self._concluded(outcome)
        else:  # another worker was first, and has told
            self._count(outcome.outcome)
            await self._take_back(ours, outcome)
        return outcome.outcome

    async def _take_back(self, ours: OutcomeRecord, standing: OutcomeRecord) -> None:
        """Drop the letter of a mail that another job concluded first: a mail has one letter, and only if it is dead.

        A mail whose envelope record cannot be read is queued again by the sweeper, under a trace of its own.
        """
        if not isinstance(ours.outcome, Dead) or (isinstance(standing.outcome, Dead) and standing.trace == ours.trace):
            return
        letters = self.stores.dead_letters
        for letter in (await letters.several(LANE, [DeadLetterId(str(ours.trace))])).values():
            await letters.drop(letter)

    def _concluded(self, outcome: OutcomeRecord) -> None:
        self._count(outcome.outcome)
        self.tell(MailReference(outcome.record, outcome.trace), outcome.outcome)

    def _count(self, outcome: Outcome) -> None:
        effects: Sequence[Outcome | Effect] = (
            [effect for _, effect in outcome.effects] if isinstance(outcome, Done) else [outcome]
        )
        for one in effects:
            reason = one.reason if isinstance(one, Refused | Ignored) else None
            self.telemetry.measure(
                "icer.messages.processed",
                1,
                effect=type(one).__name__.lower(),
                reason=self.labels.of(reason),
                severity=(Severity.ROUTINE if reason is None else reason.consequence.severity).value,
            )

    async def _failed(self, mail: MailReference, error: Exception) -> Progress:
        why = because(error)
        self.telemetry.measure("icer.processing.errors", 1, error=described(error))
        tries = await self.stores.inbound.failed(mail.record, because=why, at=self.clock.now())
        verdict = after_trouble(Trouble.FAILURE, tries.failures, why, self.patience)
        return await self._after(mail, verdict, explanation=_explained(error))

    def _pause(self, tries: int) -> timedelta:
        return backoff(
            tries,
            first=self.patience.first_pause,
            longest=self.patience.longest_pause,
            jitter=self.clock.entropy(1)[0] / 256,
        )

    async def _bury(self, mail: MailReference, why: str, tries: int, *, explanation: str = "") -> Outcome:
        """The dead letter first: listing it must work before its job is gone."""
        record, head = await self._head(mail)
        read = await self._recognised(record, head)
        await self._put_letter(mail, why, tries, record=record, explanation=explanation)
        return await self._written(self._outcome(mail, Dead(why, tries), record=record, raw=head, read=read))

    async def _bury_unread(self, mail: MailReference, why: str, tries: int) -> Outcome:
        """Give up a mail that stops its workers. Its head is read last, when nobody takes the mail up any more.

        Its head may be what stopped them: read first, the mail would never be given up.
        """
        record, head = await self._head(mail)
        await self._put_letter(mail, why, tries, record=record)
        dead = Dead(why, tries)
        concluded = await self._written(self._outcome(mail, dead, record=record, raw=head))
        if concluded is dead and (read := await self._recognised(record, head)) is not None:
            known = self._outcome(mail, dead, record=record, raw=head, read=read)
            await self.stores.inbound.conclude_anew(known)
        return concluded

    async def _put_letter(
        self, mail: MailReference, why: str, tries: int, *, record: EnvelopeRecord | None, explanation: str = ""
    ) -> None:
        recipients = () if record is None else tuple(masked(one) for one in record.post.recipients[:MOST_NAMED])
        await self.stores.dead_letters.put(
            DeadLetter(
                id=DeadLetterId(str(mail.trace)),
                lane=LANE,
                subject=mail.record,
                reason=why,
                tries=tries,
                at=self.clock.now(),
                trace=mail.trace,
                explanation=explanation,
                recipients=recipients,
            )
        )
        self.telemetry.measure("icer.dlq.size", 1)

    async def _head(self, mail: MailReference) -> tuple[EnvelopeRecord | None, bytes]:
        """By what a mail that is given up is found again: its route, and its head. Raises `Unavailable`.

        The head alone: what follows it may be what stopped the worker.
        """
        try:
            record, raw = await self._load(mail)
        except CodecError:
            return None, b""
        return record, b"" if raw is None else head_of(raw)

    async def _recognised(self, record: EnvelopeRecord | None, head: bytes) -> ReadMail | None:
        """As far as the head can be read."""
        if record is None or not head:
            return None
        try:
            async with asyncio.timeout(RECOGNISE_WITHIN.total_seconds()):
                return await self.reader.read(head, record.post)
        except Exception:  # noqa: BLE001 - whatever gave the mail up may fail here too
            return None


def head_of(raw: bytes) -> bytes:
    """The header block of a mail, with its last line's end."""
    begin = raw[: LONGEST_HEAD + 1]
    found = _BLANK_LINE.search(begin)
    return begin if found is None else begin[: found.end()]


def _done(plan: RoutingPlan, effects: Mapping[EmailAddress, Effect]) -> Done:
    """In the plan's order; behind it what was final before for a recipient that the plan no longer names."""
    named = [one.recipient.address for one in plan]
    return Done(tuple((address, effects[address]) for address in dict.fromkeys([*named, *sorted(effects)])))


def _explained(error: Exception) -> str:
    notes: Sequence[str] = getattr(error, "__notes__", ())
    return "\n".join(notes)
