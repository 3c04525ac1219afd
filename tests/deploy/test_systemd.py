"""The unit files: commands that exist, a stop within its limit, hardened, and systemd finds no fault in them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from convalias.cli.serving import DRAIN_SECONDS
from deploy.files import DEPLOY, PAGE, PROJECT, refused, unit, unknown_variables
from system.programs import installed

UNITS: Final = sorted((DEPLOY / "systemd").glob("*.service"))
INSTANCES: Final = ("inbound", "feed", "outbound")
ENVIRONMENT: Final = (DEPLOY / "systemd" / "environment").read_text(encoding="utf-8")
TOLERATED: Final = 20
"""Exposure by `systemd-analyze security`, in tenths: 0 is closed, 100 is open."""


def values(path: Path, name: str) -> list[str]:
    return [value for key, value in unit(path.read_text(encoding="utf-8")) if key == name]


def commands(path: Path) -> list[list[str]]:
    """What a unit starts, for each kind of work that it is written for."""
    (line,) = values(path, "ExecStart")
    instances = INSTANCES if "%i" in line else ("",)
    return [shlex.split(line.replace("%i", instance)) for instance in instances]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_there_is_where_the_page_installs_it(path: Path) -> None:
    for program, *arguments in commands(path):
        assert program == "/opt/convalias/bin/convalias"
        assert refused(arguments) == ""
        assert arguments[arguments.index("--config") + 1] == "/etc/convalias/convalias.toml"
    page = PAGE.read_text(encoding="utf-8")
    assert "python3 -m venv /opt/convalias-$VERSION\n" in page
    assert page.count("ln -sfn /opt/convalias-$VERSION /opt/convalias\n") == 2
    assert path.stem.removesuffix("@") in page


def test_a_unit_without_its_settings_starts_the_program_of_a_host() -> None:
    (text,) = re.findall(r"```ini\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (_, emptied), (name, line) = unit(text)
    ((program, *arguments),) = commands(DEPLOY / "systemd" / "convalias-serve.service")
    place = arguments.index("--config")
    assert (emptied, name) == ("", "ExecStart")
    assert shlex.split(line) == [program, *arguments[:place], *arguments[place + 2 :]]


@pytest.mark.parametrize(
    ("release", "program"), [("", "/opt/convalias/bin/convalias"), ("0.2.0", "/opt/convalias-0.2.0/bin/convalias")]
)
def test_a_command_is_run_as_the_units_run_theirs(release: str, program: str, tmp_path: Path) -> None:
    script = DEPLOY / "systemd" / "convalias"
    assert script.stat().st_mode & 0o777 == 0o755
    assert "install -m 0755 deploy/systemd/convalias /usr/local/sbin/\n" in PAGE.read_text(encoding="utf-8")
    stand_in = tmp_path / "systemd-run"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\nexit 69\n", encoding="utf-8")
    stand_in.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CONVALIAS_RELEASE": release}
    asked = [script, "why", "--recipient", "a b"]
    done = subprocess.run(asked, capture_output=True, check=False, env=environment, text=True, timeout=60)
    given = done.stdout.split("\0")[:-1]
    place = given.index(program)
    assert (done.returncode, given[place + 1 :]) == (69, ["why", "--recipient", "a b"])
    properties = [tuple(one.split("=", 1)) for one in given[:place] if "=" in one]
    assert {name for name, _ in properties} >= {"User", "EnvironmentFile", "WorkingDirectory", "StateDirectory"}
    for path in UNITS:
        assert {*properties} <= {*unit(path.read_text(encoding="utf-8"))}
    assert {one for one in given[:place] if "=" not in one} == {"--quiet", "--pipe", "--wait", "--collect", "-p"}


def test_a_command_that_there_is_not_is_told() -> None:
    assert "No such command" in refused(["sevre"])
    assert "No such option" in refused(["serve", "--prot", "1"])
    assert refused(["serve"]) == "missing ['port']"
    assert "is not one of" in refused(["worker", "inbuond"])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_stopped_within_its_limit_and_not_restarted_for_what_a_person_must_mend(path: Path) -> None:
    sizing = (PROJECT / "docs" / "reference" / "sizing.md").read_text(encoding="utf-8")
    (longest,) = re.findall(r"Let a supervisor wait (\d+) seconds", sizing)
    assert values(path, "TimeoutStopSec") == [longest]
    assert int(longest) > DRAIN_SECONDS
    assert values(path, "KillSignal") == []
    assert (values(path, "Restart"), values(path, "RestartPreventExitStatus")) == (["on-failure"], ["78"])
    assert values(path, "StartLimitIntervalSec") == ["0"]


def test_the_receiver_counts_as_started_when_it_listens_at_its_own_port() -> None:
    serve = DEPLOY / "systemd" / "convalias-serve.service"
    ((_, *arguments),) = commands(serve)
    port = arguments[arguments.index("--port") + 1]
    (asked,) = values(serve, "ExecStartPost")
    assert asked.endswith(f" http://127.0.0.1:{port}/healthz")
    lmtp = DEPLOY / "systemd" / "convalias-lmtp.service"
    ((_, *arguments),) = commands(lmtp)
    socket = arguments[arguments.index("--socket") + 1]
    assert f"test -S {socket} " in values(lmtp, "ExecStartPost")[0]
    assert socket == f"/run/{values(lmtp, 'RuntimeDirectory')[0]}/lmtp"
    behind = (PROJECT / "docs" / "how-to" / "behind-postfix.md").read_text(encoding="utf-8")
    assert f"lmtp:unix:{socket}" in behind


def test_the_environment_names_variables_that_there_are_and_holds_no_secret() -> None:
    names = re.findall(r"^#?([A-Z_]+)=", ENVIRONMENT, re.MULTILINE)
    assert "CONVALIAS_KEYS" in names
    assert unknown_variables(names) == []
    assert unknown_variables(["CONVALIAS_KEY"]) == ["CONVALIAS_KEY"]
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", ENVIRONMENT, re.MULTILINE))
    assert {name for name, value in given.items() if value} == {"CONVALIAS_DATA"}
    for path in UNITS:
        assert values(path, "StateDirectory") == [given["CONVALIAS_DATA"].removeprefix("/var/lib/")]
        assert values(path, "EnvironmentFile") == ["/etc/convalias/environment"]


@pytest.fixture
def here(tmp_path: Path) -> list[str]:
    """The units on this machine: with a program that is there, and without the network's own unit."""
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace("/opt/convalias/bin/", f"{Path(sys.executable).parent}/")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return [str(tmp_path / path.name) for path in UNITS]


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = installed("systemd-analyze", "systemd")
    return subprocess.run([program, *arguments], capture_output=True, check=False, text=True, timeout=60)


def test_systemd_finds_no_fault_in_the_units(here: list[str], tmp_path: Path) -> None:
    done = analyzed("verify", *here)
    if "Failed to initialize manager" in done.stderr or "Failed to connect" in done.stderr:
        pytest.skip("systemd-analyze cannot verify units on this machine")
    assert (done.returncode, done.stderr) == (0, "")
    wrong = tmp_path / "wrong.service"
    wrong.write_text(Path(here[0]).read_text(encoding="utf-8").replace("NoNewPrivileges=", "NoNewPriviliges="))
    assert "NoNewPriviliges" in analyzed("verify", str(wrong)).stderr


def test_the_units_are_closed_but_for_what_they_need(here: list[str]) -> None:
    for path in here:
        done = analyzed("security", "--offline=true", f"--threshold={TOLERATED}", path)
        assert done.returncode == 0, done.stdout + done.stderr
