"""Carry out a plan: claims first, then one effect per recipient, each under its own key, each repeatable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Final, assert_never

from attrs import Factory, evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    HARMFUL,
    MIME_AMBIGUOUS,
    PERIPHERAL,
    RESTORED,
    SPAM,
    SYNTHETIC_ID,
    UNCHECKED,
    UNVERIFIED,
    StatusNoted,
)
from convalias.domain.conversations.participants import AccountAuthor, Author, Standing
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.claims import Claim, Path
from convalias.domain.inbound.held import HeldMail, HoldState
from convalias.domain.inbound.outcomes import Effect, HandedOver, Held, Ignored, Refused, Relayed, Skipped
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.authentication import Authentication, judge, rests_on_dkim_alone
from convalias.domain.mail.checks import Finding
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope, Oddity
from convalias.domain.mail.reasons import Reason
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.commands import (
    AddMail,
    Command,
    HandOver,
    KeepHold,
    Note,
    NoteRepeats,
    Refuse,
    claims,
    commands,
)
from convalias.domain.routing.decision import may_be_told
from convalias.domain.routing.earlier_subjects import with_subject
from convalias.domain.routing.let_in import hold_key
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import AliasRecipient, LegacyRecipient
from convalias.domain.system_mail.refusal_texts import language_of
from convalias.ports.ambient import Telemetry
from convalias.ports.blobs import Blobs
from convalias.ports.errors import Unavailable
from convalias.ports.legacy import HandOff, LegacyRelay
from convalias.ports.mail import ReadAttachment, ReadMail
from convalias.ports.people import IdentityDirectory
from convalias.services.conversations.messaging import MailAddition, Messaging
from convalias.services.conversations.statuses import note_status
from convalias.services.running.task_group import TaskGroup
from convalias.services.system_mail.refusals import Notices
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.access import DraftedAppend
from convalias.stores.conversations.attachments import Attachments
from convalias.stores.errors import PostingDeclined
from convalias.stores.inbound.mails import InboundRecords

MOST_COPIES: Final = 20
log: Final = logging.getLogger("convalias.deliveries")
_RESTORED: Final = frozenset({RESTORED})
_STAGES: Final = {Path.RELAY: Stage.NATIVE, Path.LEGACY: Stage.LEGACY}


class Overtaken(Exception):
    """The conversation changed between the decision and its effect: decide again."""


class ClaimedOtherwise(Overtaken):
    """An earlier try of this very post took another way, and a flag has flipped since: decide as it did.

    Nobody else will: where the other way's try died after its claim, the mail would be carried by nothing.
    """

    def __init__(self, stages: Mapping[ConversationId, Stage]) -> None:
        """The stage in which each claimed conversation was then."""
        super().__init__(*stages)
        self.stages = stages


@frozen(kw_only=True)
class OneMessage:
    """A mail that becomes one message of one conversation, and has no other effect, as far as memory tells."""

    claims: tuple[Claim, ...]
    append: DraftedAppend
    effects: Mapping[EmailAddress, Effect]


@frozen(kw_only=True)
class PlanCarrier:
    """Carries out a plan: a recipient that fails neither undoes nor repeats another; failures are raised at the end."""

    messaging: Messaging
    legacy: LegacyRelay | None
    records: InboundRecords
    notices: Notices | None
    """None: nobody is told of a refusal (a replay mails nobody)."""
    identities: IdentityDirectory
    blobs: Blobs
    telemetry: Telemetry
    restores: bool = False
    """True: what is added is marked as restored, so that nobody is told of it, nor asked about what is held."""
    holds: Holds = field(default=Factory(lambda self: Holds(records=self.records.records), takes_self=True))

    async def carry_out(
        self,
        plan: RoutingPlan,
        read: ReadMail,
        record: EnvelopeRecord,
        *,
        before: Mapping[EmailAddress, Effect] | None = None,
        fixed: Collection[ConversationId] = (),
    ) -> Mapping[EmailAddress, Effect]:
        """Carry out a plan, and return what was done for each recipient.

        Raises an `ExceptionGroup` of what failed, after the rest is done.

        `before`: what an earlier decision came to. What is final stays as it is, and so does what a person rejected.
        Raises `ClaimedOtherwise`, nothing done, unless the stage of that conversation is `fixed` for this decision.
        """
        asked = _claims(plan, record)
        standing = await self.records.claim(asked)
        if stages := _otherwise(asked, standing, fixed):
            raise ClaimedOtherwise(stages)
        earlier: Mapping[EmailAddress, Effect] = {} if before is None else before
        effects = {address: effect for address, effect in earlier.items() if is_final(effect)}
        todo = [one for one in commands(plan, standing) if one.recipient not in effects]
        if any(isinstance(command, AddMail | KeepHold) for command in todo):
            await self._keep(read.attachments)
        failures: list[Exception] = []
        for command in todo:  # in canonical order: a crash in between leaves a prefix, and a repeat finds it
            try:
                done = await self._stands(command, earlier.get(command.recipient), plan, read)
                effects[command.recipient] = done or await self._effect(command, plan, read, record)
            except Exception as error:  # noqa: BLE001 - one recipient's failure is not another's
                failures.append(error)
        if failures:
            raise ExceptionGroup("effects", failures)
        return effects

    def one_message(self, plan: RoutingPlan, read: ReadMail, record: EnvelopeRecord) -> OneMessage | None:
        """Draft what carrying out the plan comes to if that is one message and notes. None: `carry_out` does it.

        Changes nothing. Expects that nothing of the mail stands yet: its claim is free, and no event has its key.
        """
        asked = _claims(plan, record)
        todo = commands(plan, asked)
        added = [command for command in todo if isinstance(command, AddMail)]
        noted = [command for command in todo if isinstance(command, Note)]
        if read.attachments or len(added) != 1 or len(added) + len(noted) < len(todo):
            return None
        (adding,) = added
        append = self.messaging.draft_mail(
            with_subject(_envelope(read).content),
            conversation=adding.conversation,
            author=adding.author,
            key=adding.dedup_key,
            addition=self._addition(adding, read, record),
        )
        if append is None:
            return None
        relayed = Relayed(append.event.id, adding.conversation, added=True)
        effects = {adding.recipient: relayed, **{command.recipient: _noted(command) for command in noted}}
        return OneMessage(claims=asked, append=append, effects=effects)

    async def _stands(
        self, command: Command, before: Effect | None, plan: RoutingPlan, read: ReadMail
    ) -> Effect | None:
        """What is done already, though the rules would decide otherwise by now.

        An earlier try, or another post of the mail, may have added it before an alias expired, a conversation was
        closed or an address authenticated: then it is neither held nor refused as well.
        """
        match command:
            case AddMail() if isinstance(before, Held | Refused):
                return await self._turned_down(command, before, read)
            case KeepHold(conversation=conversation):
                return await self._posted(conversation, read) or await self._was_over(command, before, read)
            case Refuse(recipient=recipient):
                return await self._posted(_conversation(plan, recipient), read)
            case _:
                return None

    async def _turned_down(self, command: AddMail, before: Held | Refused, read: ReadMail) -> Refused | None:
        """A person's no stands, though the sender would be let in by now."""
        mail, conversation = _envelope(read), command.conversation
        for key in (command.dedup_key, None):
            hold = await self.holds.of(hold_key(conversation, mail, key))
            if hold is not None and hold.state is HoldState.REJECTED:
                return before if isinstance(before, Refused) else Refused(Reason.NEEDS_APPROVAL)
        return None

    async def _was_over(self, command: KeepHold, before: Effect | None, read: ReadMail) -> Refused | None:
        """What was decided of the hold stays as it was told."""
        if not isinstance(before, Refused):
            return None
        hold = await self.holds.of(hold_key(command.conversation, _envelope(read), command.dedup_key))
        return before if hold is not None and hold.state in {HoldState.REJECTED, HoldState.EXPIRED} else None

    async def _posted(self, conversation: ConversationId | None, read: ReadMail) -> Relayed | None:
        mail = read.mail
        if conversation is None or not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom):
            return None
        key = MailKey(conversation, mail.sender.address, mail.message_id)
        event = await self.messaging.posted(mail.content, key=key, sent_at=mail.date)
        return None if event is None else Relayed(event, conversation, added=False)

    async def _effect(self, command: Command, plan: RoutingPlan, read: ReadMail, record: EnvelopeRecord) -> Effect:
        match command:
            case AddMail():
                return await self._add(command, plan, read, record)
            case HandOver():
                return await self._hand_over(command, record)
            case KeepHold():
                return await self._hold(command, plan, read, record)
            case Refuse():
                return await self._refuse(command, plan, record)
            case NoteRepeats():
                return await self._note_repeats(command, record)
            case Note():
                noted = _noted(command)
                self.measure_skipped([noted])
                return noted
            case _:
                assert_never(command)

    async def _add(self, command: AddMail, plan: RoutingPlan, read: ReadMail, record: EnvelopeRecord) -> Effect:
        mail = _envelope(read)
        added = await self.messaging.add_mail(
            with_subject(mail.content),
            conversation=command.conversation,
            author=command.author,
            key=command.dedup_key,
            addition=self._addition(command, read, record),
        )
        if added is None:
            raise Overtaken(command.conversation)
        if isinstance(added, PostingDeclined):
            log.info("%s", added, extra={"trace": record.trace})
            return await self._declined(command, plan, mail, record)
        if not added.added:
            self.telemetry.measure("deduplication.skipped", 1)
        return Relayed(added.event.id, command.conversation, added.added)

    def _addition(self, command: AddMail, read: ReadMail, record: EnvelopeRecord) -> MailAddition:
        mail = _envelope(read)
        flags = _flags(mail, command.author, command.dedup_key)
        return MailAddition(
            occurred_at=mail.received_at,
            sent_at=mail.date,
            flags=flags | _RESTORED if self.restores else flags,
            trace=record.trace,
            raw_key=record.raw,
            copies=_copies(mail, command.author),
        )

    async def _declined(
        self, command: AddMail, plan: RoutingPlan, mail: MessageEnvelope, record: EnvelopeRecord
    ) -> Effect:
        """A host's no is an outcome: it is told once, and the mail is not tried again."""
        tell = mail.sender.address if may_be_told(mail) and isinstance(mail.sender, ClearFrom) else None
        return await self._refuse(Refuse(command.recipient, Reason.DECLINED, tell, command.key), plan, record)

    def measure_skipped(self, effects: Iterable[Effect]) -> None:
        """Count recipients that another one, or another system, carries."""
        if skipped := sum(isinstance(effect, Skipped) for effect in effects):
            self.telemetry.measure("deduplication.skipped", skipped)

    async def _hand_over(self, command: HandOver, record: EnvelopeRecord) -> Effect:
        if self.legacy is None:
            raise Unavailable("legacy relay")
        await self.legacy.process(
            HandOff(
                external_id=command.external_id,
                message_id=command.message_id,
                address=command.recipient,
                raw_key=record.raw,
            )
        )
        return HandedOver(command.external_id)

    async def _hold(self, command: KeepHold, plan: RoutingPlan, read: ReadMail, record: EnvelopeRecord) -> Effect:
        mail = _envelope(read)
        tell = may_be_told(mail)
        held = HeldMail(
            id=command.hold,
            conversation=command.conversation,
            sender=command.sender,
            reason=command.reason,
            record=record.key,
            message_id=str(mail.message_id),
            since=mail.received_at,
            evidence=mail.evidence,
            alias=command.recipient,
            tell=tell,
            content_digest=mail.content.digest,
            participant=isinstance(command.author, AccountAuthor),
            finding=None if mail.checked is None else mail.checked.finding,
            by_list=command.by_list,
            by_address=command.by_address,
        )
        standing = await self.holds.keep(held, asks=not self.restores)
        if standing is not None:
            waits = standing.state in {HoldState.HELD, HoldState.APPROVED}
            return Held(standing.id) if waits else Refused(Reason.NEEDS_APPROVAL)
        # Counted by mails: the same mail again has its place already.
        told = command.sender if tell else None
        return await self._refuse(Refuse(command.recipient, Reason.RATE_LIMITED, told, command.hold), plan, record)

    async def _refuse(self, command: Refuse, plan: RoutingPlan, record: EnvelopeRecord) -> Effect:
        if command.tell is None or self.notices is None:
            return Refused(command.reason)
        at = plan.of(command.recipient).recipient
        thread = at.thread if isinstance(at, AliasRecipient | LegacyRecipient) else None
        told = await self.notices.refuse(
            command.tell,
            alias=command.recipient,
            reason=command.reason,
            record=record,
            about=plan.case.mail.message_id,
            to_participant=await self._takes_part(command.tell, thread),
            language=language_of(None if thread is None else thread.market),
        )
        return Refused(command.reason, told)

    async def _note_repeats(self, command: NoteRepeats, record: EnvelopeRecord) -> Effect:
        mails = "mail" if command.count == 1 else "mails"
        await note_status(
            self.messaging.conversations,
            self.messaging.clock,
            command.conversation,
            StatusNoted(command.account, f"{command.count} equal {mails} not shown"),
            cause=command.key,
            at=record.post.received_at,
            trace=record.trace,
        )
        return Ignored(command.reason)

    async def _takes_part(self, sender: EmailAddress, thread: ConversationThread | None) -> bool:
        """Whether the one text of all refusals may give way to the reason's own."""
        if thread is None:
            return False
        accounts = (await self.identities.at([sender])).get(sender, ())
        return any(thread.takes_part(account.id) for account in accounts)

    async def _keep(self, attachments: tuple[ReadAttachment, ...]) -> None:
        """Content-addressed, once however many aliases the mail reaches; names from the mail never become keys."""
        limit, kept = asyncio.Semaphore(4), Attachments(blobs=self.blobs)

        async def put(one: ReadAttachment) -> None:
            async with limit:
                await kept.put(one.described.digest, one.content)

        async with TaskGroup() as group:
            for one in {one.described.digest: one for one in attachments}.values():
                group.create_task(put(one))


