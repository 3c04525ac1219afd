"""`convalias run` as a process of its own, to be killed and started again."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Final

from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.settings import door_variable

READY_WITHIN: Final = 60.0
_PORT: Final = re.compile(rb"listening on http://127\.0\.0\.1:(\d+)")


class Machine:
    """The running system. `port` is the same after a restart."""

    def __init__(self, folder: Path, *, key: str) -> None:
        """Name the parts; nothing runs yet."""
        self.port = 0
        self._folder = folder
        self._key = key
        self._process: Process | None = None

    async def start(self) -> None:
        """Until it listens. `Failed` when it does not."""
        folder = self._folder
        with (folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "convalias.cli", "run", "--port", str(self.port)),
                *("--data", str(folder / "data"), "--config", str(folder / "convalias.toml")),
                stdout=PIPE,
                stderr=log,
                env={**os.environ, door_variable("mailgun", "SIGNING_KEY"): self._key},
            )
        async with asyncio.timeout(READY_WITHIN):
            line = b"" if self._process.stdout is None else await self._process.stdout.readline()
        found = _PORT.search(line)
        if found is None:
            raise Failed(f"convalias run did not start; {folder / 'log.txt'} says why", Exit.UNAVAILABLE)
        self.port = int(found[1])

    async def kill(self) -> None:
        """Kill the process, as an outage does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Stop the process, as an operator does: the process finishes what it holds."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
