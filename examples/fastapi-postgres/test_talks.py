"""The suite of convalias over the talks of this chat."""

import asyncio
from pathlib import Path

import pytest

from convalias.testing import conformance
from people import open_world


@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
def test_our_talks(check: conformance.Check[conformance.MakeConversations], tmp_path: Path) -> None:
    asyncio.run(check(lambda place: open_world(tmp_path, place)))
