"""The checks of `convalias doctor` on the engines that settings name, each looked at by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convalias.app.engines import examine
from convalias.cli.errors import is_unusable, told
from convalias.cli.examining import Finding, Health
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Grade, Observation
from convalias.settings import Settings

_HEALTH: Final = {Grade.GOOD: Health.GOOD, Grade.WEAK: Health.WARNING, Grade.WRONG: Health.MISCONFIGURED}
_AWAY: Final = "see that it runs and can be reached from this machine, and that the host in its URL is right"


async def examine_engines(settings: Settings) -> Sequence[Finding]:
    """Examine each engine that is named: whether it can be used, and what it says about itself."""
    return [finding async for setting, seen in examine(settings) for finding in _findings(setting, seen)]


def _findings(setting: str, seen: Sequence[Observation] | Exception) -> Sequence[Finding]:
    if isinstance(seen, Exception):
        return [_unusable(setting, seen)]
    return [Finding(check=f"{setting} engine", found="answers"), *(_finding(setting, one) for one in seen)]


def _finding(setting: str, one: Observation) -> Finding:
    return Finding(check=f"{setting} {one.about}", health=_HEALTH[one.grade], found=one.found, mend=one.mend)


def _unusable(setting: str, error: Exception) -> Finding:
    check = f"{setting} engine"
    if isinstance(error, Unavailable):
        return Finding(check=check, health=Health.AWAY, found=str(error), mend=_AWAY)
    if is_unusable(error):
        found, _, mend = str(error).rpartition("; ")
        return Finding(check=check, health=Health.MISCONFIGURED, found=found or str(error), mend=mend)
    if isinstance(error, ModuleNotFoundError):
        return Finding(check=check, health=Health.AWAY, found=str(error), mend="install it")
    return Finding(check=check, health=Health.MISCONFIGURED, found=told(error).message, mend="see what it says")
