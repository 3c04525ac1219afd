"""Which deployment a command is about: the options that all commands share, and opening it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import click
from attrs import frozen
from click.core import ParameterSource

from convalias.app.facade import Convalias, Entry
from convalias.app.refusals import refuse_unreached
from convalias.app.workers import ALL_WORKERS, WORKERS, Worker
from convalias.cli.application import APP, Application
from convalias.cli.logs import FORMAT, LEVEL
from convalias.settings import DATA, FILE, Settings, read_settings

P = ParamSpec("P")
T = TypeVar("T")
_OF_A_PROCESS: Final = frozenset({FORMAT, LEVEL})
"""Variables of ours that say nothing about a deployment."""


@frozen(kw_only=True)
class At:
    """The place where the command works, and whether it answers in JSON."""

    data: str | None = None
    config: str | None = None
    as_json: bool = False
    app: Application | None = None
    """The host's own program. None: settings say all, and nobody gave an adapter or a function."""

    def settings(self) -> Settings:
        """All settings. Raises `WrongSettings`."""
        return read_settings(self.config, data=self.data) if self.app is None else self.app.settings()

    @property
    def by_default(self) -> str:
        """The line that says that nothing but defaults is looked at; empty where anything names a deployment.

        A settings file, an option, a variable of ours other than those of the log, or the program of a host does.
        """
        variables = {name for name in os.environ if name.startswith("CONVALIAS_")} - _OF_A_PROCESS
        if self.app or self.data or self.config or variables or Path(FILE).exists():
            return ""
        return f"neither {FILE} in {Path.cwd()} nor a CONVALIAS_ variable is there: all is by default"

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers that a process of this deployment runs."""
        return WORKERS if self.app is None else ALL_WORKERS

    def check_channels(self) -> None:
        """Refuse to notify by e-mail alone, where only a program of the host chooses other channels too."""
        if self.app is None:  # a program was asked the same when it made its façade
            refuse_unreached(self.settings().channels, {})

    def convalias(self, entry: Entry = Entry.HOST) -> Convalias:
        """The deployment, not yet open. Raises `WrongSettings`."""
        made = Convalias.by_settings(self.settings()) if self.app is None else self.app.facade()
        return made.opening(entry)

    def run(self, work: Callable[[Convalias], Awaitable[T]], *, entry: Entry = Entry.COMMAND) -> T:
        """Open what the work needs when it needs it, do it, close. A command ends within ten seconds where one is away.

        What serves until it is stopped (`entry` is HOST) does so on uvloop's loop where that is installed.
        """
        made = self.convalias(entry)  # no loop runs yet: a host's module may run one of its own as it is imported

        async def opened() -> T:
            async with made as cv:
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


def placed(command: Callable[Concatenate[At, P], int]) -> Callable[..., int]:
    """Give a command the options --data, --config and --json, as its first parameter: it goes by settings alone.

    Where CONVALIAS_APP is set, one of the first two must be given: the program may read other settings.
    """

    @click.option("--data", envvar=DATA, metavar="DIR", help=f"The data directory; also ${DATA}.")
    @click.option("--config", metavar="FILE", help="Settings; without it convalias.toml where that is there.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @wraps(command)
    def at_place(*args: P.args, **kwargs: P.kwargs) -> int:
        if "app" not in kwargs:
            _refuse_unnamed()
        app = _text(kwargs.pop("app", None)) or None
        if app is not None:
            _refuse_beside(app)
        at = At(
            data=_text(kwargs.pop("data")),
            config=_text(kwargs.pop("config")),
            as_json=bool(kwargs.pop("as_json")),
            app=None if app is None else Application(app),
        )
        return command(at, *args, **kwargs)

    return at_place


def located(command: Callable[Concatenate[At, P], int]) -> Callable[..., int]:
    """Give a command the options of `placed`, and --app: it opens the program of a host where one is named."""
    return click.option(
        "--app",
        envvar=APP,
        metavar="MODULE:NAME",
        help=f"Your program's Convalias, or a function that makes it, such as myapp.mail:cv; also ${APP}.",
    )(placed(command))


def _refuse_beside(app: str) -> None:
    """A program has settings of its own: others beside them would be looked at by nobody."""
    context = click.get_current_context()
    for name in ("data", "config"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name} beside --app {app}: that program names its settings itself; leave one out"
            )


def _refuse_unnamed() -> None:
    """The settings of this directory, or of the environment, need not be those of the program: do nothing elsewhere."""
    context, app = click.get_current_context(), os.environ.get(APP)
    given = {context.get_parameter_source(name) for name in ("data", "config")}
    if app and ParameterSource.COMMANDLINE not in given:
        raise click.UsageError(
            f"{APP}={app} names a program, and {context.command_path} reads no settings of it: name them by --config or --data"
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
