"""Telemetry of a machine that has no other: what somebody should look at becomes a warning in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Final

ALARMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "icer.token_reused": "a signed token came with another body: somebody replays signatures",
        "icer.messages.quarantined": "a mail is kept, and will not be routed",
        "icer.processing.errors": "a mail could not be processed",
        "mons.delivery.failures": "a delivery failed",
        "mons.feed.jumps": "the event log has lost something; it was read from the store",
        "convs.feed.position_lost": "the store no longer knows where the feed stood; all that may lack is read again",
        "convs.feed.parked": "a conversation waits: one of its events cannot be read or published",
        "mons.decisions.parked": "a conversation waits: what its event is decided on cannot be read",
        "icer.system_mail.uncertain": "a mail of our own may have left, and nobody can tell",
        "icer.messages.swept": "a kept mail was not in the queue; it is queued again",
    }
)
"""By metric: what is said. Tags hold reasons, sources and classes; never an address or text."""

log: Final = logging.getLogger("convalias.alarms")


class Telemetry:
    """`ports.Telemetry` that keeps no figures: alarms go to the log, all else nowhere."""

    def measure(self, name: str, value: float, **tags: str) -> None:
        """Warn, when it is one of `ALARMS`."""
        if name in ALARMS and value:
            log.warning("%s: %s (%s)", name, ALARMS[name], ", ".join(f"{key} {tags[key]}" for key in sorted(tags)))

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        """Nothing is timed."""
        del name, trace, tags
        return nullcontext()
