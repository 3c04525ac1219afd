"""SPF (RFC 7208): whether a host may send mail for a domain."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class SpfResult(Enum):
    """The result of a check, as far as DMARC tells results apart (RFC 7489 §4.1)."""

    PASS = "pass"  # noqa: S105 - a result, no password
    NO_PASS = "no pass"  # noqa: S105
    """fail, softfail, neutral, none or permerror."""
    TEMPERROR = "temperror"


class SpfCheck(Protocol):
    """A check that is bounded in time and in look-ups, as records are somebody else's text. Never raises for a mail."""

    async def check(self, client: str, sender: str, helo: str) -> SpfResult:
        """Check the IP address of a client for the domain of an envelope sender; `helo` is what the client said."""
        ...
