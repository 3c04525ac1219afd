"""Whatever is let in comes back as it was, and what is not is refused before anything is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import frozen
from hypothesis import strategies as st

from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.storable import Unstorable
from convalias.ports.event_log import EventLog, EventRecord
from convalias.ports.records import Records
from services.messaging_desk import Desk

_HOSTILE: Final = st.sampled_from(
    [
        *("", " ", "c1", "\ud800", "a\udfffb", "\0", "a\0", "\udcff", "\ufffd", "😀"),
        *("x" * 256, "x" * 257, "é" * 128, "é" * 129),
        *("$", "a.b", "$where", "a/b", "../..", "%00", "\n", "\x7f", "\u202e", "a b", "\ufeff", "ﬀ", "CON"),
    ]
)
anything: Final = _HOSTILE | st.text(st.characters(), max_size=12)


@frozen
class Said:
    """What somebody types, and under which ids."""

    conversation: str
    use_case: str
    account: str
    name: str
    key: str
    text: str
    topic: str


said: Final = st.builds(
    Said,
    conversation=anything,
    use_case=anything,
    account=anything,
    name=anything,
    key=anything,
    text=anything.filter(lambda text: bool(text.strip())),
    topic=anything,
)


async def comes_back(records: Records, events: EventLog, one: Said, number: int) -> bool:
    """Whether it was let in; then another process reads the same. One that was refused left no event behind."""
    desk, conversation = Desk(records), f"{one.conversation}{number}" if one.conversation else ""
    try:
        thread = await desk.messaging.create(
            one.use_case, [Participant.of(one.account, name=one.name)], conversation=conversation or None
        )
        alias = await desk.aliasing.issue(thread.id, account=one.account, topic=one.topic)
        event = await desk.messaging.send(thread.id, one.text, author=one.account, key=one.key)
    except Unstorable:
        return False
    other = Desk(records)
    assert (await other.messaging.thread(thread.id)).participants == thread.participants
    assert await other.messaging.resolve(alias.address.key) == alias
    assert (alias.conversation, alias.stands_for, alias.topic) == (thread.id, one.account, one.topic)
    listed = list(await other.messaging.events(thread.id))
    assert listed[-1] == event
    assert isinstance(event.happening, MessageAdded)
    assert event.happening.text == one.text
    reader = events.records(f"g{number}")
    try:
        await reader.take(limit=1_000, wait=timedelta(0))
        published = EventRecord(event.conversation, event.id, event.seq, "message_added", event.trace)  # type: ignore[arg-type]
        await events.publish([published])
        taken = await reader.take(limit=1_000, wait=timedelta(seconds=5))
        assert published in taken
        await reader.commit()
    finally:
        await reader.close()
    return True
