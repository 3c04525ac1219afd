"""What a data directory holds is brought to engines whole, once, and only when nothing is under way in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from convalias.adapters import embedded, memory, system
from convalias.app import moving
from convalias.app.moving import Moved, NotAtRest, move
from convalias.app.ports import Instead
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord
from convalias.ports.records import Due, Insert, Key, Replace
from convalias.settings import Settings
from convalias.stores.conversations.event_store import FEED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = [Key("aliases", f"c{number:03d}", f"{one}") for number in range(120) for one in range(3)]


@asynccontextmanager
async def directory(folder: Path) -> AsyncIterator[embedded.DataDirectory]:
    async with embedded.DataDirectory(folder, clock=system.Clock(), incarnation=system.Incarnation()) as opened:
        yield opened


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Instead:
    """Engines in memory, in the place of those that settings would name."""
    bound: Instead = {"blobs": memory.Blobs(), "records": memory.Records()}

    @asynccontextmanager
    async def given(settings: Settings, instead: Instead) -> AsyncIterator[Instead]:
        del settings, instead
        yield bound

    monkeypatch.setattr(moving, "engines", given)
    return bound


async def fill(opened: embedded.DataDirectory) -> None:
    await opened.records.write([Insert(key, {"$": "x/1", "n": key.id}, (f"also-{key.id}",)) for key in KEYS])
    await opened.records.write([Insert(Key("positions", "positions", "feed"), {"$": "position/1"})])
    await opened.records.write([Insert(Key("due", "p", "1"), {"$": "x/1"}, (), Due("later", NOW))])
    for number in range(7):
        await opened.blobs.put(f"raw/2026/{number}", b"mail %d" % number)


def run(folder: Path) -> Moved:
    return asyncio.run(move(Settings(), folder))


def test_all_of_it_is_there_afterwards_and_a_second_run_changes_nothing(tmp_path: Path, target: Instead) -> None:
    async def before() -> None:
        async with directory(tmp_path) as opened:
            await fill(opened)

    asyncio.run(before())
    count = len(KEYS) + 1
    assert run(tmp_path) == Moved(blobs=7, records=count)
    assert run(tmp_path) == Moved(there=7 + count)

    async def after() -> None:
        records, blobs = target["records"], target["blobs"]
        found: Mapping[Key, object] = await records.get(KEYS)
        assert set(found) == set(KEYS)
        also = Key("aliases", "c000", "also-1")
        assert (await records.get([also]))[also].key == Key("aliases", "c000", "1")
        (due,) = await records.due("later", until=NOW, limit=9)
        assert due.due == Due("later", NOW)
        assert not await records.get([Key("positions", "positions", "feed")])
        names: Sequence[str] = await blobs.names("", after="", limit=99)
        assert names == [f"raw/2026/{number}" for number in range(7)]
        assert await blobs.get("raw/2026/3") == b"mail 3"

    asyncio.run(after())


def test_what_went_on_there_is_left_as_it_is_and_told(tmp_path: Path, target: Instead) -> None:
    async def before() -> None:
        async with directory(tmp_path) as opened:
            await fill(opened)

    async def meanwhile() -> None:
        records = target["records"]
        stored = (await records.get(KEYS[:1]))[KEYS[0]]
        await records.write([Replace(KEYS[0], stored.version, {"$": "x/1", "n": "newer"})])

    asyncio.run(before())
    run(tmp_path)
    asyncio.run(meanwhile())
    assert run(tmp_path).differing == 1
    assert asyncio.run(target["records"].get(KEYS[:1]))[KEYS[0]].body["n"] == "newer"


def test_a_directory_with_work_in_it_is_left_alone(tmp_path: Path, target: Instead) -> None:
    async def jobs() -> None:
        async with directory(tmp_path / "jobs") as opened:
            await opened.jobs.put(["a"])

    async def unpublished() -> None:
        async with directory(tmp_path / "feed") as opened:
            await opened.records.write([Insert(Key("events", "c", "1"), {"$": "event/1"}, (), Due(FEED, NOW))])

    async def unread() -> None:
        record = EventRecord(ConversationId("c"), EventId("e"), Seq(1), "closed", TraceId(""))
        async with directory(tmp_path / "log") as opened:
            await opened.events.publish([record])

    for story in (jobs, unpublished, unread):
        asyncio.run(story())
    with pytest.raises(NotAtRest, match=r"1 jobs wait.*worker inbound --once"):
        run(tmp_path / "jobs")
    with pytest.raises(NotAtRest, match="worker feed --once"):
        run(tmp_path / "feed")
    for _ in range(2):  # looking at what is unread reads nothing
        with pytest.raises(NotAtRest, match="worker outbound --once"):
            run(tmp_path / "log")
    assert asyncio.run(target["records"].get([Key("events", "c", "1")])) == {}


def test_what_is_no_data_directory_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="expected a data directory"):
        run(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
