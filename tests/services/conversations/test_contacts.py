"""By what name an author is shown, whoever that is."""

from __future__ import annotations

import pytest

from convalias.domain.conversations.participants import NOBODY, AccountAuthor, Author, PeripheralAuthor
from services.outbound_world import ANN, C1, World, address


@pytest.mark.parametrize(
    ("author", "shown"),
    [
        (AccountAuthor(ANN), "ann of the directory"),
        (PeripheralAuthor(address("eve@else.example")), "Guest from else.example"),
        (NOBODY, "Participant"),
    ],
)
async def test_an_account_is_shown_by_its_name_a_stranger_by_the_domain_and_nobody_by_none(
    author: Author, shown: str
) -> None:
    world = World()
    await world.begin()
    thread = await world.own.thread(C1)
    assert thread
    assert await world.contacts.name(author, thread) == shown
