"""One machine: a data directory, and a `convalias run` or `serve` on it that is killed and started again."""

from __future__ import annotations

import io
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from convalias.cli import main

SIGNING_KEY = "key-of-the-provider-3f1c"
UNBOUND = "messages_an_hour = 100000\nunverified_messages_an_hour = 100000\n"
"""People here write more within minutes than their conversations are mailed in an hour."""
READY_WITHIN = 60.0
_LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


class Machine:
    """Where convalias runs. Everything it says on standard error is kept in `log`."""

    def __init__(self, folder: Path, command: str = "run", *, settings: str = "") -> None:
        self.command = command
        self.config = folder / "convalias.toml"
        self.config.write_text(UNBOUND + settings, encoding="utf-8")
        self.data = folder / "data"
        self.log = folder / "log.txt"
        self.port = 0
        self.keys = SIGNING_KEY
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    # --- the running process ---------------------------------------------------------------------------

    def spawn(self) -> None:
        """Start it; at the port of last time, once it had one."""
        self._spawn(self.command, "--port", str(self.port))

    def spawn_worker(self, name: str) -> None:
        """Start one worker, and wait until it says that it is at work."""
        self._spawn("worker", name)
        assert self._said() == f"{name}: at work\n"

    def _spawn(self, *command: str) -> None:
        program = [sys.executable, "-m", "convalias.cli", *command]
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*program, "--data", str(self.data), "--config", str(self.config)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "CONVALIAS_MAILGUN_SIGNING_KEY": self.keys},
            )

    def wait_until_ready(self) -> None:
        """Until it says that it listens."""
        line = self._said()
        found = _LISTENING.search(line)
        assert found, f"it said {line!r}: {self.log.read_text()[-2000:]}"
        self.port = int(found[1])

    def _said(self) -> str:
        """The next line on standard output."""
        process = self._running()
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            assert selector.select(READY_WITHIN), f"convalias {self.command} did not get ready"
        return process.stdout.readline()

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._running().pid

    def kill(self) -> None:
        """As an outage does: no signal handler, no clean-up."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def stop(self) -> int:
        """As an operator does; the exit status."""
        self._running().send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Until it ends by itself; the exit status."""
        process = self._running()
        process.communicate(timeout=READY_WITHIN)
        self._process = None
        return process.returncode

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "nothing runs"
        return self._process

    # --- commands --------------------------------------------------------------------------------------

    def ask(self, *arguments: str) -> Any:
        """What a command answers in JSON; in this process, which is another one than `convalias run`."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            status = main([*arguments, "--json", "--data", str(self.data), "--config", str(self.config)])
        assert status == 0, f"convalias {' '.join(arguments)} ended with {status}"
        return json.loads(printed.getvalue())

    def load(self, world: Mapping[str, Any]) -> None:
        """Put a world into the store."""
        path = self.data.with_name("world.json")
        path.write_text(json.dumps(world), encoding="utf-8")
        self.ask("load", str(path))

    def settle(self, *, within: float, notifications: int) -> None:
        """Until nothing waits and so many notifications lie in the outbox; a process must be running."""
        until = time.monotonic() + within
        jobs = self.ask("show", "jobs")
        while jobs["ready"] or jobs["in_flight"] or len(self.outbox()) < notifications:
            assert time.monotonic() < until, f"not settled: {jobs}, {len(self.outbox())} of {notifications} mails"
            time.sleep(0.1)
            jobs = self.ask("show", "jobs")

    def outbox(self, name: str = "outbox") -> dict[str, bytes]:
        """The mails that left, by key."""
        return {path.stem: path.read_bytes() for path in (self.data / name).glob("*.eml")}
