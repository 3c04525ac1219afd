"""An object store in the child of a fork."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from convalias.adapters.s3 import Blobs, UnusableBucketError


async def opened(folder: Path) -> None:
    await Blobs(f"file://{folder}").open()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_process_that_used_a_store_is_told_and_does_not_wait(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with pytest.raises(UnusableBucketError, match="after the fork only"):
                asyncio.run(opened(tmp_path))
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    asyncio.run(opened(tmp_path))
