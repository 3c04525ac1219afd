"""Every storing port on one machine: SQLite and files. What was answered survives kill -9; local disks only."""

from convalias.adapters.embedded.blobs import Blobs
from convalias.adapters.embedded.database import Database
from convalias.adapters.embedded.directory import DataDirectory
from convalias.adapters.embedded.errors import (
    EmbeddedError,
    LostStoreError,
    NewerFormatError,
    NotOpenError,
    UnusableDirectoryError,
)
from convalias.adapters.embedded.event_log import EventLog
from convalias.adapters.embedded.files import DurableFiles
from convalias.adapters.embedded.legacy import LegacyRelay
from convalias.adapters.embedded.outbox import Outbox
from convalias.adapters.embedded.queue import JobQueue
from convalias.adapters.embedded.records import Records

__all__ = [
    "Blobs",
    "DataDirectory",
    "Database",
    "DurableFiles",
    "EmbeddedError",
    "EventLog",
    "JobQueue",
    "LegacyRelay",
    "LostStoreError",
    "NewerFormatError",
    "NotOpenError",
    "Outbox",
    "Records",
    "UnusableDirectoryError",
]
