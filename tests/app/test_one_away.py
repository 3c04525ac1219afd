"""A host whose store, queue or log is away enters, says so at first use, and goes on by itself when it is back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from convalias.adapters import memory
from convalias.app import Convalias, facade
from convalias.app.facade import Entry
from convalias.app.memory import memory_ports, memory_wiring
from convalias.app.opening import Patience
from convalias.app.wiring import Wiring
from convalias.domain.addresses.email_address import MailDomains
from convalias.domain.conversations.participants import Participant
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.inbound.posts import IncomingMail
from convalias.ports.errors import EngineAway, PortError, Unavailable
from convalias.settings import WrongSettings
from convalias.stores.deployment.deployments import Deployments
from convalias.testing.simulator.loop import VirtualLoop

KEYS = "0:" + "A" * 43 + "="
MAIL = IncomingMail(
    b"From: bob@corp.example\nTo: x@reply.example\nMessage-ID: <1@c>\n\nHello\n", recipients=["x@reply.example"]
)
ANN = Participant.of("ann", addresses=["ann@home.example"])


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """In virtual time; how much of it passed."""
    loop = VirtualLoop()
    try:
        began = loop.time()
        loop.run_until_complete(story())
        return loop.time() - began
    finally:
        loop.close()


class Broken(PortError):
    """What somebody must mend."""


class World:
    """Ports in memory, of which each can be taken away; the store knows the alias domain, the settings do not."""

    def __init__(self) -> None:
        self.faults = memory.Faults()
        ports = memory_ports(legacy=False)
        self.ports = ports.but(
            records=memory.faulty.Records(ports.records, self.faults),
            blobs=memory.faulty.Blobs(ports.blobs, self.faults),
            queue=memory.faulty.JobQueue(ports.queue, self.faults),
            events=memory.faulty.EventLog(ports.events, self.faults),
        )
        self.true = ports
        self.wiring = Wiring(keyring=memory_wiring("reply.example", None, None).keyring)

    def convalias(self, entry: Entry = Entry.HOST) -> Convalias:
        over = Convalias.over(self.ports, self.wiring)
        return Convalias(over._opener, self.wiring, entry=entry)

    async def load(self) -> None:
        domains = MailDomains(("reply.example",), ("relay.example",))
        await Deployments(records=self.true.records).change(lambda standing: standing.joined(domains))

    def away(self, what: str, error: memory.faults.Cause = "records") -> None:
        self.faults.fail(f"{what}.*", memory.before(error), times=10**6)

    async def advance(self, seconds: int) -> None:
        clock = self.true.clock
        assert isinstance(clock, memory.Clock)
        for _ in range(seconds):
            await asyncio.sleep(0)
            await clock.advance(timedelta(seconds=1))


def test_a_host_enters_and_takes_mail_in_while_its_store_and_log_are_away() -> None:
    async def story() -> None:
        world = World()
        world.away("records")
        world.away("log")
        async with world.convalias() as cv:
            assert not cv.knows_deployment
            await cv.receiver.accept(MAIL)
            assert (await cv.ports.queue.depth()).ready == 1
            for name, check in (await cv.checks()).items():
                assert await check() is not None, name
            with pytest.raises(Unavailable):
                await cv.run_until_idle()

    run(story)


def test_what_was_seen_last_is_gone_by_while_the_store_is_away() -> None:
    async def story() -> None:
        world = World()
        await world.load()
        async with world.convalias() as cv:
            assert cv.deployment.alias_domains == ("reply.example",)
            await asyncio.sleep(0)
        world.away("records")
        async with world.convalias() as cv:
            assert not cv.knows_deployment
            assert cv.deployment.alias_domains == ("reply.example",)
            assert cv.deployment.legacy_domains == ("relay.example",)

    run(story)


def test_nobody_makes_a_conversation_without_addresses_because_the_domains_are_not_known_yet() -> None:
    async def story() -> None:
        world = World()
        await world.load()
        world.away("records")
        async with world.convalias() as cv:
            with pytest.raises(Unavailable, match="alias domains"):
                await cv.open_conversation("c1", use_case="hiring", participants=[ANN])
            world.faults.mend()
            with pytest.raises(Unavailable, match="alias domains"):  # back, and not yet looked at
                await cv.open_conversation("c1", use_case="hiring", participants=[ANN])
            await world.advance(20)
            assert cv.knows_deployment
            assert len(await cv.open_conversation("c1", use_case="hiring", participants=[ANN])) == 1

    run(story)


def test_what_must_be_mended_fails_a_host_at_once_and_a_receiver_only_where_it_needs_it() -> None:
    async def story() -> None:
        world = World()
        world.away("records", Broken)
        with pytest.raises(Broken):
            async with world.convalias():
                pass
        async with world.convalias(Entry.RECEIVER) as cv:
            await cv.receiver.accept(MAIL)

    run(story)


def test_a_command_fails_when_the_store_is_away_and_one_that_keeps_mail_does_not_ask() -> None:
    async def story() -> None:
        world = World()
        world.away("records")
        with pytest.raises(Unavailable):
            async with world.convalias(Entry.COMMAND):
                pass
        async with world.convalias(Entry.KEEPING) as cv:
            await cv.receiver.accept(MAIL)

    run(story)


def test_a_deployment_is_written_down_once_and_by_no_command() -> None:
    async def story() -> None:
        world = World()
        await world.load()
        for entry in (Entry.COMMAND, Entry.KEEPING):
            async with world.convalias(entry):
                await asyncio.sleep(0)
        assert not await world.true.blobs.names("deployment/", after="", limit=9)
        for _ in range(3):
            async with world.convalias():
                await asyncio.sleep(0)
        assert len(await world.true.blobs.names("deployment/", after="", limit=9)) == 1

    run(story)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nobody ever answers."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@pytest.mark.parametrize("where", ["closed", "silent"])
def test_a_host_on_four_engines_that_are_away_enters_and_names_each(
    tmp_path: Path, silent: int, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each opening waits for as long as it is told to, and nobody ever answers.
    monkeypatch.setattr(facade, "lasting", lambda: Patience(timedelta(seconds=1)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    port = silent if where == "silent" else 9
    environ = {
        "CONVALIAS_KEYS": KEYS,
        "CONVALIAS_RAW": f"s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:{port}",
        "CONVALIAS_QUEUE": f"sqs://us-east-1/jobs?endpoint=http://127.0.0.1:{port}",
        "CONVALIAS_STORE": f"mongodb://user:made-up-secret@127.0.0.1:{port}/mail?replicaSet=rs0",
        "CONVALIAS_EVENTS": f"kafka://user:made-up-secret@127.0.0.1:{port}/topic",
    }

    async def story() -> None:
        async with Convalias.from_toml(data=tmp_path / "data", environ=environ) as cv:
            calls = {
                "raw": cv.ports.blobs.get("raw/x"),
                "queue": cv.ports.queue.depth(),
                "store": cv.rollout.show(),
                "events": cv.ports.events.publish([]),
            }
            answers = await asyncio.gather(*calls.values(), return_exceptions=True)
            for setting, answer in zip(calls, answers, strict=True):
                assert isinstance(answer, EngineAway), (setting, answer)
                assert answer.what.startswith(f"{setting}: ")
                assert f"127.0.0.1:{port} (CONVALIAS_{setting.upper()})" in answer.what
                assert "secret" not in str(answer)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_wrong_settings_fail_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings):
        Convalias.from_toml(data=tmp_path, environ={"CONVALIAS_STORE": "mysql://db1/mail"})

    async def story() -> None:
        environ = {"CONVALIAS_KEYS": KEYS, "CONVALIAS_STORE": "mongodb://db1/mail?w=1"}
        async with Convalias.from_toml(data=tmp_path, environ=environ):
            raise AssertionError("it is refused at the entry")

    with pytest.raises(PortError, match="less than majority"):
        asyncio.run(story())


async def test_what_was_given_is_never_closed(tmp_path: Path) -> None:
    class Given(memory.Records):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    given = Given()
    environ = {"CONVALIAS_KEYS": KEYS, "CONVALIAS_STORE": "mongodb://127.0.0.1:9/mail"}
    async with Convalias.from_toml(data=tmp_path, environ=environ, records=given) as cv:
        assert await cv.rollout.show() == []
        await cv.messaging.create("apply", [ANN], conversation="c1")
    assert "events" in given.tables()
    assert given.closed == 0


def test_a_deployment_without_anything_told_writes_nothing_down() -> None:
    async def story() -> None:
        world = World()
        async with world.convalias() as cv:
            assert cv.deployment == Deployment()
            await asyncio.sleep(0)
        assert not await world.true.blobs.names("deployment/", after="", limit=9)

    run(story)
