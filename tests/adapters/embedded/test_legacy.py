"""The stand-in relay and the outboxes of a data directory: nothing forgotten, nothing twice, also after a crash."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from shutil import rmtree

import pytest

from adapters.legacy_audience import ANN, BOB, Audience, told_ids
from convalias.adapters import memory
from convalias.adapters.embedded import LegacyRelay, Outbox
from convalias.adapters.system import Incarnation
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.ids import ConversationId
from convalias.ports.errors import Unavailable
from convalias.ports.hub import NotSent, Sent
from convalias.ports.legacy import HandOff, IndexCall
from convalias.ports.mail import Outgoing
from convalias.testing import conformance
from convalias.testing.conformance import Check, LegacyKnowledge, LegacyUnderTest, MailSink

C1 = ConversationId("c1")
ALIAS = LegacyAlias(EmailAddress.parse("xyz@relay.example"), C1)
CALL = IndexCall(
    external_id="e1", message_id="<x@y>", conversation=C1, author="ann", alias=None, suppress_notification=False
)
MAIL = HandOff(external_id="h1", message_id="<x@y>", address=ALIAS.address, raw_key="raw")


async def opened_outbox(folder: Path) -> Outbox:
    outbox = Outbox(folder, incarnation=Incarnation())
    await outbox.open()
    return outbox


async def opened(folder: Path, *people: EmailAddress) -> LegacyRelay:
    relay = LegacyRelay(
        folder / "legacy.db",
        outgoing=await opened_outbox(folder / "legacy-outbox"),
        audience=Audience(*people or (ANN,)),
        clock=memory.Clock(),
    )
    await relay.open()
    await relay.open()
    return relay


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]


@pytest.mark.parametrize("check", conformance.LEGACY_RELAY, ids=str)
def test_legacy_relay(check: Check[conformance.MakeLegacyRelay], tmp_path: Path) -> None:
    @asynccontextmanager
    async def open_relay(place: str, known: LegacyKnowledge) -> AsyncIterator[LegacyUnderTest]:
        relay = await opened(tmp_path / place)
        await relay.load(known.aliases, known.tenures)

        async def told() -> Sequence[str]:
            return told_ids(files(tmp_path / place / "legacy-outbox"))

        yield LegacyUnderTest(port=relay, told=told)
        await relay.close()

    asyncio.run(check(open_relay))


@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
def test_outbox(check: Check[conformance.MakeOutgoingMail], tmp_path: Path) -> None:
    @asynccontextmanager
    async def open_outbox(place: str) -> AsyncIterator[MailSink]:
        async def arrived() -> Sequence[tuple[EmailAddress, bytes]]:
            return [(recipient(raw), raw) for raw in files(tmp_path / place)]

        yield MailSink(port=await opened_outbox(tmp_path / place), arrived=arrived)

    asyncio.run(check(open_outbox))


def recipient(raw: bytes) -> EmailAddress:
    (to,) = [line for line in raw.split(b"\r\n\r\n")[0].splitlines() if line.startswith(b"To: ")]
    return EmailAddress.parse(to.removeprefix(b"To: ").decode())


class Broken:
    """An outgoing mail that dies after the first mail."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._left = 1

    async def send(self, mail: Outgoing) -> None:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        await self._outbox.send(mail)


def test_a_crash_between_row_and_mails_is_completed_by_the_repeated_call(tmp_path: Path) -> None:
    async def crash() -> None:
        relay = LegacyRelay(
            tmp_path / "legacy.db",
            outgoing=Broken(await opened_outbox(tmp_path / "legacy-outbox")),
            audience=Audience(ANN, BOB),
            clock=memory.Clock(),
        )
        await relay.open()
        try:
            await relay.index(CALL)
        finally:
            await relay.close()

    async def story() -> None:
        relay = await opened(tmp_path, ANN, BOB)
        assert [call.notified for call in await relay.calls()] == [False]
        for _ in range(2):
            await relay.index(CALL)
        assert sorted(map(recipient, files(tmp_path / "legacy-outbox"))) == [ANN, BOB]
        assert [call.notified for call in await relay.calls()] == [True]
        await relay.close()
        await relay.close()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(crash())
    asyncio.run(story())


async def test_one_mail_at_two_legacy_aliases_of_a_conversation_is_one_notification_each(tmp_path: Path) -> None:
    relay = await opened(tmp_path)
    other = LegacyAlias(EmailAddress.parse("abc@relay.example"), C1)
    homeless = LegacyAlias(EmailAddress.parse("nobody@relay.example"), None)
    await relay.load([ALIAS, other, homeless], [])
    for number, alias in enumerate((ALIAS, other, homeless)):
        mail = HandOff(external_id=f"h{number}", message_id="<x@y>", address=alias.address, raw_key="raw")
        await relay.process(mail)
    assert len(files(tmp_path / "legacy-outbox")) == 1
    assert [(call.kind, call.notified) for call in await relay.calls()] == [
        ("handoff", True),
        ("handoff", True),
        ("handoff", False),
    ]
    await relay.close()


