"""Move from one machine to engines: bring the contents of a data directory to where the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from convalias.adapters import embedded, system
from convalias.app.engines import engines
from convalias.domain.errors import InvalidValue
from convalias.ports.blobs import Blobs, Put
from convalias.ports.records import Insert, Key, Records, Stored, Written
from convalias.services.feed.change_feed import WHENEVER
from convalias.services.outbound.notifier import GROUP
from convalias.settings import Settings
from convalias.stores.conversations.event_store import FEED
from convalias.stores.feed import positions

PAGE: Final = 200
_AT_ONCE: Final = 4
"""Mails in memory."""
_LEFT: Final = frozenset({positions.TABLE})
"""Where readers of the old engine stood: a new one begins at the beginning, and what comes twice is known by its id."""


@frozen(kw_only=True)
class Moved:
    """The counts of what was brought, and of what an earlier run had brought."""

    blobs: int = 0
    records: int = 0
    there: int = 0
    differing: int = 0
    """Of what was there: records that say something else than here. They are left as they are there."""


class NotAtRest(Exception):
    """The directory still has work in it, which an engine would never see; one line with what finishes it."""


async def move(settings: Settings, source: Path) -> Moved:
    """Copy what the settings now keep elsewhere: mail to `raw`, records to `store`. May be repeated; nothing is removed.

    Raises `InvalidValue` for what is no data directory, `NotAtRest` while work is in it, and what the engines raise.
    """
    if not (source / "store.db").is_file():
        raise InvalidValue("--from", found=str(source), expected="a data directory that was used before")
    folder = embedded.DataDirectory(source, clock=system.Clock(), incarnation=system.Incarnation())
    async with folder, engines(settings, {}) as bound:
        await _at_rest(folder, source)
        moved = Moved()
        if "blobs" in bound:
            moved = await _move_blobs(folder.blobs, bound["blobs"], moved)
        if "records" in bound:
            moved = await _move_records(folder.records, bound["records"], moved)
        return moved


async def _at_rest(folder: embedded.DataDirectory, source: Path) -> None:
    """Nothing is under way: jobs and published events are not brought along."""
    depth = await folder.jobs.depth()
    if count := depth.ready + depth.in_flight:
        raise NotAtRest(_unfinished(f"{count} jobs wait", source, "inbound"))
    if await folder.records.due(FEED, until=WHENEVER, limit=1):
        raise NotAtRest(_unfinished("events are not published", source, "feed"))
    reader = folder.events.records(GROUP)
    try:
        unread = await reader.take(limit=1, wait=timedelta(0))
    finally:
        await reader.close()
    if unread:
        raise NotAtRest(_unfinished("published events are not decided on", source, "outbound"))


def _unfinished(what: str, source: Path, worker: str) -> str:
    return (
        f"{source}: {what}; stop what works on it, then: convalias worker {worker} --once, with the settings of before"
    )


async def _move_blobs(here: Blobs, there: Blobs, moved: Moved) -> Moved:
    after = ""
    while names := await here.names("", after=after, limit=PAGE):
        for at in range(0, len(names), _AT_ONCE):
            done = await asyncio.gather(*(_move_blob(here, there, name) for name in names[at : at + _AT_ONCE]))
            moved = evolve(moved, blobs=moved.blobs + done.count(Put.NEW), there=moved.there + done.count(Put.THERE))
        after = names[-1]
    return moved


async def _move_blob(here: Blobs, there: Blobs, name: str) -> Put | None:
    body = await here.get(name)
    return None if body is None else await there.put(name, body)


async def _move_records(here: embedded.Records, there: Records, moved: Moved) -> Moved:
    after = Key("", "", "")
    while page := await here.all(after=after, limit=PAGE):
        after = page[-1].key
        brought = [one for one in page if one.key.table not in _LEFT]
        answers = await there.write([Insert(one.key, one.body, one.also, one.due) for one in brought])
        taken = [one for one, answer in zip(brought, answers, strict=True) if not isinstance(answer, Written)]
        moved = evolve(
            moved,
            records=moved.records + len(brought) - len(taken),
            there=moved.there + len(taken),
            differing=moved.differing + await _differing(taken, there),
        )
    return moved


async def _differing(taken: Sequence[Stored], there: Records) -> int:
    found = await there.get([one.key for one in taken])
    return sum(one.key not in found or found[one.key].body != one.body for one in taken)
