"""Whatever goes wrong is one line and an exit status."""

import pytest

from convalias.cli import commands, main
from convalias.cli.errors import Failed, told
from convalias.cli.exits import Exit
from convalias.domain.errors import InvalidValue
from convalias.ports.errors import NotFound, Rejected, Unavailable
from convalias.registry import NotRegistered, RegisteredTwice
from convalias.stores.errors import Contended


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Failed("no", Exit.CONFIG), Exit.CONFIG),
        (NotFound("conversation c1"), Exit.NO_INPUT),
        (Unavailable("records"), Exit.UNAVAILABLE),
        (Contended("records"), Exit.TRY_AGAIN),
        (Rejected("a record is too large for the topic; raise its max.message.bytes"), Exit.CONFIG),
        (NotRegistered("convalias.stores", "toy"), Exit.CONFIG),
        (RegisteredTwice("convalias.stores", "toy", ["a 1", "b 2"]), Exit.CONFIG),
        (InvalidValue("x", found=1, expected="2"), Exit.DATA),
        (ModuleNotFoundError("no", name="starlette.routing"), Exit.UNAVAILABLE),
        (KeyError("x"), Exit.INTERNAL),
        (ValueError("two\nlines"), Exit.INTERNAL),
    ],
)
def test_an_error_has_a_line_and_a_status(error: Exception, status: Exit) -> None:
    failed = told(error)
    assert failed.status is status
    assert "\n" not in failed.message
    assert failed.message


@pytest.mark.parametrize("reason", ["database or disk is full", "No space left on device"])
def test_a_full_disk_is_told_to_be_full_and_not_to_be_out_of_reach(reason: str) -> None:
    said = told(Unavailable(f"data: files at /d does not answer: the embedded store ({reason})")).message
    assert said.endswith("; make room on it, then try again")
    assert "reached from here" not in said


def test_a_missing_package_names_what_to_install() -> None:
    assert told(ModuleNotFoundError("no", name="starlette.routing")).message.startswith(
        "starlette is not installed; pip"
    )


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("boom"), 70), (KeyboardInterrupt(), 130), (Unavailable("records"), 69)]
)
def test_a_command_that_fails_leaves_one_line_and_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(commands.convalias, "main", fail)
    assert main([]) == status
    assert len(capsys.readouterr().err.splitlines()) == (0 if status == 130 else 1)


def test_a_traceback_is_shown_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(commands.convalias, "main", fail)
    monkeypatch.setenv("CONVALIAS_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="boom"):
        main([])


def test_every_row_of_the_table_is_a_command() -> None:
    context = commands.click.Context(commands.convalias)
    for name in commands.COMMANDS:
        command = commands.convalias.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in commands.COMMANDS)
