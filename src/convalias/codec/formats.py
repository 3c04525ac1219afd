"""The table of all stored formats: class, tag, version, and how other versions are read and written.

A new format is one row here and one file in `tests/codec/golden/`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from attrs import field, frozen

from convalias.domain.aliases.alias import ConversationAlias, LegacyAlias
from convalias.domain.aliases.reservations import AddressHolders, AliasReservation
from convalias.domain.conversations import events
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.host_feed import HostFeed, HostMessage
from convalias.domain.conversations.host_messages import FirstStart, KeptMail, SeenCopies, SeenMessage
from convalias.domain.conversations.listing import ListedConversation, ListingCursor
from convalias.domain.conversations.long_texts import MessageTexts, TextRow
from convalias.domain.conversations.participants import Account, AccountAuthor, AddressTenure, PeripheralAuthor
from convalias.domain.conversations.threads import ThreadSnapshot
from convalias.domain.deployment.data_places import DirectoryClaim
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import KeyUse
from convalias.domain.deployment.positions import FeedCursor, Position
from convalias.domain.errors import InvalidValue
from convalias.domain.inbound import outcomes
from convalias.domain.inbound.claims import Claim
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.evidence_records import EvidenceRecord
from convalias.domain.inbound.held import Admitted, AdmittedList, Asking, HeldMail, Waiting
from convalias.domain.inbound.outcomes import Mark, Outcome, OutcomeRecord, RefusalDue, Tries
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.migration.rollout import RolloutSetting
from convalias.domain.operations.mail_index import IndexEntry
from convalias.domain.operations.numbers import GoneEvent, SignOfLife
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.domain.outbound.pacing import Releases
from convalias.domain.outbound.reports import SeenEvent
from convalias.domain.outbound.suppressions import EventPlace, Muted, Suppressed
from convalias.domain.outbound.undecided import UndecidedEvent
from convalias.domain.routing.announcements import AnnouncementDue
from convalias.domain.system_mail.former import SystemMailTry
from convalias.domain.system_mail.letters import AddressNotice, ApprovalLetter, RefusalLetter, SystemMail
from convalias.ports.event_log import EventRecord
from convalias.ports.records import Body, Json

T_co = TypeVar("T_co", covariant=True)
Step: TypeAlias = Callable[[Body], Body]
"""Turns the fields of one version into those of the next, or of the one before."""


def _none() -> Mapping[int, Step]:
    return {}


def _same(fields: Body) -> Body:
    """What is new has a default that says that nobody knows."""
    return fields


def _without(*names: str) -> Step:
    """Return the step back to a version that did not have these fields."""
    return lambda fields: {name: value for name, value in fields.items() if name not in names}


def _decision_2(fields: Body) -> Body:
    """Without where its notifications were mailed to."""
    rows = fields["deliveries"]
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return fields
    return {**fields, "deliveries": [_not_mailed(row) for row in rows]}


def _not_mailed(row: Json) -> Json:
    if not isinstance(row, Mapping):
        return row
    return {name: value for name, value in row.items() if name != "mailed_to"}


def _thread_2(fields: Body) -> Body:
    """Redactions and changes of people are known from then on: a former release kept none."""
    thread = fields.get("thread")
    seq = thread.get("seq", 0) if isinstance(thread, Mapping) else 0
    return {**fields, "people_changed": seq, "since": seq}


def _thread_1(fields: Body) -> Body:
    """Without redactions and changes of people."""
    return {name: value for name, value in fields.items() if name in {"thread", "appended_at"}}


def _event_1(fields: Body) -> Body:
    """The same, as only a long text is new. A message that has one would look whole: refused."""
    if _event_needs(fields) > 1:
        raise InvalidValue("write_format of event", found=1, expected="2, for a message whose text lies in a blob")
    return fields


def _event_needs(body: Body) -> int:
    """Version 2 for a message whose text lies in a blob: a release that reads only 1 parks its conversation."""
    happening = body["happening"]
    return 2 if isinstance(happening, Mapping) and "long" in happening else 1


def _rollout_2(fields: Body) -> Body:
    """Beside who set it and when: nobody wrote that down."""
    return {"rollout": fields, "by": "", "at": None}


def _rollout_1(fields: Body) -> Body:
    """The bare rollout."""
    bare = fields["rollout"]
    return bare if isinstance(bare, Mapping) else {}


def _without_signed(fields: Body) -> Body:
    """Without the fields that signatures cover, of the evidence in it."""
    evidence = fields.get("evidence")
    if not isinstance(evidence, Mapping):
        return fields
    return {**fields, "evidence": {name: value for name, value in evidence.items() if name != "dkim_signed"}}


def _post_without_signed(fields: Body) -> Body:
    """The same of the post in it."""
    post = fields["post"]
    return {**fields, "post": _without_signed(post)} if isinstance(post, Mapping) else fields


def _with_less_evidence(fields: Body) -> Body:
    """Without the list, and without whether anybody looked at SPF, of the evidence in it."""
    evidence = fields.get("evidence")
    if not isinstance(evidence, Mapping):
        return fields
    kept = {name: value for name, value in evidence.items() if name not in {"spf_known", "via_list"}}
    return {**fields, "evidence": kept}


def _post_with_less_evidence(fields: Body) -> Body:
    """The same of the post in it."""
    post = fields["post"]
    return {**fields, "post": _with_less_evidence(post)} if isinstance(post, Mapping) else fields


def _hold_6(fields: Body) -> Body:
    """Without the list whose approval would let it in; where that was let in, the mail was too."""
    known = {name: value for name, value in _with_less_evidence(fields).items() if name != "by_list"}
    return {**known, "admits": "this_mail"} if known["admits"] == "this_list" else known


def _hold_needs(body: Body) -> int:
    return 7 if body["by_address"] else 8


def _system_mail_1(fields: Body) -> Body:
    """Without the mail that a refusal answers, and without its language."""
    letter = fields["letter"]
    if not isinstance(letter, Mapping):
        return fields
    return {**fields, "letter": {name: value for name, value in letter.items() if name not in {"about", "language"}}}


def _releases_1(fields: Body) -> Body:
    """Without messages that have no numbers."""
    latest = fields["latest"]
    if not isinstance(latest, Sequence) or isinstance(latest, str):
        return fields
    bare = [
        {name: value for name, value in one.items() if name != "event"} for one in latest if isinstance(one, Mapping)
    ]
    return {**fields, "latest": bare}


@frozen
class Format(Generic[T_co]):
    """A format: one row of the table; the body of a `T_co` has `"$": "<tag>/<version>"`.

    Several classes are the members of a union.
    """

    tag: str
    classes: tuple[type[T_co], ...]
    version: int = 1
    """What is written unless `Codec.write_format` says otherwise."""
    upgrades: Mapping[int, Step] = field(factory=_none)
    """By version n: from n to n + 1. Every version ever written stays readable."""
    downgrades: Mapping[int, Step] = field(factory=_none)
    """By version n: from n + 1 to n, as long as processes of the release before may read along."""

    needs: Callable[[Body], int] | None = None
    """The oldest version that says all that a body holds, which is written then. None: the newest is."""

    @property
    def mark(self) -> str:
        """Return the mark in bodies of the newest version."""
        return f"{self.tag}/{self.version}"

    @property
    def readable(self) -> tuple[int, ...]:
        """The versions that can be read, ascending."""
        oldest = self.version
        while oldest - 1 in self.upgrades:
            oldest -= 1
        return tuple(range(oldest, self.version + 1))

    @property
    def writable(self) -> tuple[int, ...]:
        """The versions that can be written, ascending."""
        oldest = self.version
        while oldest - 1 in self.downgrades:
            oldest -= 1
        return tuple(range(oldest, self.version + 1))


EVENT: Final = Format(
    "event", (ConversationEvent,), version=2, upgrades={1: _same}, downgrades={1: _event_1}, needs=_event_needs
)
MESSAGE_TEXTS: Final = Format("message_texts", (MessageTexts,))
TEXT_ROW: Final = Format("text_row", (TextRow,))
ALIAS: Final = Format("alias", (ConversationAlias,))
ALIAS_RESERVATION: Final = Format("alias_reservation", (AliasReservation,))
ACCOUNT: Final = Format("account", (Account,))
ADDRESS_HOLDERS: Final = Format("address_holders", (AddressHolders,))
TENURE: Final = Format("tenure", (AddressTenure,))
ROLLOUT: Final = Format("rollout", (RolloutSetting,), version=2, upgrades={1: _rollout_2}, downgrades={1: _rollout_1})
LISTED: Final = Format("listed", (ListedConversation,))
LISTING_CURSOR: Final = Format("listing_cursor", (ListingCursor,))
THREAD: Final = Format("thread", (ThreadSnapshot,), version=2, upgrades={1: _thread_2}, downgrades={1: _thread_1})
POSITION: Final = Format("position", (Position,))
FEED_CURSOR: Final = Format("feed_cursor", (FeedCursor,))
ENVELOPE_RECORD: Final = Format(
    "envelope_record",
    (EnvelopeRecord,),
    version=4,
    upgrades={1: _same, 2: _same, 3: _same},
    downgrades={1: _post_without_signed, 2: _without("cut"), 3: _post_with_less_evidence},
)
EVIDENCE: Final = Format(
    "evidence",
    (EvidenceRecord,),
    version=3,
    upgrades={1: _same, 2: _same},
    downgrades={1: _without_signed, 2: _with_less_evidence},
)
OUTCOME: Final[Format[Outcome]] = Format(
    "outcome", (outcomes.Done, outcomes.Dead, outcomes.Quarantined, outcomes.Expired)
)
OUTCOME_RECORD: Final = Format(
    "outcome_record",
    (OutcomeRecord,),
    version=4,
    upgrades={1: _same, 2: _same, 3: _same},
    downgrades={1: _without("received_at", "evidence", "has_received"), 2: _without_signed, 3: _with_less_evidence},
)
INDEX_ENTRY: Final = Format("index_entry", (IndexEntry,))
CLAIM: Final = Format("claim", (Claim,))
HOLD: Final = Format(
    "hold",
    (HeldMail,),
    version=8,
    upgrades={1: _same, 2: _same, 3: _same, 4: _same, 5: _same, 6: _same, 7: _same},
    downgrades={
        1: _without("admits", "evidence", "alias", "tell"),
        2: _without("content_digest"),
        3: _without_signed,
        4: _without("participant"),
        5: _without("finding"),
        6: _hold_6,
        7: _without("by_address"),
    },
    needs=_hold_needs,
)
WAITING: Final = Format("waiting", (Waiting,))
ASKING: Final = Format("asking", (Asking,), version=2, upgrades={1: _same}, downgrades={1: _without("pages")})
ADMITTED: Final = Format("admitted", (Admitted,))
ADMITTED_LIST: Final = Format("admitted_list", (AdmittedList,))
SEEN_EVENT: Final = Format("seen_event", (SeenEvent,))
EVENT_PLACE: Final = Format("event_place", (EventPlace,))
SUPPRESSED: Final = Format("suppressed", (Suppressed,))
MUTED: Final = Format("muted", (Muted,))
ANNOUNCEMENT: Final = Format("announcement", (AnnouncementDue,))
DEAD_LETTER: Final = Format(
    "dead_letter", (DeadLetter,), version=2, upgrades={1: _same}, downgrades={1: _without("recipients")}
)
DEPLOYMENT: Final = Format("deployment", (Deployment,))
DIRECTORY_CLAIM: Final = Format("directory_claim", (DirectoryClaim,))
KEY_USE: Final = Format("key_use", (KeyUse,))
REFUSAL: Final = Format("refusal", (RefusalDue,))
TRIES: Final = Format("tries", (Tries,))
SYSTEM_MAIL_TRY: Final = Format("system_mail_try", (SystemMailTry,))
SYSTEM_MAIL: Final = Format(
    "system_mail",
    (SystemMail,),
    version=3,
    upgrades={1: _same, 2: _same},
    downgrades={1: _system_mail_1, 2: _without("reason")},
)
MARK: Final = Format("mark", (Mark,))
DECISION: Final = Format(
    "decision",
    (DeliveryDecision,),
    version=4,
    upgrades={1: _same, 2: _same, 3: _same},
    # Without `placed`, whoever sends writes the place of the event again.
    downgrades={3: _without("placed"), 2: _decision_2, 1: _without("minting")},
)
UNDECIDED_EVENT: Final = Format("undecided_event", (UndecidedEvent,))
RELEASES: Final = Format("releases", (Releases,), version=2, upgrades={1: _same}, downgrades={1: _releases_1})
KEPT_MAIL: Final = Format("kept_mail", (KeptMail,))
SEEN_MESSAGE: Final = Format("seen_message", (SeenMessage,))
SEEN_COPIES: Final = Format("seen_copies", (SeenCopies,))
FIRST_START: Final = Format("first_start", (FirstStart,))
LEGACY_ALIAS: Final = Format("legacy_alias", (LegacyAlias,))
LEGACY_CALL: Final = Format("legacy_call", (LegacyCall,))
SIGN_OF_LIFE: Final = Format(
    "sign_of_life", (SignOfLife,), version=2, upgrades={1: _same}, downgrades={1: _without("faults")}
)
GONE_EVENT: Final = Format("gone_event", (GoneEvent,))
HOST_FEED: Final = Format("host_feed", (HostFeed,))
HOST_MESSAGE: Final = Format("host_message", (HostMessage,))
PUBLISHED_EVENT: Final = Format("published_event", (EventRecord,))
"""Not stored but published, to logs that other programs read too."""

FORMATS: Final[tuple[Format[object], ...]] = (
    EVENT,
    MESSAGE_TEXTS,
    TEXT_ROW,
    ALIAS,
    ALIAS_RESERVATION,
    ACCOUNT,
    ADDRESS_HOLDERS,
    TENURE,
    ROLLOUT,
    LISTED,
    LISTING_CURSOR,
    THREAD,
    POSITION,
    FEED_CURSOR,
    ENVELOPE_RECORD,
    EVIDENCE,
    OUTCOME,
    OUTCOME_RECORD,
    INDEX_ENTRY,
    CLAIM,
    HOLD,
    WAITING,
    ASKING,
    ADMITTED,
    ADMITTED_LIST,
    SEEN_EVENT,
    EVENT_PLACE,
    SUPPRESSED,
    MUTED,
    ANNOUNCEMENT,
    DEAD_LETTER,
    DEPLOYMENT,
    DIRECTORY_CLAIM,
    KEY_USE,
    REFUSAL,
    TRIES,
    SYSTEM_MAIL_TRY,
    SYSTEM_MAIL,
    MARK,
    SIGN_OF_LIFE,
    GONE_EVENT,
    UNDECIDED_EVENT,
    HOST_FEED,
    HOST_MESSAGE,
    DECISION,
    RELEASES,
    KEPT_MAIL,
    SEEN_MESSAGE,
    SEEN_COPIES,
    FIRST_START,
    LEGACY_ALIAS,
    LEGACY_CALL,
    PUBLISHED_EVENT,
)

TAGS: Final[Mapping[type[object], str]] = {
    # Members of unions, by names that outlive a renamed class.
    AccountAuthor: "account",
    PeripheralAuthor: "peripheral",
    events.ConversationCreated: "conversation_created",
    events.MessageAdded: "message_added",
    events.ParticipantAdded: "participant_added",
    events.ParticipantRemoved: "participant_removed",
    events.CopiesSeen: "copies_seen",
    events.MessagesRead: "read",
    events.ConversationClosed: "closed",
    events.ConversationReopened: "reopened",
    events.ConversationArchived: "archived",
    events.ConversationErased: "erased",
    events.AliasIssued: "alias_issued",
    events.AliasRevoked: "alias_revoked",
    events.MessageRedacted: "redacted",
    events.StatusNoted: "status_noted",
    outcomes.Done: "done",
    outcomes.Dead: "dead",
    outcomes.Quarantined: "quarantined",
    outcomes.Expired: "expired",
    outcomes.Relayed: "relayed",
    outcomes.HandedOver: "handed_over",
    outcomes.Skipped: "skipped",
    outcomes.Held: "held",
    outcomes.Refused: "refused",
    outcomes.Ignored: "ignored",
    RefusalLetter: "refusal_letter",
    ApprovalLetter: "approval_letter",
    AddressNotice: "address_notice",
}


SPARED: Final[Mapping[type[object], Collection[str]]] = {
    events.MessageAdded: ("long",),
    UndecidedEvent: ("fault", "failing_since"),
}
"""Fields that are not written while they hold their default: the release before reads such a body as its own."""


def kind_of(happening: events.Happening) -> str:
    """The stable name of an event's kind, as it is stored and published: `message_added`, `closed`, ..."""
    return TAGS[type(happening)]
