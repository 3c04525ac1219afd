"""One machine with the embedded backend under virtual time, whose engines and neighbours fail on demand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from attrs import evolve, frozen

from convalias.adapters import asgi, embedded, memory
from convalias.adapters.alarms import Telemetry
from convalias.app.facade import Convalias
from convalias.app.ports import Instead, Ports
from convalias.app.services import audience
from convalias.app.wiring import Wiring
from convalias.app.workers import WORKERS, Loop, Worker
from convalias.cli.examining import Finding, examine_place, examine_store
from convalias.cli.show import jobs_of
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import Participant
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.migration.rollout import Stage
from convalias.ports.event_log import Lag, Lagging
from convalias.ports.examining import Probed
from convalias.ports.records import Partitioned
from convalias.services.operations.operations import Asked
from convalias.services.running.log_lines import LogLines
from convalias.settings import Settings

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1: Final = ConversationId("c1")
MARY: Final = EmailAddress.parse("mary@corp.example")
JOHN: Final = EmailAddress.parse("john@home.example")
RING: Final = Keyring((RootKey(0, b"k" * 32),))
APPLY: Final = UseCase("apply")


class Records(memory.faulty.Records):
    """Fails on demand, and still lists its partitions."""

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        assert isinstance(self.port, Partitioned)
        return await self.port.partitions(table, after=after, limit=limit)


class Blobs(memory.faulty.Blobs):
    """Fails on demand, and a write can be tried."""

    async def probe(self) -> None:
        files = self.port
        assert isinstance(files, Probed)
        await self.faults.around("blobs.put", files.probe)


class JobQueue(memory.faulty.JobQueue):
    """Fails on demand, and a write can be tried."""

    async def probe(self) -> None:
        jobs = self.port
        assert isinstance(jobs, Probed)
        await self.faults.around("queue.put", jobs.probe)


class EventLog(memory.faulty.EventLog):
    """Fails on demand, and still tells how far a group is behind."""

    async def lag(self, group: str) -> Lag:
        log = self.port
        assert isinstance(log, Lagging)
        return await self.faults.around("log.lag", lambda: log.lag(group))


class RealRelay:
    """A legacy relay that is no stand-in: nobody can ask it what it was told."""

    def __init__(self, inner: memory.faulty.LegacyRelay) -> None:
        self.aliases = inner.aliases
        self.of_conversations = inner.of_conversations
        self.tenures = inner.tenures
        self.process = inner.process
        self.index = inner.index


class _Lasting:
    """The lines of a process as the loop sees them that lasts: what ends with a step is not its outage."""

    def __init__(self, lines: LogLines, loop: Loop) -> None:
        self.repeated = lines.repeated
        self.look = lines.look
        self._lines, self._loop = lines, loop

    def away(self, what: str, *, seen_by: object) -> None:
        self._lines.away(what, seen_by=id(self._loop))

    def back(self, *, seen_by: object) -> None:
        if not self._loop.health.waiting_for:
            self._lines.back(seen_by=id(self._loop))


@frozen(kw_only=True)
class Shown:
    """What each surface says."""

    why: str
    doctor: str
    jobs: str
    readyz: str
    log: str


class Machine:
    """Its folder outlives it; `cv` is open between `opened()` and its end."""

    def __init__(self, folder: Path, log: logging.Handler) -> None:
        self.folder = folder
        self.clock = memory.Clock(NOON)
        self.faults = memory.Faults()
        self.lines = log
        self.ring = RING
        self.stand_in = True
        self.live: tuple[Worker, ...] = WORKERS
        self.alias: EmailAddress
        self.asked: Asked = Asked(sender=MARY)
        self.instead: Instead = {}
        self.cv: Convalias
        self.ports: Ports
        folder.mkdir()
        (folder / "keys").write_text(RING.render())
        (folder / "keys").chmod(0o600)
        self.settings = Settings(data=folder, base_url="https://x.example", trusted_authserv_ids=frozenset({"mx"}))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Machine]:
        """Mary and John in c1; everything native and ours, unless a fault says otherwise."""
        incarnation = memory.Incarnation()
        async with embedded.DataDirectory(self.folder, clock=self.clock, incarnation=incarnation) as data:
            records = Records(data.records, self.faults)
            blobs = Blobs(data.blobs, self.faults)
            outbox = memory.Outbox()
            legacy = memory.LegacyRelay(
                outgoing=outbox, audience=audience(records, blobs, self.clock), clock=self.clock
            )
            await legacy.load([LegacyAlias(EmailAddress.parse("x@relay.example"), C1)], [])
            relay = memory.faulty.LegacyRelay(legacy, self.faults)
            self.ports = Ports(
                records=records,
                blobs=blobs,
                queue=JobQueue(data.jobs, self.faults),
                events=EventLog(data.events, self.faults),
                clock=self.clock,
                telemetry=Telemetry(self.clock),
                incarnation=incarnation,
                mail=memory.faulty.OutgoingMail(memory.Outbox(), self.faults),
                system_mail=memory.Outbox(),
                legacy=StandInRelay(relay) if self.stand_in else RealRelay(relay),
            ).but(**self.instead)
            await self.open()
            try:
                await self._settle_in()
                yield self
            finally:
                await self.close()

    async def open(self) -> None:
        self.loops: dict[Worker, Sequence[Loop]] = {}
        wiring = Wiring(
            keyring=self.ring,
            deployment=Deployment(alias_domains=("reply.example",), legacy_domains=("relay.example",)),
            base_url="https://x.example",
        )
        self.cv = Convalias.over(self.ports, wiring)
        await self.cv.__aenter__()

    async def close(self) -> None:
        self.faults.mend()
        await self.cv.__aexit__(None, None, None)

    async def reopened(self) -> None:
        """Another process of it, with the keys that it has now."""
        await self.close()
        await self.open()

    async def _settle_in(self) -> None:
        ours = "identity" not in self.instead  # else that directory alone says where they are reached
        people = [
            Participant(AccountId("john"), name="John", addresses=(JOHN,) if ours else ()),
            Participant(AccountId("mary"), name="Mary", addresses=(MARY,) if ours else ()),
        ]
        await self.stage(Stage.NATIVE)
        aliases = await self.cv.open_conversation(C1, use_case=APPLY, participants=people)
        self.alias = aliases[AccountId("john")]
        await self.work()

    async def stage(self, stage: Stage) -> None:
        if "flags" in self.instead:  # then stages come from there
            return
        await self.cv.rollout.set(APPLY, stage=stage, basis_points=10_000)

    async def mail(self, number: int = 1, *, to: EmailAddress | None = None, **more: object) -> None:
        """Mary writes to John's alias."""
        to = to or self.alias
        raw = f"From: {MARY}\nTo: {to}\nSubject: Hi\nMessage-ID: <{number}@corp.example>\n\nHello {number}\n"
        mail = IncomingMail(raw.encode(), recipients=(to,), sender=MARY, evidence=SenderEvidence(Dmarc.PASS))
        await self.cv.receiver.accept(evolve(mail, **more))

    async def work(self, *, minutes: int = 0) -> None:
        """Each loop that lives does one step after the other, as its own `run` does it; time passes in between."""
        for second in range(0, minutes * 60 + 1, 20):
            if second:
                await self.clock.advance(timedelta(seconds=20))
            for _ in range(3):  # what one does makes work for the next
                for worker in self.live:
                    if worker not in self.loops:  # each lives as long as its process
                        self.loops[worker] = self.cv.loops(worker)
                    for loop in self.loops[worker]:
                        await self._step(loop)

    async def _step(self, loop: Loop) -> None:
        """One, of a loop that goes on behind it."""
        stopping = asyncio.Event()

        async def last() -> int:
            stopping.set()
            return await loop.step()

        stepped = evolve(loop, step=last, lines=_Lasting(loop.lines, loop))
        await stepped.run(stopping)

    async def shown(self, said: Sequence[str]) -> Shown:
        """What every surface says now."""
        return Shown(
            why=await self._said(self._why),
            doctor=await self._said(self._doctor),
            jobs=await self._said(self._jobs),
            readyz=await self._said(self._readyz),
            log="\n".join(said),
        )

    async def _said(self, surface: object) -> str:
        try:
            return str(await surface())  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - a command ends with this line
            return f"{type(error).__name__}: {error}"

    async def _why(self) -> str:
        found = await self.cv.operations.why(self.asked)
        return "\n".join([*map(str, found), *found.notes]) or "no such mail"

    async def _doctor(self) -> str:
        findings = [*examine_place(self.settings), *await examine_store(self.another(), self.settings)]
        return "\n".join(map(_line, findings))

    def another(self) -> Convalias:
        wiring = Wiring(
            keyring=self.ring,
            deployment=Deployment(alias_domains=("reply.example",), legacy_domains=("relay.example",)),
        )
        return Convalias.over(self.ports, wiring)

    async def _jobs(self) -> str:
        _, jobs = await jobs_of(self.cv)
        return str(jobs)

    async def _readyz(self) -> str:
        doors = asgi.Doors(checks=await self.cv.checks())
        app = asgi.app(lambda: doors, lines=LogLines(asgi.log, self.clock), telemetry=self.ports.telemetry)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            answer = await http.get("/readyz")
            return f"{answer.status_code} {answer.text}"


class StandInRelay(RealRelay):
    """The one that only writes files."""

    async def calls(self) -> Sequence[object]:
        return ()


def _line(one: Finding) -> str:
    return f"{one.check}: {one.health.value}: {one.found}: {one.mend}"
