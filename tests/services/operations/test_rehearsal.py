"""Ports that change nothing: the rest of a dry run sees what it wrote, the store below never does."""

from __future__ import annotations

from datetime import UTC, datetime

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.ports.blobs import Put
from convalias.ports.legacy import HandOff, IndexCall
from convalias.ports.records import Conflict, Delete, Insert, Key, Replace, Written
from convalias.services.operations import rehearsal
from services.inbound_desk import LEGACY, Audience

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def key(name: str) -> Key:
    return Key("t", "p", name)


async def test_records_fall_through_and_writes_stay_above() -> None:
    below = memory.Records()
    await below.write([Insert(key(name), {"n": name}, (f"also-{name}",)) for name in ("b", "d", "f")])
    above = rehearsal.Records(below)

    async def listed(after: str = "", limit: int = 9) -> str:
        return "".join(row.key.id for row in await above.range("t", "p", after=after, limit=limit))

    async def version(name: str) -> str:
        return (await above.get([key(name)]))[key(name)].version

    assert await listed() == "bdf"
    answers = await above.write(
        [
            Insert(key("c"), {}, ("also-c",)),
            Insert(key("x"), {}, ("also-b",)),
            Insert(key("c"), {}),
            Replace(key("d"), await version("d"), {"n": "new"}),
            Replace(key("d"), "another", {}),
            Replace(key("nothing"), "1", {}),
            Delete(key("f"), await version("f")),
            Delete(key("f"), "1"),
        ]
    )
    kinds = [type(answer) for answer in answers]
    assert kinds == [Written, Conflict, Conflict, Written, Conflict, Conflict, Written, Conflict]
    assert await listed() == "bcd"
    assert [await listed(limit=1), await listed("b", 1), await listed("c", 1), await listed("d")] == [
        *list("bcd"),
        "",
    ]
    found = await above.get([key("also-c"), key("d"), key("f"), key("also-f"), key("b")])
    assert sorted(one.id for one in found) == ["also-c", "b", "d"]
    assert found[key("d")].body == {"n": "new"}
    latest = await above.latest("t", "p")
    assert latest is not None
    assert await above.latest("t", "nothing") is None
    assert await above.due("lane", until=NOON, limit=9) == ()
    assert [row.key.id for row in await below.range("t", "p", after="", limit=9)] == ["b", "d", "f"]
    assert (await below.get([key("d")]))[key("d")].body == {"n": "d"}


async def test_blobs_and_legacy_are_asked_and_told_nothing() -> None:
    below = memory.Blobs()
    await below.put("raw/1", b"x")
    blobs = rehearsal.Blobs(below)
    assert [await blobs.put("raw/1", b"x"), await blobs.put("raw/2", b"y")] == [Put.THERE, Put.NEW]
    await blobs.delete(["raw/1"])
    assert await blobs.get("raw/1") == b"x"
    assert await blobs.names("raw/", after="", limit=9) == ["raw/1"]

    clock = memory.Clock(NOON)
    relay = memory.LegacyRelay(outgoing=memory.Outbox(), audience=Audience(), clock=clock)
    legacy = rehearsal.LegacyRelay(relay)
    assert await legacy.aliases([LEGACY]) == {}
    assert await legacy.of_conversations([ConversationId("c")]) == await relay.of_conversations([ConversationId("c")])
    assert await legacy.tenures([EmailAddress.parse("a@b.example")]) == await relay.tenures(
        [EmailAddress.parse("a@b.example")]
    )
    await legacy.process(HandOff(external_id="x", message_id="<1@h>", address=LEGACY, raw_key="raw/1"))
    call = IndexCall(
        external_id="e",
        message_id="<1@h>",
        conversation=ConversationId("c"),
        author="a",
        alias=None,
        suppress_notification=False,
    )
    await legacy.index(call)
    assert list(await relay.calls()) == []
