"""A deployment on the four engines for measuring: servers, a web process, and workers that note when things happen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from convalias.adapters import mongo
from convalias.app.facade import Convalias
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Guarantee, Sent
from convalias.ports.records import Conflict, Insert, Key, Stored, Write, Written

CONVERSATIONS: Final = 200
SIGNING_KEY: Final = "bench-signing-key"


# --- the worker process ------------------------------------------------------------------------------------


@frozen
class Notes:
    """Moments, a line each: what happened, to the how-manieth mail, when."""

    file: Path

    def note(self, what: str, number: str) -> None:
        with self.file.open("a", encoding="ascii") as lines:
            lines.write(f"{what} {number} {time.time():.6f}\n")


def numbered(text: str) -> str:
    """The number in a mail's own first line."""
    return text.removeprefix("Number ").partition("\n")[0].strip() if text.startswith("Number ") else ""


@frozen
class Records:
    """`ports.Records`, noting when a message stands and how many writes there are of each table."""

    records: mongo.Records
    notes: Notes
    writes: Counter[str] = field(factory=Counter[str])
    took: dict[str, list[float]] = field(factory=dict[str, list[float]])
    """Milliseconds of every call, by what it asks of which table."""

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.took.setdefault(what, []).append((time.perf_counter() - began) * 1e3)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        with self._timed(f"get {keys[0].table if keys else ''}"):
            return await self.records.get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        with self._timed(f"write {writes[0].key.table if writes else ''}"):
            answers = await self.records.write(writes)
        for write in writes:
            self.writes[f"{write.key.table} {'insert' if isinstance(write, Insert) else 'update'}"] += 1
            if isinstance(write, Insert) and write.key.table == "events":
                happening = write.body.get("happening")
                text = happening.get("text") if isinstance(happening, dict) else None
                if isinstance(text, str) and (number := numbered(text)):
                    self.notes.note("relayed", number)
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        with self._timed(f"range {table}"):
            return await self.records.range(table, partition, after=after, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        with self._timed(f"latest {table}"):
            return await self.records.latest(table, partition)

    async def due(self, lane: str, *, until: object, limit: int) -> Sequence[Stored]:
        with self._timed(f"due {lane}"):
            return await self.records.due(lane, until=until, limit=limit)  # type: ignore[arg-type]


@frozen
class Hub:
    """Takes everything at once, and notes when."""

    notes: Notes

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee()}

    async def send(self, notification: Notification) -> Sent:
        message = notification.event.happening
        if isinstance(message, MessageAdded) and (number := numbered(message.text)):
            self.notes.note("notified", number)
        return Sent(final=True)


async def work(folder: Path, name: str) -> None:
    """A worker of every kind, until SIGTERM; then what it wrote and used."""
    notes = Notes(folder / f"{name}.notes")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with mongo.Database(os.environ["CONVALIAS_STORE"]) as database:
        records = Records(mongo.Records(database), notes)
        changes = mongo.Changes(database)
        cv = Convalias.from_toml(
            folder / "convalias.toml", data=folder / "data", records=records, changes=changes, hub=Hub(notes)
        )
        async with cv, cv.running():
            (folder / f"{name}.ready").touch()
            await stop.wait()
    (folder / f"{name}.writes").write_text(json.dumps(records.writes), encoding="ascii")
    (folder / f"{name}.took").write_text(json.dumps(records.took), encoding="ascii")


# --- the servers and the deployment --------------------------------------------------------------------------


@define
class Place:
    """Where everything runs, and what every process is told."""

    folder: Path
    environ: dict[str, str]
    servers: dict[str, list[int]]
    """Process ids, by engine."""
    port: int = 0
    processes: dict[str, subprocess.Popen[str]] = field(factory=dict[str, "subprocess.Popen[str]"])


