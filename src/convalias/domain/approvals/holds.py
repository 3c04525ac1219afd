"""The life of a held mail: held, then approved, rejected or expired, once; and the limits on asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from attrs import evolve, field, frozen, validators

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant, ParticipantKind
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits, Asking, HeldMail, HoldId, HoldState
from convalias.domain.mail.authentication import Authentication, SenderEvidence, judge, rests_on_dkim_alone
from convalias.domain.mail.checks import Finding
from convalias.domain.mail.dedup import keyed

TRANSITIONS: Final[Mapping[HoldState, frozenset[HoldState]]] = MappingProxyType(
    {
        HoldState.HELD: frozenset({HoldState.APPROVED, HoldState.REJECTED, HoldState.EXPIRED}),
        HoldState.APPROVED: frozenset(),
        HoldState.REJECTED: frozenset(),
        HoldState.EXPIRED: frozenset(),
    }
)
"""What may follow what. Written by compare-and-set, so that of two answers one decides and the other is shown it."""


@frozen(kw_only=True)
class HoldPolicy:
    """The limits on held mail: how long each waits, and how many may."""

    lasts: timedelta = field(default=timedelta(days=14), validator=validators.gt(timedelta(0)))
    most: int = field(default=50, validator=validators.ge(1))
    """Waiting mails per conversation; decided ones do not count."""
    participants: int = field(default=10, validator=validators.ge(0))
    """Places that no mail of outsiders takes; so many one participant's address takes at most."""
    strangers: int = field(default=20, validator=validators.ge(0))
    """Places that all strangers whom nothing proves share."""
    by_domain: int = field(default=5, validator=validators.ge(1))
    """Places of authenticated strangers of one domain; names that share their last two labels are one."""
    by_sender: int = field(default=3, validator=validators.ge(1))
    """Places of one authenticated stranger."""

    @property
    def outsiders(self) -> int:
        """Places of all who take no part."""
        return max(self.most - self.participants, min(self.strangers, self.most))

    @property
    def claims(self) -> int:
        """Places of all mail in participants' names that nothing confirms: anybody may have written it."""
        return max(self.strangers, self.participants, 1)

    def fits(self, *, raw_kept: timedelta) -> None:
        """Raises `InvalidValue` when a mail could be approved after its bytes are gone."""
        if self.lasts >= raw_kept:
            raise InvalidValue("hold policy", found=self.lasts, expected=f"less than raw mail is kept: {raw_kept}")


DEFAULT_HOLD_POLICY: Final = HoldPolicy()
ASK_AFTER: Final = timedelta(minutes=1)
"""From the first mail that waits to the approval mail: several that come together are asked about together."""


@frozen
class Approve:
    """A participant lets it in."""

    by: AccountId
    admits: Admits = Admits.THIS_MAIL


@frozen
class Dismiss:
    """A participant turns it down."""

    by: AccountId


@frozen
class Lapse:
    """A hold ends because no participant answered in time."""


HoldAnswer: TypeAlias = Approve | Dismiss | Lapse


@frozen
class Changed:
    """Write this in the place of what was read; on a conflict read and decide again."""

    hold: HeldMail
    admitted: EmailAddress | None = None
    """From now on this address may write to the conversation."""
    admitted_list: str | None = None
    """From now on mail may come to the conversation by this list."""


@frozen
class Stands:
    """A hold keeps its state, and the page shows that state."""

    hold: HeldMail


Decided: TypeAlias = Changed | Stands


def expires_at(hold: HeldMail, policy: HoldPolicy = DEFAULT_HOLD_POLICY) -> datetime:
    """Return the time from which a hold can no longer be answered."""
    return hold.since + policy.lasts


def decide(hold: HeldMail, answer: HoldAnswer, *, now: datetime, policy: HoldPolicy = DEFAULT_HOLD_POLICY) -> Decided:
    """Return the change that an answer makes to a hold.

    Total; whatever comes too late expires it, and a decided hold stands.

    An approval admits the address only where there is one, for an ambiguous From names nobody, and where later mail of
    it would not be held all the same. The same holds of the list.
    """
    late = now >= expires_at(hold, policy)
    if hold.state is not HoldState.HELD:
        return Stands(hold)
    if late:
        return Changed(_moved(hold, HoldState.EXPIRED, None))
    match answer:
        case Lapse():
            return Stands(hold)
        case Approve(by=by, admits=admits):
            admitted = hold.sender if admits is Admits.THIS_ADDRESS and hold.by_address else None
            by_list = hold.by_list if admits is Admits.THIS_LIST else None
            let_in = Admits.THIS_MAIL if admitted is None and by_list is None else admits
            return Changed(evolve(_moved(hold, HoldState.APPROVED, by), admits=let_in), admitted, by_list)
        case Dismiss(by=by):
            return Changed(_moved(hold, HoldState.REJECTED, by))
        case _:
            assert_never(answer)


