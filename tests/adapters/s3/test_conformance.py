import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.s3.buckets import Bucket
from convalias.adapters import s3 as adapter
from convalias.ports import blobs
from convalias.testing import conformance
from convalias.testing.conformance import Check
from engines.fixtures import S3_TIERS, AwsServer


@pytest.mark.parametrize("check", conformance.BLOBS, ids=str)
def test_over_an_s3(check: Check[conformance.MakeBlobs], s3: AwsServer) -> None:
    bucket = Bucket.made(s3)

    @asynccontextmanager
    async def open_blobs(place: str) -> AsyncIterator[blobs.Blobs]:
        opened = bucket.blobs(f"checks/{place}")
        await opened.open()
        yield opened

    asyncio.run(check(open_blobs))


# moto looks and then completes an upload, in two steps: of two at once both may be new there.
@pytest.mark.parametrize("s3", [tier for tier in S3_TIERS if tier != "moto"], indirect=True)
@pytest.mark.parametrize("check", conformance.BLOBS, ids=str)
def test_over_an_s3_with_every_body_in_parts(check: Check[conformance.MakeBlobs], s3: AwsServer) -> None:
    bucket = Bucket.made(s3)

    @asynccontextmanager
    async def open_blobs(place: str) -> AsyncIterator[blobs.Blobs]:
        yield bucket.blobs(place, multipart_from=1)

    asyncio.run(check(open_blobs))


@pytest.mark.parametrize("check", conformance.BLOBS, ids=str)
def test_over_a_folder(check: Check[conformance.MakeBlobs], tmp_path: Path) -> None:
    @asynccontextmanager
    async def open_blobs(place: str) -> AsyncIterator[blobs.Blobs]:
        opened = adapter.Blobs(f"file://{tmp_path / place}")
        await opened.open()
        yield opened

    asyncio.run(check(open_blobs))
