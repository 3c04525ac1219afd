"""The table of commands. A new command is one row here and one module with a click command named `command`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "explain": ("explain", "What becomes of a mail in a world, and why."),
    }
)
"""By name: the module in `convalias.cli`, and what `--help` says of it."""


class _Commands(click.Group):
    """Loads a command's module when it is run: start-up costs nothing for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: object = import_module(f"convalias.cli.{COMMANDS[cmd_name][0]}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, so that `--help` loads nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="convalias")
def convalias() -> None:
    """E-mail addresses for the participants of conversations; mail sent there becomes messages, exactly once."""
