"""The Date field: tolerant of what people's clocks and programs write, None for the rest."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from typing import Final

from convalias.adapters.mime.fields import unfolded

_LONGEST: Final = 160
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
# RFC 5322 §3.3, with the two-digit years and the missing day name of §4.3.
_DATE: Final = re.compile(
    r"(?:[A-Za-z]{3,9}\.?,?\s{0,4})?(\d{1,2})\s{1,4}([A-Za-z]{3})[a-z]{0,6}\s{1,4}(\d{4})\s{1,4}"
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?\s{0,4}([+-]\d{4}|UTC?|GMT|Z)?(?:\s{0,4}\(.{0,64}\))?"
)


def read_date(value: bytes | None) -> datetime | None:
    """The time in UTC; None when there is none, or none that can be read. A missing zone is read as UTC."""
    if value is None:
        return None
    text = unfolded(value[: 2 * _LONGEST]).decode("ascii", "replace")
    if not text or len(text) > _LONGEST:
        return None
    try:
        return _strict(text) or _tolerant(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _strict(text: str) -> datetime | None:
    """What nearly every mail has."""
    found = _DATE.fullmatch(text)
    if found is None or (month := _MONTHS.get(found[2].lower())) is None:
        return None
    second = min(int(found[6] or 0), 59)  # RFC 5322 §3.3 allows the leap second 60
    zone = UTC
    if found[7] and found[7][0] in "+-":
        minutes = int(found[7][1:3]) * 60 + int(found[7][3:5])
        zone = timezone(timedelta(minutes=-minutes if found[7][0] == "-" else minutes))
    local = datetime(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), second, tzinfo=zone)
    return local.astimezone(UTC)


def _tolerant(text: str) -> datetime | None:
    """Obsolete forms, zone names, asctime."""
    parts = parsedate_tz(text)
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return local - timedelta(seconds=parts[9] or 0)
