"""Each mail that is concluded is one line of a logger of its own: ids, kinds, reasons, and nothing of the mail."""

from __future__ import annotations

import asyncio
import logging

import pytest
from attrs import evolve

from convalias.adapters.mime import Reader
from convalias.domain.inbound.outcomes import Dead, Expired
from convalias.domain.inbound.posts import MailReference
from convalias.ports.mail import ReadMail
from convalias.ports.records import Replace
from convalias.services.inbound.mail_lines import concluded, nothing
from convalias.stores.retention import MAIL_KEPT
from services.inbound_desk import LEGACY, NOBODY, TO_C1, Process, open_town, written

MAIL = "convalias.mail"


class Broken(Reader):
    """A reader with a fault of its own."""

    async def read(self, raw: bytes, post: object) -> ReadMail:
        raise ZeroDivisionError(raw)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.name == MAIL]


def line(reference: MailReference, words: str) -> str:
    return f"mail {words}; trace {reference.trace}, record {reference.record}"


async def test_a_mail_is_one_line_however_often_its_job_comes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, MAIL)
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, NOBODY, LEGACY, text="canary"))
    for _ in range(3):
        await process.relay.process(reference)
    (said,) = lines(caplog)
    assert said == line(reference, "relayed, rejected UNKNOWN_ALIAS, handed over")
    (record,) = (one for one in caplog.records if one.name == MAIL)
    assert (record.levelname, record.__dict__["trace"], record.__dict__["record"]) == (
        "INFO",
        reference.trace,
        reference.record,
    )
    assert "canary" not in caplog.text
    assert "@" not in caplog.text


async def test_of_two_workers_with_one_mail_the_first_tells(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, MAIL)
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await asyncio.gather(process.relay.conclude(reference), process.relay.conclude(reference))
    assert len(lines(caplog)) == 1


async def test_what_is_given_up_quarantined_or_gone_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, MAIL)
    town = await open_town()
    process = Process(town)
    broken = Process(town, reader=Broken())
    quarantined = await process.take(written(TO_C1, number=1, quarantine="too_large"))
    await process.relay.process(quarantined)
    dead = await process.take(written(TO_C1, number=2))
    for _ in range(3):
        await broken.relay.process(dead)
    gone = await process.take(written(TO_C1, number=3))
    await town.blobs.delete([gone.record])
    await town.clock.advance(MAIL_KEPT)
    assert await process.relay.process(gone) == Expired()
    said = lines(caplog)
    assert said[0] == line(quarantined, "quarantined too_large")
    assert said[1].startswith("mail dead after 3 tries: ZeroDivisionError")
    assert said[1].endswith(f"trace {dead.trace}, record {dead.record}")
    assert said[2:] == [line(gone, "expired")]


async def test_what_cannot_be_read_is_told_with_its_letter(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, MAIL)
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await process.relay.process(reference)
    row = (await town.records.range("outcomes", "2026/03/01", after="", limit=1))[0]
    await town.records.write([Replace(row.key, row.version, {**row.body, "$": "outcome_record/99"})])
    assert isinstance(await process.relay.process(reference), Dead)
    assert lines(caplog)[1].startswith("mail dead after 1 tries: ")


async def test_a_replay_tells_what_it_decides_anew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, MAIL)
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(NOBODY))
    await process.relay.process(reference)
    caplog.clear()
    await process.replay.one(reference.record, dry_run=False)
    assert lines(caplog) == [line(reference, "rejected UNKNOWN_ALIAS")]


def test_a_host_can_turn_them_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, MAIL)
    concluded(None, Expired())  # type: ignore[arg-type]  # nothing is even put together
    assert lines(caplog) == []


async def test_a_rehearsal_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, MAIL)
    town = await open_town()
    process = Process(town)
    relay = evolve(process.relay, tell=nothing)
    await relay.process(await process.take(written(TO_C1)))
    assert lines(caplog) == []
