"""Turn a plan into commands, each under the key that makes it repeatable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Final, TypeAlias, assert_never

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor
from convalias.domain.expecting import expect
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.claims import Claim, ClaimKey, Path
from convalias.domain.inbound.held import HoldId
from convalias.domain.mail.dedup import MailKey, keyed
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.reasons import AnyReason, Reason
from convalias.domain.routing.decision import may_be_told
from convalias.domain.routing.let_in import hold_id as held_as
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    Ruling,
    SkipOverlap,
    Source,
)

_NOTED: Final = 100
_PLAN: Final = "a RoutingPlan; of a TryAgain nothing is carried out"


@frozen
class AddMail:
    """Append the mail to the conversation. Key: `str(dedup_key)`."""

    recipient: EmailAddress
    conversation: ConversationId
    author: Author
    dedup_key: MailKey

    @property
    def key(self) -> str:
        """The event is unique on conversation and this."""
        return str(self.dedup_key)


@frozen
class HandOver:
    """Give the mail to the legacy relay, for this address. Key: the external id."""

    recipient: EmailAddress
    external_id: str
    message_id: str

    @property
    def key(self) -> str:
        """Legacy processes an external id once."""
        return self.external_id


@frozen
class KeepHold:
    """Keep the mail until a participant has decided. Key: the hold's id."""

    recipient: EmailAddress
    hold: HoldId
    conversation: ConversationId
    sender: EmailAddress | None
    """None: From is ambiguous."""
    reason: AnyReason
    author: Author | None
    dedup_key: MailKey | None
    by_list: str | None = None
    """The mailing list whose approval would let it in."""
    by_address: bool = False
    """Whether its approval may be kept for later mail of its address."""

    @property
    def key(self) -> str:
        """Return the key of the hold and its approval mail."""
        return self.hold


@frozen
class Refuse:
    """Refuse. `tell`: whom to send the refusal mail, None where nobody may be told. Key: sender, alias and day."""

    recipient: EmailAddress
    reason: AnyReason
    tell: EmailAddress | None
    key: str


@frozen
class Note:
    """A note for the outcome alone: skipped (reason None) or ignored."""

    recipient: EmailAddress
    reason: AnyReason | None
    carried_by: EmailAddress | None = None

    @property
    def key(self) -> None:
        """Return no key: a note has no effect."""
        return None


@frozen
class NoteRepeats:
    """Ignore the mail, and note in the conversation how many equal mails of its participant are not shown."""

    recipient: EmailAddress
    reason: AnyReason
    conversation: ConversationId
    account: AccountId
    count: int
    key: str
    """One note for each mail."""


Command: TypeAlias = AddMail | HandOver | KeepHold | Refuse | Note | NoteRepeats


def claims(plan: RoutingPlan) -> tuple[Claim, ...]:
    """Return the claims to make before any effect: one for each conversation that gets the mail, by either way.

    The plan of one post cannot see the others, and between two tries of it an alias may expire or a flag may flip.
    The first claim stands. Where From is ambiguous there is no sender to claim for, and nothing is carried.
    """
    expect("plan", plan, RoutingPlan, expected=_PLAN)
    sender, message_id = _sender(plan), plan.case.mail.message_id
    if sender is None or message_id is None:
        return ()
    found: dict[ConversationId, Claim] = {}
    for ruling in plan:
        match ruling.verdict:
            case RelayToConversation(author=author) | Hold(author=author) if author is not None:
                path = Path.RELAY
            case HandToLegacy():
                path, author = Path.LEGACY, None
            case _:
                continue
        conversation = ruling.conversation
        if conversation is not None:
            found.setdefault(conversation, Claim(ClaimKey(conversation, sender, message_id), path, author))
    return tuple(found.values())


def commands(plan: RoutingPlan, standing: Iterable[Claim] = ()) -> tuple[Command, ...]:
    """Return the commands in recipient order; a recipient whose way is not the claimed one becomes a `Note`.

    `standing` are the claims that stand in the store, whoever made them; none: those of the plan itself.
    """
    expect("plan", plan, RoutingPlan, expected=_PLAN)
    claimed = {claim.key.conversation: claim for claim in (*claims(plan), *standing)}
    return tuple(_command(ruling, plan, _claim_of(ruling, claimed)) for ruling in plan)


def _claim_of(ruling: Ruling, claimed: Mapping[ConversationId, Claim]) -> Claim | None:
    conversation = ruling.conversation
    return None if conversation is None else claimed.get(conversation)


