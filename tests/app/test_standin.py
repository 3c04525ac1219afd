"""Two machines, each with a data directory of its own, beside one store: a mail is treated alike by either."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.desk import WORLD
from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.loading import load_world
from convalias.codec.doors import read_world
from convalias.domain.inbound.posts import IncomingMail
from convalias.ports.records import Records

KEYS = "0:" + "a" * 44


class Shared:
    """What the machines share."""

    def __init__(self, records: Records) -> None:
        self.clock = memory.Clock()
        self.records = records
        self.blobs = memory.Blobs()
        self.queue = memory.JobQueue(self.clock)
        self.events = memory.EventLog(clock=self.clock)

    def machine(self, data: Path) -> Convalias:
        return Convalias.from_toml(
            data=data,
            environ={},
            records=self.records,
            blobs=self.blobs,
            queue=self.queue,
            events=self.events,
            clock=self.clock,
        )


def legacy_mail(number: int) -> IncomingMail:
    raw = f"From: mary@corp.example\nTo: job-1@relay.example\nMessage-ID: <m{number}@corp.example>\n\nHello\n"
    return IncomingMail(raw.encode(), recipients=["job-1@relay.example"], sender="mary@corp.example", source="eml")


async def told(cv: Convalias) -> Mapping[str, bool]:
    return {call.message_id: call.notified for call in await cv.ports.legacy.calls()}


@pytest.mark.parametrize("kept_alone", [False, True])
def test_whichever_machine_takes_a_legacy_mail_it_is_handed_to_the_same_relay(
    tmp_path: Path, *, kept_alone: bool
) -> None:
    asyncio.run(two_machines(tmp_path, records=memory.Records(), kept_alone=kept_alone))


async def two_machines(folder: Path, *, records: Records, kept_alone: bool) -> None:
    shared = Shared(records)
    first, second = folder / "first", folder / "second"
    if kept_alone:  # the first machine was alone before there was a store
        async with Convalias.from_toml(data=first, environ={}) as alone:
            await load_world(alone, read_world(WORLD))
    async with shared.machine(first) as one:
        await load_world(one, read_world({**WORLD, "legacy_aliases": []} if kept_alone else WORLD))
        assert await told(one) == {}
    async with shared.machine(second) as two:
        await two.receiver.accept(legacy_mail(1))
        await two.run_until_idle()
        assert await told(two) == {"<m1@corp.example>": True}
    async with shared.machine(first) as one:
        await one.receiver.accept(legacy_mail(2))
        await one.run_until_idle()
        assert await told(one) == {"<m1@corp.example>": True, "<m2@corp.example>": True}
    for data in (first, second):
        assert len(list((data / "legacy-outbox").glob("*.eml"))) == 1
