"""No line of any log names a person or quotes a mail: canaries along the whole path, in text and in JSON."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Final

import httpx
import pytest

from adapters.mailgun.posting import KEY, MULTIPART, multipart, raw_form
from cli.machine import JOHN, MARY, Machine
from convalias.adapters import asgi, mailgun, memory
from convalias.cli.logs import FIELDS, formatter
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import MailReference, RecordKey
from convalias.domain.migration.rollout import Stage
from convalias.services.inbound.receiver import reference_body
from convalias.services.running.log_lines import LogLines

CANARY: Final = "canary-7f3a"
STRANGER: Final = EmailAddress.parse(f"{CANARY}@else.example")
MIME: Final = "/inbound/mailgun/mime"


def written(to: object, number: int, sender: object = MARY) -> bytes:
    return (
        f"From: {CANARY} <{sender}>\nTo: {CANARY} <{to}>\nSubject: {CANARY}\nMessage-ID: <{number}{CANARY}@x.example>\n"
        f"\n{CANARY}\n"
    ).encode()


async def everything(machine: Machine) -> None:
    """Relayed, held, refused, not ours, quarantined, handed over, dead; engines away, bugs, a door that fails."""
    unknown = EmailAddress.parse(f"{CANARY}-1ab131e2@reply.example")
    for number, (to, sender) in enumerate([(machine.alias, MARY), (machine.alias, STRANGER), (unknown, MARY)]):
        await machine.mail(to=to, raw=written(to, number, sender), sender=sender)
    await machine.mail(raw=written(machine.alias, 4), quarantine="too_large")
    await machine.work(minutes=1)
    await machine.stage(Stage.LEGACY)
    relay = EmailAddress.parse("x@relay.example")
    await machine.mail(to=relay, raw=written(relay, 5))
    await machine.work(minutes=1)
    for number, call in enumerate(("legacy.process", "records.*", "queue.*", "log.*", "mail.send"), 6):
        await machine.mail(to=relay, raw=written(relay, number))
        machine.faults.fail(call, memory.before(ValueError(f"{CANARY} <{MARY}>")))
        await machine.work(minutes=1)
        machine.faults.mend()
        await machine.work(minutes=1)
    await unreadable(machine)
    await posted(machine)


async def unreadable(machine: Machine) -> None:
    """A record of a newer release, full of names."""
    key = RecordKey("envelopes/2026/03/01/newer.json")
    await machine.ports.blobs.put(key, json.dumps({"$": "envelope_record/99", "to": CANARY}).encode())
    await machine.ports.queue.put([reference_body(MailReference(key, TraceId("t1")))])
    await machine.work(minutes=1)


async def posted(machine: Machine) -> None:
    """By webhook, where raw store and queue fail, each with a message that quotes the mail."""
    webhook = mailgun.Webhook(
        accept=machine.cv.receiver.accept,
        keys=mailgun.SigningKeys.parse(KEY),
        clock=machine.clock,
    )
    doors = asgi.Doors(inbound={"mailgun": webhook}, approvals=machine.cv.approvals, checks=await machine.cv.checks())
    app = asgi.app(
        lambda: doors,
        inbound={"mailgun": ("", "/mime")},
        lines=LogLines(asgi.log, machine.clock),
        telemetry=machine.ports.telemetry,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        for call in ("blobs.*", "queue.*"):
            machine.faults.fail(call, memory.before(ValueError(f"{CANARY} <{MARY}>")))
            body = multipart(raw_form(mail=written(machine.alias, 20), recipient=str(machine.alias)))
            answer = await http.post(MIME, content=body, headers={"content-type": MULTIPART})
            assert answer.status_code >= 500, answer.text
            await http.get(f"/approvals/{CANARY}")
            await http.get("/readyz")
            machine.faults.mend()


def test_no_line_names_anybody_or_quotes_a_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.DEBUG, "convalias")

    async def story() -> str:
        machine = Machine(tmp_path / "data", caplog.handler)
        async with machine.opened():
            await everything(machine)
            return str(machine.alias)

    alias = asyncio.run(asyncio.wait_for(story(), 120))
    loggers = {record.name for record in caplog.records}
    assert {"convalias.mail", "convalias.alarms", "convalias.workers", "convalias.http"} <= loggers
    said = "\n".join(record.getMessage() for record in caplog.records)
    for words in ("mail relayed", "mail held", "rejected UNKNOWN_ALIAS", "quarantined", "handed over", "dead after"):
        assert words in said
    for form in ("text", "json"):
        lines = [formatter(form).format(record) for record in caplog.records]
        for line in lines:
            assert "\n" not in line
            for secret in (CANARY, str(MARY), str(JOHN), alias, "mary", "john", "else.example"):
                assert secret not in line.lower(), line
            if form == "json":
                assert set(json.loads(line)) <= {"time", "level", "logger", "message", "exception", *FIELDS}