def _command(ruling: Ruling, plan: RoutingPlan, claim: Claim | None) -> Command:
    address, verdict = ruling.recipient.address, ruling.verdict
    match verdict:
        case RelayToConversation() | Hold(author=AccountAuthor() | PeripheralAuthor()) if _taken(claim, Path.LEGACY):
            return Note(address, None)
        case HandToLegacy() if _taken(claim, Path.RELAY):
            return Note(address, None)
        case RelayToConversation(conversation=conversation, author=author, dedup_key=key):
            author = _author(author, claim)
            if not _may_write(author, conversation, plan):
                return _refusal(ruling, Reason.NOT_PARTICIPANT, plan)
            return AddMail(address, conversation, author, key)
        case HandToLegacy():
            return HandOver(address, external_id(plan, address), str(plan.case.mail.message_id))
        case SkipOverlap(carried_by=carried_by):
            return Note(address, None, carried_by)
        case Hold():
            return _hold(ruling, verdict, plan)
        case Reject(reason=reason):
            return _refusal(ruling, reason, plan)
        case Ignore():
            return _ignored(ruling, verdict, plan)
        case _:
            assert_never(verdict)


def _author(author: Author, claim: Claim | None) -> Author:
    """The account behind an address can change between two tries of one mail: the first answer stands.

    Whether it is proved is said of this mail, by its own evidence: a mail that was held because nothing could be found
    out may be proved by now, and another one that borrows a Message-ID is not.
    """
    if claim is None or claim.author is None:
        return author
    return evolve(claim.author, verified=author.verified)


def _may_write(author: Author, conversation: ConversationId, plan: RoutingPlan) -> bool:
    """Whoever the rules let in does. Who claimed the mail may be gone since, and his address another's by now.

    Then the mail is neither his message any more nor the other's, and deciding anew would find the same for ever.
    """
    thread = plan.case.context.threads.get(conversation)
    return not isinstance(author, AccountAuthor) or thread is None or thread.takes_part(author.account)


def _taken(claim: Claim | None, path: Path) -> bool:
    return claim is not None and claim.path is path


def external_id(plan: RoutingPlan, address: EmailAddress) -> str:
    """Return the id of a hand-off for legacy: canonical Message-ID (synthetic if needed) and legacy address."""
    message_id = plan.case.mail.message_id
    return keyed("l", b"" if message_id is None else message_id.value, address.key)


def hold_id(conversation: ConversationId, verdict: Hold, plan: RoutingPlan) -> HoldId:
    """Name the hold of that ruling, as `let_in.hold_id` does; of an unreadable mail without a key the conversation counts."""
    mail = plan.case.mail
    if isinstance(mail, MessageEnvelope):
        return held_as(conversation, mail, verdict.dedup_key)
    return HoldId(keyed("h", conversation, "") if verdict.dedup_key is None else str(verdict.dedup_key))


def _hold(ruling: Ruling, verdict: Hold, plan: RoutingPlan) -> KeepHold | Note:
    conversation = ruling.conversation
    if conversation is None:
        return Note(ruling.recipient.address, verdict.reason)
    return KeepHold(
        ruling.recipient.address,
        hold_id(conversation, verdict, plan),
        conversation,
        _sender(plan),
        verdict.reason,
        verdict.author,
        verdict.dedup_key,
        verdict.by_list,
        verdict.by_address,
    )


def _ignored(ruling: Ruling, verdict: Ignore, plan: RoutingPlan) -> NoteRepeats | Note:
    """A conversation is told of the first hundred one by one, then of each hundredth: a flood is no flood of notes."""
    address, repeats, message_id = ruling.recipient.address, verdict.repeats, plan.case.mail.message_id
    author = None if repeats is None else repeats.author
    if repeats is None or ruling.conversation is None or message_id is None or not isinstance(author, AccountAuthor):
        return Note(address, verdict.reason)
    if repeats.count > _NOTED and repeats.count % _NOTED:
        return Note(address, verdict.reason)
    key = keyed("n", ruling.conversation, author.account, message_id.value)
    return NoteRepeats(address, verdict.reason, ruling.conversation, author.account, repeats.count, key)


def _refusal(ruling: Ruling, reason: AnyReason, plan: RoutingPlan) -> Refuse:
    address = ruling.recipient.address
    return Refuse(address, reason, _to_be_told(ruling, reason, plan), _refusal_key(address, plan))


def _to_be_told(ruling: Ruling, reason: AnyReason, plan: RoutingPlan) -> EmailAddress | None:
    """The From address: it is the one that was authenticated.

    A plan says whether its own refusals may be told: of a message that cannot be added it has not asked that.
    """
    arrived, answerable, mail = ruling.recipient.source is Source.ENVELOPE, plan.tell_sender, plan.case.mail
    if isinstance(ruling.verdict, RelayToConversation) and isinstance(mail, MessageEnvelope):
        answerable = may_be_told(mail)
    told = answerable and arrived and reason.consequence.may_tell_sender
    return _sender(plan) if told else None


def _refusal_key(address: EmailAddress, plan: RoutingPlan) -> str:
    """At most one refusal mail per sender, alias and day (UTC)."""
    sender = _sender(plan)
    day = plan.case.context.now.astimezone(UTC).date().isoformat()
    return keyed("r", "" if sender is None else sender.key, address.key, day)


def _sender(plan: RoutingPlan) -> EmailAddress | None:
    match plan.case.mail:
        case MessageEnvelope(sender=ClearFrom(address=address)):
            return address
        case _:
            return None
