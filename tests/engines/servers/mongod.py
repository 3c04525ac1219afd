"""MongoDB: the mongod that a wheel of the test dependencies carries, as a replica set or alone."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from engines.servers.given import EngineMissing
from engines.servers.process import ServerFailed, ServerProcess, free_port, listens

_MEND: Final = "`make venv` brings it on Linux x86-64; elsewhere name one: CONVALIAS_TEST_MONGODB=mongodb://..."
_SET: Final = "rs0"


def binary() -> Path:
    """Where mongod is. Raises `EngineMissing`."""
    found = importlib.util.find_spec("fiftyone")
    for place in (found and found.submodule_search_locations) or ():
        mongod = Path(place) / "db" / "bin" / "mongod"
        if mongod.is_file():
            return mongod
    raise EngineMissing("mongod", "not in the environment", mend=_MEND)


class Mongod:
    """One member, or a server alone: a process and its port."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Nothing is started."""
        self.port = free_port()
        self.known_at = self.port
        """The port by which its set knows it, and sends clients to it: another one where something stands before it."""
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [
            binary(),
            *("--dbpath", str(data), "--port", str(self.port), "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"),
            *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            *options,
        ]
        self.process = ServerProcess(f"mongod on {self.port}", command, folder=folder, ready=lambda: listens(self.port))

    @property
    def url(self) -> str:
        """Of this server, whatever set it belongs to."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def client(self) -> MongoClient[dict[str, Any]]:
        """A client of this server alone, which gives up soon."""
        return MongoClient(self.url, serverSelectionTimeoutMS=2_000, socketTimeoutMS=5_000, connectTimeoutMS=2_000)


class ReplicaSet:
    """Three members (or as many as asked for) that elect a new primary about a second after they lost theirs."""

    def __init__(self, folder: Path, *, members: int = 3, options: tuple[str, ...] = ()) -> None:
        """Nothing is started. `options` go to every member, as `("--oplogSize", "990")` or `("--setParameter", ...)`."""
        self.members = tuple(
            Mongod(folder / f"member-{number}", "--replSet", _SET, *options) for number in range(members)
        )

    @property
    def url(self) -> str:
        """Of the set."""
        hosts = ",".join(f"127.0.0.1:{member.known_at}" for member in self.members)
        return f"mongodb://{hosts}/?replicaSet={_SET}"

    def start(self) -> None:
        """Start all members, initiate the set, wait until a majority write is acknowledged."""
        for member in self.members:
            member.process.launch()
        for member in self.members:
            member.process.wait()
        hosts = [{"_id": number, "host": f"127.0.0.1:{member.known_at}"} for number, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": 1_000, "heartbeatIntervalMillis": 200}
        with self.members[0].client() as first:
            first.admin.command("replSetInitiate", {"_id": _SET, "members": hosts, "settings": settings})
        self.settle()
        self.wait_for_all()

    def wait_for_all(self, *, patience: float = 60.0) -> None:
        """Until every living member is primary or secondary.

        One that still copies its first data when its source is killed never comes out of it, and with it the majority
        is gone (seen with 6.0.5): so nobody is killed before all members have joined.
        """
        until = time.monotonic() + patience
        for member in self.members:
            while member.process.is_alive and not _has_joined(member):
                if time.monotonic() > until:
                    raise ServerFailed(
                        f"{member.process.name} does not join its set; its log ends:\n{member.process.tail()}"
                    )
                time.sleep(0.05)

    def settle(self, *, patience: float = 60.0) -> None:
        """Until a majority write is acknowledged: after the start, after a fail-over, after a member came back."""
        until = time.monotonic() + patience
        options: dict[str, Any] = {
            "w": "majority",
            "wTimeoutMS": 5_000,
            "serverSelectionTimeoutMS": 2_000,
            "socketTimeoutMS": 10_000,
        }
        with MongoClient[dict[str, Any]](self.url, **options) as client:
            while True:
                try:
                    client["convalias_ready"]["ready"].update_one({"_id": 0}, {"$inc": {"n": 1}}, upsert=True)
                except PyMongoError as error:
                    if time.monotonic() > until:
                        raise ServerFailed(f"the replica set takes no majority write: {error}") from error
                else:
                    return

    def primary(self, *, patience: float = 30.0) -> Mongod:
        """The member that is primary now; waits for an election that goes on."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            for member in self.members:
                if member.process.is_alive and _is_primary(member):
                    return member
            time.sleep(0.05)
        raise ServerFailed("the replica set has no primary")

    def secondaries(self) -> tuple[Mongod, ...]:
        """The others."""
        primary = self.primary()
        return tuple(member for member in self.members if member is not primary)

    def end(self) -> None:
        """End all members."""
        for member in self.members:
            member.process.kill()  # nothing of it is kept, and a farewell would take each ten seconds


def _is_primary(member: Mongod) -> bool:
    return bool(_hello(member).get("isWritablePrimary"))


def _has_joined(member: Mongod) -> bool:
    hello = _hello(member)
    return bool(hello.get("isWritablePrimary") or hello.get("secondary"))


def _hello(member: Mongod) -> dict[str, Any]:
    try:
        with member.client() as client:
            return client.admin.command("hello")
    except PyMongoError:
        return {}


@contextmanager
def replica_set(folder: Path, *, members: int = 3, options: tuple[str, ...] = ()) -> Iterator[ReplicaSet]:
    """A set of the test's own, to be killed at will. Raises `EngineMissing`."""
    servers = ReplicaSet(folder, members=members, options=options)
    try:
        servers.start()
        yield servers
    finally:
        servers.end()


@contextmanager
def standalone(folder: Path) -> Iterator[Mongod]:
    """A server that belongs to no set, and so has no change streams. Raises `EngineMissing`."""
    server = Mongod(folder)
    try:
        server.process.start()
        yield server
    finally:
        server.process.kill()
