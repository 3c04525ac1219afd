"""The position of a reader and the lease on it, with an epoch that only grows."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class Position:
    """The position of the reader `name`.

    Whoever writes under an older epoch is refused, so a stalled one cannot go back.
    """

    name: str
    cursor: str = ""
    """Opaque to all but the reader; empty: the beginning."""
    epoch: int = 0
    """Grows by one with each change of hands."""
    holder: str = ""
    """The holder's incarnation; empty: nobody holds it."""
    until: datetime | None = None
    """When the lease ends; None: nobody holds it."""


@frozen(kw_only=True)
class FeedCursor:
    """The position of the change feed in the store's change stream, and in the scan that mends a lost position."""

    token: str
    """The change stream's position: what is behind it is not published yet."""
    caught_up: datetime
    """All that was appended before it is published, or lies behind `scan_from`; give or take the clocks' skew."""
    scan_from: datetime | None = None
    """None: there is nothing to scan. Otherwise the append time from which on events are scanned."""
    scan_behind: tuple[str, ...] = ()
    """Key of the last event scanned; empty: none yet."""
