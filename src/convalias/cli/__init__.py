"""The command `convalias`: each of its commands is a module of this package, loaded when it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn

from convalias.cli.exits import Exit
from convalias.extras import MissingPackageError, brought_by

__all__ = ["main", "script"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status, see `cli.exits`. `arguments`: None for those of the process."""
    try:
        with brought_by("cli"):
            import click  # noqa: PLC0415 - an extra: without it the reason is told, not a traceback
    except MissingPackageError as error:
        _say(str(error))
        return Exit.UNAVAILABLE
    from convalias.cli.commands import convalias  # noqa: PLC0415 - needs click

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # mail is written in every script, terminals are not
    try:
        done: object = convalias.main(args=arguments, prog_name="convalias", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        _say(" ".join(error.format_message().split()))
        return Exit.NO_INPUT if isinstance(error, click.FileError) else Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click turns the former into the latter, and exits for nothing else here
        _close_output()
        return Exit.OK
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line instead of a traceback
        return _failed(error)
    return done if isinstance(done, int) else Exit.OK


def script() -> NoReturn:
    """Run the command of this process and end it with its status."""
    status = main()
    if "obstore" in sys.modules:
        # Its threads answer requests that were called off, and crash an interpreter that is being taken down.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads any more
                stream.flush()
        os._exit(status)
    sys.exit(status)


def _failed(error: Exception) -> Exit:
    from convalias.cli.errors import told  # noqa: PLC0415 - only when something failed

    failed = told(error)
    if failed.status is Exit.INTERNAL and os.environ.get("CONVALIAS_TRACEBACK"):
        raise error
    _say(failed.message)
    return failed.status


def _say(line: str) -> None:
    print(f"convalias: {line}", file=sys.stderr)


def _close_output() -> None:
    """Whoever read our output is gone (`| head`): that is no error, and closing must not become one."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
