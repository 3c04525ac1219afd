"""Processes of one deployment: a door and workers, each of which may be killed, started again, or asked to end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from convalias.app.facade import Convalias
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import AccountId
from convalias.testing.simulator.world import ALIAS_DOMAIN
from engines.chaos import node
from engines.chaos.backend import ENVIRONMENT
from engines.chaos.patience import patiently
from engines.chaos.provider import SIGNING_KEY
from engines.chaos.writer import AUTHENTICATED_BY, USE_CASE, Writer
from engines.servers.process import ServerProcess, free_port, listens

_TESTS: Final = Path(__file__).parents[2]
_SECRET: Final = b"of a chaos test, no secret......"
SECRETS: Final = {
    **ENVIRONMENT,
    "CONVALIAS_KEYS": Keyring((RootKey(0, _SECRET),)).render(),
    "CONVALIAS_MAILGUN_SIGNING_KEY": SIGNING_KEY,
}
"""What every process of it has in its environment."""


class Deployment:
    """While it is entered its processes run. Each has a data directory of its own, as on a machine of its own."""

    def __init__(self, folder: Path, urls: Mapping[str, str], *, workers: int) -> None:
        """Nothing is started."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "convalias.toml"
        self.config.write_text(_toml(urls), encoding="utf-8")
        self.port = free_port()
        self._workers = 0
        self.web = self._node("web", lambda _: listens(self.port), str(self.port))
        self.workers = [self.new_worker() for _ in range(workers)]

    def __enter__(self) -> Self:
        for process in (self.web, *self.workers):
            process.launch()
        for process in (self.web, *self.workers):
            process.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self.web, *self.workers):
            process.kill()

    def open(self, writer: Writer) -> None:
        """Make the conversations of that writer, and tell it their aliases. Before anything goes wrong."""

        async def opening() -> None:
            cv = Convalias.from_toml(self.config, data=self.folder / "opening", environ={**os.environ, **SECRETS})
            async with cv:
                for conversation, participants in writer.participants.items():
                    aliases = await cv.open_conversation(conversation, use_case=USE_CASE, participants=participants)
                    writer.know(conversation, {AccountId(one): address for one, address in aliases.items()})

        asyncio.run(patiently(opening))

    def new_worker(self) -> ServerProcess:
        """A further one, not started and not yet among `workers`."""
        self._workers += 1
        return self._node("worker", lambda log: node.AT_WORK in log.read_text(encoding="utf-8"))

    def fallen(self) -> Sequence[str]:
        """The logs of those that ended by themselves: none may, whatever is away."""
        return [f"{one.name} ended: {one.tail()}" for one in (self.web, *self.workers) if not one.is_alive]

    def _node(self, role: str, ready: Any, *arguments: str) -> ServerProcess:
        folder = self.folder / (role if role == "web" else f"{role}-{self._workers}")
        program = [sys.executable, "-P", node.__file__ or "", role, self.config, folder / "data", *arguments]
        return ServerProcess(
            folder.name,
            program,
            folder=folder,
            ready=lambda: ready(folder / "server.log"),
            environment={**SECRETS, "PYTHONPATH": str(_TESTS)},
            patience=120.0,
        )


def _toml(urls: Mapping[str, str]) -> str:
    engines = [f'{setting} = "{url}"' for setting, url in urls.items()]
    return "\n".join([
        *engines,
        f'alias_domains = ["{ALIAS_DOMAIN}"]',
        f'trusted_authserv_ids = ["{AUTHENTICATED_BY}"]',
        "messages_an_hour = 100000",  # more is written here within minutes than is mailed in an hour
        "unverified_messages_an_hour = 100000",
        "",
    ])  # fmt: skip
