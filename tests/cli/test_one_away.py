"""One engine away, by URLs that nobody answers at: what does not need it works, what does names engine, host, setting.

How long a command waits is a value of the code (`of_a_command`), proved in virtual time by `tests/app/test_opening.py`.
Here it is short for what is away, because nobody would ever answer, and so long for the rest that no machine is too
busy for it. By the clock, with servers that are stopped, the table is run by `tests/engines/test_one_away.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Final

import pytest

from cli.away import COMMANDS, SETTINGS, Command, furnish
from cli.desk import WORLD, Commands, mail
from convalias.app import engines
from convalias.app.opening import EngineName, Late, Opened, Patience

SECRET = "made-up-secret"
SOON: Final = timedelta(milliseconds=200)
GENEROUS: Final = timedelta(minutes=5)
KEYS = "0:" + "A" * 43 + "="


def url(setting: str, port: int) -> str:
    """Of an engine that nobody answers at."""
    return {
        "raw": f"s3://bucket?region=us-east-1&retries=0&endpoint=http://127.0.0.1:{port}",
        "queue": f"sqs://us-east-1/jobs?endpoint=http://127.0.0.1:{port}",
        "store": f"mongodb://user:{SECRET}@127.0.0.1:{port}/mail?replicaSet=rs0",
        "events": f"kafka://user:{SECRET}@127.0.0.1:{port}/topic",
    }[setting]


@pytest.fixture(params=["closed", "silent"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Where nobody listens, or where connections are taken and nothing is ever said."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        if request.param == "silent":
            listening.listen(64)
        yield listening.getsockname()[1]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wait for what is away for a moment, and for what is there as long as it takes."""
    opened_later = Late.__init__

    def at_once(self: Late, name: EngineName, opened: Opened, *, patience: Patience) -> None:
        del patience
        within = SOON if name.place.startswith("127.0.0.1:") else GENEROUS
        opened_later(self, name, opened, patience=Patience(within, call=within))

    monkeypatch.setattr(Late, "__init__", at_once)
    monkeypatch.setattr(engines, "MIGRATES_WITHIN", SOON)


def environment(away: str, port: int) -> dict[str, str]:
    return {
        f"CONVALIAS_{away.upper()}": url(away, port),
        "CONVALIAS_KEYS": KEYS,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("away", SETTINGS)
def test_what_does_not_need_it_works_and_what_does_names_it(
    commands: Commands, away: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other engines are those of the data directory."""
    monkeypatch.setenv("CONVALIAS_KEYS", KEYS)
    commands.load()
    furnish(commands.folder, WORLD, mail())
    for name, value in environment(away, port).items():
        monkeypatch.setenv(name, value)
    wrong = [said for command in COMMANDS if (said := what_is_wrong(commands, command, away, port))]
    assert not wrong, "\n".join(wrong)


def what_is_wrong(commands: Commands, command: Command, away: str, port: int) -> str:
    """Empty where it ends as the table says."""
    arguments = [str(commands.folder / one) if one in {"WORLD", "MAIL"} else one for one in command.line.split()]
    ran = commands.run(*arguments) if arguments[0] != "explain" else None
    if ran is None:  # has no data directory
        return ""
    if ran.status != command.expected(away):
        return f"{command.line}: {ran.status}, expected {command.expected(away)}: {ran.err}"
    if ran.status == 69:
        named = f"{away}: " in ran.err and f"127.0.0.1:{port} (CONVALIAS_{away.upper()})" in ran.err
        is_plain = ran.err.count("\n") == 1 and SECRET not in ran.err and "Traceback" not in ran.err
        return "" if named and is_plain else f"{command.line}: {ran.err}"
    return ""


@pytest.mark.usefixtures("hasty")
def test_doctor_names_each_that_is_away_in_a_line(
    commands: Commands, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.load()
    for setting in SETTINGS:
        for name, value in environment(setting, port).items():
            monkeypatch.setenv(name, value)
    (commands.data / "keys").unlink(missing_ok=True)
    ran = commands.run("doctor", "--json")
    found = {row["check"]: row for row in ran.json}
    assert ran.status == 69
    for setting in SETTINGS:
        row = found[f"{setting} engine"]
        assert row["health"] == "away"
        assert f"127.0.0.1:{port} (CONVALIAS_{setting.upper()})" in row["found"]
    assert SECRET not in ran.out
