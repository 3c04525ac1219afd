"""Instants as SQLite keeps them: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def stored(instant: datetime) -> int:
    """Exact, unlike `datetime.timestamp`."""
    return (instant - _EPOCH) // MICROSECOND


def restored(microseconds: int) -> datetime:
    """Aware, UTC."""
    return _EPOCH + microseconds * MICROSECOND
