"""Which deployment a command is about: the options that all commands share, and opening it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import click
from attrs import frozen

from convalias.app.embedded import embedded
from convalias.app.facade import Convalias, Entry
from convalias.app.opening import of_a_command
from convalias.settings import DATA, Settings, read_settings

P = ParamSpec("P")
T = TypeVar("T")


@frozen(kw_only=True)
class At:
    """The place where the command works, and whether it answers in JSON."""

    data: str | None = None
    config: str | None = None
    as_json: bool = False

    def settings(self) -> Settings:
        """All settings. Raises `WrongSettings`."""
        return read_settings(self.config, data=self.data)

    def convalias(self, entry: Entry = Entry.HOST) -> Convalias:
        """The deployment, not yet open. Raises `WrongSettings`."""
        brief = entry in {Entry.COMMAND, Entry.KEEPING}
        opener, wiring = embedded(self.settings(), {}, patience=of_a_command() if brief else None)
        return Convalias(opener, wiring, entry=entry)

    def run(self, work: Callable[[Convalias], Awaitable[T]], *, entry: Entry = Entry.COMMAND) -> T:
        """Open what the work needs when it needs it, do it, close. A command ends within ten seconds where one is away.

        What serves until it is stopped (`entry` is HOST) does so on uvloop's loop where that is installed.
        """

        async def opened() -> T:
            async with self.convalias(entry) as cv:
                return await work(cv)

        with asyncio.Runner(loop_factory=fast_loop() if entry is Entry.HOST else None) as runner:
            return runner.run(opened())


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes a loop of uvloop, of the extra `speed`; None where it is not installed, as on Windows."""
    try:
        import uvloop  # noqa: PLC0415 - need not be there
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


def located(command: Callable[Concatenate[At, P], int]) -> Callable[..., int]:
    """Give a command the options --data, --config and --json, as its first parameter."""

    @click.option("--data", envvar=DATA, metavar="DIR", help=f"The data directory; also ${DATA}.")
    @click.option("--config", metavar="FILE", help="Settings; without it convalias.toml where that is there.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @wraps(command)
    def at_place(*args: P.args, **kwargs: P.kwargs) -> int:
        at = At(data=_text(kwargs.pop("data")), config=_text(kwargs.pop("config")), as_json=bool(kwargs.pop("as_json")))
        return command(at, *args, **kwargs)

    return at_place


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
