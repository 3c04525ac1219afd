"""The stand-in relay in a shared store: whichever machine is asked, it knows the same and tells once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from adapters.legacy_audience import ANN, BOB, Audience, told_ids
from convalias.adapters import memory, standin
from convalias.adapters.memory.outbox import Outbox
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.ports.errors import Unavailable
from convalias.ports.legacy import HandOff, IndexCall
from convalias.ports.mail import Outgoing
from convalias.ports.records import Conflict, Insert, Records, Write, Written
from convalias.testing import conformance
from convalias.testing.conformance import Check, LegacyKnowledge, LegacyUnderTest

C1, C2 = ConversationId("c1"), ConversationId("c2")
ALIAS = LegacyAlias(EmailAddress.parse("xyz@relay.example"), C1)
OTHER = LegacyAlias(EmailAddress.parse("abc@relay.example"), C1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENURE = AddressTenure(EmailAddress.parse("old@home.example"), AccountId("ann"), NOON)
CALL = IndexCall(
    external_id="e1", message_id="<x@y>", conversation=C1, author="ann", alias=None, suppress_notification=False
)
MAIL = HandOff(external_id="h1", message_id="<x@y>", address=ALIAS.address, raw_key="raw")


def machine(
    records: Records, outbox: object = None, *, clock: memory.Clock | None = None, before: standin.Before | None = None
) -> standin.LegacyRelay:
    async def take_over() -> standin.Before | None:
        return before

    return standin.LegacyRelay(
        records=records,
        outgoing=outbox or Outbox(),
        audience=Audience(ANN, BOB),
        clock=clock or memory.Clock(),
        take_over=take_over,
    )


@pytest.mark.parametrize("check", conformance.LEGACY_RELAY, ids=str)
def test_legacy_relay(check: Check[conformance.MakeLegacyRelay]) -> None:
    places: dict[str, tuple[memory.Records, Outbox]] = {}

    @asynccontextmanager
    async def open_relay(place: str, known: LegacyKnowledge) -> AsyncIterator[LegacyUnderTest]:
        records, outbox = places.setdefault(place, (memory.Records(), Outbox()))
        relay = standin.LegacyRelay(records=records, outgoing=outbox, audience=Audience(ANN), clock=memory.Clock())
        await relay.load(known.aliases, known.tenures)

        async def told() -> Sequence[str]:
            return told_ids([mail.raw for mail in outbox.mails])

        yield LegacyUnderTest(port=relay, told=told)

    asyncio.run(check(open_relay))


async def test_what_one_machine_was_told_the_other_knows() -> None:
    records, clock = memory.Records(), memory.Clock()
    one, two = machine(records, clock=clock), machine(records, clock=clock)
    await one.load([ALIAS, OTHER], [TENURE])
    await two.load([ALIAS], [TENURE])
    assert await two.aliases([ALIAS.address, ANN]) == {ALIAS.address: ALIAS}
    assert await two.of_conversations([C1, C2]) == {C1: (ALIAS, OTHER), C2: ()}
    assert await two.tenures([TENURE.address, ANN]) == {TENURE.address: (TENURE,), ANN: ()}
    await one.process(MAIL)
    await two.index(CALL)
    await one.index(evolve(CALL, suppress_notification=True))
    for relay in (one, two):
        assert [(call.kind, call.notified) for call in await relay.calls()] == [("handoff", True), ("index", True)]


async def test_an_alias_that_was_given_to_another_conversation_is_that_ones() -> None:
    relay = machine(memory.Records())
    await relay.load([ALIAS, OTHER, LegacyAlias(EmailAddress.parse("nobody@relay.example"), None)], [])
    await relay.load([evolve(ALIAS, conversation=C2)], [evolve(TENURE, until=NOON + timedelta(days=1))])
    found = await relay.of_conversations([C1, C2])
    assert {one: [alias.address for alias in listed] for one, listed in found.items()} == {
        C1: [OTHER.address],
        C2: [ALIAS.address],
    }


class DyingOutbox(Outbox):
    """Takes one mail, then its machine dies."""

    async def send(self, mail: Outgoing) -> None:
        if self.mails:
            raise KeyboardInterrupt
        await super().send(mail)


def test_a_call_that_a_crash_cut_short_is_completed_by_another_machine() -> None:
    async def crash(records: Records, outbox: Outbox) -> None:
        await machine(records, outbox).index(CALL)

    async def story(records: Records) -> None:
        outbox = Outbox()
        other = machine(records, outbox)
        assert [call.notified for call in await other.calls()] == [False]
        for _ in range(2):
            await other.index(CALL)
        assert [mail.to for mail in outbox.mails] == [ANN, BOB]
        assert [call.notified for call in await other.calls()] == [True]

    records = memory.Records()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(crash(records, DyingOutbox()))
    asyncio.run(story(records))


async def test_what_a_machine_kept_by_itself_is_brought_once_and_what_is_shared_stands() -> None:
    records = memory.Records()
    told = LegacyCall(
        kind="handoff",
        external_id="h1",
        message_id="<x@y>",
        address=ALIAS.address,
        suppress_notification=False,
        conversation=C1,
        notified=True,
        order="000001",
    )
    shared = evolve(ALIAS, conversation=C2)
    await machine(records).load([shared], [])
    outbox = Outbox()
    before = standin.Before(aliases=[ALIAS, OTHER], tenures=[TENURE], calls=[told])
    relay = machine(records, outbox, before=before)
    found = await asyncio.gather(relay.aliases([ALIAS.address, OTHER.address]), relay.tenures([TENURE.address]))
    assert found == [{ALIAS.address: shared, OTHER.address: OTHER}, {TENURE.address: (TENURE,)}]
    await relay.process(MAIL)
    assert outbox.mails == ()
    assert await machine(records).calls() == (told,)


class Busy(memory.Records):
    """Whatever is inserted was inserted by somebody else a moment ago, and is gone when it is looked at."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return [Conflict() for _ in writes]


async def test_a_store_that_takes_nothing_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await machine(Busy()).load([ALIAS], [])
    with pytest.raises(Unavailable):
        await machine(OnlyAliases()).load([ALIAS], [])


class OnlyAliases(Busy):
    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        is_alias = all(isinstance(one, Insert) and one.key.table == "legacy_aliases" for one in writes)
        return await memory.Records.write(self, writes) if is_alias else await super().write(writes)
