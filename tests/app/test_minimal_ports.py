"""The whole path over adapters that do what the docstrings of their ports say, and nothing more."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from convalias.app import Convalias
from convalias.app.ports import Instead
from ports.minimal import storing, surroundings
from ports.minimal.broken import BROKEN, made
from ports.minimal.suites import SUITES, objection
from ports.minimal.table import ALL, EXPECTED, MAKERS, NEEDS, PATIENCE, ROWS, Row, told, walk

TRIED_FOR = 10
"""Seconds: over a broken adapter a path may have no end."""
DOMAINS = 'alias_domains = ["reply.example"]\nlegacy_domains = ["relay.example"]\n'


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, PATIENCE))


async def in_memory(instead: Instead) -> None:
    async def rest(cv: Convalias) -> None:
        await cv.run_until_idle()

    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", **instead) as cv:
        await walk(cv, rest)
        assert await told(cv, instead, None) == EXPECTED


async def on_disk(instead: Instead, folder: Path) -> None:
    """With workers that run all the time, as a host has them."""
    settings = folder / "convalias.toml"
    settings.write_text(DOMAINS)

    async def rest(cv: Convalias) -> None:
        """Nothing to wait for: what is not finished at the end is waited for there."""
        await asyncio.sleep(0)

    async with Convalias.from_toml(settings, data=folder / "data", environ={}, **instead) as cv, cv.running():
        await walk(cv, rest)
        while await told(cv, instead, folder / "data") != EXPECTED:  # noqa: ASYNC110 - files tell nobody; `run` ends it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("row", [*ROWS, ALL], ids=str)
def test_the_whole_path_in_memory(row: Row) -> None:
    run(in_memory(row.make()))


@pytest.mark.slow
@pytest.mark.parametrize("row", [*ROWS, ALL], ids=str)
def test_the_whole_path_on_disk_with_running_workers(row: Row, tmp_path: Path) -> None:
    run(on_disk(row.make(), tmp_path))


@pytest.mark.parametrize("port", SUITES)
def test_a_minimal_adapter_keeps_all_promises_of_its_port(port: str) -> None:
    _, _, make = SUITES[port]
    assert asyncio.run(objection(port, make)) is None


@pytest.mark.parametrize(
    ("port", "broken"),
    [pytest.param(port, one, id=f"{port} {one.__name__}") for port in BROKEN for one in BROKEN[port]],
)
def test_who_breaks_one_promise_is_caught_by_the_path_or_the_suite(port: str, broken: type[Any]) -> None:
    assert asyncio.run(caught(port, broken)) is not None


async def caught(port: str, broken: type[Any]) -> str | None:
    """What shows that the promise is broken; None: nobody would ever know."""
    if port in SUITES and (broken_promise := await objection(port, broken)) is not None:
        return broken_promise
    instead = Row(*NEEDS.get(port, ()), port).make()
    instead[port] = made(port, broken, surroundings.Clock())  # type: ignore[literal-required]
    try:
        await asyncio.wait_for(in_memory(instead), TRIED_FOR)
    except Exception as failure:  # noqa: BLE001 - whatever it is: the path did not hold
        return type(failure).__name__
    return None


def test_the_table_has_a_row_for_every_port_that_the_facade_takes() -> None:
    assert {*MAKERS, "event_store", "channels"} == set(Instead.__annotations__)
    broken = sum(map(len, BROKEN.values()))
    print(f"\n{len(ROWS)} ports and all together, in memory and on disk; {broken} broken adapters")  # noqa: T201 - its count


@pytest.mark.parametrize("module", [storing, surroundings], ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_minimal_adapter_stands_on_ports_and_domain_alone(module: Any) -> None:
    tree = ast.parse(inspect.getsource(module))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [name for name in imported if name.startswith("convalias")]
    assert ours
    assert [name for name in ours if not name.startswith(("convalias.ports.", "convalias.domain."))] == []
