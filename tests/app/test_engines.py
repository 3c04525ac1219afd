"""Engines are loaded and opened only where they are named, and each is looked at by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from convalias.adapters import memory
from convalias.app.engines import engines, examine, migrate, named, shared_keyring
from convalias.ports.errors import EngineAway, Unavailable
from convalias.ports.examining import Grade, Observation
from convalias.settings import KEYS, Settings, WrongSettings

AWAY = "sqs://us-east-1/jobs?endpoint=http://127.0.0.1:9&retries=0&timeout=1"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


def looked_at(settings: Settings) -> dict[str, Sequence[Observation] | Exception]:
    async def story() -> dict[str, Sequence[Observation] | Exception]:
        return {setting: seen async for setting, seen in examine(settings)}

    return asyncio.run(story())


def test_only_what_is_set_is_an_engine() -> None:
    assert named(Settings()) == {}
    assert named(Settings(raw="s3://b", events="kafka://h/t")) == {"raw": "s3://b", "events": "kafka://h/t"}


def test_the_ports_of_what_is_set_are_bound_and_others_are_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with engines(Settings(raw=f"file://{tmp_path}"), {}) as bound:
            assert set(bound) == {"blobs"}
            await bound["blobs"].put("raw/a", b"mail")
        async with engines(Settings(), {}) as bound:
            assert bound == {}

    asyncio.run(story())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a!"]


async def test_a_port_that_was_given_is_not_opened_by_its_url() -> None:
    given = memory.Blobs()
    async with engines(Settings(raw="s3://no-such-place-at-all", queue=AWAY), {"blobs": given}) as bound:
        assert set(bound) == {"queue"}
        with pytest.raises(EngineAway, match=r"queue: sqs at 127\.0\.0\.1:9 \(CONVALIAS_QUEUE\)"):
            await bound["queue"].depth()


def test_each_engine_is_looked_at_though_another_is_away(tmp_path: Path) -> None:
    found = looked_at(Settings(raw=f"file://{tmp_path}", queue=AWAY))
    assert isinstance(found["queue"], Unavailable)
    raw = found["raw"]
    assert not isinstance(raw, Exception)
    assert {one.about: one.grade for one in raw} == {
        "permissions": Grade.GOOD,
        "settings": Grade.GOOD,
        "clock": Grade.GOOD,
    }
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_a_store_of_its_own_there_is_nothing_to_migrate() -> None:
    assert asyncio.run(migrate(Settings(raw="s3://bucket"))) == {}


def test_a_store_that_machines_share_wants_keys_that_they_share() -> None:
    assert shared_keyring(Settings()) is None
    with pytest.raises(WrongSettings, match=KEYS):
        shared_keyring(Settings(store="mongodb://host/mail"))
