"""The domains that a process saw last outlive the store's outage: newest last, written when they change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.stores.deployment.last_seen import PREFIX, LastSeen

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST = Deployment(alias_domains=("reply.example",), legacy_domains=("relay.example",), foreign_tokens=True)
SECOND = evolve(FIRST, alias_domains=("reply.example", "more.example"))


async def names(blobs: memory.Blobs) -> list[str]:
    return list(await blobs.names(PREFIX, after="", limit=1_000))


async def test_what_was_kept_is_what_is_got_and_the_same_is_written_once() -> None:
    blobs = memory.Blobs()
    seen = LastSeen(blobs=blobs)
    assert await seen.get() is None
    await seen.keep(FIRST, now=NOW)
    await seen.keep(FIRST, now=NOW + timedelta(days=1))
    assert await seen.get() == FIRST
    assert len(await names(blobs)) == 1


async def test_the_newest_counts_also_from_a_machine_whose_clock_is_behind() -> None:
    blobs = memory.Blobs()
    seen = LastSeen(blobs=blobs)
    await seen.keep(FIRST, now=NOW)
    await seen.keep(SECOND, now=NOW - timedelta(days=1))
    assert await seen.get() == SECOND
    await seen.keep(FIRST, now=NOW - timedelta(days=2))
    assert await seen.get() == FIRST


async def test_old_ones_end() -> None:
    blobs = memory.Blobs()
    seen = LastSeen(blobs=blobs)
    for day in range(6):
        await seen.keep((FIRST, SECOND)[day % 2], now=NOW + timedelta(days=day))
    assert len(await names(blobs)) == 2
    assert await seen.get() == SECOND


async def test_what_a_newer_release_wrote_is_passed_over() -> None:
    blobs = memory.Blobs()
    seen = LastSeen(blobs=blobs)
    await seen.keep(FIRST, now=NOW)
    await blobs.put(f"{PREFIX}strange.json", b'{"$": "deployment/99"}')
    assert await seen.get() == FIRST
    await seen.keep(SECOND, now=NOW + timedelta(days=1))  # behind nothing that has a time


async def test_one_that_is_removed_while_it_is_read_is_passed_over() -> None:
    class Vanishing(memory.Blobs):
        async def get(self, key: str) -> bytes | None:
            del key
            return None

    seen = LastSeen(blobs=Vanishing())
    await seen.keep(FIRST, now=NOW)
    assert await seen.get() is None


async def test_nobody_is_named_in_it() -> None:
    """A policy names who is blocked: it stays in the store."""
    blobs = memory.Blobs()
    blocked = evolve(FIRST, blocked_addresses=(EmailAddress.parse("ann@home.example"),), admission="strict")
    await LastSeen(blobs=blobs).keep(blocked, now=NOW)
    (name,) = await names(blobs)
    body = await blobs.get(name)
    assert body is not None
    assert b"ann" not in body