async def test_a_call_is_listed_under_the_first_legacy_alias_else_the_authors(tmp_path: Path) -> None:
    relay = await opened(tmp_path)
    await relay.load([ALIAS, LegacyAlias(EmailAddress.parse("abc@relay.example"), C1)], [])
    author = EmailAddress.parse("ann-1ab131e2@reply.example")
    elsewhere = IndexCall(
        external_id="e2",
        message_id="not an id\r\nX: y",
        conversation=ConversationId("c2"),
        author="ann",
        alias=author,
        suppress_notification=False,
    )
    await relay.index(CALL)
    await relay.index(elsewhere)
    assert [call.address for call in await relay.calls()] == [ALIAS.address, author]
    assert not any(b"\r\nX: y" in raw for raw in files(tmp_path / "legacy-outbox"))
    await relay.close()


async def test_without_any_alias_the_relay_speaks_for_itself(tmp_path: Path) -> None:
    relay = await opened(tmp_path)
    await relay.index(CALL)
    (raw,) = files(tmp_path / "legacy-outbox")
    assert b"From: relay@legacy.invalid" in raw
    assert [call.address for call in await relay.calls()] == [None]
    await relay.close()


async def test_what_was_not_opened_opens_with_its_first_use(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "out", incarnation=Incarnation())
    assert not outbox.root.exists()
    await outbox.send(Outgoing(key="k", raw=b"", to=ANN))
    assert [path.name for path in outbox.root.iterdir()] == ["k.eml"]
    relay = LegacyRelay(tmp_path / "x.db", outgoing=outbox, audience=Audience(), clock=memory.Clock())
    assert await relay.calls() == ()
    await relay.close()


async def test_an_outbox_whose_folder_was_removed_says_so_and_makes_it_again(tmp_path: Path) -> None:
    outbox = await opened_outbox(tmp_path / "out")
    await outbox.send(Outgoing(key="k1", raw=b"", to=ANN))
    rmtree(outbox.root)
    with pytest.raises(Unavailable, match=r"the outbox \(No such file or directory\)"):
        await outbox.send(Outgoing(key="k2", raw=b"", to=ANN))
    await outbox.send(Outgoing(key="k2", raw=b"", to=ANN))
    assert [path.name for path in outbox.root.iterdir()] == ["k2.eml"]


async def test_a_folder_that_cannot_be_made_is_no_reason_to_give_a_mail_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outbox = Outbox(tmp_path / "file" / "out", incarnation=Incarnation())
    with pytest.raises(Unavailable):
        await outbox.send(Outgoing(key="k", raw=b"", to=ANN))
    relay = LegacyRelay(tmp_path / "file" / "x.db", outgoing=outbox, audience=Audience(), clock=memory.Clock())
    with pytest.raises(Unavailable):
        await relay.calls()


async def test_a_damaged_file_is_unavailable_and_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    relay = await opened(tmp_path)
    with closing(sqlite3.connect(tmp_path / "legacy.db")) as connection:
        connection.execute("DROP TABLE calls")
    with pytest.raises(Unavailable):
        await relay.index(CALL)
    await relay.close()


async def test_a_file_begins_with_the_return_path_and_a_key_can_be_asked_for(tmp_path: Path) -> None:
    outbox = await opened_outbox(tmp_path)
    await outbox.send(Outgoing(key="k", raw=b"Subject: x\r\n\r\n", to=ANN, return_path="b-x@bounce.x.example"))
    await outbox.send(Outgoing(key="k2", raw=b"Subject: y\r\n\r\n", to=ANN))
    assert (tmp_path / "k.eml").read_bytes() == b"Return-Path: <b-x@bounce.x.example>\r\nSubject: x\r\n\r\n"
    assert (tmp_path / "k2.eml").read_bytes().startswith(b"Return-Path: <>\r\n")
    assert isinstance(await outbox.ask("k"), Sent)
    assert isinstance(await outbox.ask("never"), NotSent)


async def test_a_disk_that_refuses_is_unavailable_unless_the_mail_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = await opened_outbox(tmp_path)
    mail = Outgoing(key="k", raw=b"x", to=ANN)

    def refuse(path: Path, body: bytes) -> bool:
        raise OSError(28, "no space left")

    def too_slow(path: Path, body: bytes) -> bool:
        raise TimeoutError

    monkeypatch.setattr(outbox._files, "create", refuse)
    with pytest.raises(Unavailable):
        await outbox.send(mail)
    (tmp_path / "k.eml").write_bytes(b"there")
    with pytest.raises(OSError, match="no space left"):
        await outbox.send(mail)
    monkeypatch.setattr(outbox._files, "create", too_slow)
    with pytest.raises(TimeoutError):
        await outbox.send(mail)
