"""moto's server from pip: speaks S3 and SQS, forgets everything when it ends, and is slow. For the contract."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engines.servers.given import EngineMissing
from engines.servers.process import ServerProcess, free_port, listens

_SERVER: Final = Path(__file__).with_name("moto_server.py")


class Moto:
    """One server for all services."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started. Raises `EngineMissing`."""
        if importlib.util.find_spec("moto") is None:
            raise EngineMissing("moto", "not in the environment", mend="`make venv` brings it")
        self.port = free_port()
        command = [sys.executable, "-P", "-W", "ignore", str(_SERVER), "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = ServerProcess(f"moto on {self.port}", command, folder=folder, ready=lambda: listens(self.port))

    @property
    def url(self) -> str:
        """Endpoint of every service; any key pair is taken."""
        return f"http://127.0.0.1:{self.port}"

    @staticmethod
    @contextmanager
    def running(folder: Path) -> Iterator[Moto]:
        """Start it, end it."""
        server = Moto(folder)
        try:
            server.process.start()
            yield server
        finally:
            server.process.kill()
