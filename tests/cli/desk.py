"""Commands on a data directory of their own, run in this process, and a small world to load."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from convalias.cli import main

MARY = "mary@corp.example"
JOHN_ALIAS = "john-smith-1ab131e2@reply.example"
MARY_ALIAS = "mary-major-0f3a52c7@reply.example"

WORLD: dict[str, Any] = {
    "now": "2026-03-01T12:00:00Z",
    "alias_domains": ["reply.example"],
    "legacy_domains": ["relay.example"],
    "conversations": [
        {
            "id": "c1",
            "participants": [
                {"account": "john", "role": "candidate", "name": "John Smith"},
                {"account": "mary", "name": "Mary Major"},
            ],
        }
    ],
    "aliases": [
        {"address": JOHN_ALIAS, "conversation": "c1", "participant": "john"},
        {"address": MARY_ALIAS, "conversation": "c1", "participant": "mary"},
    ],
    "legacy_aliases": [{"address": "job-1@relay.example", "conversation": "c1"}],
    "accounts": [{"id": "john", "addresses": ["john@home.example"]}, {"id": "mary", "addresses": [MARY]}],
    "address_history": [{"address": "mary@former.example", "account": "mary", "from": "2020-01-01T00:00:00Z"}],
}


@frozen
class Ran:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """Runs commands on one data directory."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._capsys = capsys

    def run(self, *arguments: str) -> Ran:
        """Whatever it comes to."""
        self._capsys.readouterr()
        status = main([*arguments, "--data", str(self.data)])
        said = self._capsys.readouterr()
        return Ran(status, said.out, said.err)

    def ask(self, *arguments: str) -> Any:
        """A command that must work, and answer in JSON."""
        ran = self.run(*arguments, "--json")
        assert ran.status == 0, ran.err
        return ran.json

    def file(self, name: str, content: bytes | str) -> str:
        """A file beside the data directory; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def load(self, change: Callable[[dict[str, Any]], object] = lambda _: None) -> Any:
        """The world, changed; the answer of `load`."""
        world = copy.deepcopy(WORLD)
        change(world)
        return self.ask("load", self.file("world.json", json.dumps(world)))

    def work(self) -> None:
        """All that is due, worker by worker."""
        for worker in ("inbound", "feed", "outbound"):
            self.ask("worker", worker, "--once")

    def messages(self, conversation: str = "c1") -> list[Any]:
        """What was said there."""
        events = self.ask("show", "conversation", conversation)["events"]
        return [event for event in events if event["kind"] == "message_added"]


def told_by_default(commands: Commands) -> str:
    """What a command says in a folder where nobody said which deployment is meant."""
    return f"neither convalias.toml in {commands.folder} nor a CONVALIAS_ variable is there: all is by default"


def mail(
    number: int = 1, *, to: str = JOHN_ALIAS, sender: str = MARY, text: str = "Hello John", head: str = ""
) -> bytes:
    """A plain mail."""
    return (
        f"From: Mary <{sender}>\r\nTo: {to}\r\nSubject: Re: the job\r\nMessage-ID: <m{number}@corp.example>\r\n{head}"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()
