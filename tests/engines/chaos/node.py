"""A process of a deployment, which tells the recorder what a real one would send: `node.py web PORT` or `node.py worker`.

Like a service manager would have it, it opens again and again until its engines are there. Beside that it is what
`convalias serve` and `convalias worker` are.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from socket import socket

from convalias.app.facade import Convalias
from convalias.cli.serving import Address, listen, serve, stopping
from convalias.ports.errors import Unavailable
from convalias.settings import read_settings
from engines.chaos.recorder import Hub, Ledger, Mailbox

HUB = "hub.jsonl"
REFUSALS = "refusals.jsonl"
AT_WORK = "at work"


async def main(config: Path, data: Path, at: socket | None) -> None:
    """Until SIGTERM."""
    folder, stop = config.parent, asyncio.Event()
    with stopping(stop.set):
        while not stop.is_set():
            cv = Convalias.from_toml(
                config,
                data=data,
                hub=Hub(Ledger(folder / HUB)),
                mail=Mailbox(Ledger(folder / REFUSALS)),
                system_mail=Mailbox(Ledger(folder / REFUSALS)),
            )
            try:
                async with cv:
                    if at is not None:
                        await serve(cv, read_settings(config, data=data), at)
                        return
                    async with cv.running():
                        print(AT_WORK, flush=True)  # noqa: T201 - a program
                        await stop.wait()
            except Unavailable as away:
                print(f"not open: {away}", file=sys.stderr, flush=True)  # noqa: T201 - a program
                await asyncio.sleep(0.5)


if __name__ == "__main__":
    role, config, data, *port = sys.argv[1:]
    door = listen(Address(host="127.0.0.1", port=int(port[0]))) if role == "web" else None
    print(f"pid {os.getpid()}: {role}", file=sys.stderr, flush=True)  # noqa: T201 - a program
    asyncio.run(main(Path(config), Path(data), door))
