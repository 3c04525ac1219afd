"""What the S3 adapter costs beside the bare client: CPU and throughput of put and get, 64 in flight, mails of 30 kB.

Aim: at least 0.9 of the bare client. The server is versitygw on the same machine (`make engines-build`), else moto; it
shares the cores with both rivals, whose rounds are interleaved.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from uuid import uuid4

import obstore
from attrs import frozen
from obstore.store import S3Store

from _measure import Row, machine, row, tell
from adapters.s3.buckets import Bucket
from engines.fixtures import AwsServer
from engines.servers import s3 as servers
from engines.servers.given import EngineMissing

IN_FLIGHT: Final = 64
MAILS: Final = 1_500
BODY: Final = bytes(range(256)) * 120
ROUNDS: Final = 5
Call = Callable[[str], Awaitable[object]]


@frozen
class Cost:
    """Of one call, in seconds: of CPU, and of the clock with 64 in flight."""

    cpu: float
    wall: float


async def measure(call: Call, keys: list[str]) -> Cost:
    waiting = iter(keys)

    async def worker() -> None:
        for key in waiting:
            await call(key)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return Cost((time.process_time() - cpu) / len(keys), (time.perf_counter() - wall) / len(keys))


def better(one: Cost | None, other: Cost) -> Cost:
    return other if one is None else Cost(min(one.cpu, other.cpu), min(one.wall, other.wall))


async def compare(bucket: Bucket) -> dict[str, Cost]:
    bare = S3Store(
        bucket.name,
        prefix="bare",
        endpoint=bucket.server.url,
        region=bucket.server.region,
        access_key_id=bucket.server.access_key,
        secret_access_key=bucket.server.secret_key,
        client_options={"allow_http": True},
    )
    adapter = bucket.blobs("ours")

    async def bare_put(key: str) -> object:
        return await obstore.put_async(bare, key, BODY, mode="create")

    async def bare_get(key: str) -> object:
        return (await (await obstore.get_async(bare, key)).bytes_async()).to_bytes()

    async def put(key: str) -> object:
        return await adapter.put(key, BODY)

    rivals: dict[str, tuple[Call, Call]] = {"bare": (bare_put, bare_get), "ours": (put, adapter.get)}
    found: dict[str, Cost] = {}
    for _ in range(ROUNDS):
        for name, (write, read) in rivals.items():
            keys = [f"raw/2026/03/01/{uuid4().hex}{uuid4().hex}" for _ in range(MAILS)]
            found[f"{name} put"] = better(found.get(f"{name} put"), await measure(write, keys))
            found[f"{name} get"] = better(found.get(f"{name} get"), await measure(read, keys))
    return found


def question() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        try:
            server, tier = stack.enter_context(servers.versitygw(Path(folder))), "versitygw"
        except EngineMissing:
            server, tier = stack.enter_context(servers.moto(Path(folder))), "moto"
        found = asyncio.run(compare(Bucket.made(AwsServer(server.url, tier=tier))))
    print(f"{machine()}, {tier}, {len(BODY)} octets, {IN_FLIGHT} in flight, best of {ROUNDS} rounds of {MAILS}")
    rows: list[Row] = []
    for work in ("put", "get"):
        bare, ours = found[f"bare {work}"], found[f"ours {work}"]
        print(f"  {work}: {1 / ours.wall:,.0f} a second, bare {1 / bare.wall:,.0f}")
        rival = (f"bare obstore on {tier}", bare.cpu * 1e3)
        rows.append(row(f"S3 {work}", ours=ours.cpu * 1e3, rival=rival, unit="ms CPU a call", aim="ratio >= 0.9"))
    return rows


if __name__ == "__main__":
    tell(question)
