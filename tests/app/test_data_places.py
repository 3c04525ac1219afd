"""A data directory beside a store that machines share: one is taken, a second machine's is refused where it starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.embedded import PLACE_FILE, place_of
from convalias.app.ports import Instead
from convalias.services.conversations.errors import PlaceRefused
from convalias.settings import read_settings

KEYS = {"CONVALIAS_KEYS": "0:" + "A" * 43 + "="}
MONGO = {"CONVALIAS_STORE": "mongodb://h/d?replicaSet=r"}


def deployment(data: Path, records: memory.Records, **more: object) -> Convalias:
    instead: Instead = {"records": records, **more}  # type: ignore[typeddict-item]
    return Convalias.from_toml(data=data, environ=KEYS, **instead)


async def work(cv: Convalias) -> None:
    async with cv, cv.running():
        pass


def test_one_machine_works_and_the_directory_of_another_is_refused_at_start(tmp_path: Path) -> None:
    records = memory.Records()
    one, two = tmp_path / "one", tmp_path / "two"
    for _ in range(2):
        asyncio.run(work(deployment(one, records)))
    assert (one / PLACE_FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(PlaceRefused, match="set CONVALIAS_RAW, CONVALIAS_QUEUE, CONVALIAS_EVENTS, so that all"):
        asyncio.run(work(deployment(two, records)))


async def test_a_second_machine_does_no_work_and_is_not_ready(tmp_path: Path) -> None:
    records = memory.Records()
    await work(deployment(tmp_path / "one", records))
    async with deployment(tmp_path / "two", records) as cv:
        with pytest.raises(PlaceRefused):
            await cv.run_until_idle("feed")
        with pytest.raises(PlaceRefused):
            await (await cv.checks())["place"]()
        await cv.services.place.take_over()
        await cv.run_until_idle("feed")
        await (await cv.checks())["place"]()


async def test_what_begins_without_its_store_is_refused_when_that_answers(tmp_path: Path) -> None:
    faults = memory.Faults()
    inner = memory.Records()
    await work(deployment(tmp_path / "one", inner))
    faulty = memory.faulty.Records(inner, faults)
    faults.fail("records.*", memory.before("store"))
    async with deployment(tmp_path / "two", faulty) as cv:  # type: ignore[arg-type]
        check = (await cv.checks())["place"]
        await check()
        faults.mend()
        with pytest.raises(PlaceRefused):
            await check()


@pytest.mark.parametrize(
    ("environ", "instead", "kept"),
    [
        ({}, {}, ()),
        (MONGO, {}, ("CONVALIAS_RAW", "CONVALIAS_QUEUE", "CONVALIAS_EVENTS")),
        (MONGO | {"CONVALIAS_RAW": "s3://b"}, {}, ("CONVALIAS_QUEUE", "CONVALIAS_EVENTS")),
        (MONGO | {"CONVALIAS_QUEUE": "sqs://r/q"}, {"blobs": 1}, ("CONVALIAS_EVENTS",)),
        (MONGO, {"blobs": 1, "queue": 1, "events": 1}, ()),
        ({}, {"records": 1}, ("CONVALIAS_RAW", "CONVALIAS_QUEUE", "CONVALIAS_EVENTS")),
        ({"CONVALIAS_RAW": "s3://b"}, {}, ()),
    ],
)
def test_what_no_engine_keeps_lies_in_the_directory(
    environ: dict[str, str], instead: Instead, kept: tuple[str, ...], tmp_path: Path
) -> None:
    found = place_of(read_settings(data=tmp_path / "data", environ=KEYS | environ), instead)
    assert (() if found is None else found().settings) == kept
    if found is not None:
        assert found() == found()
