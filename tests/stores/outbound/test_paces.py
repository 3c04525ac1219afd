"""The latest releases of a conversation change by compare-and-set, and end a week behind the last one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from convalias.adapters import memory
from convalias.domain.ids import ConversationId, Seq
from convalias.domain.outbound.pacing import AuthorGroup, Release, Releases
from convalias.stores.outbound.paces import Paces

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1 = ConversationId("c1")


def releases(*seqs: int) -> Releases:
    latest = tuple(Release(Seq(seq), NOON + timedelta(seconds=seq)) for seq in seqs)
    return Releases(conversation=C1, group=AuthorGroup.UNVERIFIED, latest=latest)


async def test_of_two_writers_one_is_first() -> None:
    paces = Paces(records=memory.Records())
    assert await paces.get(C1, AuthorGroup.UNVERIFIED) is None
    assert await paces.put(releases(1), instead_of=None)
    assert not await paces.put(releases(2), instead_of=None)
    standing = await paces.get(C1, AuthorGroup.UNVERIFIED)
    assert standing is not None
    assert standing.releases == releases(1)
    assert await paces.put(releases(1, 2), instead_of=standing)
    assert not await paces.put(releases(1, 3), instead_of=standing)
    assert await paces.get(C1, AuthorGroup.VERIFIED) is None


async def test_they_end_a_week_behind_the_last_release() -> None:
    records = memory.Records()
    await Paces(records=records).put(releases(1, 2), instead_of=None)
    ends = NOON + timedelta(days=7, seconds=2)
    assert not await records.due("retention", until=ends - timedelta(seconds=1), limit=9)
    assert len(await records.due("retention", until=ends, limit=9)) == 1
