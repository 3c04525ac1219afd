"""Conformance suites: what each port promises, as checks that any adapter can be held to.

A suite is a tuple of checks. Hand each a maker: a function that opens your adapter at a place, where the same place
opened twice means two processes on one store. In any test framework:

    @pytest.mark.parametrize("check", conformance.RECORDS, ids=str)
    def test_records(check, tmp_path):
        @asynccontextmanager
        async def open_records(place):
            async with MyDatabase(tmp_path / place) as database:
                yield MyRecords(database)

        asyncio.run(check(open_records))

A check that fails says what was found and what was expected. What an adapter says by its own word that it does not do
(a guarantee that remembers no keys, a host without read marks) raises `NotSupportedError`, which pytest and unittest
report as skipped, with the word.

`CONVERSATIONS`, `READ_MARKS` and `HISTORY` take a maker of a `HostWorld`: the port, and the host's own people beside
it. `JOB_QUEUE`, `EVENT_LOG` and `CHANGES` take `Timed(open, pass_time)`, because time must pass there.
"""

from typing import Final

from convalias.testing.conformance.apart import AT_MOST, BoundedCheck
from convalias.testing.conformance.blobs import BLOBS, MakeBlobs
from convalias.testing.conformance.capabilities import HISTORY, READ_MARKS
from convalias.testing.conformance.changes import CHANGES, ChangesUnderTest, MakeChanges
from convalias.testing.conformance.channels import (
    CHANNEL_CHOICE,
    CHANNEL_ENDPOINTS,
    MakeChannelChoice,
    MakeChannelEndpoints,
)
from convalias.testing.conformance.check import Check, NotSupportedError, Open, PassTime, PromiseBrokenError, Timed
from convalias.testing.conformance.checks import CHECK, CheckUnderTest, MakeCheck
from convalias.testing.conformance.conversations import CONVERSATIONS
from convalias.testing.conformance.directory import IDENTITY_DIRECTORY, MakeIdentityDirectory
from convalias.testing.conformance.event_log import EVENT_LOG, MakeEventLog
from convalias.testing.conformance.event_store import EVENT_STORE, MakeEventStore
from convalias.testing.conformance.flags import FLAGS, MakeFlags
from convalias.testing.conformance.host import Held, HostWorld, MakeConversations, MakeReadMarks, ReadingWorld
from convalias.testing.conformance.hub import NOTIFICATION_HUB, HubUnderTest, MakeNotificationHub
from convalias.testing.conformance.job_queue import JOB_QUEUE, MakeJobQueue
from convalias.testing.conformance.legacy import LEGACY_RELAY, LegacyKnowledge, LegacyUnderTest, MakeLegacyRelay
from convalias.testing.conformance.outgoing import OUTGOING_MAIL, MailSink, MakeOutgoingMail
from convalias.testing.conformance.records_at_once import RECORDS_AT_ONCE
from convalias.testing.conformance.records_in_order import RECORDS_IN_ORDER
from convalias.testing.conformance.records_keys import RECORDS_KEYS, MakeRecords
from convalias.testing.conformance.records_order import RECORDS_ORDER
from convalias.testing.conformance.records_versions import RECORDS_VERSIONS

RECORDS: Final[tuple[Check[MakeRecords], ...]] = (
    RECORDS_KEYS + RECORDS_VERSIONS + RECORDS_ORDER + RECORDS_IN_ORDER + RECORDS_AT_ONCE
)
"""Promises of `Records`."""

__all__ = [
    "AT_MOST",
    "BLOBS",
    "CHANGES",
    "CHANNEL_CHOICE",
    "CHANNEL_ENDPOINTS",
    "CHECK",
    "CONVERSATIONS",
    "EVENT_LOG",
    "EVENT_STORE",
    "FLAGS",
    "HISTORY",
    "IDENTITY_DIRECTORY",
    "JOB_QUEUE",
    "LEGACY_RELAY",
    "NOTIFICATION_HUB",
    "OUTGOING_MAIL",
    "READ_MARKS",
    "RECORDS",
    "BoundedCheck",
    "ChangesUnderTest",
    "Check",
    "CheckUnderTest",
    "Held",
    "HostWorld",
    "HubUnderTest",
    "LegacyKnowledge",
    "LegacyUnderTest",
    "MailSink",
    "MakeBlobs",
    "MakeChanges",
    "MakeChannelChoice",
    "MakeChannelEndpoints",
    "MakeCheck",
    "MakeConversations",
    "MakeEventLog",
    "MakeEventStore",
    "MakeFlags",
    "MakeIdentityDirectory",
    "MakeJobQueue",
    "MakeLegacyRelay",
    "MakeNotificationHub",
    "MakeOutgoingMail",
    "MakeReadMarks",
    "MakeRecords",
    "NotSupportedError",
    "Open",
    "PassTime",
    "PromiseBrokenError",
    "ReadingWorld",
    "Timed",
]
