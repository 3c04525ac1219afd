"""Mailgun's webhook signature: HMAC-SHA256 over timestamp and token, under one of two keys."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import field, frozen

OLDEST: Final = timedelta(days=3)
"""Mailgun retries for about 8 hours and signs once; a queue on the way may add days."""
AHEAD: Final = timedelta(minutes=5)
_DIGITS: Final = 15
"""A timestamp of more digits is no second of this epoch."""


@frozen
class SigningKeys:
    """The signing keys that are accepted, newest first; two while they rotate. Never shown."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> SigningKeys:
        """Parse a comma-separated list, as the environment holds it."""
        return cls(tuple(part.strip().encode() for part in text.split(",") if part.strip()))

    def signed(self, *, timestamp: bytes, token: bytes, signature: bytes) -> bool:
        """Whether one of the keys made that hex signature. Constant time, on bytes: any octets are just wrong.

        https://documentation.mailgun.com/docs/mailgun/user-manual/tracking-messages/#securing-webhooks
        """
        good = False
        for key in self.keys:  # all of them: the time tells not even which key it was
            expected = hmac.new(key, timestamp + token, hashlib.sha256).hexdigest().encode()
            good |= hmac.compare_digest(expected, signature)
        return good


def signed_time(timestamp: bytes, *, now: datetime) -> datetime | None:
    """Return the signed time in UTC; None if malformed, older than three days or ahead of us."""
    if not timestamp.isdigit() or len(timestamp) > _DIGITS:
        return None
    try:
        at = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if now - OLDEST <= at <= now + AHEAD else None
