"""Messages with long texts: read whole, compared whole, and never shown short in silence."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.conversations.events import TEXT_MISSING, ConversationEvent, MessageAdded
from convalias.domain.conversations.long_texts import LONG
from convalias.services.conversations import messaging as service
from convalias.services.conversations.errors import KeyReused, Refused
from services.messaging_desk import ANN, ANN_WRITES, BOB, C1, EVE, Desk, addition, content, mail_key

LONG_ONE = "é" * LONG
A_LOT = 99


def message_of(event: ConversationEvent) -> MessageAdded:
    assert isinstance(event.happening, MessageAdded)
    return event.happening


async def names(desk: Desk) -> list[str]:
    return list(await desk.blobs.names("texts/", after="", limit=A_LOT))


async def test_a_long_chat_message_is_read_whole_and_kept_short() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    sent = await messaging.send(C1, LONG_ONE, author=ANN, key="1")
    assert (message_of(sent).text, message_of(sent).long) == (LONG_ONE, None)
    assert await names(desk) == [f"texts/{sent.id}"]
    stored = (await desk.events())[-1]
    assert len(message_of(stored).text) < LONG // 50
    assert (await messaging.events(C1))[-1] == sent
    assert [item.text for item in await messaging.timeline(C1, seen_by=BOB)] == [LONG_ONE]


async def test_a_repeat_writes_nothing_and_another_end_is_another_message() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    sent = await messaging.send(C1, LONG_ONE, author=ANN, key="1")
    assert await messaging.send(C1, LONG_ONE, author=ANN, key="1") == sent
    with pytest.raises(KeyReused):
        await messaging.send(C1, LONG_ONE + "!", author=ANN, key="1")
    with pytest.raises(KeyReused):
        await messaging.send(C1, LONG_ONE[:1_000], author=ANN, key="1")  # the start alone
    assert await names(desk) == [f"texts/{sent.id}"]


async def test_what_is_refused_leaves_no_text() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    with pytest.raises(Refused):
        await messaging.send(C1, LONG_ONE, author=EVE, key="1")
    assert await names(desk) == []


async def test_a_long_mail_is_read_whole_with_what_it_quotes() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    for _ in range(2):
        added = await messaging.add_mail(
            content(LONG_ONE), conversation=C1, author=ANN_WRITES, key=mail_key(), addition=addition()
        )
        assert added is not None
    (name,) = await names(desk)
    found = message_of((await messaging.events(C1))[-1])
    assert (found.text, found.full_text) == (LONG_ONE, f"{LONG_ONE}\n> old")
    (stored,) = [event for event in await desk.events() if isinstance(event.happening, MessageAdded)]
    assert message_of(stored).long is not None
    assert name == f"texts/{stored.id}"


async def test_a_redacted_long_message_is_still_the_first_result_of_its_key() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    await messaging.send(C1, LONG_ONE, author=ANN, key="1")
    stored = (await desk.events())[-1]
    blank = evolve(stored, happening=evolve(message_of(stored), text="", full_text="", long=None))
    await desk.store.redact(blank)
    await desk.texts.sweep(limit=A_LOT)
    assert await names(desk) == []
    assert await messaging.send(C1, LONG_ONE, author=ANN, key="1") == blank
    assert await names(desk) == []


async def test_a_missing_text_is_shown_as_missing() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    sent = await messaging.send(C1, LONG_ONE, author=ANN, key="1")
    await messaging.send(C1, "short", author=ANN, key="2")
    await desk.blobs.delete([f"texts/{sent.id}"])
    _, long, short = await messaging.events(C1)
    assert TEXT_MISSING in message_of(long).flags
    assert message_of(short).flags == frozenset()
    first, second = await messaging.timeline(C1, seen_by=BOB)
    assert (TEXT_MISSING in first.flags, TEXT_MISSING in second.flags) == (True, False)


async def test_a_page_ends_behind_long_texts_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LONG_TEXTS_HELD", 3 * LONG)
    desk = Desk()
    messaging = await desk.conversation()
    sent = [await messaging.send(C1, LONG_ONE + str(number), author=ANN, key=str(number)) for number in range(5)]
    after, pages = 1, list[int]()
    found = list[ConversationEvent]()
    while page := await messaging.events(C1, after=after):
        pages.append(len(page))
        found += page
        after = page[-1].seq
    assert found == sent
    assert pages == [2, 2, 1]
