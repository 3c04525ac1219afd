"""What the extra `speed` saves: the same mails with orjson and uvloop, and without, rounds interleaved.

On memory only JSON differs, in one process. On the embedded engine each round is a process of its own, whose loop is
uvloop's or asyncio's. The octets are the same; tests/codec compares them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from typing import Final

from _measure import Row, left_out, machine, row, tell
from bench_embedded import Cost, better, ours
from bench_relay import MAILS, opened, posted
from convalias.app.facade import Convalias
from convalias.codec.json_text import JSON, Fast, installed

ROUNDS: Final = 4
WITHOUT: Final = "the standard library alone"


async def on_memory() -> dict[str, float]:
    """Milliseconds of CPU a mail, from the door to the hub, with and without orjson."""
    found: dict[str, float] = {}
    fast: dict[str, Fast | None] = {"with": installed(), "without": None}
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example") as cv:
        aliases = await opened(cv)
        for turn in range(2 * ROUNDS):
            name = list(fast)[turn % 2]
            object.__setattr__(JSON, "fast", fast[name])  # a frozen value, which only this bench changes
            started = time.process_time()
            await posted(cv, aliases, first=turn * MAILS)
            await cv.run_until_idle()
            spent = (time.process_time() - started) / MAILS * 1e3
            found[name] = min(found.get(name, spent), spent)
    object.__setattr__(JSON, "fast", fast["with"])
    return found


def embedded() -> dict[str, Cost]:
    """Of a mail on the embedded engine, in one process, with and without the extra."""
    found: dict[str, Cost] = {}
    for _ in range(ROUNDS // 2):
        for name in ("with", "without"):
            found[name] = better(found.get(name), ours(1, without_speed=name == "without"))
    return found


def question() -> list[Row]:
    if importlib.util.find_spec("orjson") is None or importlib.util.find_spec("uvloop") is None:
        return left_out("the extra speed", "orjson or uvloop is not installed")
    memory, disk = asyncio.run(on_memory()), embedded()
    print(f"with orjson and uvloop, best of rounds that are interleaved, {machine()}")
    return [
        row(
            "whole on memory, with speed", ours=memory["with"], rival=(WITHOUT, memory["without"]), unit="ms CPU a mail"
        ),
        row(
            "embedded, whole path, with speed",
            ours=disk["with"].cpu * 1e3,
            rival=(WITHOUT, disk["without"].cpu * 1e3),
            unit="ms CPU a mail",
            aim="ratio >= 1",
        ),
    ]


if __name__ == "__main__":
    tell(question)
