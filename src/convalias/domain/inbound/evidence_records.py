"""What was found out about the sender of a mail, kept: the keys that proved it are not published for ever."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from convalias.domain.inbound.records import RawKey
from convalias.domain.mail.authentication import SenderEvidence


@frozen(kw_only=True)
class EvidenceRecord:
    """The answer for one raw mail of one day; every post of it, every try and every replay sees the same."""

    raw: RawKey
    evidence: SenderEvidence
    at: datetime
    """When it was found out."""
