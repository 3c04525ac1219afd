"""The errors that a port may raise. Adapters translate their client's errors into these once, at the boundary."""

from __future__ import annotations

from datetime import timedelta


class PortError(Exception):
    """Base of all that ports raise; never raised itself."""


class Unavailable(PortError):
    """Raised if something outside did not answer, or surely did not do its work.

    Try again: every call of a port may be repeated.
    """

    trace: str = ""
    """Of the mail that could not be taken in for it, where that is known; written there, for the log."""
    record: str = ""
    """The same: the key of its envelope record, whether that is written or not."""

    def __init__(self, what: str, *, retry_after: timedelta | None = None) -> None:
        """Name the dependency (`records`, `identity directory`, ...), never an address or a secret."""
        super().__init__(what)
        self.what = what
        self.retry_after = retry_after

    def __str__(self) -> str:
        """One line."""
        return f"{self.what} is unavailable"


class EngineAway(Unavailable):
    """An engine that the settings name does not answer.

    `what` names the engine, its host and its setting: `store: mongodb at db1:27017 (CONVALIAS_STORE)`. `because` says
    more where more is known.
    """

    def __init__(self, what: str, *, because: str = "", retry_after: timedelta | None = None) -> None:
        """Name the engine, never a user or a secret."""
        super().__init__(what, retry_after=retry_after)
        self.because = because

    def __str__(self) -> str:
        """One line."""
        return f"{self.what} does not answer" + (f": {self.because}" if self.because else "")


class Deferred(Unavailable):
    """Raised if the other side puts this one off. It was surely not done; nobody is away, so others need not wait."""

    def __str__(self) -> str:
        """One line."""
        return self.what


class AdapterFailed(Unavailable):
    """An adapter of the host raised what its port does not name: try again, but not for ever."""

    def __init__(self, call: str, told: str) -> None:
        """The call (`identity.at`), and class, file and line of what was raised."""
        super().__init__(f"{call} of the host: {told}")
        self.call = call
        self.told = told

    def __str__(self) -> str:
        """One line."""
        return self.what


class Rejected(PortError):
    """The other side understood and will never do it: trying again changes nothing."""


class NotFound(PortError):
    """Raised if a thing that was named is missing, and should have been there."""
