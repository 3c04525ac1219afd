"""Commands on a data directory of their own, whose settings name engines by the environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.desk import Commands, Ran
from engines.four import VARIABLES, Four, fresh_name

KEYS = "0:" + "A" * 43 + "="


class Desk(Commands):
    """Every command is run in this process, and reads the settings anew."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, capsys)
        self._patch = patch
        patch.chdir(folder)
        patch.setenv("CONVALIAS_KEYS", KEYS)
        for name in ("CONVALIAS_DATA", "CONVALIAS_MAILGUN_SIGNING_KEY", *VARIABLES.values()):
            patch.delenv(name, raising=False)

    def set(self, **urls: str) -> None:
        """By setting; what is not named stays as it is."""
        for setting, url in urls.items():
            self._patch.setenv(VARIABLES[setting], url)

    def furnished(self, engines: Four, *settings: str, **options: str) -> Mapping[str, str]:
        """Those engines (none named: all of them) under a name of their own, with further options in their URLs."""
        for name, value in engines.credentials.items():
            self._patch.setenv(name, value)
        name = fresh_name()
        engines.furnish(name)
        urls = engines.urls(name)
        chosen = {one: urls[one] + options.get(one, "") for one in settings or urls}
        self.set(**chosen)
        return chosen

    def refused(self, *arguments: str, status: int) -> str:
        """The one line of a command that fails as it should."""
        ran = self.run(*arguments)
        assert (ran.status, ran.out) == (status, ""), ran.out + ran.err
        assert ran.err.count("\n") == 1, ran.err
        return ran.err

    def apart(self, *arguments: str) -> Ran:
        """As `run`, in a process of its own: what a driver leaves open there is nobody's."""
        command = [sys.executable, "-m", "convalias.cli", *arguments, "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def doctor(self, *, status: int) -> dict[str, dict[str, str]]:
        """What it found, by check."""
        ran: Ran = self.run("doctor", "--json")
        assert ran.status == status, ran.out + ran.err
        rows: list[dict[str, Any]] = json.loads(ran.out)
        return {row["check"]: row for row in rows}
