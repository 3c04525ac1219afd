"""Detectors by URL, registered for `spamd` and `clamd`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from attrs import frozen

from convalias.adapters.detectors.clamd import Clamd
from convalias.adapters.detectors.spamd import Spamd
from convalias.ports.engines import EngineAt

_SETTING: Final = "checks"


@frozen
class Engine:
    """`ports.CheckEngine`."""

    make: Callable[[str, str], Clamd | Spamd]

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[Clamd | Spamd]:
        """Open the detector at this URL. Nobody is connected to."""
        return self.make(at.url, _SETTING)


CLAMD: Final = Engine(Clamd)
SPAMD: Final = Engine(Spamd)
