"""Evidence about the sender of a mail, kept because the keys that proved it will be withdrawn."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from convalias.domain.inbound.posts import RawKey
from convalias.domain.mail.authentication import SenderEvidence


@frozen(kw_only=True)
class EvidenceRecord:
    """The evidence for one raw mail of one day: every post, try and replay of it sees the same."""

    raw: RawKey
    evidence: SenderEvidence
    at: datetime
    """When it was found out."""
