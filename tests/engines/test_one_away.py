"""Real engines, one of them stopped (SIGSTOP): connections stay open, and nobody answers.

What does not need it works, what does ends within its ten seconds with 69 and names it; and mail is taken in with raw
store and queue alone. Of the ten seconds those count in which a command waits: how busy the machine is decides nothing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from confluent_kafka import KafkaException

from cli.away import COMMANDS, SETTINGS, WITHIN, Command, Ended, furnish, run
from cli.desk import WORLD, mail
from engines.desk import KEYS
from engines.four import VARIABLES, Four, fresh_name
from engines.servers.process import ServerProcess, running

pytestmark = pytest.mark.engine

_AT_ONCE = 8
"""Commands side by side: they mostly wait."""


def server_of(four: Four, setting: str) -> ServerProcess:
    """The process to stop. A server that somebody gave is not ours to stop, and the mock cluster is none."""
    url = {"raw": four.s3, "queue": four.sqs, "store": four.mongodb, "events": four.kafka}[setting].url
    found = re.findall(r":([0-9]+)", url)
    ours = [one for one in running if found and one.name.endswith(f" {found[0]}")]
    if not ours:
        pytest.skip(f"{setting}: no server of ours; `make engines-build` builds one")
    return ours[0]


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.cont()


class Place:
    """A deployment on the four, loaded, with a folder of its own."""

    def __init__(self, folder: Path, four: Four) -> None:
        self.folder = folder
        name = _furnished(four)
        self.urls = four.urls(name)
        self.environment: Mapping[str, str] = {
            **four.credentials,
            **{VARIABLES[setting]: url for setting, url in self.urls.items()},
            "CONVALIAS_KEYS": KEYS,
            "CONVALIAS_MAILGUN_SIGNING_KEY": "made-up",
        }
        furnish(folder, WORLD, mail())
        for line in ("migrate", "load WORLD"):
            done = self.run(line)
            assert done.status == 0, done.err

    def run(self, line: str) -> Ended:
        return run(line, folder=self.folder, environment=self.environment)


def _furnished(four: Four) -> str:
    """A broker that was stopped for a minute has lost its controller, and finds it again in its own time."""
    for _ in range(5):
        with suppress(KafkaException):
            name = fresh_name()
            four.furnish(name)
            return name
    name = fresh_name()
    four.furnish(name)
    return name


@pytest.mark.parametrize("away", SETTINGS)
def test_each_command_with_one_engine_stopped(tmp_path: Path, four_engines: Four, away: str) -> None:
    place = Place(tmp_path, four_engines)
    server = server_of(four_engines, away)
    with stopped(server), ThreadPoolExecutor(_AT_ONCE) as pool:
        looking = pool.submit(place.run, "doctor")
        ended = list(pool.map(lambda one: place.run(one.line), COMMANDS))
        doctor = looking.result()
    wrong: list[str] = []
    for command, one in zip(COMMANDS, ended, strict=True):
        wrong += what_is_wrong(command, one, away=away, four=four_engines)
    assert not wrong, "\n".join(wrong)
    assert doctor.status == 69, doctor.out + doctor.err
    assert f"({VARIABLES[away]})" in doctor.out
    assert doctor.waited < WITHIN


def what_is_wrong(command: Command, one: Ended, *, away: str, four: Four) -> list[str]:
    """A line for each thing."""
    found = []
    if one.status != command.expected(away):
        found.append(f"{command.line}: {one.status}, expected {command.expected(away)}: {one.err}")
    if one.waited >= WITHIN:
        found.append(f"{command.line}: waited for {one.waited:.1f} s")
    if one.status == 69 and not (f"{away}: " in one.err and f"({VARIABLES[away]})" in one.err):
        found.append(f"{command.line}: names no engine: {one.err}")
    if four.secret_key in one.err + one.out or one.err.count("\n") > 1:
        found.append(f"{command.line}: more than its line: {one.err}")
    return found


@pytest.mark.parametrize("away", ["store", "events"])
def test_mail_is_taken_in_while_it_is_stopped_and_what_follows_goes_on_by_itself(
    tmp_path: Path, four_engines: Four, away: str
) -> None:
    place = Place(tmp_path, four_engines)
    server = server_of(four_engines, away)
    server.stop()
    try:
        ingested = place.run("ingest MAIL")
        assert ingested.status == 0, ingested.err
        with serving(place) as ready:
            assert ready() == 200
    finally:
        server.cont()
    for worker in ("inbound", "feed", "outbound"):
        done = place.run(f"worker {worker} --once")
        assert done.status == 0, done.err
    assert "Hello John" in place.run("show conversation c1 --json").out


@pytest.mark.parametrize("away", ["raw", "queue"])
def test_what_mail_is_kept_in_turns_readiness(tmp_path: Path, four_engines: Four, away: str) -> None:
    place = Place(tmp_path, four_engines)
    server = server_of(four_engines, away)
    server.stop()
    try:
        with serving(place) as ready:
            assert ready() == 503
            server.cont()
            statuses = iter(ready, 200)
            for _ in zip(range(60), statuses, strict=False):  # it opens at the next look after its failed attempt
                pass
            assert ready() == 200
    finally:
        server.cont()


@contextmanager
def serving(place: Place) -> Iterator[Callable[[], int]]:
    """`convalias serve`; the status of its readiness whenever it is asked."""
    with subprocess.Popen(
        [sys.executable, "-m", "convalias.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=place.folder,
        env={**os.environ, **place.environment, "CONVALIAS_DATA": str(place.folder / "data")},
    ) as process:
        try:
            yield _readiness(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def _readiness(process: subprocess.Popen[str]) -> Callable[[], int]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on "), line
    address = line.split()[-1]

    def ready() -> int:
        try:
            with urlopen(f"{address}/readyz", timeout=60) as answer:  # noqa: S310 - an address of ours
                return int(answer.status)
        except HTTPError as error:
            return error.code

    return ready
