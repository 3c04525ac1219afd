"""The reference of what is told, in memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from adapters.legacy_audience import ANN, Audience, told_ids
from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.mail import Outgoing
from convalias.testing import conformance
from convalias.testing.conformance import Check, LegacyKnowledge, LegacyUnderTest, MailSink


@pytest.mark.parametrize("check", conformance.LEGACY_RELAY, ids=str)
def test_legacy_relay(check: Check[conformance.MakeLegacyRelay]) -> None:
    places: dict[str, LegacyUnderTest] = {}

    @asynccontextmanager
    async def open_relay(place: str, known: LegacyKnowledge) -> AsyncIterator[LegacyUnderTest]:
        if place not in places:
            outbox = memory.Outbox()
            relay = memory.LegacyRelay(outgoing=outbox, audience=Audience(ANN), clock=memory.Clock())
            await relay.load(known.aliases, known.tenures)

            async def told() -> Sequence[str]:
                return told_ids([mail.raw for mail in outbox.mails])

            places[place] = LegacyUnderTest(port=relay, told=told)
        yield places[place]

    asyncio.run(check(open_relay))


@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
def test_outbox(check: Check[conformance.MakeOutgoingMail]) -> None:
    places = defaultdict(memory.Outbox)

    @asynccontextmanager
    async def open_outbox(place: str) -> AsyncIterator[MailSink]:
        outbox = places[place]

        async def arrived() -> Sequence[tuple[EmailAddress, bytes]]:
            return [(mail.to, mail.raw) for mail in outbox.mails]

        yield MailSink(port=outbox, arrived=arrived)

    asyncio.run(check(open_outbox))


async def test_a_mailbox_holds_what_was_sent_to_its_address() -> None:
    outbox = memory.Outbox()
    bob = EmailAddress.parse("bob@corp.example")
    for key, to in (("a", ANN), ("b", bob)):
        await outbox.send(Outgoing(key=key, raw=b"", to=to))
    assert [mail.key for mail in outbox.mailbox(bob)] == ["b"]
