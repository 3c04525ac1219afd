"""The suite of convalias over the talks of this chat."""

import asyncio

import pytest

from convalias.testing import conformance
from people import open_world


@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
def test_our_talks(check: conformance.Check[conformance.MakeConversations]) -> None:
    asyncio.run(check(open_world))
