"""The promises of the port `Check`, over servers of ours, and over spamd and clamd where these are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from adapters.detectors.servers import EICAR, HOST, SPAM, VIRUS, ClamdServer, Serve, SpamdServer, closed_port, serving
from convalias.adapters.detectors import Clamd, Spamd
from convalias.ports.mail import Check as CheckPort
from convalias.testing import conformance
from convalias.testing.conformance import Check, CheckUnderTest

PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
SPAMD: Final = shutil.which("spamd", path=PATH)
CLAMD: Final = shutil.which("clamd", path=PATH)
STARTS_WITHIN: Final = 60.0


def under_test(
    make: Callable[[str], AbstractAsyncContextManager[CheckPort]], scheme: str, port: int, objectionable: bytes
) -> Callable[[], CheckUnderTest]:
    return lambda: CheckUnderTest(
        open=lambda: make(f"{scheme}://{HOST}:{port}"),
        away=lambda: make(f"{scheme}://{HOST}:{closed_port()}"),
        objectionable=objectionable,
    )


@pytest.mark.parametrize("check", conformance.CHECK, ids=str)
@pytest.mark.parametrize(
    ("make", "scheme", "server", "objectionable"),
    [(Spamd, "spamd", SpamdServer, SPAM), (Clamd, "clamd", ClamdServer, VIRUS)],
    ids=["spamd", "clamd"],
)
async def test_check(
    check: Check[conformance.MakeCheck],
    make: type[Clamd | Spamd],
    scheme: str,
    server: Callable[[], Serve],
    objectionable: bytes,
) -> None:
    async with serving(server()) as port:
        await check(under_test(make, scheme, port, objectionable))


# --- the real ones ----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def started(command: Sequence[str], port: int, folder: Path) -> Generator[int]:
    """A server of another project, ended by its process."""
    log = folder / "log"
    with log.open("wb") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as server:
        try:
            for _ in range(int(STARTS_WITHIN / 0.1)):
                with socket.socket() as one:
                    if one.connect_ex((HOST, port)) == 0:
                        break
                if server.poll() is not None:
                    pytest.fail(f"it does not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)  # it is another process, which cannot wake us
            yield port
        finally:
            server.terminate()
            server.wait()


@pytest.fixture(scope="module")
def spamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("spamd"), free_port()
    own = ["--username=nobody"] if os.geteuid() == 0 else []
    quiet = ["--local", "--nouser-config", "--max-children=4", "--min-children=4", "--syslog=stderr"]
    home = f"--helper-home-dir={folder}"
    with started([str(SPAMD), *quiet, *own, home, f"--listen={HOST}:{port}"], port, folder) as listens:
        yield listens


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("clamd"), free_port()
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
    (folder / "clamd.conf").write_text(
        f"TCPSocket {port}\nTCPAddr {HOST}\nDatabaseDirectory {signatures}\nForeground yes\n"
    )
    with started([str(CLAMD), f"--config-file={folder}/clamd.conf"], port, folder) as listens:
        yield listens


@pytest.mark.engine
@pytest.mark.skipif(SPAMD is None, reason="spamd is not installed: the package spamd")
@pytest.mark.parametrize("check", conformance.CHECK, ids=str)
async def test_check_by_spamassassin(check: Check[conformance.MakeCheck], spamd: int) -> None:
    await check(under_test(Spamd, "spamd", spamd, SPAM))


@pytest.mark.engine
@pytest.mark.skipif(CLAMD is None, reason="clamd is not installed: the package clamav-daemon")
@pytest.mark.parametrize("check", conformance.CHECK, ids=str)
async def test_check_by_clamav(check: Check[conformance.MakeCheck], clamd: int) -> None:
    await check(under_test(Clamd, "clamd", clamd, VIRUS))
