"""Dead letters: the reason, the number of tries, and where to look further."""

from __future__ import annotations

from datetime import datetime
from typing import NewType

from attrs import frozen

from convalias.domain.ids import TraceId

DeadLetterId = NewType("DeadLetterId", str)


@frozen(kw_only=True)
class DeadLetter:
    """Work that stays undone until somebody redrives it. Written before its job is deleted."""

    id: DeadLetterId
    lane: str
    """Whose work it was: `inbound`, `deliveries`, ..."""
    subject: str
    """What the work was about, in the lane's own terms: a record key, an event id. Never personal text."""
    reason: str
    tries: int
    at: datetime
    trace: TraceId = TraceId("")
    explanation: str = ""
    """Masked text for people: what was decided, and what failed."""
    recipients: tuple[str, ...] = ()
    """Whom the work was for: account ids of deliveries, masked addresses of mails. Empty: nobody knows."""
