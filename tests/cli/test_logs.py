"""What a serving process logs: classes and places, never what an exception quotes."""

import logging

import pytest

from cli.desk import Commands
from convalias.cli.logs import log_to_stderr


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
