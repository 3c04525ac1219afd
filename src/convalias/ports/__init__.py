"""Name what the services need from outside, as small typed protocols without any I/O.

Everything that an adapter needs comes from here: the ports, and the values in their signatures that `convalias` itself
does not offer. The modules below may move; these names stay. They are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what checkers take it for is True; `typing` is not worth its import here

if TYPE_CHECKING:
    from convalias.domain.conversations.events import AliasIssued as AliasIssued
    from convalias.domain.conversations.events import AliasRevoked as AliasRevoked
    from convalias.domain.conversations.events import ConversationArchived as ConversationArchived
    from convalias.domain.conversations.events import ConversationClosed as ConversationClosed
    from convalias.domain.conversations.events import ConversationCreated as ConversationCreated
    from convalias.domain.conversations.events import ConversationErased as ConversationErased
    from convalias.domain.conversations.events import ConversationReopened as ConversationReopened
    from convalias.domain.conversations.events import CopiesSeen as CopiesSeen
    from convalias.domain.conversations.events import MessageAdded as MessageAdded
    from convalias.domain.conversations.events import MessageRedacted as MessageRedacted
    from convalias.domain.conversations.events import MessagesRead as MessagesRead
    from convalias.domain.conversations.events import Origin as Origin
    from convalias.domain.conversations.events import ParticipantAdded as ParticipantAdded
    from convalias.domain.conversations.events import ParticipantRemoved as ParticipantRemoved
    from convalias.domain.conversations.events import StatusNoted as StatusNoted
    from convalias.domain.conversations.participants import GivenUp as GivenUp
    from convalias.domain.conversations.participants import ParticipantKind as ParticipantKind
    from convalias.domain.conversations.participants import Standing as Standing
    from convalias.domain.ids import AliasId as AliasId
    from convalias.domain.ids import EventId as EventId
    from convalias.domain.ids import Seq as Seq
    from convalias.domain.ids import TraceId as TraceId
    from convalias.domain.inbound.posts import Post as Post
    from convalias.domain.mail.checks import Checked as Checked
    from convalias.domain.mail.checks import Finding as Finding
    from convalias.domain.mail.envelope import Attachment as Attachment
    from convalias.domain.mail.envelope import MailContent as MailContent
    from convalias.domain.mail.envelope import NullReturnPath as NullReturnPath
    from convalias.domain.mail.envelope import Oddity as Oddity
    from convalias.domain.migration.rollout import Axis as Axis
    from convalias.domain.migration.rollout import Rollout as Rollout
    from convalias.domain.outbound.delivery import Channel as Channel
    from convalias.domain.outbound.delivery import NotificationId as NotificationId
    from convalias.domain.outbound.delivery import NotificationKind as NotificationKind
    from convalias.domain.outbound.notifications import Notification as Notification
    from convalias.ports.ambient import Clock as Clock
    from convalias.ports.ambient import Incarnation as Incarnation
    from convalias.ports.ambient import Telemetry as Telemetry
    from convalias.ports.blobs import Blobs as Blobs
    from convalias.ports.blobs import Put as Put
    from convalias.ports.changes import Changes as Changes
    from convalias.ports.changes import ChangeStream as ChangeStream
    from convalias.ports.changes import PositionLost as PositionLost
    from convalias.ports.channels import ChannelChoice as ChannelChoice
    from convalias.ports.channels import ChannelEndpoints as ChannelEndpoints
    from convalias.ports.conversations import AlreadyPosted as AlreadyPosted
    from convalias.ports.conversations import Conversations as Conversations
    from convalias.ports.conversations import History as History
    from convalias.ports.conversations import Message as Message
    from convalias.ports.conversations import MessageRef as MessageRef
    from convalias.ports.conversations import NewMessage as NewMessage
    from convalias.ports.conversations import PostDeclined as PostDeclined
    from convalias.ports.conversations import Posted as Posted
    from convalias.ports.conversations import ReadMarks as ReadMarks
    from convalias.ports.conversations import Thread as Thread
    from convalias.ports.dns import DnsResolver as DnsResolver
    from convalias.ports.dns import HostAnswer as HostAnswer
    from convalias.ports.dns import HostKind as HostKind
    from convalias.ports.dns import HostRecords as HostRecords
    from convalias.ports.dns import HostResolver as HostResolver
    from convalias.ports.dns import NoSuchName as NoSuchName
    from convalias.ports.dns import TemporaryFailure as TemporaryFailure
    from convalias.ports.dns import TxtAnswer as TxtAnswer
    from convalias.ports.dns import TxtRecords as TxtRecords
    from convalias.ports.drafts import REPLY_MARKER as REPLY_MARKER
    from convalias.ports.drafts import AttachedFile as AttachedFile
    from convalias.ports.drafts import Compose as Compose
    from convalias.ports.drafts import Draft as Draft
    from convalias.ports.drafts import DraftCalendar as DraftCalendar
    from convalias.ports.engines import BlobsEngine as BlobsEngine
    from convalias.ports.engines import ChannelAt as ChannelAt
    from convalias.ports.engines import ChannelEngine as ChannelEngine
    from convalias.ports.engines import CheckEngine as CheckEngine
    from convalias.ports.engines import EngineAt as EngineAt
    from convalias.ports.engines import EventLogEngine as EventLogEngine
    from convalias.ports.engines import LongPolls as LongPolls
    from convalias.ports.engines import MailEngine as MailEngine
    from convalias.ports.engines import Migrates as Migrates
    from convalias.ports.engines import QueueEngine as QueueEngine
    from convalias.ports.engines import Store as Store
    from convalias.ports.engines import StoreEngine as StoreEngine
    from convalias.ports.errors import AdapterFailed as AdapterFailed
    from convalias.ports.errors import Deferred as Deferred
    from convalias.ports.errors import EngineAway as EngineAway
    from convalias.ports.errors import NotFound as NotFound
    from convalias.ports.errors import PortError as PortError
    from convalias.ports.errors import Rejected as Rejected
    from convalias.ports.errors import Unavailable as Unavailable
    from convalias.ports.event_log import UNPLACED as UNPLACED
    from convalias.ports.event_log import UNREADABLE as UNREADABLE
    from convalias.ports.event_log import EventLog as EventLog
    from convalias.ports.event_log import EventRecord as EventRecord
    from convalias.ports.event_log import Lag as Lag
    from convalias.ports.event_log import Lagging as Lagging
    from convalias.ports.event_log import Subscription as Subscription
    from convalias.ports.event_store import Append as Append
    from convalias.ports.event_store import EventStore as EventStore
    from convalias.ports.examining import SKEW as SKEW
    from convalias.ports.examining import TOO_MUCH as TOO_MUCH
    from convalias.ports.examining import Examined as Examined
    from convalias.ports.examining import Grade as Grade
    from convalias.ports.examining import Observation as Observation
    from convalias.ports.examining import Probed as Probed
    from convalias.ports.examining import clocks as clocks
    from convalias.ports.examining import weak as weak
    from convalias.ports.examining import wrong as wrong
    from convalias.ports.flags import Flags as Flags
    from convalias.ports.flags import NamedFlags as NamedFlags
    from convalias.ports.hub import FOR_EVER as FOR_EVER
    from convalias.ports.hub import Answer as Answer
    from convalias.ports.hub import Declined as Declined
    from convalias.ports.hub import Guarantee as Guarantee
    from convalias.ports.hub import NotificationHub as NotificationHub
    from convalias.ports.hub import NotSent as NotSent
    from convalias.ports.hub import Sent as Sent
    from convalias.ports.hub import Unknown as Unknown
    from convalias.ports.legacy import Audience as Audience
    from convalias.ports.legacy import HandOff as HandOff
    from convalias.ports.legacy import IndexCall as IndexCall
    from convalias.ports.legacy import LegacyRelay as LegacyRelay
    from convalias.ports.mail import Check as Check
    from convalias.ports.mail import MailReader as MailReader
    from convalias.ports.mail import Outgoing as Outgoing
    from convalias.ports.mail import OutgoingMail as OutgoingMail
    from convalias.ports.mail import ReadAttachment as ReadAttachment
    from convalias.ports.mail import ReadMail as ReadMail
    from convalias.ports.mail import RememberingMail as RememberingMail
    from convalias.ports.mail import SenderAuthenticator as SenderAuthenticator
    from convalias.ports.mail import guarantee_of as guarantee_of
    from convalias.ports.people import IdentityDirectory as IdentityDirectory
    from convalias.ports.queue import Job as Job
    from convalias.ports.queue import JobQueue as JobQueue
    from convalias.ports.queue import QueueDepth as QueueDepth
    from convalias.ports.records import Body as Body
    from convalias.ports.records import Conflict as Conflict
    from convalias.ports.records import Delete as Delete
    from convalias.ports.records import Due as Due
    from convalias.ports.records import DuePlace as DuePlace
    from convalias.ports.records import Insert as Insert
    from convalias.ports.records import Json as Json
    from convalias.ports.records import Key as Key
    from convalias.ports.records import Ordered as Ordered
    from convalias.ports.records import Paged as Paged
    from convalias.ports.records import Partitioned as Partitioned
    from convalias.ports.records import Records as Records
    from convalias.ports.records import Replace as Replace
    from convalias.ports.records import Stored as Stored
    from convalias.ports.records import Write as Write
    from convalias.ports.records import Written as Written
    from convalias.ports.records import due_after as due_after
    from convalias.ports.records import due_pages as due_pages
    from convalias.ports.records import write_in_order as write_in_order
    from convalias.ports.spf import SpfCheck as SpfCheck
    from convalias.ports.spf import SpfResult as SpfResult

__all__ = [
    "FOR_EVER",
    "REPLY_MARKER",
    "SKEW",
    "TOO_MUCH",
    "UNPLACED",
    "UNREADABLE",
    "AdapterFailed",
    "AliasId",
    "AliasIssued",
    "AliasRevoked",
    "AlreadyPosted",
    "Answer",
    "Append",
    "AttachedFile",
    "Attachment",
    "Audience",
    "Axis",
    "Blobs",
    "BlobsEngine",
    "Body",
    "ChangeStream",
    "Changes",
    "Channel",
    "ChannelAt",
    "ChannelChoice",
    "ChannelEndpoints",
    "ChannelEngine",
    "Check",
    "CheckEngine",
    "Checked",
    "Clock",
    "Compose",
    "Conflict",
    "ConversationArchived",
    "ConversationClosed",
    "ConversationCreated",
    "ConversationErased",
    "ConversationReopened",
    "Conversations",
    "CopiesSeen",
    "Declined",
    "Deferred",
    "Delete",
    "DnsResolver",
    "Draft",
    "DraftCalendar",
    "Due",
    "DuePlace",
    "EngineAt",
    "EngineAway",
    "EventId",
    "EventLog",
    "EventLogEngine",
    "EventRecord",
    "EventStore",
    "Examined",
    "Finding",
    "Flags",
    "GivenUp",
    "Grade",
    "Guarantee",
    "HandOff",
    "History",
    "HostAnswer",
    "HostKind",
    "HostRecords",
    "HostResolver",
    "IdentityDirectory",
    "Incarnation",
    "IndexCall",
    "Insert",
    "Job",
    "JobQueue",
    "Json",
    "Key",
    "Lag",
    "Lagging",
    "LegacyRelay",
    "LongPolls",
    "MailContent",
    "MailEngine",
    "MailReader",
    "Message",
    "MessageAdded",
    "MessageRedacted",
    "MessageRef",
    "MessagesRead",
    "Migrates",
    "NamedFlags",
    "NewMessage",
    "NoSuchName",
    "NotFound",
    "NotSent",
    "Notification",
    "NotificationHub",
    "NotificationId",
    "NotificationKind",
    "NullReturnPath",
    "Observation",
    "Oddity",
    "Ordered",
    "Origin",
    "Outgoing",
    "OutgoingMail",
    "Paged",
    "ParticipantAdded",
    "ParticipantKind",
    "ParticipantRemoved",
    "Partitioned",
    "PortError",
    "PositionLost",
    "Post",
    "PostDeclined",
    "Posted",
    "Probed",
    "Put",
    "QueueDepth",
    "QueueEngine",
    "ReadAttachment",
    "ReadMail",
    "ReadMarks",
    "Records",
    "Rejected",
    "RememberingMail",
    "Replace",
    "Rollout",
    "SenderAuthenticator",
    "Sent",
    "Seq",
    "SpfCheck",
    "SpfResult",
    "Standing",
    "StatusNoted",
    "Store",
    "StoreEngine",
    "Stored",
    "Subscription",
    "Telemetry",
    "TemporaryFailure",
    "Thread",
    "TraceId",
    "TxtAnswer",
    "TxtRecords",
    "Unavailable",
    "Unknown",
    "Write",
    "Written",
    "clocks",
    "due_after",
    "due_pages",
    "guarantee_of",
    "weak",
    "write_in_order",
    "wrong",
]

_HOMES = {
    "AdapterFailed": "ports.errors",
    "AliasId": "domain.ids",
    "AliasIssued": "domain.conversations.events",
    "AliasRevoked": "domain.conversations.events",
    "AlreadyPosted": "ports.conversations",
    "Answer": "ports.hub",
    "Append": "ports.event_store",
    "AttachedFile": "ports.drafts",
    "Attachment": "domain.mail.envelope",
    "Audience": "ports.legacy",
    "Axis": "domain.migration.rollout",
    "Blobs": "ports.blobs",
    "BlobsEngine": "ports.engines",
    "Body": "ports.records",
    "ChangeStream": "ports.changes",
    "Changes": "ports.changes",
    "Channel": "domain.outbound.delivery",
    "ChannelAt": "ports.engines",
    "ChannelChoice": "ports.channels",
    "ChannelEndpoints": "ports.channels",
    "ChannelEngine": "ports.engines",
    "Check": "ports.mail",
    "CheckEngine": "ports.engines",
    "Checked": "domain.mail.checks",
    "Clock": "ports.ambient",
    "Compose": "ports.drafts",
    "Conflict": "ports.records",
    "ConversationArchived": "domain.conversations.events",
    "ConversationClosed": "domain.conversations.events",
    "ConversationCreated": "domain.conversations.events",
    "ConversationErased": "domain.conversations.events",
    "ConversationReopened": "domain.conversations.events",
    "Conversations": "ports.conversations",
    "CopiesSeen": "domain.conversations.events",
    "Declined": "ports.hub",
    "Deferred": "ports.errors",
    "Delete": "ports.records",
    "DnsResolver": "ports.dns",
    "Draft": "ports.drafts",
    "DraftCalendar": "ports.drafts",
    "Due": "ports.records",
    "DuePlace": "ports.records",
    "EngineAt": "ports.engines",
    "EngineAway": "ports.errors",
    "EventId": "domain.ids",
    "EventLog": "ports.event_log",
    "EventLogEngine": "ports.engines",
    "EventRecord": "ports.event_log",
    "EventStore": "ports.event_store",
    "Examined": "ports.examining",
    "FOR_EVER": "ports.hub",
    "Finding": "domain.mail.checks",
    "Flags": "ports.flags",
    "GivenUp": "domain.conversations.participants",
    "Grade": "ports.examining",
    "Guarantee": "ports.hub",
    "HandOff": "ports.legacy",
    "History": "ports.conversations",
    "HostAnswer": "ports.dns",
    "HostKind": "ports.dns",
    "HostRecords": "ports.dns",
    "HostResolver": "ports.dns",
    "IdentityDirectory": "ports.people",
    "Incarnation": "ports.ambient",
    "IndexCall": "ports.legacy",
    "Insert": "ports.records",
    "Job": "ports.queue",
    "JobQueue": "ports.queue",
    "Json": "ports.records",
    "Key": "ports.records",
    "Lag": "ports.event_log",
    "Lagging": "ports.event_log",
    "LegacyRelay": "ports.legacy",
    "LongPolls": "ports.engines",
    "MailContent": "domain.mail.envelope",
    "MailEngine": "ports.engines",
    "MailReader": "ports.mail",
    "Message": "ports.conversations",
    "MessageAdded": "domain.conversations.events",
    "MessageRedacted": "domain.conversations.events",
    "MessageRef": "ports.conversations",
    "MessagesRead": "domain.conversations.events",
    "Migrates": "ports.engines",
    "NamedFlags": "ports.flags",
    "NewMessage": "ports.conversations",
    "NoSuchName": "ports.dns",
    "NotFound": "ports.errors",
    "NotSent": "ports.hub",
    "Notification": "domain.outbound.notifications",
    "NotificationHub": "ports.hub",
    "NotificationId": "domain.outbound.delivery",
    "NotificationKind": "domain.outbound.delivery",
    "NullReturnPath": "domain.mail.envelope",
    "Observation": "ports.examining",
    "Oddity": "domain.mail.envelope",
    "Ordered": "ports.records",
    "Origin": "domain.conversations.events",
    "Outgoing": "ports.mail",
    "OutgoingMail": "ports.mail",
    "Paged": "ports.records",
    "ParticipantAdded": "domain.conversations.events",
    "ParticipantKind": "domain.conversations.participants",
    "ParticipantRemoved": "domain.conversations.events",
    "Partitioned": "ports.records",
    "PortError": "ports.errors",
    "PositionLost": "ports.changes",
    "Post": "domain.inbound.posts",
    "PostDeclined": "ports.conversations",
    "Posted": "ports.conversations",
    "Probed": "ports.examining",
    "Put": "ports.blobs",
    "QueueDepth": "ports.queue",
    "QueueEngine": "ports.engines",
    "REPLY_MARKER": "ports.drafts",
    "ReadAttachment": "ports.mail",
    "ReadMail": "ports.mail",
    "ReadMarks": "ports.conversations",
    "Records": "ports.records",
    "Rejected": "ports.errors",
    "RememberingMail": "ports.mail",
    "Replace": "ports.records",
    "Rollout": "domain.migration.rollout",
    "SKEW": "ports.examining",
    "SenderAuthenticator": "ports.mail",
    "Sent": "ports.hub",
    "Seq": "domain.ids",
    "SpfCheck": "ports.spf",
    "SpfResult": "ports.spf",
    "Standing": "domain.conversations.participants",
    "StatusNoted": "domain.conversations.events",
    "Store": "ports.engines",
    "StoreEngine": "ports.engines",
    "Stored": "ports.records",
    "Subscription": "ports.event_log",
    "TOO_MUCH": "ports.examining",
    "Telemetry": "ports.ambient",
    "TemporaryFailure": "ports.dns",
    "Thread": "ports.conversations",
    "TraceId": "domain.ids",
    "TxtAnswer": "ports.dns",
    "TxtRecords": "ports.dns",
    "UNPLACED": "ports.event_log",
    "UNREADABLE": "ports.event_log",
    "Unavailable": "ports.errors",
    "Unknown": "ports.hub",
    "Write": "ports.records",
    "Written": "ports.records",
    "clocks": "ports.examining",
    "due_after": "ports.records",
    "due_pages": "ports.records",
    "guarantee_of": "ports.mail",
    "weak": "ports.examining",
    "write_in_order": "ports.records",
    "wrong": "ports.examining",
}

if not TYPE_CHECKING:  # pragma: no branch - checkers see the imports above, and so every misspelt name

    def __getattr__(name: str) -> object:
        """PEP 562: load the module that a public name lives in."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"convalias.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What there is, loaded or not."""
        return sorted({*globals(), *__all__})
