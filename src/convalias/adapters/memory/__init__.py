"""Every storing port in memory: the reference, for tests and for trying things out. Nothing survives the process."""

from convalias.adapters.memory import faulty
from convalias.adapters.memory.ambient import Incarnation, Measure, NoTelemetry, Span, Telemetry
from convalias.adapters.memory.blobs import Blobs
from convalias.adapters.memory.changes import ChangingRecords
from convalias.adapters.memory.check import Check
from convalias.adapters.memory.clock import Clock
from convalias.adapters.memory.event_log import EventLog
from convalias.adapters.memory.faults import Fault, Faults, after, before
from convalias.adapters.memory.flags import Flags
from convalias.adapters.memory.legacy import LegacyRelay
from convalias.adapters.memory.outbox import Outbox
from convalias.adapters.memory.queue import JobQueue
from convalias.adapters.memory.records import Records
from convalias.domain.outbound.legacy_calls import LegacyCall

__all__ = [
    "Blobs",
    "ChangingRecords",
    "Check",
    "Clock",
    "EventLog",
    "Fault",
    "Faults",
    "Flags",
    "Incarnation",
    "JobQueue",
    "LegacyCall",
    "LegacyRelay",
    "Measure",
    "NoTelemetry",
    "Outbox",
    "Records",
    "Span",
    "Telemetry",
    "after",
    "before",
    "faulty",
]
