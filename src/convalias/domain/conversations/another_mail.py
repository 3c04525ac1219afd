"""Tell a second mail under a re-used Message-ID from the first one."""

from __future__ import annotations

from datetime import datetime

from convalias.domain.conversations.events import Happening, MessageAdded


def is_another_mail(standing: Happening, *, body_digest: str, sent_at: datetime | None) -> bool:
    """Return whether a mail differs from the one kept under its key: in Date *and* in body digest.

    One of them alone changes on the way (a list's footer, a clock that a relay mends). A standing message without
    a digest (synced, or redacted) is never told apart: what was redacted must not come back as new.
    """
    return (
        isinstance(standing, MessageAdded)
        and bool(standing.body_digest)
        and standing.body_digest != body_digest
        and standing.sent_at != sent_at
    )
