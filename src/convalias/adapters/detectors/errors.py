"""Errors of the detectors: no text of a mail and none of a server in any of them."""

from __future__ import annotations

from typing import Final

from convalias.ports.errors import AdapterFailed, PortError, Rejected

_CALL: Final = "check.check"


class DetectorError(PortError):
    """Base of what only these adapters raise; never raised itself."""


class UnusableDetectorError(DetectorError, Rejected):
    """Raised if the URL names no detector that can be used. Somebody must mend the setting."""


def failed(name: str, why: str) -> AdapterFailed:
    """Return the error that a detector took a mail and said nothing of use: tried again, but not for ever.

    The next mail may fare better, so nobody is away. Whether the mail or the detector is at fault cannot be told.
    """
    return AdapterFailed(_CALL, f"{name} {why}")
