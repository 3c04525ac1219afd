"""What a port may raise. Adapters translate their client's errors into these once, at the boundary."""

from __future__ import annotations

from datetime import timedelta


class PortError(Exception):
    """Base of all that ports raise; never raised itself."""


class Unavailable(PortError):
    """Something outside did not answer, or surely did not do it. Try again: every call of a port may be repeated."""

    def __init__(self, what: str, *, retry_after: timedelta | None = None) -> None:
        """Name the dependency (`records`, `identity directory`, ...), never an address or a secret."""
        super().__init__(what)
        self.what = what
        self.retry_after = retry_after

    def __str__(self) -> str:
        """One line."""
        return f"{self.what} is unavailable"


class Rejected(PortError):
    """The other side understood and will never do it: trying again changes nothing."""


class NotFound(PortError):
    """What was named is not there, and should have been."""
