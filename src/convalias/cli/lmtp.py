"""`convalias lmtp`: mail from a mail server on this machine, by LMTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Final

import click

from convalias.adapters import lmtp
from convalias.app.facade import KEYS_WITHIN, Convalias, Entry
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.logs import logged
from convalias.cli.serving import BACKLOG, Address, listen, stopping
from convalias.domain.inbound.posts import IncomingMail
from convalias.services.inbound.receiver import Receipt
from convalias.services.running.log_lines import LogLines

MODE: Final = 0o660
"""Of the socket file: its owner and its group may hand mail over."""


@click.command("lmtp")
@click.option("--socket", "path", metavar="PATH", help="Listen at this socket file.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Listen at this port instead; 0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --port: the address to listen at.")
@click.option("--sessions", type=click.IntRange(1, 1_000), default=32, show_default=True, help="At once.")
@logged
@located
def command(at: At, path: str | None, port: int | None, host: str, sessions: int) -> int:
    """Take mail in by LMTP, from a mail server on this machine: whoever reaches the socket may hand mail over.

    Prints one line once it listens. SIGTERM ends it when the sessions under way are through.
    """
    if (path is None) == (port is None):
        raise click.UsageError("expected either --socket PATH or --port P")
    limit = at.settings().mail_limit
    bounds = lmtp.Bounds(sessions=sessions)
    if path is not None:
        with at_file(Path(path)) as taken:
            at.run(lambda cv: _serve(cv, taken, path, limit=limit, bounds=bounds), entry=Entry.RECEIVER)
    else:
        with listen(Address(host=host, port=port or 0)) as taken:
            shown = ":".join(map(str, taken.getsockname()[:2]))
            at.run(lambda cv: _serve(cv, taken, shown, limit=limit, bounds=bounds), entry=Entry.RECEIVER)
    return Exit.OK


async def _serve(cv: Convalias, taken: socket.socket, shown: str, *, limit: int, bounds: lmtp.Bounds) -> None:
    await cv.check_place(within=KEYS_WITHIN)
    await cv.check_keys(within=KEYS_WITHIN)
    lines = LogLines(lmtp.log, cv.ports.clock)

    async def accept(mail: IncomingMail) -> Receipt:
        return await cv.services.receiver.accept(mail)  # the one of now: a refresh wires a new one

    server = lmtp.LmtpServer(accept=accept, mail_limit=limit, bounds=bounds, lines=lines)
    stop = asyncio.Event()
    try:
        with stopping(stop.set):
            await server.serve(taken, stop, ready=lambda: print(f"listening on lmtp {shown}", flush=True))
    finally:
        lines.flush()


@contextlib.contextmanager
def at_file(path: Path) -> Generator[socket.socket]:
    """A listening socket at this file, which is removed at the end. `Failed` 69 if another process listens there.

    A file that a killed process left behind is replaced; one that is no socket stays.
    """
    _free(path)
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~MODE)  # nobody else may reach it between its birth and any later change
    try:
        taken.bind(str(path))
    except OSError as error:
        taken.close()
        raise _unusable(path, error) from error
    finally:
        os.umask(before)
    try:
        with taken:
            taken.listen(BACKLOG)
            yield taken
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _unusable(path: Path, error: OSError) -> Failed:
    return Failed(
        f"--socket {path}: {error.strerror or error}; expected a folder to write in, and a short path", Exit.UNAVAILABLE
    )


def _free(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(path, error) from error
    if not stat.S_ISSOCK(mode):
        raise Failed(f"--socket {path}: found a file, expected a socket or nothing", Exit.UNAVAILABLE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(1.0)
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            os.unlink(path)  # noqa: PTH108 - left by a process that was killed
            return
        except OSError as error:
            raise _unusable(path, error) from error
    raise Failed(f"--socket {path}: another process listens there; expected one alone", Exit.UNAVAILABLE)
