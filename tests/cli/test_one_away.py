"""One engine away, by URLs that nobody answers at: what does not need it works, what does names engine, host, setting.

How long a command waits is a value of the code (`of_a_command`), proved in virtual time by `tests/app/test_opening.py`.
Here it is made short, so that the table is quick; by the clock, with servers that are stopped, it is run by
`tests/engines/test_one_away.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from cli.away import COMMANDS, SETTINGS, Command, furnish
from cli.desk import WORLD, Commands, mail
from convalias.app import engines, facade
from convalias.app.opening import Patience

SECRET = "made-up-secret"
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
    """Commands wait for half a second."""
    soon = timedelta(milliseconds=500)
    monkeypatch.setattr(facade, "of_a_command", lambda: Patience(soon, in_all=soon, call=10 * soon))
    monkeypatch.setattr(engines, "of_a_command", lambda: Patience(soon, in_all=soon, call=10 * soon))
    monkeypatch.setattr(engines, "MIGRATES_WITHIN", soon)


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
