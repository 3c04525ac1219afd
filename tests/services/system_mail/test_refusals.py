"""Refusals leave late, once, and one that cannot leave keeps back no other."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import EnvelopeRecord, Post, RawKey, RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.system_mail.refusal_texts import RefusalText
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.hub import Guarantee
from convalias.services.system_mail.refusals import RefusalLetters
from services.inbound_desk import NOON, Process, Writer, open_town

ALIAS = EmailAddress.parse("ann-1ab131e2@reply.example")


def record(trace: str = "t", *, at: timedelta = timedelta(0)) -> EnvelopeRecord:
    return EnvelopeRecord(
        key=RecordKey("envelopes/2026/03/01/ab.json"),
        raw=RawKey("raw/2026/03/01/ab"),
        source="eml",
        post=Post(received_at=NOON + at),
        digest="d",
        trace=TraceId(trace),
    )


async def refuse(process: Process, sender: str, *, trace: str = "t", alias: EmailAddress = ALIAS) -> bool:
    return await process.notices.refuse(
        EmailAddress.parse(sender), alias=alias, reason=Reason.EMPTY, record=record(trace), about=None
    )


async def test_the_same_refusal_again_is_the_same_mail() -> None:
    town = await open_town()
    process = Process(town)
    assert [await refuse(process, "a@b.example") for _ in range(3)] == [True] * 3
    await town.clock.advance(timedelta(minutes=1))
    assert await process.system_outbox.send_due() == 1
    assert [await refuse(process, "a@b.example"), await process.system_outbox.send_due()] == [True, 0]


async def test_one_that_cannot_be_written_or_sent_keeps_back_no_other() -> None:
    town = await open_town()
    process = Process(town)
    for number in range(4):
        await refuse(process, f"a{number}@b.example")
    await town.clock.advance(timedelta(minutes=1))
    process.faults.fail("outgoing.send", memory.before(Rejected("no")), times=1)
    process.faults.fail("outgoing.send", memory.after(TimeoutError), times=1)

    class Fails(Writer):
        def refusal(self, *, to: EmailAddress, words: RefusalText, about: str, key: str) -> bytes:
            if to.local == "a2":
                raise ValueError(about)
            return super().refusal(to=to, words=words, about=about, key=key)

    letters = evolve(process.system_outbox.letters, refusals=RefusalLetters(writer=Fails()))
    outbox = evolve(process.system_outbox, letters=letters, guarantee=Guarantee())
    assert await outbox.send_due() == 4
    assert await outbox.send_due() == 0
    assert len(town.outbox.mails) == 2
    assert town.telemetry.total("icer.refusals.given_up") == 3
    assert town.telemetry.total("icer.refusals.sent") == 1


async def test_an_outage_leaves_them_due() -> None:
    town = await open_town()
    process = Process(town)
    await refuse(process, "a@b.example")
    await town.clock.advance(timedelta(minutes=1))
    process.faults.fail("outgoing.send", memory.before("outgoing"), times=1)
    with pytest.raises(Unavailable):
        await process.system_outbox.send_due()
    assert await process.system_outbox.send_due() == 1
    assert len(town.outbox.mails) == 1


async def test_two_that_send_at_once_send_one_mail() -> None:
    town = await open_town()
    process = Process(town)
    await refuse(process, "a@b.example")
    await town.clock.advance(timedelta(minutes=1))
    await asyncio.gather(process.system_outbox.send_due(), Process(town).system_outbox.send_due())
    assert len(town.outbox.mails) == 1


async def test_the_delay_runs_from_receipt() -> None:
    town = await open_town()
    process = Process(town)
    await town.clock.advance(timedelta(minutes=5))
    await refuse(process, "a@b.example")
    assert await process.system_outbox.send_due() == 1