@contextmanager
def engines() -> Iterator[Place]:
    """The four servers, with a bucket, a queue, a topic and a database."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from adapters.s3.buckets import Bucket  # noqa: PLC0415 - the tests' own, found by the path above
    from adapters.sqs.queues import Queue  # noqa: PLC0415
    from engines.fixtures import AwsServer, KafkaServer  # noqa: PLC0415
    from engines.servers import kafka, mongod, s3, sqs  # noqa: PLC0415

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(mongod.replica_set(folder / "mongo"))
        broker = stack.enter_context(kafka.apache_kafka(folder / "kafka"))
        gateway = stack.enter_context(s3.versitygw(folder / "s3"))
        elastic = stack.enter_context(sqs.elasticmq(folder / "sqs"))
        raw = Bucket.made(AwsServer(gateway.url, tier="versitygw"))
        queue = Queue.made(AwsServer(elastic.url, tier="elasticmq"))
        topic = KafkaServer(broker.url, tier="apache").make_topic()
        server, _, options = store.url.partition("/?")
        environ = {
            **os.environ,
            "CONVALIAS_RAW": raw.url(),
            "CONVALIAS_QUEUE": queue.url(),
            "CONVALIAS_STORE": f"{server}/bench?{options}",
            "CONVALIAS_EVENTS": f"kafka://{broker.url}/{topic}",
            "CONVALIAS_KEYS": "0:" + b64encode(os.urandom(32)).decode(),
            "CONVALIAS_MAILGUN_SIGNING_KEY": SIGNING_KEY,
            "AWS_ACCESS_KEY_ID": raw.server.access_key,
            "AWS_SECRET_ACCESS_KEY": raw.server.secret_key,
        }
        ids = {
            "mongod": [member.process.pid for member in store.members],
            "kafka": [broker.process.pid],
            "s3": [gateway.process.pid],
            "sqs": [elastic.process.pid],
        }
        yield Place(folder, environ, ids)


def start(place: Place, name: str, *command: str) -> None:
    """One process of the deployment; what it says goes to a file."""
    with (place.folder / f"{name}.log").open("w", encoding="utf-8") as log:
        place.processes[name] = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, *command], env=place.environ, stdout=log, stderr=subprocess.STDOUT, text=True
        )


@contextmanager
def deployment(place: Place, workers: int) -> Iterator[Place]:
    """Migrated, with one web process and so many workers."""
    where = ("--config", str(place.folder / "convalias.toml"), "--data", str(place.folder / "data"))
    migrate = [sys.executable, "-m", "convalias.cli", "migrate", *where]
    subprocess.run(migrate, env=place.environ, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        start(place, "web", "-m", "convalias.cli", "serve", *where, "--port", "0")
        for number in range(workers):
            start(place, f"worker{number}", __file__, str(place.folder), f"worker{number}")
        wait(lambda: (place.folder / "web.log").read_text(encoding="utf-8").startswith("listening"), "web")
        place.port = int((place.folder / "web.log").read_text(encoding="utf-8").rpartition(":")[2])
        for number in range(workers):
            wait((place.folder / f"worker{number}.ready").exists, f"worker{number}")
        yield place
    finally:
        for process in place.processes.values():
            process.terminate()
        for process in place.processes.values():
            process.wait(60)


def wait(until: Callable[[], bool], what: str) -> None:
    """Until it is so, for a minute."""
    end = time.monotonic() + 60
    while not until():
        if time.monotonic() > end:
            raise SystemExit(f"{what} does not start: see its log")
        time.sleep(0.05)


async def peopled(environ: Mapping[str, str], folder: Path) -> list[str]:
    """Conversations of two and of three, whose notifications the hub delivers; an alias of each."""
    os.environ.update({name: value for name, value in environ.items() if name.startswith(("CONVALIAS_", "AWS_"))})
    people = [
        Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]),
        Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"]),
        Participant.of("cid", name="Cid Fox", addresses=["cid@else.example"]),
    ]
    aliases: list[str] = []
    async with Convalias.from_toml(folder / "convalias.toml", data=folder / "data") as cv:
        await cv.rollout.set(UseCase("hiring"), stage=Stage.NATIVE, basis_points=10_000)
        for number in range(CONVERSATIONS):
            pair = people[:2] if number % 2 else people
            given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=pair)
            aliases.append(str(given[people[0].account]))
        await cv.run_until_idle("feed")
    return aliases


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2]))
