"""A server that the tests start: its own folder and port, a probe that says when it is ready, an end by its process id.

Servers are started by the tests and by nobody else, so the tests may also SIGKILL and SIGSTOP them. What is left over
when pytest itself is killed is ended by a guardian, which sees the end of its own input.
"""

from __future__ import annotations

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

PORTS: Final = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections (32768 to 60999): the port of a killed server stays free
until it is back, and a client that calls nobody there never reaches itself."""
_TAIL: Final = 3_000
"""Octets of a log that a failed test shows."""
_GUARDIAN: Final = """
import os, signal, sys
alive = set()
for line in sys.stdin:
    (alive.discard if line[0] == "-" else alive.add)(int(line[1:]))
for pid in alive:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""

running: Final[list[ServerProcess]] = []
"""Those that this test process has started and not ended, in the order of their starts."""


class ServerFailed(Exception):
    """A server did not become ready; the end of its log says why."""


def free_port() -> int:
    """A port that nobody listens on."""
    draw = random.SystemRandom()
    while True:
        port = draw.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ServerProcess:
    """One server. `start` returns when it is ready; `kill`, `stop` and `cont` are for chaos; `end` is for tidying up."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        folder: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        patience: float = 180.0,
    ) -> None:
        """Nothing is started. `ready` is asked until it is true, for at most `patience` seconds."""
        self.name = name
        self.folder = folder
        self.log = folder / "server.log"
        self._command = [os.fspath(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}
        self._ready = ready
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running server."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running; start() it first")
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Started, and not ended since."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, the second time in the same folder and on the same port, and wait until it is ready."""
        self.launch()
        self.wait()

    def also(self, *arguments: str) -> None:
        """Further arguments from the next start on."""
        self._command += arguments

    def launch(self) -> None:
        """Start it and do not wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the tests, which then end their servers in order
            )
        _tell_guardian(f"+{self._process.pid}")
        running.append(self)

    def wait(self) -> None:
        """Until it is ready. Raises `ServerFailed` with the end of the log when it ends or takes too long."""
        until = time.monotonic() + self._patience
        while not self._ready():
            if not self.is_alive or time.monotonic() > until:
                what = "is not ready" if self.is_alive else "ended by itself"
                log = self.tail()
                self.end()
                raise ServerFailed(f"{self.name} {what}; its log ends:\n{log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: no farewell, nothing is flushed."""
        self._signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> None:
        """SIGSTOP: connections stay open, and nobody answers."""
        self._signal(signal.SIGSTOP)
        if (
            self._process is not None
        ):  # a loaded machine lets its threads run on for a while: until they stand, all of them
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def cont(self) -> None:
        """SIGCONT: goes on as if no time had passed."""
        self._signal(signal.SIGCONT)

    def ask_to_end(self, *, patience: float = 60.0) -> int:
        """SIGTERM, and the exit status of one that listens to it. Raises `ServerFailed` for one that does not."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running; start() it first")
        self._signal(signal.SIGTERM)
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise ServerFailed(f"{self.name} does not end; its log ends:\n{self.tail()}") from None
        self._gone()
        return status

    def end(self, *, patience: float = 10.0) -> None:
        """SIGTERM, and SIGKILL to one that does not listen. Nothing happens to one that has ended."""
        if self._process is None:
            return
        if self.is_alive:
            self.cont()
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self._gone()

    def tail(self) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - _TAIL))
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _signal(self, number: signal.Signals) -> None:
        if self.is_alive:
            os.kill(self.pid, number)

    def _gone(self) -> None:
        if self._process is not None:
            self._process.wait(30)
            _tell_guardian(f"-{self._process.pid}")
            self._process = None
        if self in running:
            running.remove(self)


_guardian: list[subprocess.Popen[bytes]] = []


def _tell_guardian(line: str) -> None:
    if not _guardian:
        _guardian.append(
            subprocess.Popen([sys.executable, "-c", _GUARDIAN], stdin=subprocess.PIPE, start_new_session=True)
        )
        atexit.register(_leave)
    pipe: IO[bytes] | None = _guardian[0].stdin
    if pipe is not None:
        pipe.write(line.encode() + b"\n")
        pipe.flush()


def _leave() -> None:
    for server in running[:]:  # each takes itself out
        server.end(patience=2)
    for guardian in _guardian:
        if guardian.stdin is not None:
            guardian.stdin.close()
        guardian.wait(10)