def gives_way(hold: HeldMail) -> HeldMail:
    """The hold, expired before its time because its place was needed; as it stands if it was decided."""
    return _moved(hold, HoldState.EXPIRED, None) if hold.state is HoldState.HELD else hold


def _moved(hold: HeldMail, state: HoldState, by: AccountId | None) -> HeldMail:
    return evolve(hold, state=state, decided_by=by)


def is_of(hold: HeldMail, content_digest: str) -> bool:
    """Whether a mail under the key of a hold is the held one, by its canonical digest.

    A Message-ID is the sender's text: what participants decide about one mail must not let in another that borrows it.
    """
    return hold.content_digest in {"", content_digest}


def other_id(hold: HoldId, content_digest: str) -> HoldId:
    """The hold of another mail under the same Message-ID."""
    return HoldId(keyed("h", hold, content_digest))


class Room(Enum):
    """Whether one more mail may wait."""

    FREE = "free"
    KNOWN = "it waits already, or was decided"
    FULL = "too many wait: refuse, RATE_LIMITED"


@frozen
class GivesWay:
    """A hold that has to expire now, so that there is room."""

    hold: HeldMail


def room_for(mail: HeldMail, among: Iterable[HeldMail], policy: HoldPolicy = DEFAULT_HOLD_POLICY) -> Room | GivesWay:
    """Whether that mail may wait beside those of its conversation. The same mail again is no further one.

    Nobody can take the places of others by names that he makes up or borrows. Strangers whom nothing proves share some,
    a domain and a sender that are proved have few each. Mail in participants' names that nothing confirms shares some
    too, by turns of the names. For mail that is proved or a participant's, one that has less claim gives way.
    """
    known = [*among]
    if any(one.id == mail.id for one in known):
        return Room.KNOWN
    waiting = [one for one in known if one.state is HoldState.HELD]
    if mail.participant:
        return _for_participant(mail, waiting, policy)
    outsiders = [one for one in waiting if not one.participant]
    unproved = [one for one in outsiders if not _is_proved(one)]
    has_place = len(outsiders) < policy.outsiders
    has_room = has_place and len(waiting) < policy.most
    if not _is_proved(mail):
        return Room.FREE if has_room and len(unproved) < policy.strangers else Room.FULL
    of_domain = [one for one in outsiders if _is_proved(one) and _organisation(one) == _organisation(mail)]
    of_name = [one for one in of_domain if one.sender == mail.sender]
    if len(of_name) >= policy.by_sender:
        return _in_its_name(mail, of_name)
    if len(of_domain) >= policy.by_domain:
        return _by_turns(mail, of_domain)
    if has_room:
        return Room.FREE
    claims = [one for one in waiting if _is_claim(one)] if has_place else []
    return _oldest(unproved) or _of_the_most(claims) or Room.FULL


def _for_participant(mail: HeldMail, waiting: Sequence[HeldMail], policy: HoldPolicy) -> Room | GivesWay:
    own = [one for one in waiting if one.participant]
    claims = [one for one in own if _is_claim(one)]
    outsiders = [one for one in waiting if not one.participant]
    unproved = [one for one in outsiders if not _is_proved(one)]
    of_name = [one for one in own if one.sender == mail.sender]
    if len(of_name) >= max(policy.participants, 1):  # anybody may write in his name
        return _in_its_name(mail, of_name)
    if _is_claim(mail) and len(claims) >= policy.claims:
        return _by_turns(mail, claims)
    if len(waiting) < policy.most:
        return Room.FREE
    reserved = len(own) < policy.participants
    if _is_claim(mail):
        return (reserved and _oldest(unproved or outsiders)) or _by_turns(mail, claims)
    return _oldest(unproved) or _of_the_most(claims) or (reserved and _oldest(outsiders)) or _by_turns(mail, own)


