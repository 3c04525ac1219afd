"""The way of one mail, from its receipt to the last delivery of what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, assert_never

from attrs import field, frozen

from convalias.codec import CodecError, UnknownFormat, loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import approval_key, expires_at, who_is_asked
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.ids import AccountId, ConversationId, EventId, TraceId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.held import HeldMail, HoldId, HoldState
from convalias.domain.inbound.outcomes import (
    Dead,
    Done,
    Effect,
    Expired,
    HandedOver,
    Held,
    Ignored,
    OutcomeRecord,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)
from convalias.domain.inbound.posts import EnvelopeRecord, RecordKey
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence, judge
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.operations.advice import (
    HOLDS,
    Circumstances,
    Situation,
    State,
    advice,
    of_decision,
    of_effect,
    of_outcome,
)
from convalias.domain.operations.numbers import SEEN_WITHIN
from convalias.domain.outbound.delivery import Channel, Delivery, DeliveryDecision, IndexRow
from convalias.domain.outbound.suppressions import Muted, Suppressed, Unreadable
from convalias.domain.printable import visible
from convalias.domain.system_mail.letters import ApprovalLetter, SystemMail, SystemMailState
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.event_log import UNPLACED
from convalias.ports.mail import MailReader
from convalias.services.inbound.relay import LANE as INBOUND
from convalias.services.outbound.suppressing import Suppressing
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.errors import Parked
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.letters import LANE as DELIVERIES
from convalias.stores.outbound.letters import decision_letter, index_letter
from convalias.stores.outbound.undecided import UndecidedEvents
from convalias.stores.system_mail.outbox import Outbox

DECIDED_WITHIN: Final = timedelta(seconds=SEEN_WITHIN)
"""An event that is older and has no decision is told of as undecided, not as on its way."""


@frozen(kw_only=True)
class Step:
    """A step on the way of a mail."""

    at: datetime
    what: str


@frozen(kw_only=True)
class Story:
    """The way of one mail or message; printing it is the point. Names aliases, accounts and ids, no sender, no text."""

    record: RecordKey | None
    """None: the message came by no mail that is kept."""
    trace: TraceId
    steps: tuple[Step, ...]
    next: str

    def __str__(self) -> str:
        """A line a step, then the record, for `convalias replay --job`, and what to do next."""
        lines = [f"{step.at:%Y-%m-%d %H:%M:%S}  {step.what}" for step in self.steps]
        record = [] if self.record is None else [f"record               {self.record}"]
        return "\n".join([*lines, *record, f"next                 {self.next}"])


@frozen
class _Told:
    """Steps and states, as they are found."""

    steps: list[Step] = field(factory=list[Step])
    states: list[State] = field(factory=list[State])

    def step(self, at: datetime, what: str) -> None:
        self.steps.append(Step(at=at, what=visible(what)))

    def state(self, *states: State) -> None:
        self.states.extend(states)


@frozen(kw_only=True)
class FollowedStores:
    """Stores in which the steps of a mail are written down."""

    inbound: InboundRecords
    dead_letters: DeadLetters
    conversations: ConversationAccess
    ledger: Ledger
    holds: Holds
    aliases: Aliases
    system_mail: Outbox
    undecided: UndecidedEvents


@frozen(kw_only=True)
class MailFollower:
    """Reads only. Raises `Unavailable`."""

    blobs: Blobs
    stores: FollowedStores
    suppressing: Suppressing
    clock: Clock
    reader: MailReader
    is_stand_in: bool = False
    """Whether the legacy relay is the one that only writes files."""
    asks_participants: bool = True
    """Whether anybody is asked about held mail."""

    async def mail(self, key: RecordKey) -> Story | None:
        """The way of the mail of that envelope record; None: there is neither a record nor an outcome."""
        told = _Told()
        record = await self._received(key, told)
        outcome = await self._outcome(key, told)
        if record is None and outcome is None and not told.states:
            return None
        if outcome is not None:
            await self._concluded(outcome, record, told)
        elif record is not None:
            await self._waits(record, told)
        trace = record.trace if record is not None else outcome.trace if outcome is not None else TraceId("")
        return Story(record=key, trace=trace, steps=tuple(told.steps), next=advice(told.states))

    async def message(self, event: ConversationEvent) -> Story:
        """The way of a message that came by no mail."""
        told = _Told()
        await self._event(event.conversation, event.id, event, told)
        return Story(record=None, trace=TraceId(event.trace), steps=tuple(told.steps), next=advice(told.states))

    # --- the mail ------------------------------------------------------------------------------------

    async def _received(self, key: RecordKey, told: _Told) -> EnvelopeRecord | None:
        body = await self.blobs.get(key)
        if body is None:
            return None
        try:
            record = loads(body, EnvelopeRecord)
        except CodecError as error:
            told.step(self.clock.now(), f"unreadable the envelope record: {error}")
            told.state(_unreadable("the envelope record", error))
            return None
        what = f"received   by {record.source}, kept as {record.raw}"
        if record.quarantined:
            what += f", quarantined: {record.quarantined}"
        told.step(record.post.received_at, what)
        return record

    async def _outcome(self, key: RecordKey, told: _Told) -> OutcomeRecord | None:
        try:
            return await self.stores.inbound.outcome(key)
        except CodecError as error:
            told.step(self.clock.now(), f"unreadable the outcome: {error}")
            told.state(_unreadable("the outcome", error))
            return None

    async def _waits(self, record: EnvelopeRecord, told: _Told) -> None:
        tries = await self.stores.inbound.tries(record.key)
        waited = self.clock.now() - record.post.received_at
        if tries is not None and tries.failures:
            told.step(self.clock.now(), f"failing    {tries.failures} times so far, last: {tries.last}")
            told.state(State(Situation.FAILING, tries.last))
        else:
            told.step(self.clock.now(), f"waiting    for {_minutes(waited)}, nothing is decided about it yet")
            told.state(State(Situation.WAITING))

    async def _concluded(self, outcome: OutcomeRecord, record: EnvelopeRecord | None, told: _Told) -> None:
        if outcome.evidence is not None:
            told.step(outcome.decided_at, f"sender     {_proved(outcome.evidence, has_received=outcome.has_received)}")
        letter = None
        if isinstance(outcome.outcome, Dead):
            letter = await self.stores.dead_letters.get(INBOUND, DeadLetterId(str(outcome.trace)))
        told.state(*of_outcome(outcome.outcome, outcome.record, letter=None if letter is None else letter.id))
        rules = dict(outcome.rules)
        match outcome.outcome:
            case Done(effects=effects):
                for address, effect in effects:
                    where = f"at {address.key}, by rule {rules.get(address, '?')}"
                    refusal = await self._refusal(address, effect, record, told)
                    said = _said(effect, refusal, is_stand_in=self.is_stand_in)
                    told.step(outcome.decided_at, f"{said}, {where}")
                    await self._effect(address, effect, outcome.record, told)
            case Dead(reason=reason, tries=tries):
                told.step(outcome.decided_at, f"dead       after {tries} tries: {reason}")
                self._letter(letter, told)
            case Quarantined(reason=reason):
                told.step(outcome.decided_at, f"quarantine {reason}")
            case Expired():
                told.step(outcome.decided_at, "expired    the raw mail is gone")
            case _:
                assert_never(outcome.outcome)

    async def _effect(self, address: EmailAddress, effect: Effect, record: RecordKey, told: _Told) -> None:
        if (state := of_effect(effect, record, is_stand_in=self.is_stand_in)) is not None:
            told.state(state)
        match effect:
            case Relayed(event=event, conversation=conversation):
                try:
                    standing = await self.stores.conversations.keyed(conversation, key=event)
                except Parked as parked:
                    told.step(self.clock.now(), f"parked     {parked}")
                    told.state(State(Situation.PARKED, f"conversation {conversation}"))
                    return
                await self._event(conversation, event, standing, told)
            case Held(hold=hold):
                await self._hold(address, hold, told)
            case _:
                pass

    async def _refusal(
        self, alias: EmailAddress, effect: Effect, record: EnvelopeRecord | None, told: _Told
    ) -> SystemMail | None:
        """Find the mail that tells the sender; None: there is none, or it cannot be found any more."""
        if record is None or not isinstance(effect, Refused) or not effect.told:
            return None
        raw = await self.blobs.get(record.raw)
        mail = None if raw is None else (await self.reader.read(raw, record.post)).mail
        if not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom):
            return None
        try:
            return await self.stores.system_mail.refusal(mail.sender.address, alias, received=record.post.received_at)
        except CodecError as error:
            told.step(self.clock.now(), f"unreadable the refusal mail: {error}")
            told.state(_unreadable("the refusal mail", error))
            return None

    async def _hold(self, address: EmailAddress, hold: HoldId, told: _Told) -> None:
        alias = await self.stores.aliases.at(address)
        found = None if alias is None else await self.stores.holds.get(alias.conversation, hold)
        if found is None:
            told.state(State(self._held(())))
            return
        by = "" if found.decided_by is None else f" by {found.decided_by}"
        told.step(found.since, f"hold       {found.state.value}{by}, in {found.conversation}")
        try:
            questions = await self._questions(found)
        except Parked as parked:
            told.step(self.clock.now(), f"parked     {parked}")
            told.state(State(Situation.PARKED, f"conversation {found.conversation}"))
            return
        except CodecError as error:
            told.step(self.clock.now(), f"unreadable who was asked: {error}")
            told.state(_unreadable("a question to a participant", error))
            return
        for at, account, mail in questions:
            told.step(at, f"asked      {account}{_ASKED[mail.state]}{mail.reason and f': {mail.reason}'}")
        is_held = found.state is HoldState.HELD
        told.state(State(self._held([mail for *_, mail in questions]) if is_held else HOLDS[found.state]))

    def _held(self, questions: Sequence[SystemMail]) -> Situation:
        """The situation of a mail that waits for a participant, by the mails that asked about it."""
        if not self.asks_participants:
            return Situation.HELD_UNASKED
        is_unreached = questions and all(mail.state is SystemMailState.DROPPED for mail in questions)
        return Situation.HELD_UNREACHED if is_unreached else Situation.HELD

    async def _questions(self, hold: HeldMail) -> list[tuple[datetime, AccountId, SystemMail]]:
        """The mails that asked about it, oldest first: when, whom. Raises `CodecError`, `Parked`.

        A participant is asked once a day at most, so that their keys are known.
        """
        asked = who_is_asked(await self.stores.conversations.thread(hold.conversation))
        last = min(self.clock.now(), expires_at(hold, self.stores.holds.policy))
        days = [hold.since + timedelta(days=number) for number in range((last - hold.since).days + 2)]
        keys = [approval_key(hold.conversation, one.account, day) for day in days for one in asked]
        return [
            (letter.at, letter.account, mail)
            for mail in await self.stores.system_mail.mails(keys)
            if isinstance(letter := mail.letter, ApprovalLetter) and hold.id in letter.holds
        ]

    # --- the event -----------------------------------------------------------------------------------

    async def _event(
        self, conversation: ConversationId, event: EventId, standing: ConversationEvent | None, told: _Told
    ) -> None:
        now = self.clock.now()
        if standing is None or not isinstance(standing.happening, MessageAdded):
            told.step(now, f"removed    event {event} of {conversation}: redacted or erased")
            told.state(State(Situation.REMOVED))
        else:
            number = "in " if standing.seq == UNPLACED else f"number {standing.seq} of "
            told.step(standing.appended_at, f"event      {event}, {number}{conversation}")
        try:
            decision = await self.stores.ledger.get(conversation, event)
        except CodecError as error:
            told.step(now, f"unreadable the decision: {error}")
            told.state(_unreadable("the decision", error))
            return
        if decision is None:
            await self._undecided(conversation, event, standing, told)
            return
        await self._decision(decision, told)

    async def _undecided(
        self, conversation: ConversationId, event: EventId, standing: ConversationEvent | None, told: _Told
    ) -> None:
        letter = await self.stores.dead_letters.get(DELIVERIES, decision_letter(conversation, event))
        if letter is not None:
            told.state(State(Situation.UNDECIDABLE, letter.id))
            self._letter(letter, told)
            return
        waiting = await self.stores.undecided.of(conversation, event)
        if waiting is not None and waiting.fault:
            since = waiting.failing_since or waiting.since
            told.step(since, f"failing    to decide who is told of it since then, last: {waiting.fault}")
            told.state(State(Situation.FAILING, waiting.fault))
        elif standing is not None:
            now = self.clock.now()
            waited = now - standing.appended_at
            late = f", nobody has decided for {_minutes(waited)}" if waited > DECIDED_WITHIN else ""
            told.step(now, f"undecided  who is told of it{late}")
            told.state(State(Situation.UNDECIDED))

    async def _decision(self, decision: DeliveryDecision, told: _Told) -> None:
        now = self.clock.now()
        told.step(
            decision.decided_at,
            f"decided    {decision.owner.value} delivers, in stage {decision.stage.value}: {decision.reason}",
        )
        ids = [*(DeadLetterId(row.id) for row in decision.deliveries), index_letter(decision.event)]
        letters = await self.stores.dead_letters.several(DELIVERIES, ids)
        around = Circumstances(now=now, is_stand_in=self.is_stand_in, letters=letters)
        told.state(*of_decision(decision, around, index_letter=ids[-1]))
        for row in decision.deliveries:
            told.step(_time_of(decision, row), _delivery(decision, row))
            self._letter(letters.get(DeadLetterId(row.id)), told)
        for recipient in dict.fromkeys(row.recipient for row in decision.deliveries if row.channel is Channel.EMAIL):
            found = await self.suppressing.against(recipient, decision.conversation)
            if found is not None:
                told.step(
                    decision.decided_at if isinstance(found, Unreadable) else found.at, _suppressed(recipient, found)
                )
        if decision.index is not None:
            told.step(decision.tried or decision.decided_at, f"index      {_index(decision.index)}")
            self._letter(letters.get(ids[-1]), told)

    def _letter(self, letter: DeadLetter | None, told: _Told) -> None:
        if letter is None:
            return
        told.step(letter.at, f"letter     {letter.id} after {letter.tries} tries: {letter.reason}")
        for line in letter.explanation.splitlines():
            told.step(letter.at, f"           {line}")


def _unreadable(what: str, error: CodecError) -> State:
    """The state of a stored record: of a newer release, or damaged."""
    return State(Situation.UNREADABLE if isinstance(error, UnknownFormat) else Situation.DAMAGED, what)


def _minutes(waited: timedelta) -> str:
    seconds = max(int(waited.total_seconds()), 0)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} minutes"  # noqa: PLR2004 - what reads well


def _proved(evidence: SenderEvidence, *, has_received: bool) -> str:
    """The evidence as it was judged."""
    judged = judge(evidence)
    if judged is Authentication.UNPROVED:
        why = "no trusted border and no authenticator proves who wrote it"
        if not has_received:
            why = "it has no Received field of the border, so none of its fields counts"
        return f"unauthenticated: {why}"
    policy = "" if evidence.dmarc in {Dmarc.PASS, Dmarc.NONE} else f" (policy {_policy(evidence)})"
    aligned = [
        f"{name} {'aligned' if is_aligned else 'not aligned'}"
        for name, is_aligned in (("SPF", evidence.spf_aligned), ("DKIM", evidence.dkim_aligned))
    ]
    return f"{judged.value}: DMARC {evidence.dmarc.value}{policy}, {', '.join(aligned)}"


def _policy(evidence: SenderEvidence) -> str:
    return "unknown" if evidence.policy is None else evidence.policy.value


_TOLD: Final[Mapping[SystemMailState, str]] = MappingProxyType(
    {
        SystemMailState.DUE: "the sender is told",
        SystemMailState.TRYING: "the sender is told",
        SystemMailState.SENT: "the sender was told",
        SystemMailState.UNCERTAIN: "the sender may have been told",
        SystemMailState.DROPPED: "the sender could not be told",
    }
)
_ASKED: Final[Mapping[SystemMailState, str]] = MappingProxyType(
    {
        SystemMailState.DUE: ", by a mail that waits to leave",
        SystemMailState.TRYING: ", by a mail that is leaving, or left",
        SystemMailState.SENT: "",
        SystemMailState.UNCERTAIN: ", by a mail that may have left",
        SystemMailState.DROPPED: " in vain: no mail left",
    }
)


def _sender(refusal: SystemMail | None) -> str:
    """Whether the sender was told that a mail was refused; None: only that a mail was to leave is known."""
    if refusal is None:
        return _TOLD[SystemMailState.DUE]
    return _TOLD[refusal.state] + (f" ({refusal.reason})" if refusal.reason else "")


def _said(effect: Effect, refusal: SystemMail | None, *, is_stand_in: bool) -> str:
    match effect:
        case Relayed(event=event, conversation=conversation, added=added):
            return f"relayed    to {conversation} as event {event}{'' if added else ' (it was there already)'}"
        case HandedOver():
            return f"handed     over to the {'stand-in of the ' if is_stand_in else ''}legacy relay"
        case Skipped(carried_by=carrier):
            return f"skipped    {'another post carries it' if carrier is None else f'{carrier.key} carries it'}"
        case Held(hold=hold):
            return f"held       as {hold}"
        case Refused(reason=reason, told=is_told):
            return f"refused    {reason.value}, {_sender(refusal) if is_told else 'nobody is told'}"
        case Ignored(reason=reason):
            return f"ignored    {reason.value}"
        case _:
            assert_never(effect)


def _time_of(decision: DeliveryDecision, row: Delivery) -> datetime:
    return row.first_tried or decision.tried or decision.decided_at


def _delivery(decision: DeliveryDecision, row: Delivery) -> str:
    parts: Sequence[str] = (
        f"{row.state.value:<10} to {row.recipient} by {row.channel.value} ({decision.owner.value})",
        f"{row.attempts} tries" if row.attempts else "",
        _due(row.next_at, row.attempts),
        row.reason,
        f"receipt {row.receipt}" if row.receipt else "",
        f"as {row.id}",
    )
    return ", ".join(part for part in parts if part)


def _due(next_at: datetime | None, attempts: int) -> str:
    """When it is called, or called again; empty: it waits for nothing."""
    if next_at is None:
        return ""
    return f"{'again' if attempts else 'due'} at {next_at:%Y-%m-%d %H:%M:%S}"


def _suppressed(recipient: AccountId, found: Suppressed | Muted | Unreadable) -> str:
    """Why no mail about a conversation leaves for a recipient, and which command lifts that."""
    mend = f"convalias suppressions list --account {recipient}"
    match found:
        case Suppressed(account=None):
            return f"suppressed the address of {recipient}, by an operator; see convalias suppressions list"
        case Suppressed(status=status):
            return f"suppressed an address of {recipient}: mail came back with {status or 'no code'}; see {mend}"
        case Muted(conversation=conversation):
            return f"muted      {conversation} for {recipient}: a wish, or a complaint; see {mend}"
        case Unreadable():
            return f"suppressed mail to {recipient}, by a newer release or a damaged record; see convalias suppressions list"
        case _:
            assert_never(found)


def _index(index: IndexRow) -> str:
    if not (index.attempts or index.reason):
        due = _due(index.next_at, 0)
        return f"the legacy relay was not called yet{due and f', {due}'}"
    how = "suppressed" if index.suppress_notification else "notifying"
    end = "was called" if index.done else f"was not reached: {index.reason}" if index.reason else "is called again"
    return f"the legacy relay {end}, {how}, {index.attempts} tries"
