"""Rows with a limited life: each is due in one lane, whatever its table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from convalias.ports.records import Due

LANE: Final = "retention"
MAIL_KEPT: Final = timedelta(days=90)
"""Raw mail, its attachments, its envelope record, its outcome and the claims of it."""
COUNT_KEPT: Final = timedelta(hours=48)
"""A count of tries, from the last one: pauses between two tries are shorter by far."""
GRACE: Final = timedelta(days=2)
"""The rules of a bucket act at midnight of some day: what leads to a mail ends behind it, never before."""


def ends(at: datetime | None, *, after: timedelta | None) -> Due | None:
    """Return when a row of that time ends. None: it never does."""
    return None if at is None or after is None else Due(LANE, at + after)