def _in_its_name(mail: HeldMail, of_name: Sequence[HeldMail]) -> Room | GivesWay:
    """Where a name has all its places: for a confirmed mail, the newest gives way that anybody may have posted."""
    return (_is_confirmed(mail) and _of_the_most([one for one in of_name if not _is_confirmed(one)])) or Room.FULL


def _oldest(holds: Sequence[HeldMail]) -> GivesWay | None:
    return GivesWay(min(holds, key=lambda hold: hold.since)) if holds else None


def _of_the_most(holds: Sequence[HeldMail]) -> GivesWay | None:
    """The newest mail of the name that has the most: a flood comes behind what was there before it."""
    counts = Counter(one.sender for one in holds)
    newest = max(holds, key=lambda one: (counts[one.sender], one.since, one.id), default=None)
    return None if newest is None else GivesWay(newest)


def _by_turns(mail: HeldMail, holds: Sequence[HeldMail]) -> Room | GivesWay:
    """Of n names each keeps an n-th part of the places: only a name with two more than the mail's gives one away."""
    counts = Counter(one.sender for one in holds)
    found = _of_the_most(holds)
    return Room.FULL if found is None or counts[found.hold.sender] < counts[mail.sender] + _FAIR else found


def _is_proved(hold: HeldMail) -> bool:
    return hold.sender is not None and judge(hold.evidence or _NOTHING) is Authentication.AUTHENTICATED


def _is_confirmed(hold: HeldMail) -> bool:
    """Whether the evidence confirms that its sender sent it here: a signature alone does not."""
    return proof_of(hold.evidence or _NOTHING) is Proof.CONFIRMED


def _is_claim(hold: HeldMail) -> bool:
    """Whether it is in a participant's name, and nothing confirms it."""
    return hold.participant and not _is_confirmed(hold)


def _organisation(hold: HeldMail) -> str:
    return "" if hold.sender is None else ".".join(hold.sender.domain.split(".")[-_LABELS:])


_NOTHING: Final = SenderEvidence()
_LABELS: Final = 2
_FAIR: Final = 2
"""So many more a name has that gives a place to another: with one more they would only change places."""


class Proof(Enum):
    """The proof of who sent a held mail, as it is told to those who decide."""

    CONFIRMED = "confirmed"
    SIGNED = "signed"
    """A signature alone: it says nothing about to whom the mail was sent."""
    UNPROVED = "unproved"
    DOUBTFUL = "doubtful"
    SPOOFED = "spoofed"


@frozen(kw_only=True)
class ApprovalItem:
    """A held mail, as the approval mail shows it."""

    hold: HoldId
    sender: str
    """The address: a stranger's name never stands without it. Empty: From is ambiguous."""
    authentication: Authentication
    subject: str
    """Empty unless authenticated and signed: a digest quotes nothing that anybody could have written."""
    expires_at: datetime
    proof: Proof
    finding: Finding | None = None
    """What a detector found; shown if it is in `FOUND`."""
    masked: str = ""
    """As much of the address as is shown in mail: it may be a participant's own, which no other may learn."""


def approval_item(
    hold: HeldMail, evidence: SenderEvidence, subject: str, policy: HoldPolicy = DEFAULT_HOLD_POLICY
) -> ApprovalItem:
    """Return the parts of a held mail that may be shown to those who decide about it."""
    found = judge(evidence)
    signed = not rests_on_dkim_alone(evidence) or "subject" in (evidence.dkim_signed or ())
    clear = found is Authentication.AUTHENTICATED and signed and hold.sender is not None
    return ApprovalItem(
        hold=hold.id,
        sender="" if hold.sender is None else hold.sender.written,
        authentication=found,
        subject=subject if clear else "",
        expires_at=expires_at(hold, policy),
        proof=proof_of(evidence),
        finding=hold.finding,
        masked="" if hold.sender is None else masked(hold.sender),
    )


@frozen(kw_only=True)
class HeldPage:
    """A held mail, as its page shows it: nothing that its sender wrote but the masked address."""

    state: HoldState
    sender: str
    """The masked address. Empty: the mail names no readable one."""
    proof: Proof
    finding: Finding | None = None
    """What a detector found; shown if it is in `FOUND`."""
    since: datetime
    expires_at: datetime
    may_admit_address: bool
    """Whether there is an address to let in, and that would be kept."""
    by_list: str | None = None
    """The mailing list that may be let in: its List-Id. None: there is none."""


