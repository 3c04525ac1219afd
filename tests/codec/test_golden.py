"""Every stored format, as it was first written, stays readable: one golden file per row of the table.

A new row needs a sample here; `python tests/codec/test_golden.py` then writes its file, and never changes one that
is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from convalias.codec import FORMATS, Codec, Format, UnknownFormat, dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat, ConversationAlias, LegacyAlias
from convalias.domain.aliases.reservations import AddressHolders, AliasReservation
from convalias.domain.conversations import events
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.host_feed import Checkpoint, HostFeed, HostMessage
from convalias.domain.conversations.host_messages import FirstStart, KeptMail, SeenCopies, SeenMessage
from convalias.domain.conversations.listing import ListedConversation, ListingCursor
from convalias.domain.conversations.long_texts import MessageTexts, TextRow
from convalias.domain.conversations.participants import (
    Account,
    AccountAuthor,
    AddressTenure,
    GivenUp,
    Participant,
    ParticipantKind,
    PeripheralAuthor,
    Standing,
)
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot, ThreadState
from convalias.domain.deployment.data_places import DirectoryClaim
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import KeyUse
from convalias.domain.deployment.positions import FeedCursor, Position
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.inbound import outcomes
from convalias.domain.inbound.claims import Claim, ClaimKey
from convalias.domain.inbound.claims import Path as Way
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.evidence_records import EvidenceRecord
from convalias.domain.inbound.held import Admits, Admitted, AdmittedList, Asking, HeldMail, HoldId, HoldState, Waiting
from convalias.domain.inbound.posts import EnvelopeRecord, Post, RawKey, RecordKey
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.checks import Finding
from convalias.domain.mail.envelope import NULL_RETURN_PATH, Attachment
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.migration.rollout import Cohort, Rollout, RolloutSetting, Stage
from convalias.domain.operations.mail_index import IndexEntry
from convalias.domain.operations.numbers import GoneEvent, SignOfLife
from convalias.domain.outbound.delivery import (
    Channel,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    NotificationKind,
    Owner,
)
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.domain.outbound.pacing import AuthorGroup, Release, Releases
from convalias.domain.outbound.reports import SeenEvent
from convalias.domain.outbound.suppressions import EventPlace, Muted, Suppressed
from convalias.domain.outbound.undecided import UndecidedEvent
from convalias.domain.routing.announcements import Announcement, AnnouncementDue
from convalias.domain.routing.policy import SenderTrust
from convalias.domain.system_mail.former import FormerState, SystemMailTry
from convalias.domain.system_mail.letters import (
    AddressNotice,
    ApprovalLetter,
    RefusalLetter,
    SystemMail,
    SystemMailState,
)
from convalias.ports.event_log import EventRecord

GOLDEN: Final = Path(__file__).parent / "golden"
NOON: Final = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
C1, A1, A2 = ConversationId("c1"), AccountId("a1"), AccountId("a2")
JOHN: Final = EmailAddress.parse("John@home.example")
MARY: Final = EmailAddress.parse("mary@corp.example")
HR: Final = Participant(A2, "recruiter", "Mary", "DE", (MARY,), ParticipantKind.DELEGATED)
RECORD: Final = RecordKey("envelopes/2026/03/01/ab.json")

HAPPENINGS: Final[Sequence[Happening]] = (
    events.ConversationCreated(UseCase("apply"), "jp", (Participant(A1), HR)),
    events.MessageAdded(
        author=AccountAuthor(A1, Standing.HISTORICAL, verified=True),
        text="new",
        full_text="new\n> old",
        subject="Re: job",
        attachments=(Attachment("cv.pdf", "application/pdf", 7, "ff"),),
        message_id="<x@y>",
        body_digest="bb",
        sent_at=NOON - timedelta(minutes=1),
        in_reply_to=EventId("e1"),
        flags=frozenset({"spam", "mime_ambiguous"}),
        raw_key="raw/2026/03/01/ff",
    ),
    events.MessageAdded(author=PeripheralAuthor(JOHN), text="I am nobody"),
    events.ParticipantAdded(HR),
    events.ParticipantRemoved(A2),
    events.CopiesSeen(frozenset({MARY, JOHN})),
    events.MessagesRead(A1, Seq(3)),
    events.ConversationClosed(A1),
    events.ConversationReopened(),
    events.ConversationArchived(),
    events.ConversationErased(),
    events.AliasIssued(AliasId("l1"), A1),
    events.AliasRevoked(AliasId("l1")),
    events.MessageRedacted(EventId("e2")),
    events.StatusNoted(A1, "absence"),
)

LONG: Final = events.MessageAdded(
    author=AccountAuthor(A1, verified=True),
    text="the start",
    full_text="the start",
    long=events.LongText("texts/e16", "cc" * 32),
)
"""Version 2: only what refers to a long text is written so."""

SIGNED: Final = frozenset({"from", "to"})
BOTH: Final = SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE, spf_aligned=True, dkim_aligned=True)
BY_LIST: Final = SenderEvidence(Dmarc.PASS, dkim_aligned=True, spf_known=False, via_list="dev.lists.example")
SAMPLES: Final[Mapping[str, Sequence[object]]] = {
    "event": [
        ConversationEvent(
            EventId(f"e{seq}"), C1, Seq(seq), happening, f"s-{seq}", Origin.ALIAS_MAIL, NOON, NOON, f"t{seq}"
        )
        for seq, happening in enumerate([*HAPPENINGS, LONG], start=1)
    ],
    "message_texts": [MessageTexts("hello", "hello\n> old"), MessageTexts("hello")],
    "text_row": [TextRow(C1, EventId("e16"), "texts/e16")],
    "alias": [
        ConversationAlias(
            address=EmailAddress.parse("john-smith-1ab131e2@reply.example"),
            conversation=C1,
            stands_for=A1,
            id=AliasId("l1"),
            topic="job",
            format=AliasFormat.V2,
            created_at=NOON,
            expires_at=NOON,
            revoked_at=NOON,
            superseded_by=AliasId("l2"),
        )
    ],
    "alias_reservation": [AliasReservation(C1, AliasId("l1"))],
    "address_holders": [AddressHolders(frozenset({A1, A2}))],
    "account": [
        Account(A1, (JOHN,), frozenset({JOHN}), frozenset({"home.example"}), frozenset({A2}), "John"),
        Account(A2),
    ],
    "tenure": [AddressTenure(JOHN, A1, NOON, NOON, GivenUp.SECURITY), AddressTenure(JOHN, A1, NOON)],
    "rollout": [
        RolloutSetting(Rollout(UseCase("apply"), Stage.NATIVE, 1000, "salt", Stage.PARALLEL, "ramp")),
        RolloutSetting(Rollout(UseCase("apply"), Stage.NATIVE, 1000, "salt", Stage.PARALLEL, "ramp"), "olga", NOON),
    ],
    "listed": [ListedConversation(UseCase("apply"), C1)],
    "listing_cursor": [ListingCursor(), ListingCursor("c1", done=True)],
    "thread": [
        ThreadSnapshot(
            ConversationThread(
                C1,
                UseCase("apply"),
                (Participant(A1), HR),
                ThreadState.CLOSED,
                "jp",
                frozenset({MARY}),
                {A1: Seq(3), A2: Seq(2)},
                NOON,
                Seq(4),
            ),
            NOON,
            people_changed=Seq(4),
            since=Seq(4),
        ),
        ThreadSnapshot(
            ConversationThread(C1, UseCase("apply"), (HR,), seq=Seq(9)),
            NOON,
            redacted=frozenset({EventId("e2"), EventId("e3")}),
            people_changed=Seq(7),
        ),
    ],
    "position": [Position(name="feed", cursor="x", epoch=3, holder="h", until=NOON), Position(name="feed")],
    "feed_cursor": [
        FeedCursor(token="82ff", caught_up=NOON, scan_from=NOON, scan_behind=("events", "c1", "000000000001")),
        FeedCursor(token="82ff", caught_up=NOON),
    ],
    "envelope_record": [
        EnvelopeRecord(
            key=RECORD,
            raw=RawKey("raw/2026/03/01/ff"),
            source="mailgun",
            post=Post(
                received_at=NOON,
                recipients=(JOHN,),
                return_path=path,
                evidence=evidence,
                spam=True,
            ),
            digest="dd",
            trace=TraceId("t"),
            quarantined="too_large",
        )
        for path, evidence in (
            (MARY, BOTH),
            (NULL_RETURN_PATH, None),
            (None, None),
            (MARY, evolve(BOTH, dkim_signed=SIGNED)),
        )
    ]
    + [
        EnvelopeRecord(
            key=RECORD,
            raw=RawKey("raw/2026/03/01/ff"),
            source="mailgun",
            post=Post(received_at=NOON, recipients=(JOHN,)),
            digest="dd",
            trace=TraceId("t"),
            cut=True,
        ),
        EnvelopeRecord(
            key=RECORD,
            raw=RawKey("raw/2026/03/01/ff"),
            source="mailgun",
            post=Post(received_at=NOON, recipients=(JOHN,), evidence=BY_LIST),
            digest="dd",
            trace=TraceId("t"),
        ),
    ],
    "outcome": [
        outcomes.Done(
            (
                (JOHN, outcomes.Relayed(EventId("e2"), C1, added=True)),
                (JOHN, outcomes.HandedOver("x")),
                (JOHN, outcomes.Skipped(MARY)),
                (JOHN, outcomes.Skipped()),
                (JOHN, outcomes.Held(HoldId("h"))),
                (JOHN, outcomes.Refused(Reason.EXPIRED_ALIAS, told=True)),
                (JOHN, outcomes.Ignored(Reason.LOOP)),
            )
        ),
        outcomes.Dead("Broken", 3),
        outcomes.Quarantined("too_large"),
        outcomes.Expired(),
    ],
    "outcome_record": [
        outcomes.OutcomeRecord(
            record=RECORD,
            outcome=outcomes.Done(((JOHN, outcomes.Held(HoldId("h"))),)),
            decided_at=NOON,
            trace=TraceId("t"),
            message_digest="aa",
            sender_digest="bb",
            recipient_digests=("cc",),
            rules=((JOHN, "doubtful-participant"),),
        ),
        outcomes.OutcomeRecord(record=RECORD, outcome=outcomes.Dead("Broken", 3), decided_at=NOON, trace=TraceId("t")),
        outcomes.OutcomeRecord(
            record=RECORD,
            outcome=outcomes.Dead("Broken", 3),
            decided_at=NOON,
            trace=TraceId("t"),
            message_digest="aa",
            received_at=NOON,
            evidence=SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE, spf_aligned=True),
            has_received=False,
        ),
        outcomes.OutcomeRecord(
            record=RECORD,
            outcome=outcomes.Dead("Broken", 3),
            decided_at=NOON,
            trace=TraceId("t"),
            message_digest="aa",
            received_at=NOON,
            evidence=SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE, spf_aligned=True, dkim_signed=SIGNED),
            has_received=False,
        ),
        outcomes.OutcomeRecord(
            record=RECORD, outcome=outcomes.Expired(), decided_at=NOON, trace=TraceId("t"), evidence=BY_LIST
        ),
    ],
    "index_entry": [IndexEntry(record=RECORD, received_at=NOON)],
    "claim": [
        Claim(ClaimKey(C1, JOHN, MessageId(b"x@\xff")), Way.RELAY, AccountAuthor(A1)),
        Claim(ClaimKey(C1, JOHN, MessageId(b"x@y", synthetic=True)), Way.LEGACY, PeripheralAuthor(JOHN, verified=True)),
        Claim(ClaimKey(C1, JOHN, MessageId(b"x@y")), Way.LEGACY, at=NOON),
    ],
    "hold": [
        HeldMail(HoldId("h"), C1, JOHN, Reason.NEEDS_APPROVAL, RECORD, "<x@y>", NOON, HoldState.APPROVED, A2),
        HeldMail(HoldId("h"), C1, None, Reason.FROM_AMBIGUOUS, RECORD, "<x@y>", NOON),
        HeldMail(
            HoldId("h"),
            C1,
            JOHN,
            Reason.NEEDS_APPROVAL,
            RECORD,
            "<x@y>",
            NOON,
            HoldState.APPROVED,
            A2,
            Admits.THIS_ADDRESS,
            SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE, spf_aligned=True),
            MARY,
            tell=True,
        ),
        HeldMail(
            HoldId("h"), C1, JOHN, Reason.NEEDS_APPROVAL, RECORD, "<x@y>", NOON, tell=True, content_digest="0a1b2c"
        ),
        HeldMail(
            HoldId("h"),
            C1,
            JOHN,
            Reason.NEEDS_APPROVAL,
            RECORD,
            "<x@y>",
            NOON,
            HoldState.APPROVED,
            A2,
            Admits.THIS_ADDRESS,
            SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE, spf_aligned=True, dkim_signed=SIGNED),
            MARY,
            tell=True,
        ),
        HeldMail(HoldId("h"), C1, JOHN, Reason.NEEDS_APPROVAL, RECORD, "<x@y>", NOON, participant=True),
        HeldMail(HoldId("h"), C1, JOHN, Reason.NEEDS_APPROVAL, RECORD, "<x@y>", NOON, finding=Finding.HARMFUL),
        HeldMail(
            HoldId("h"),
            C1,
            JOHN,
            Reason.NEEDS_APPROVAL,
            RECORD,
            "<x@y>",
            NOON,
            HoldState.APPROVED,
            A2,
            Admits.THIS_LIST,
            BY_LIST,
            by_list="dev.lists.example",
        ),
        HeldMail(HoldId("h"), C1, JOHN, Reason.NEEDS_APPROVAL, RECORD, "<x@y>", NOON, by_address=False),
    ],
    "waiting": [Waiting(conversation=C1), Waiting(conversation=C1, holds=(HoldId("h"), HoldId("i")))],
    "asking": [
        Asking(conversation=C1, wanted=1),
        Asking(conversation=C1, wanted=3, answered=2, at=NOON, listed=(HoldId("h"),), sending=True),
        Asking(conversation=C1, wanted=3, answered=3, at=NOON, listed=(HoldId("h"),), pages=("https://a.example",)),
    ],
    "seen_event": [SeenEvent(digest="ab" * 32, at=NOON)],
    "event_place": [EventPlace(event=EventId("000p5vaf6m3o0000000000000c"), conversation=C1)],
    "suppressed": [Suppressed(account=A2, address=MARY, status="5.1.1", at=NOON)],
    "system_mail_try": [
        SystemMailTry(key="refusal-1", state=FormerState.TRYING, first=NOON, at=NOON),
        SystemMailTry(key="refusal-1", state=FormerState.UNCERTAIN, first=NOON, at=NOON + timedelta(hours=1), tries=3),
    ],
    "system_mail": [
        SystemMail(
            key="refusal-1",
            letter=RefusalLetter(
                sender=JOHN, alias=MARY, reason=Reason.EXPIRED_ALIAS, to_participant=True, trace=TraceId("t")
            ),
        ),
        SystemMail(
            key="refusal-2",
            letter=RefusalLetter(
                sender=JOHN,
                alias=MARY,
                reason=Reason.EMPTY,
                to_participant=True,
                trace=TraceId("t"),
                about="<x@y>",
                language="de",
            ),
        ),
        SystemMail(
            key="q-1",
            letter=ApprovalLetter(conversation=C1, account=A2, holds=(HoldId("h"),), at=NOON),
            state=SystemMailState.TRYING,
            first=NOON,
            at=NOON + timedelta(minutes=2),
            tries=2,
        ),
        SystemMail(
            key="a-1", letter=AddressNotice(account=A2, old=MARY, at=NOON), state=SystemMailState.SENT, first=NOON
        ),
        SystemMail(
            key="a-2",
            letter=AddressNotice(account=A2, old=MARY, at=NOON),
            state=SystemMailState.DROPPED,
            reason="the mail server refuses it at RCPT TO: 550 5.1.1",
        ),
    ],
    "muted": [Muted(account=A2, conversation=C1, at=NOON)],
    "announcement": [
        AnnouncementDue(Announcement(A2, MARY, C1), NOON),
        AnnouncementDue(Announcement(A2, MARY, C1), NOON, sent=True),
    ],
    "admitted": [Admitted(conversation=C1, address=JOHN, by=A2, at=NOON)],
    "admitted_list": [AdmittedList(conversation=C1, by_list="dev.lists.example", by=A2, at=NOON)],
    "dead_letter": [
        DeadLetter(
            id=DeadLetterId("d"),
            lane="inbound",
            subject=RECORD,
            reason="Broken",
            tries=3,
            at=NOON,
            trace=TraceId("t"),
            explanation="why",
        ),
        DeadLetter(
            id=DeadLetterId("d"),
            lane="deliveries",
            subject="c1 e2",
            reason="Rejected",
            tries=5,
            at=NOON,
            recipients=("a1",),
        ),
    ],
    "deployment": [
        Deployment(
            alias_domains=("reply.example",),
            legacy_domains=("relay.example",),
            admission="strict",
            sender_trust=SenderTrust.REQUIRE_ALIGNED,
            blocked_addresses=(JOHN,),
            blocked_domains=("evil.example",),
            historical_days=30,
            foreign_tokens=True,
        ),
        Deployment(),
    ],
    "key_use": [KeyUse(3, "00112233445566778899aabbccddeeff", NOON), KeyUse(31, "", NOON)],
    "refusal": [
        outcomes.RefusalDue(
            sender=JOHN,
            alias=MARY,
            reason=Reason.EXPIRED_ALIAS,
            to_participant=True,
            trace=TraceId("t"),
            sent=True,
        )
    ],
    "decision": [
        DeliveryDecision(
            event=EventId("e2"),
            conversation=C1,
            use_case=UseCase("apply"),
            seq=Seq(2),
            owner=Owner.HUB,
            stage=Stage.PARALLEL,
            reason="parallel at 1000 basis points, bucket 7",
            decided_at=NOON,
            bucket=7,
            rollout=Rollout(UseCase("apply"), Stage.PARALLEL, 1000, "salt"),
            deliveries=(
                Delivery(
                    id=NotificationId("e2.aa.message.email"),
                    recipient=A1,
                    kind=NotificationKind.REMINDER_24H,
                    channel=Channel.SMS,
                    state=DeliveryState.TRIED,
                    attempts=2,
                    first_tried=NOON,
                    next_at=NOON,
                    reason="TimeoutError",
                    receipt="r",
                ),
                Delivery(id=NotificationId("e2.bb.message.email"), recipient=A2),
            ),
            index=IndexRow(suppress_notification=True, done=True, attempts=1, next_at=NOON, reason="rejected"),
            tried=NOON,
            holder="h",
            held_until=NOON,
            trace="t",
        ),
        DeliveryDecision(
            event=EventId("e3"),
            conversation=C1,
            use_case=UseCase("apply"),
            seq=Seq(3),
            owner=Owner.LEGACY,
            stage=Stage.LEGACY,
            reason="nothing set",
            decided_at=NOON,
        ),
        DeliveryDecision(
            event=EventId("e4"),
            conversation=C1,
            use_case=UseCase("apply"),
            seq=Seq(4),
            owner=Owner.LEGACY,
            stage=Stage.LEGACY,
            reason="native at 10000 basis points, bucket 7; minting is off for this conversation: legacy delivers",
            decided_at=NOON,
            minting=Cohort(Stage.LEGACY, 7, Rollout(UseCase("apply"), Stage.LEGACY, 10_000, "salt")),
        ),
        DeliveryDecision(
            event=EventId("e4"),
            conversation=C1,
            use_case=UseCase("apply"),
            seq=Seq(4),
            owner=Owner.HUB,
            stage=Stage.NATIVE,
            reason="nothing set",
            decided_at=NOON,
            deliveries=(
                Delivery(
                    id=NotificationId("e4.aa.message.email"),
                    recipient=A1,
                    state=DeliveryState.SENT,
                    mailed_to=("to-1", "to-2"),
                ),
            ),
            tried=NOON,
        ),
        DeliveryDecision(
            event=EventId("e5"),
            conversation=C1,
            use_case=UseCase("apply"),
            seq=Seq(5),
            owner=Owner.HUB,
            stage=Stage.NATIVE,
            reason="nothing set",
            decided_at=NOON,
            placed=True,
        ),
    ],
    "legacy_alias": [
        LegacyAlias(EmailAddress.parse("x1@relay.example"), C1),
        LegacyAlias(EmailAddress.parse("x2@relay.example"), None),
    ],
    "legacy_call": [
        LegacyCall(
            kind="index",
            external_id="e2",
            message_id="<x@y>",
            address=EmailAddress.parse("x1@relay.example"),
            suppress_notification=True,
            conversation=C1,
            notified=True,
            order="01",
        ),
        LegacyCall(kind="handoff", external_id="h", message_id="<x@y>", address=None, suppress_notification=False),
    ],
    "directory_claim": [DirectoryClaim(directory="0f3a" * 8, since=NOON)],
    "releases": [
        Releases(
            conversation=C1,
            group=AuthorGroup.UNVERIFIED,
            latest=(Release(Seq(2), NOON), Release(Seq(4), NOON + timedelta(hours=1))),
        ),
        Releases(conversation=C1, group=AuthorGroup.VERIFIED, latest=(Release(Seq(0), NOON, EventId("e2")),)),
    ],
    "kept_mail": [
        KeptMail(
            conversation=C1,
            key="m-" + "0a" * 20,
            dedup_key="mail:c1:john@home.example:<x@y>",
            message=events.MessageAdded(
                author=PeripheralAuthor(JOHN),
                text="",
                subject="Job",
                message_id="<x@y>",
                body_digest="0a",
                sent_at=NOON,
            ),
            origin=Origin.ALIAS_MAIL,
            occurred_at=NOON,
            kept_at=NOON,
            trace="t",
            posted_as="17",
        )
    ],
    "host_feed": [
        HostFeed(head=Checkpoint("42", NOON)),
        HostFeed(head=Checkpoint("42", NOON), behind=(Checkpoint("40", NOON),), late=3, last_late=NOON),
    ],
    "host_message": [HostMessage("t1", "7", NOON), HostMessage("t1", "7", NOON, told=NOON)],
    "seen_message": [
        SeenMessage(
            conversation=C1, event=EventId("e2"), message="17", key=None, author=A1, written_at=NOON, seen_at=NOON
        ),
        SeenMessage(
            conversation=C1,
            event=EventId("e3"),
            message="18",
            key="m-" + "0a" * 20,
            author=None,
            written_at=NOON,
            seen_at=NOON,
            found=False,
        ),
    ],
    "seen_copies": [SeenCopies(conversation=C1, addresses=frozenset({JOHN}))],
    "first_start": [FirstStart(NOON)],
    "undecided_event": [
        UndecidedEvent(conversation=C1, event=EventId("e2"), seq=Seq(2), since=NOON, trace="t"),
        UndecidedEvent(conversation=C1, event=EventId("e3"), seq=Seq(0), since=NOON),
        UndecidedEvent(
            conversation=C1,
            event=EventId("e4"),
            seq=Seq(4),
            since=NOON,
            fault="identity.at: KeyError",
            failing_since=NOON,
        ),
    ],
    "gone_event": [GoneEvent(conversation=C1, event=EventId("e2"), at=NOON)],
    "sign_of_life": [
        SignOfLife(worker="inbound", incarnation="host-a.1.2", at=NOON),
        SignOfLife(
            worker="feed", incarnation="host-a.1.2", at=NOON, faults="identity.at: KeyError at own/people.py:7, once"
        ),
    ],
    "mark": [outcomes.Mark(RECORD, NOON)],
    "evidence": [
        EvidenceRecord(
            raw=RawKey("raw/2026/03/01/ab"),
            evidence=SenderEvidence(Dmarc.PASS, DmarcPolicy.REJECT, dkim_aligned=True),
            at=NOON,
        ),
        EvidenceRecord(raw=RawKey("raw/2026/03/01/cd"), evidence=SenderEvidence(), at=NOON),
        EvidenceRecord(raw=RawKey("raw/2026/03/01/cd"), evidence=SenderEvidence(dkim_signed=SIGNED), at=NOON),
        EvidenceRecord(raw=RawKey("raw/2026/03/01/cd"), evidence=BY_LIST, at=NOON),
    ],
    "published_event": [
        EventRecord(C1, EventId("e2"), Seq(2), "message_added", TraceId("t")),
        EventRecord(C1, EventId("e3"), Seq(3), "closed", TraceId("")),
    ],
    "tries": [outcomes.Tries(record=RECORD, failures=2, last="Broken")],
}


def _file(tag: str) -> Path:
    return GOLDEN / f"{tag}.json"


def test_there_is_one_golden_file_and_one_list_of_samples_per_format() -> None:
    tags = sorted(row.tag for row in FORMATS)
    assert sorted(SAMPLES) == tags
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == tags


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.tag)
def test_a_golden_file_is_read_as_the_records_it_was_written_from(row: Format[object]) -> None:
    bodies = json.loads(_file(row.tag).read_text())
    assert [load(body, row) for body in bodies] == list(SAMPLES[row.tag])


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.tag)
def test_what_is_written_today_is_the_golden_file(row: Format[object]) -> None:
    bodies = json.loads(_file(row.tag).read_text())
    newest = [body for body in bodies if body["$"] == f"{row.tag}/{row.version}"]
    assert newest
    assert all(dump(load(body, row)) == body for body in newest)


def test_the_samples_hold_every_kind_of_event() -> None:
    assert {type(happening) for happening in HAPPENINGS} == set(events.Happening.__args__)


def test_only_an_event_with_a_long_text_is_written_as_a_release_before_cannot_read_it() -> None:
    *short, long = SAMPLES["event"]
    assert {dump(event)["$"] for event in short} == {"event/1"}
    assert dump(long)["$"] == "event/2"
    assert not any("long" in json.dumps(dump(event)) for event in short)
    older = Codec(formats=tuple(evolve(row, version=1, upgrades={}) if row.tag == "event" else row for row in FORMATS))
    assert older.load(dump(short[1]), ConversationEvent) == short[1]
    with pytest.raises(UnknownFormat):
        older.load(dump(long), ConversationEvent)
    with pytest.raises(InvalidValue, match="write_format of event"):
        Codec({"event": 1}).dump(long)


def test_a_decision_can_be_written_as_processes_of_the_release_before_read_it() -> None:
    decision = SAMPLES["decision"][2]
    assert isinstance(decision, DeliveryDecision)
    body = Codec({"decision": 1}).dump(decision)
    assert (body["$"], "minting" in body) == ("decision/1", False)
    assert load(body, DeliveryDecision) == evolve(decision, minting=None)


def test_a_decision_can_be_written_without_where_its_notifications_went() -> None:
    decision = SAMPLES["decision"][-2]
    assert isinstance(decision, DeliveryDecision)
    body = Codec({"decision": 2}).dump(decision)
    assert (body["$"], "mailed_to" in json.dumps(body)) == ("decision/2", False)
    (row,) = decision.deliveries
    assert load(body, DeliveryDecision) == evolve(decision, deliveries=(evolve(row, mailed_to=()),))


def test_a_thread_can_be_written_as_processes_of_the_release_before_read_it() -> None:
    thread = SAMPLES["thread"][1]
    assert isinstance(thread, ThreadSnapshot)
    body = Codec({"thread": 1}).dump(thread)
    assert (body["$"], set(body)) == ("thread/1", {"$", "thread", "appended_at"})
    assert load(body, ThreadSnapshot) == ThreadSnapshot(
        thread.thread, thread.appended_at, people_changed=Seq(9), since=Seq(9)
    )


def test_a_decision_can_be_written_without_its_place() -> None:
    decision = SAMPLES["decision"][-1]
    assert isinstance(decision, DeliveryDecision)
    body = Codec({"decision": 3}).dump(decision)
    assert (body["$"], "placed" in body) == ("decision/3", False)
    assert load(body, DeliveryDecision) == evolve(decision, placed=False)


def test_a_sign_can_be_written_as_processes_of_the_release_before_read_it() -> None:
    sign = SAMPLES["sign_of_life"][1]
    assert isinstance(sign, SignOfLife)
    body = Codec({"sign_of_life": 1}).dump(sign)
    assert (body["$"], "faults" in body) == ("sign_of_life/1", False)
    assert load(body, SignOfLife) == evolve(sign, faults="")


def test_releases_can_be_written_as_processes_of_the_release_before_read_them() -> None:
    for releases in SAMPLES["releases"]:
        assert isinstance(releases, Releases)
        body = Codec({"releases": 1}).dump(releases)
        assert (body["$"], "event" in json.dumps(body)) == ("releases/1", False)
        assert load(body, Releases) == evolve(
            releases, latest=tuple(evolve(one, event=None) for one in releases.latest)
        )


def test_asking_can_be_written_as_processes_of_the_release_before_read_it() -> None:
    for asking in SAMPLES["asking"]:
        assert isinstance(asking, Asking)
        body = Codec({"asking": 1}).dump(asking)
        assert (body["$"], load(body, Asking)) == ("asking/1", evolve(asking, pages=()))


def test_a_refusal_can_be_written_as_processes_of_the_release_before_read_it() -> None:
    for mail in SAMPLES["system_mail"]:
        assert isinstance(mail, SystemMail)
        read = load(Codec({"system_mail": 1}).dump(mail), SystemMail)
        known = evolve(mail.letter, about="", language="") if isinstance(mail.letter, RefusalLetter) else mail.letter
        assert read == evolve(mail, letter=known, reason="")
        assert load(Codec({"system_mail": 2}).dump(mail), SystemMail) == evolve(mail, reason="")


@pytest.mark.parametrize("tag", ["evidence", "envelope_record", "outcome_record", "hold"])
def test_evidence_can_be_written_as_processes_of_the_release_before_read_it(tag: str) -> None:
    row = next(one for one in FORMATS if one.tag == tag)
    for record in SAMPLES[tag]:
        body = Codec({tag: {"hold": 3, "envelope_record": 1, "evidence": 1}.get(tag, 2)}).dump(record)
        assert "dkim_signed" not in json.dumps(body)
        assert "participant" not in body
        assert "finding" not in body
        load(body, row)


@pytest.mark.parametrize("tag", ["evidence", "envelope_record", "outcome_record", "hold"])
def test_evidence_can_be_written_without_lists_and_what_is_known_of_spf(tag: str) -> None:
    row = next(one for one in FORMATS if one.tag == tag)
    for record in SAMPLES[tag]:
        text = json.dumps(Codec({tag: 6 if tag == "hold" else row.version - 1}).dump(record))
        assert not any(name in text for name in ("via_list", "spf_known", "by_list", "this_list"))
        load(json.loads(text), row)


def test_a_hold_can_be_written_as_processes_of_the_release_before_read_it() -> None:
    """They offer to let the address in, as they did."""
    for hold in SAMPLES["hold"]:
        before = Codec({"hold": 7}).dump(hold)
        assert before["$"] == "hold/7"
        assert isinstance(hold, HeldMail)
        assert load(before, HeldMail) == evolve(hold, by_address=True)


if __name__ == "__main__":
    for tag, records in SAMPLES.items():
        if not _file(tag).exists():
            _file(tag).write_text(json.dumps([dump(record) for record in records], indent=1) + "\n")
