"""`convalias lmtp`: where it listens, and what stops it from listening."""

from __future__ import annotations

import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.desk import JOHN_ALIAS, MARY, Commands, mail
from convalias.cli.errors import Failed
from convalias.cli.lmtp import at_file


def test_a_mail_handed_over_at_a_socket_file_reaches_its_conversation(commands: Commands, tmp_path: Path) -> None:
    commands.load()
    place = tmp_path / "lmtp"
    program = [sys.executable, "-m", "convalias.cli", "lmtp", "--socket", str(place), "--data", str(commands.data)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"listening on lmtp {place}\n"
            assert place.stat().st_mode & 0o777 == 0o660
            with smtplib.LMTP(str(place)) as client:
                assert client.sendmail(MARY, [JOHN_ALIAS], mail()) == {}
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not place.exists()
    commands.work()
    shown = commands.ask("show", "conversation", "c1")
    assert [one["text"] for one in shown["events"] if one["kind"] == "message_added"] == ["Hello John"]


@pytest.mark.parametrize("arguments", [[], ["--socket", "x", "--port", "0"]])
def test_one_place_is_named(arguments: list[str], commands: Commands) -> None:
    ran = commands.run("lmtp", *arguments)
    assert (ran.status, "expected either --socket PATH or --port P" in ran.err) == (64, True)


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "lmtp"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    with at_file(place) as taken:
        assert place.stat().st_mode & 0o777 == 0o660
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(place))
        assert taken.getsockname() == str(place)
    assert not place.exists()


def test_a_socket_at_which_another_process_listens_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "lmtp"
    with at_file(place), pytest.raises(Failed, match="another process listens there") as raised, at_file(place):
        pass
    assert raised.value.status == 69


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda place: place.write_text("mine"), "found a file, expected a socket or nothing"),
        (lambda place: place.mkdir(), "found a file, expected a socket or nothing"),
        (lambda place: place.parent.rmdir(), "expected a folder to write in"),
    ],
)
def test_a_place_that_is_no_socket_is_refused_and_stays(make: object, told: str, tmp_path: Path) -> None:
    place = tmp_path / "folder" / "lmtp"
    place.parent.mkdir()
    assert callable(make)
    make(place)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(Failed, match=told), at_file(place):
        pass
    assert sorted(tmp_path.iterdir()) == there


def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises((Failed, OSError), match="path"), at_file(tmp_path / ("x" * 150)):
        pass
