"""`convalias doctor`: what is wrong with a deployment, and what mends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import click

from convalias.app.facade import Entry
from convalias.cli.deployment import At, located
from convalias.cli.examining import Finding, Health, examine_place, examine_settings, examine_store
from convalias.cli.examining_aliases import examine_aliases, examine_use_cases
from convalias.cli.examining_domains import examine_domains
from convalias.cli.examining_engines import examine_engines
from convalias.cli.examining_signing import examine_signing
from convalias.cli.exits import Exit
from convalias.cli.output import Row, listing
from convalias.settings import Settings

_COLUMNS: Final = ("check", "health", "found", "mend")
_STATUS: Final = {Health.MISCONFIGURED: Exit.CONFIG, Health.AWAY: Exit.UNAVAILABLE}


@click.command("doctor")
@located
def command(at: At) -> int:
    """Look at settings, keys, domains, disk, clock, every engine and what is kept; say what mends what is wrong.

    Exit status: 0 when all is well (warnings allowed), 78 for settings that cannot be, 69 when something is away.
    """
    findings = _examine(at)
    listing([_row(one) for one in findings], as_json=at.as_json, columns=_COLUMNS)
    statuses = [_STATUS[one.health] for one in findings if one.health in _STATUS]
    return max(statuses, default=Exit.OK)


def _examine(at: At) -> Sequence[Finding]:
    """From the ground up: what stands on something wrong is not looked at."""
    settings, findings = examine_settings(at.settings, by_default=at.by_default)
    if settings is None:
        return findings
    findings = [*findings, *_program(at), *examine_place(settings)]
    if any(one.health in _STATUS for one in findings):
        return findings
    return [*findings, *asyncio.run(_opened(at, settings))]


def _program(at: At) -> Iterator[Finding]:
    if at.app is not None:
        yield Finding(check="program of the host", found=at.app.name)


async def _opened(at: At, settings: Settings) -> Sequence[Finding]:
    """What is looked at from inside, all on one loop: adapters of a host may belong to that which used them first."""
    findings = await examine_engines(settings)
    if any(one.health in _STATUS for one in findings):
        return findings
    findings = [*findings, *await examine_store(at.convalias(Entry.COMMAND), settings)]
    if any(one.health in _STATUS for one in findings):
        return findings
    async with at.convalias(Entry.COMMAND) as cv:
        return [
            *findings,
            *await examine_use_cases(cv, settings),
            *await examine_aliases(cv),
            *await examine_signing(cv, settings=settings),
            *await examine_domains(cv, settings=settings),
        ]


def _row(one: Finding) -> Row:
    return {"check": one.check, "health": one.health.value, "found": one.found, "mend": one.mend}