def approval_key(conversation: ConversationId, account: AccountId, at: datetime) -> str:
    """The key of the approval mail: one per conversation, recipient and day (UTC), however many mails are held after it."""
    return keyed("q", conversation, account, at.astimezone(UTC).date().isoformat())


def masked(address: EmailAddress | None) -> str:
    """Mask an address so that those who know it recognise it, and others learn little."""
    return "an unreadable sender" if address is None else f"{address.local[:1]}…@{address.domain}"


def proof_of(evidence: SenderEvidence) -> Proof:
    """Return what the evidence proves, as it is said to those who decide."""
    judged = judge(evidence)
    alone = judged is Authentication.AUTHENTICATED and rests_on_dkim_alone(evidence)
    return Proof.SIGNED if alone else _PROOF_OF[judged]


FOUND: Final[Mapping[Finding, str]] = MappingProxyType(
    {
        Finding.HARMFUL: "A detector says that the mail is harmful.",
        Finding.SPAM: "A detector says that the mail is spam.",
        Finding.HELD_UNSEEN: "The detector of harmful mail could not look at this mail.",
    }
)
"""What a finding says to people, where it says anything."""


PROOF: Final[Mapping[Proof, str]] = MappingProxyType(
    {
        Proof.CONFIRMED: "The sender's domain confirms that the mail is from this address.",
        Proof.SIGNED: "A signature of the sender's domain confirms that the mail was once sent from this address. "
        "Nothing confirms that it was sent to this conversation.",
        Proof.UNPROVED: "Nothing proves that the mail is from this address.",
        Proof.DOUBTFUL: "A check of this address failed: the mail may be from somebody else.",
        Proof.SPOOFED: "The sender's domain says that the mail is not from this address.",
    }
)
"""What each proof says to people, in English."""
_PROOF_OF: Final[Mapping[Authentication, Proof]] = MappingProxyType(
    {
        Authentication.AUTHENTICATED: Proof.CONFIRMED,
        Authentication.UNPROVED: Proof.UNPROVED,
        Authentication.DOUBTFUL: Proof.DOUBTFUL,
        Authentication.SPOOFED: Proof.SPOOFED,
    }
)


def may_answer(thread: ConversationThread) -> tuple[Participant, ...]:
    """Return the accounts that are asked and may answer: registered participants.

    Who speaks for another, or once did, lets nobody in.
    """
    return tuple(one for one in thread.participants if one.kind is ParticipantKind.REGISTERED)


def who_is_asked(thread: ConversationThread | None) -> tuple[Participant, ...]:
    """Return who is asked about held mail of a conversation; nobody unless it is open."""
    return may_answer(thread) if thread is not None and thread.state is ThreadState.OPEN else ()


def to_ask_about(
    holds: Collection[HeldMail], *, now: datetime, policy: HoldPolicy = DEFAULT_HOLD_POLICY
) -> tuple[HeldMail, ...]:
    """Return the holds that this approval mail lists: all that can still be answered, oldest first."""
    waiting = [one for one in holds if one.state is HoldState.HELD and now < expires_at(one, policy)]
    return tuple(sorted(waiting, key=lambda one: (one.since, one.id))[: policy.most])


def day_after(moment: datetime) -> datetime:
    """Return the start of the next day (UTC): at most one approval mail a day."""
    return datetime.combine(moment.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)


def ask_at(asking: Asking, since: datetime) -> datetime:
    """Return when participants are asked about a mail that is held from `since` on."""
    soon = since + ASK_AFTER
    return soon if asking.at is None else max(soon, day_after(asking.at))


def is_asked_again(asking: Asking, pages: str) -> bool:
    """Return whether an approval mail is due: about new mail, or as earlier links led elsewhere than `pages`.

    Links of another `base_url` may lead nowhere. Two values that take turns ask once each.
    """
    return asking.wanted > asking.answered or (bool(asking.pages) and pages not in asking.pages)


def still_asked(
    account: AccountId,
    listed: Iterable[HeldMail],
    *,
    thread: ConversationThread,
    now: datetime,
    policy: HoldPolicy = DEFAULT_HOLD_POLICY,
) -> bool:
    """Return whether that participant can still answer a question about any of these mails."""
    asked = any(one.account == account for one in who_is_asked(thread))
    return asked and bool(to_ask_about(tuple(listed), now=now, policy=policy))
