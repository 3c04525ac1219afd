"""Whom the stand-in relay tells of a mail: everybody but whom it is from."""

from __future__ import annotations

import pytest

from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.domain.ids import ConversationId
from convalias.services.outbound.legacy_audience import ParticipantsAudience
from services.outbound_world import ANN, C1, World

EVERYBODY = ["ann@home.example", "bob@home.example", "eve@home.example"]


async def audience(world: World, raw: bytes | None) -> ParticipantsAudience:
    await world.begin()
    blobs = memory.Blobs()
    if raw is not None:
        await blobs.put("raw", raw)
    return ParticipantsAudience(contacts=world.contacts, blobs=blobs, reader=Reader(), clock=world.clock)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"From: Bob <bob@home.example>\r\n\r\nhello", ["ann@home.example", "eve@home.example"]),
        (b"From: who@corp.example\r\n\r\nhello", EVERYBODY),
        (b"From: bob@home.example, eve@home.example\r\n\r\nhello", EVERYBODY),
        (None, EVERYBODY),
    ],
)
async def test_a_mail_is_told_to_everybody_but_its_sender(raw: bytes | None, told: list[str]) -> None:
    found = await (await audience(World(), raw)).of_mail(C1, raw_key="raw")
    assert list(map(str, found)) == told


async def test_an_event_is_told_to_everybody_but_its_author() -> None:
    people = await audience(World(), None)
    assert list(map(str, await people.of_event(C1, author=ANN))) == EVERYBODY[1:]
    assert list(map(str, await people.of_event(C1, author="peripheral"))) == EVERYBODY


async def test_a_conversation_that_is_not_known_has_no_audience() -> None:
    people = await audience(World(), b"From: bob@home.example\r\n\r\nhello")
    assert not await people.of_mail(ConversationId("c9"), raw_key="raw")
