"""S3: versitygw, a gateway over a folder, built with Go, or moto's server from pip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engines.servers import cache
from engines.servers.moto import Moto
from engines.servers.process import ServerProcess, free_port
from engines.servers.sqs import answers

NAME: Final = "versitygw-1.8.0"
PACKAGE: Final = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
ACCESS_KEY: Final = "convalias-tests"
SECRET_KEY: Final = "made-up-for-tests"
"""The gateway knows this pair, and refuses others; moto takes any."""


def build() -> bool:
    """Into the cache; False when it is there. Raises `BuildFailed`."""
    return cache.build(NAME, lambda place: cache.go(place, PACKAGE))


class VersityGateway:
    """One server over a folder: what was answered is there after `kill()` and `start()`."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started. Raises `EngineMissing`."""
        self.port = free_port()
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        self.process = ServerProcess(
            f"versitygw on {self.port}",
            [cache.built(NAME) / "versitygw", "--port", f"127.0.0.1:{self.port}", "posix", data],
            folder=folder,
            ready=lambda: answers(self.url),
            environment={"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY, "GOMEMLIMIT": "200MiB"},
        )

    @property
    def url(self) -> str:
        """Endpoint."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def versitygw(folder: Path) -> Iterator[VersityGateway]:
    """A server of the test's own. Raises `EngineMissing`."""
    server = VersityGateway(folder)
    try:
        server.process.start()
        yield server
    finally:
        server.process.kill()


@contextmanager
def moto(folder: Path) -> Iterator[Moto]:
    """The server of moto; it forgets everything when it ends. Raises `EngineMissing`."""
    with Moto.running(folder) as server:
        yield server
