"""What is let in round-trips on every store at hand; what no store can hold is refused in memory too."""

from __future__ import annotations

import asyncio
import tempfile
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings

from convalias.adapters import embedded, memory, system
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.conversations.storable import REPLACED, Unstorable
from convalias.domain.ids import AccountId, AliasId, ConversationId, UseCase
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import Attachment, MailContent
from convalias.domain.mail.message_id import MessageId
from convalias.domain.migration.rollout import Stage
from convalias.services.conversations.loading import GivenConversation
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.migration.rollouts import Rollouts
from services.messaging_desk import ANN, ANN_WRITES, C1, NOON, PEOPLE, Desk, addition, mail_key
from services.storing import Said, comes_back, said

_NUMBERS = count(1)


@given(said)
def test_what_memory_lets_in_comes_back(one: Said) -> None:
    async def work() -> None:
        await comes_back(memory.Records(), memory.EventLog(clock=memory.Clock(NOON)), one, next(_NUMBERS))

    asyncio.run(work())


@settings(max_examples=40)
@given(said)
def test_what_a_data_directory_lets_in_comes_back_and_is_what_memory_lets_in(one: Said) -> None:
    async def work(folder: Path) -> None:
        clock, incarnation = system.Clock(), system.Incarnation()
        in_memory = await comes_back(memory.Records(), memory.EventLog(clock=memory.Clock(NOON)), one, 1)
        async with embedded.DataDirectory(folder, clock=clock, incarnation=incarnation) as data:
            assert await comes_back(data.records, data.events, one, 1) is in_memory

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(work(Path(folder)))


BAD = "a\ud800"


async def test_every_way_in_refuses_what_no_store_can_hold() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    rollouts, directory = Rollouts(records=desk.records), IdentityDirectory(records=desk.records)
    before = len(await desk.events())
    address = EmailAddress.parse("ann-1ab131e2@reply.example")
    for bad in (
        messaging.create(BAD, PEOPLE),
        messaging.create("apply", PEOPLE, conversation=BAD),
        messaging.create("apply", PEOPLE, market=BAD),
        messaging.create("apply", [Participant.of(BAD)]),
        messaging.create("apply", [Participant.of("x", name=BAD)]),
        messaging.create("apply", [Participant.of("x", role=BAD)]),
        messaging.create("apply", [Participant.of("x", region=BAD)]),
        messaging.add_participant(C1, Participant.of("x", name=BAD)),
        messaging.remove_participant(C1, BAD),
        messaging.mark_read(C1, account=BAD, up_to=1),
        messaging.close(C1, by=BAD),
        messaging.close(BAD),
        messaging.thread(BAD),
        messaging.events(BAD),
        messaging.timeline(C1, seen_by=BAD),
        messaging.send(BAD, "x", author=ANN, key="k"),
        messaging.send(C1, BAD, author=ANN, key="k"),
        messaging.send(C1, "x" * 1_000_001, author=ANN, key="k"),
        messaging.send(C1, "x", author=BAD, key="k"),
        messaging.send(C1, "x", author=ANN, key=BAD),
        messaging.send(C1, "x", author=ANN, key="k", in_reply_to=BAD),
        desk.aliasing.issue(C1, account=ANN, topic=BAD),
        desk.aliasing.issue(C1, account=BAD),
        rollouts.set(UseCase(BAD), stage=Stage.NATIVE, basis_points=0),
        rollouts.set(UseCase("apply"), stage=Stage.NATIVE, basis_points=0, reason=BAD),
        rollouts.set(UseCase("apply"), stage=Stage.NATIVE, basis_points=0, salt=BAD),
        directory.upsert(Account(AccountId(BAD))),
        directory.upsert(Account(ANN, name=BAD)),
        directory.upsert(Account(ANN, speaks_for=frozenset({AccountId(BAD)}))),
        *(
            desk.loading.load(GivenConversation(id=C1, use_case=UseCase("apply"), aliases=(alias,)))
            for alias in (
                ConversationAlias(address=address, conversation=C1, stands_for=AccountId(BAD)),
                ConversationAlias(address=address, conversation=C1, stands_for=ANN, topic=BAD),
                ConversationAlias(address=address, conversation=C1, stands_for=ANN, id=AliasId(BAD)),
            )
        ),
        desk.loading.load(GivenConversation(id=ConversationId(BAD), use_case=UseCase("apply"))),
        desk.loading.load(GivenConversation(id=C1, use_case=UseCase(BAD))),
        desk.loading.load(GivenConversation(id=C1, use_case=UseCase("apply"), market=BAD)),
    ):
        with pytest.raises(Unstorable):
            await bad
    assert len(await desk.events()) == before
    assert await rollouts.show() == []


async def test_an_alias_id_of_elsewhere_is_taken_over() -> None:
    desk = Desk()
    address = EmailAddress.parse("ann-1ab131e2@reply.example")
    alias = ConversationAlias(address=address, conversation=C1, stands_for=ANN, id=AliasId("l1"))
    await desk.loading.load(GivenConversation(id=C1, use_case=UseCase("apply"), participants=PEOPLE, aliases=(alias,)))
    assert [one.id for one in await desk.aliases.of(C1) if one.stands_for == ANN] == ["l1"]


async def test_the_text_of_a_mail_is_never_refused_but_marked() -> None:
    messaging = await Desk().conversation()
    content = MailContent(
        subject="Re: \udc80",
        text="one \ud800 two \0",
        full_text="one \ud800 two \0 three",
        attachments=(Attachment("cv\udfff.pdf", "text/x\0", 1, "ff"), Attachment("ok.pdf", "text/plain", 1, "ee")),
    )
    added = await messaging.add_mail(content, conversation=C1, author=ANN_WRITES, key=mail_key(), addition=addition())
    assert added is not None
    message = added.event.happening
    assert isinstance(message, MessageAdded)
    assert (message.subject, message.text, message.full_text) == (
        "Re: \ufffd",
        "one \ufffd two \ufffd",
        "one \ufffd two \ufffd three",
    )
    assert [(one.name, one.media_type) for one in message.attachments] == [
        ("cv\ufffd.pdf", "text/x\ufffd"),
        ("ok.pdf", "text/plain"),
    ]
    assert message.flags == {REPLACED}
    key = MailKey(C1, mail_key().sender, MessageId(b"plain"))
    plain = await messaging.add_mail(
        MailContent(text="x"), conversation=C1, author=ANN_WRITES, key=key, addition=addition()
    )
    assert plain is not None
    assert isinstance(plain.event.happening, MessageAdded)
    assert plain.event.happening.flags == frozenset()
