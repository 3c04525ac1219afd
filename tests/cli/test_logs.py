"""What a serving process logs: classes and places, never what an exception quotes."""

import json
import logging
from datetime import UTC, datetime

import pytest

from cli.desk import Commands, mail
from convalias.cli.logs import LEVELS, log_to_stderr


def test_an_exception_is_told_without_its_message(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    del commands  # restores the logging
    log_to_stderr()
    try:
        int("mary@corp.example")
    except ValueError:
        logging.getLogger("a.library").exception("Exception in ASGI application")
    said = capsys.readouterr().err
    assert "ValueError at test_an_exception" in said
    assert "mary@" not in said


def test_of_other_libraries_only_the_first_line_is_told(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    del commands
    log_to_stderr()
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %s", "ValueError('mary@')")
    logging.getLogger("asyncio").info("nothing to worry about")
    said = capsys.readouterr().err
    assert said.endswith("ERROR asyncio Task exception was never retrieved\n")
    assert len(said.splitlines()) == 1


def test_a_line_in_json_is_an_object_with_what_the_line_knows(
    commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    del commands
    log_to_stderr(form="json")
    extra = {
        "trace": "t1",
        "record": "",
        "engine": "store",
        "worker": "feed",
        "count": 3,
        "sender": "mary@corp.example",
    }
    logging.getLogger("convalias.workers").warning("first %s\nsecond", "line", extra=extra)
    try:
        int("mary@corp.example")
    except ValueError:
        logging.getLogger("a.library").exception("It failed\nmary@corp.example")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert datetime.fromisoformat(first.pop("time")).tzinfo == UTC
    assert first == {
        "level": "WARNING",
        "logger": "convalias.workers",
        "message": "first line second",
        "trace": "t1",
        "engine": "store",
        "worker": "feed",
        "count": 3,
    }
    assert second["message"] == "It failed"
    assert second["exception"].startswith("ValueError at test_a_line_in_json")
    assert "mary" not in str(second)


def test_an_empty_message_is_a_line(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    del commands
    log_to_stderr(form="json", level="debug")
    logging.getLogger("convalias").debug("")
    assert json.loads(capsys.readouterr().err)["message"] == ""


@pytest.mark.parametrize("level", LEVELS)
def test_other_libraries_warn_at_most(commands: Commands, capsys: pytest.CaptureFixture[str], level: str) -> None:
    del commands
    log_to_stderr(level=level)
    for name in ("convalias.mail", "a.library"):
        for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger(name).log(number, "said")
    said = [line.split()[2:4] for line in capsys.readouterr().err.splitlines()]
    least = LEVELS.index(level)
    assert [kind.lower() for kind, name in said if name == "convalias.mail"] == [*LEVELS[least:]]
    assert [kind.lower() for kind, name in said if name == "a.library"] == [*LEVELS[max(least, 2) :]]


def worked(commands: Commands, number: int, *options: str) -> list[str]:
    """The lines of an inbound worker about a mail."""
    commands.load()
    commands.ask("ingest", commands.file("mail.eml", mail(number)))
    ran = commands.run("worker", "inbound", "--once", *options)
    assert ran.status == 0
    return ran.err.splitlines()


def test_a_worker_tells_of_each_mail_unless_it_is_turned_off(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = worked(commands, 1)
    assert " INFO convalias.mail mail relayed; trace " in line
    assert worked(commands, 2, "--log-level", "warning") == []
    monkeypatch.setenv("CONVALIAS_LOG_FORMAT", "json")
    (told,) = map(json.loads, worked(commands, 3))
    assert told["logger"] == "convalias.mail"
    assert f"trace {told['trace']}, record {told['record']}" in told["message"]
    monkeypatch.setenv("CONVALIAS_LOG_LEVEL", "error")
    assert worked(commands, 4) == []


@pytest.mark.parametrize("command", ["serve --port 0", "run --port 0", "worker inbound --once", "ingest mail.eml"])
def test_what_lasts_takes_format_and_level(commands: Commands, command: str) -> None:
    ran = commands.run(*command.split(), "--log-format", "xml")
    assert "'xml' is not one of 'text', 'json'" in ran.err
    ran = commands.run(*command.split(), "--log-level", "loud")
    assert "'loud' is not one of 'debug', 'info', 'warning', 'error'" in ran.err
