"""An object store in the child of a fork."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from convalias.adapters.s3 import Blobs, UnusableBucketError
from system.forked import child_of


async def opened(folder: Path) -> None:
    await Blobs(f"file://{folder}").open()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_process_that_used_a_store_is_told_and_does_not_wait(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path))

    def refused() -> None:
        with pytest.raises(UnusableBucketError, match="after the fork only"):
            asyncio.run(opened(tmp_path))

    assert child_of(refused) == 0
    asyncio.run(opened(tmp_path))
