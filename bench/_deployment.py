"""A deployment on the four engines for measuring: servers, a web process, and workers that note when things happen."""

from __future__ import annotations

import asyncio
import json
import os
import re
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
from typing import Final, TypeAlias

from attrs import define, field, frozen
from pymongo import monitoring
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

import _measure  # noqa: F401 - makes the tests' helpers importable
from adapters.s3.buckets import Bucket
from adapters.sqs.queues import Queue
from convalias.adapters import mongo
from convalias.app.facade import Convalias
from convalias.cli.deployment import fast_loop
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Guarantee, Sent
from convalias.ports.records import Conflict, Insert, Write, Written
from engines.fixtures import AwsServer, KafkaServer
from engines.servers import kafka, mongod, s3, sqs
from stores.counting import Counting

SIGNING_KEY: Final = "bench-signing-key"
LISTENING: Final = re.compile(r"^listening on http://\S+:(\d+)$", re.MULTILINE)
"""Said by the web process, maybe behind warnings: on a busy machine the store answers late."""


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


class Records(Counting):
    """Counted records that also note when a message is in its conversation, and how long each call took."""

    def __init__(self, records: mongo.Records, notes: Notes) -> None:
        super().__init__(records)
        self.notes: Final = notes

    def _written(self, writes: Sequence[Write], answers: Sequence[Written | Conflict]) -> None:
        super()._written(writes, answers)
        for write, answer in zip(writes, answers, strict=False):
            if isinstance(write, Insert) and write.key.table == "events" and isinstance(answer, Written):
                happening = write.body.get("happening")
                text = happening.get("text") if isinstance(happening, dict) else None
                if isinstance(text, str) and (number := numbered(text)):
                    self.notes.note("relayed", number)


class Requests(CommandListener):
    """Counts the requests that the driver sends, by command and collection."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def started(self, event: CommandStartedEvent) -> None:
        table = event.command.get("collection" if event.command_name == "getMore" else event.command_name)
        self.sent[f"{event.command_name} {table}"] += 1

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing: it was counted when it began."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing: it was counted when it began."""


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
    """A worker of every kind, until SIGTERM; SIGUSR1 makes it write down what it has counted so far."""
    notes, requests = Notes(folder / f"{name}.notes"), Requests()
    monitoring.register(requests)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with mongo.Database(os.environ["CONVALIAS_STORE"]) as database:
        records = Records(mongo.Records(database), notes)
        changes = mongo.Changes(database)

        def write_down() -> None:
            found = {"calls": records.calls, "writes": records.writes, "requests": requests.sent}
            (folder / f"{name}.new").write_text(json.dumps(found), encoding="ascii")
            (folder / f"{name}.new").replace(folder / f"{name}.counts")

        loop.add_signal_handler(signal.SIGUSR1, write_down)
        cv = Convalias.from_toml(
            folder / "convalias.toml", data=folder / "data", records=records, changes=changes, hub=Hub(notes)
        )
        async with cv, cv.running():
            (folder / f"{name}.ready").touch()
            await stop.wait()


Counts: TypeAlias = Mapping[str, Counter[str]]
"""`calls` and `writes` of the store, `requests` to it; each by kind."""


def counted(place: Place) -> Counts:
    """What all workers have counted so far."""
    found: dict[str, Counter[str]] = {"calls": Counter(), "writes": Counter(), "requests": Counter()}
    for name, process in place.processes.items():
        file = place.folder / f"{name}.counts"
        if name == "web":
            continue
        file.unlink(missing_ok=True)
        process.send_signal(signal.SIGUSR1)
        wait(file.exists, f"count of {name}")
        for what, counts in json.loads(file.read_text(encoding="ascii")).items():
            found[what].update(counts)
    return found


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
        log = place.folder / "web.log"
        wait(lambda: LISTENING.search(log.read_text(encoding="utf-8")) is not None, "web", log=log)
        found = LISTENING.search(log.read_text(encoding="utf-8"))
        place.port = int(found[1]) if found else 0
        for number in range(workers):
            wait(
                (place.folder / f"worker{number}.ready").exists,
                f"worker{number}",
                log=place.folder / f"worker{number}.log",
            )
        yield place
    finally:
        for process in place.processes.values():
            process.terminate()
        for process in place.processes.values():
            process.wait(60)


def wait(until: Callable[[], bool], what: str, *, log: Path | None = None) -> None:
    """Until it is so, for three minutes; then SystemExit, with the end of what that process said."""
    end = time.monotonic() + 180
    while not until():
        if time.monotonic() > end:
            said = log.read_text(encoding="utf-8")[-2_000:] if log is not None and log.exists() else ""
            raise SystemExit(f"{what} does not start\n{said}")
        time.sleep(0.05)


async def peopled(environ: Mapping[str, str], folder: Path, *, conversations: int) -> list[str]:
    """So many conversations, of three and of two in turn, whose notifications the hub delivers; an alias of each."""
    os.environ.update({name: value for name, value in environ.items() if name.startswith(("CONVALIAS_", "AWS_"))})
    people = [
        Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]),
        Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"]),
        Participant.of("cid", name="Cid Fox", addresses=["cid@else.example"]),
    ]
    aliases: list[str] = []
    async with Convalias.from_toml(folder / "convalias.toml", data=folder / "data") as cv:
        await cv.rollout.set(UseCase("hiring"), stage=Stage.NATIVE, basis_points=10_000)
        for number in range(conversations):
            pair = people[:2] if number % 2 else people
            given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=pair)
            aliases.append(str(given[people[0].account]))
        await cv.run_until_idle("feed")
    return aliases


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=fast_loop()) as runner:  # as `convalias worker` does
        runner.run(work(Path(sys.argv[1]), sys.argv[2]))
