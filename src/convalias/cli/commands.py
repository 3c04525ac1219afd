"""The table of commands. A new command is one row here and one module with a click command named `command`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "alias": ("alias", "Mint, inspect and revoke the addresses of participants."),
        "dead": ("dead", "What was given up, and why."),
        "demo": ("demo", "The whole system at work, in a minute."),
        "doctor": ("doctor", "What is wrong with a deployment, and what mends it."),
        "explain": ("explain", "What becomes of a mail in a world, and why."),
        "ingest": ("ingest", "Take in mail from files: .eml, mbox, maildir; or from a pipe."),
        "keys": ("keys", "Make the secrets that guard aliases and links."),
        "lmtp": ("lmtp", "Mail in from a mail server on this machine."),
        "load": ("load", "Put a world into the store."),
        "migrate": ("migrate", "Make the indexes that a store needs."),
        "read": ("read", "Note how far a participant has read."),
        "replay": ("replay", "Decide kept mails anew; try again what was given up."),
        "rollout": ("rollout", "Which conversations are in which stage."),
        "run": ("run", "Receiver and all workers in one process."),
        "send": ("send", "Add a chat message."),
        "serve": ("serve", "The receiver: mail in by webhook."),
        "show": ("show", "What the store holds: conversation, deliveries, legacy, holds, jobs."),
        "simulate": ("simulate", "A made-up day with faults at every step, and whether the promises held."),
        "suppressions": ("suppressions", "Addresses and conversations about which no mail leaves."),
        "timeline": ("timeline", "A conversation as one participant sees it."),
        "why": ("why", "The way of a mail through the system, and what to do next."),
        "worker": ("worker", "One kind of work: inbound, feed or outbound."),
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
