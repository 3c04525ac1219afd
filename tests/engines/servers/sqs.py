"""SQS: ElasticMQ on the Java of the machine, or moto's server from pip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from engines.servers import cache
from engines.servers.moto import Moto
from engines.servers.process import ServerProcess, free_port

NAME: Final = "elasticmq-1.6.14"
COORDINATES: Final = ("org.elasticmq:elasticmq-server_2.13:1.6.14",)
_SETTINGS: Final = """
include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "127.0.0.1", sqs-limits = strict }}
rest-stats {{ enabled = false }}
generate-node-address = false
queues {{}}
messages-storage {{
  enabled = true
  driver-class = "org.h2.Driver"
  uri = "jdbc:h2:{data};WRITE_DELAY=0"
  username = "sa"
  password = ""
}}
queues-storage {{ enabled = true, path = "{data}-queues.conf" }}
"""
_MEMORY: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def build() -> bool:
    """Into the cache; False when it is there. Raises `BuildFailed`."""
    return cache.build(NAME, lambda place: cache.maven(place, *COORDINATES))


class ElasticMQ:
    """One server. Messages are kept in a file, and are there after `kill()` and `start()`."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started. Raises `EngineMissing`."""
        self.port = free_port()
        jars, settings = cache.built(NAME), folder / "elasticmq.conf"
        folder.mkdir(parents=True, exist_ok=True)
        settings.write_text(_SETTINGS.format(port=self.port, data=folder / "messages"), encoding="utf-8")
        command = [
            cache.java(NAME),
            *_MEMORY,
            f"-Dconfig.file={settings}",
            "-cp",
            f"{jars}/*",
            "org.elasticmq.server.Main",
        ]
        self.process = ServerProcess(
            f"ElasticMQ on {self.port}", command, folder=folder, ready=lambda: answers(f"{self.url}/health")
        )

    @property
    def url(self) -> str:
        """Endpoint; any key pair is taken."""
        return f"http://127.0.0.1:{self.port}"


def answers(url: str) -> bool:
    """Whether an HTTP server says anything there."""
    try:
        with urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


@contextmanager
def elasticmq(folder: Path) -> Iterator[ElasticMQ]:
    """A server of the test's own. Raises `EngineMissing`."""
    server = ElasticMQ(folder)
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
