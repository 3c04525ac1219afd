"""Telemetry of a machine that has no other: what somebody should look at becomes a warning in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar, Token
from types import MappingProxyType, TracebackType
from typing import Final

from convalias.ports.metrics import METRICS
from convalias.services.running.log_lines import LogLines, Now

__all__ = ["ALARMS", "Telemetry"]

ALARMS: Final[Mapping[str, str]] = MappingProxyType({one.name: one.alert for one in METRICS.values() if one.alert})
"""By metric: what is said. Tags hold reasons, sources and classes; never an address or text."""

log: Final = logging.getLogger("convalias.alarms")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_ABOUT: Final[ContextVar[Mapping[str, str]]] = ContextVar("about", default=_NOTHING)
"""Trace and record of the work that goes on: tags of a figure never hold them, for each would be a series of its own."""


class Telemetry:
    """`ports.Telemetry` that keeps no figures: alarms go to the log, all else nowhere.

    Of equal alarms there is a line a minute, with a count. Each names the trace and record of the span that it was
    raised in, if there is one.
    """

    def __init__(self, clock: Now) -> None:
        """Nothing was raised."""
        self._lines = LogLines(log, clock)

    def measure(self, name: str, value: float, **tags: str) -> None:
        """Warn, when it is one of `ALARMS`."""
        if name in ALARMS and value:
            about = _ABOUT.get()
            told = ", ".join(f"{key} {tags[key]}" for key in sorted(tags))
            self._lines.repeated(
                f"{name}: {ALARMS[name]}" + (f" ({told})" if told else ""),
                trace=about.get("trace", ""),
                record=about.get("record", ""),
            )

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        """Measure no time; alarms inside name this trace, and the tag `record`."""
        del name
        return _Span({"trace": trace, "record": tags.get("record", "")})

    def flush(self) -> None:
        """Write what was counted and not written yet: at the end of the process."""
        self._lines.flush()


class _Span(AbstractContextManager[None]):
    def __init__(self, about: Mapping[str, str]) -> None:
        self._about = about
        self._token: Token[Mapping[str, str]] | None = None

    def __enter__(self) -> None:
        self._token = _ABOUT.set(self._about)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._token is not None:
            with suppress(ValueError):  # a task that is closed from outside ends in another context, which has its own
                _ABOUT.reset(self._token)
