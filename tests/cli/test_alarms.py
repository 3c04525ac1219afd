"""Alarms of a whole machine lead to the mail: trace and record, as the outcome and the dead letter have them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.machine import Machine
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import MailReference, RecordKey
from convalias.domain.outbound.delivery import Channel
from convalias.ports.hub import Declined, Guarantee
from convalias.services.inbound.receiver import reference_body


class Declining:
    """A hub that takes nothing."""

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee()}

    async def send(self, notification: object) -> Declined:
        return Declined("no such mailbox")


def alarms(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, object]]:
    return [
        {field: line.__dict__.get(field) for field in ("trace", "record")}
        for line in caplog.records
        if line.name == "convalias.alarms" and line.getMessage().startswith(name)
    ]


def test_alarms_lead_to_the_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = RecordKey("envelopes/2026/03/01/newer.json")

    async def story() -> None:
        machine = Machine(tmp_path / "data", caplog.handler)
        async with machine.opened():
            await machine.mail(1, quarantine="too_large")
            (record,) = await machine.ports.blobs.names("envelopes/", after="", limit=9)
            body = json.loads(await machine.ports.blobs.get(record) or b"")
            assert alarms(caplog, "icer.messages.quarantined") == [{"trace": body["trace"], "record": record}]
            await machine.ports.blobs.put(key, json.dumps({"$": "envelope_record/99"}).encode())
            await machine.ports.queue.put([reference_body(MailReference(key, TraceId("t1")))])
            await machine.ports.queue.put(["no reference of ours"])
            await machine.work(minutes=1)
            found = alarms(caplog, "icer.processing.errors")
            assert {"trace": "t1", "record": key} in found
            letters = [letter.id async for letter in machine.cv.services.stores.dead_letters.list("inbound")]
            assert {str(one["trace"]) for one in found} == set(letters)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_failed_delivery_names_the_trace_of_its_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        machine = Machine(tmp_path / "data", caplog.handler)
        machine.instead["hub"] = Declining()
        async with machine.opened():
            await machine.mail()
            (record,) = await machine.ports.blobs.names("envelopes/", after="", limit=9)
            trace = json.loads(await machine.ports.blobs.get(record) or b"")["trace"]
            await machine.work(minutes=1)
            assert alarms(caplog, "mons.delivery.failures") == [{"trace": trace, "record": None}]

    asyncio.run(asyncio.wait_for(story(), 60))