def is_final(effect: Effect) -> bool:
    """Whether it stays whatever would be decided today: relayed, handed over, skipped."""
    match effect:
        case Relayed() | HandedOver() | Skipped():
            return True
        case Held() | Refused() | Ignored():
            return False
        case _:
            assert_never(effect)


def _conversation(plan: RoutingPlan, recipient: EmailAddress) -> ConversationId | None:
    """Where that alias leads."""
    found = plan.of(recipient).recipient
    return found.thread.id if isinstance(found, AliasRecipient) else None


def _claims(plan: RoutingPlan, record: EnvelopeRecord) -> tuple[Claim, ...]:
    return tuple(evolve(claim, at=record.post.received_at) for claim in claims(plan))


def _noted(command: Note) -> Effect:
    return Skipped(command.carried_by) if command.reason is None else Ignored(command.reason)


def _envelope(read: ReadMail) -> MessageEnvelope:
    """The envelope; a mail over a limit never gets an effect that needs one."""
    if isinstance(read.mail, MessageEnvelope):
        return read.mail
    raise TypeError("a mail over a limit of the reader is refused, never relayed or held")


def _flags(mail: MessageEnvelope, author: Author, key: MailKey) -> frozenset[str]:
    """What readers of the message are told beside its text."""
    marks = {
        UNVERIFIED: not author.verified,
        PERIPHERAL: not isinstance(author, AccountAuthor),
        SPAM: mail.spam,
        HARMFUL: mail.checked is not None and mail.checked.finding is Finding.HARMFUL,
        UNCHECKED: mail.checked is not None and mail.checked.is_unseen,
        MIME_AMBIGUOUS: bool(mail.oddities & {Oddity.HEADER, Oddity.BODY}),
        SYNTHETIC_ID: key.message_id.synthetic,
    }
    return frozenset(name for name, holds in marks.items() if holds)


def _copies(mail: MessageEnvelope, author: Author) -> tuple[EmailAddress, ...]:
    """Whom a registered participant carried in Cc of authenticated mail: at most 20 a mail are believed."""
    registered = isinstance(author, AccountAuthor) and author.standing is Standing.REGISTERED
    evidence = mail.evidence
    # Whoever sends a signed mail on may add a Cc, unless the signature covers that field.
    signed = not rests_on_dkim_alone(evidence) or "cc" in (evidence.dkim_signed or ())
    if not registered or not signed or judge(evidence) is not Authentication.AUTHENTICATED:
        return ()
    return mail.cc[:MOST_COPIES]


def _otherwise(
    asked: Iterable[Claim], standing: Iterable[Claim], fixed: Collection[ConversationId]
) -> dict[ConversationId, Stage]:
    """Where another way stands that this very post claimed: that of another post is carried out by its own tries."""
    return {
        stood.key.conversation: _STAGES[stood.path]
        for one, stood in zip(asked, standing, strict=True)
        if stood.path is not one.path and stood.at == one.at and stood.key.conversation not in fixed
    }
