"""`convalias ingest -`: a pipe of a mail server is told by exit statuses what to do with its mail."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cli.desk import JOHN_ALIAS, MARY, MARY_ALIAS, Commands, Ran, mail
from convalias.cli import piped_mail
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.domain.mail.envelope import NULL_RETURN_PATH

Pipe = Callable[..., Ran]


@pytest.fixture
def pipe(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Ingest these octets as a pipe would hand them over."""

    def ingest(octets: bytes, *arguments: str) -> Ran:
        stdin = io.TextIOWrapper(io.BytesIO(octets))
        monkeypatch.setattr(sys, "stdin", stdin)
        return commands.run("ingest", "-", *arguments)

    return ingest


def test_a_piped_mail_reaches_the_alias_of_its_envelope(commands: Commands, pipe: Pipe) -> None:
    commands.load()
    ran = pipe(mail(to="list@elsewhere.example"), f"--recipient={JOHN_ALIAS}", "--sender", MARY)
    assert (ran.status, ran.out) == (0, "1 mail kept and queued\n")
    commands.work()
    shown = commands.ask("show", "conversation", "c1")
    assert [one["text"] for one in shown["events"] if one["kind"] == "message_added"] == ["Hello John"]


def test_several_recipients_are_one_mail(commands: Commands, pipe: Pipe) -> None:
    commands.load()
    assert pipe(mail(), f"--recipient={JOHN_ALIAS}", f"--recipient=<{MARY_ALIAS}>", "--json").status == 0
    commands.work()
    (row,) = commands.ask("why", "--recipient", MARY_ALIAS)
    assert row["record"] == commands.ask("why", "--recipient", JOHN_ALIAS)[0]["record"]


def test_the_same_mail_again_is_the_same_record(pipe: Pipe) -> None:
    assert len({pipe(mail(), f"--recipient={JOHN_ALIAS}", "--json").json[0]["record"] for _ in range(2)}) == 1


def test_without_recipients_the_header_fields_stand_in(commands: Commands, pipe: Pipe) -> None:
    commands.load()
    assert pipe(mail(to=JOHN_ALIAS)).status == 0
    commands.work()
    assert commands.ask("why", "--recipient", JOHN_ALIAS)


@pytest.mark.parametrize(
    ("octets", "arguments", "status", "told"),
    [
        (b"", [f"--recipient={JOHN_ALIAS}"], 65, "standard input: found nothing, expected a mail"),
        (b"x", ["--recipient=nobody"], 67, "--recipient: found no address"),
        (b"x", [f"--recipient={JOHN_ALIAS}", "--recipient="], 67, "--recipient: found no address"),
        (b"x", [f"--recipient={JOHN_ALIAS}\r\nBcc: eve@evil.example"], 67, "--recipient: found no address"),
        (b"x", [f"--recipient={JOHN_ALIAS}", "--config", "none.toml"], 75, "none.toml: no such file"),
        (b"x", ["more.eml"], 64, "- is one mail from standard input"),
    ],
)
def test_what_is_wrong_has_the_status_of_sysexits(
    octets: bytes, arguments: list[str], status: int, told: str, pipe: Pipe
) -> None:
    ran = pipe(octets, *arguments)
    assert (ran.status, told in ran.err, len(ran.err.splitlines())) == (status, True, 1)
    assert "evil" not in ran.err


def test_the_envelope_goes_with_standard_input_alone(commands: Commands) -> None:
    ran = commands.run("ingest", commands.file("a.eml", mail()), "--sender", MARY)
    assert (ran.status, "--recipient and --sender go with -" in ran.err) == (64, True)
    assert commands.run("ingest").status == 64


def test_a_directory_that_cannot_be_used_is_tried_again(commands: Commands, pipe: Pipe) -> None:
    commands.file("data", b"a file where the directory should be")
    assert pipe(mail(), f"--recipient={JOHN_ALIAS}").status == 75


@pytest.mark.parametrize("status", [status for status in Exit if status not in {Exit.OK, Exit.DATA, Exit.NO_USER}])
def test_whatever_is_ours_to_mend_is_75(status: Exit) -> None:
    assert piped_mail.or_again(Failed("x", status)).status == Exit.TRY_AGAIN
    assert piped_mail.or_again(ZeroDivisionError()).status == Exit.TRY_AGAIN


class Endless(io.RawIOBase):
    """So many octets, of which nobody holds more than asked for."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        return size


def test_a_mail_over_the_limit_is_read_to_its_end_and_kept_from_its_beginning() -> None:
    pipe = io.BufferedReader(Endless(1_000_000))
    found = piped_mail.read_piped(pipe, [JOHN_ALIAS], None, limit=100_000)
    assert (found.quarantine, len(found.raw), pipe.read()) == ("too_large", piped_mail.HEAD, b"")
    whole = piped_mail.read_piped(io.BytesIO(b"x" * 100_000), [], None, limit=100_000)
    assert (whole.quarantine, len(whole.raw)) == (None, 100_000)


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        (None, "None"),
        ("", "null"),
        ("<>", "null"),
        ("MAILER-DAEMON", "null"),
        ("mary@corp.example", "mary@corp.example"),
        ("<mary@corp.example>", "mary@corp.example"),
        ("no address", "None"),
        ("mary@corp.example\nBcc: x@y.example", "None"),
    ],
)
def test_a_sender_is_an_address_null_or_unknown(text: str | None, sender: str) -> None:
    found = piped_mail.read_piped(io.BytesIO(b"x"), [], text, limit=10).sender
    assert ("null" if found is NULL_RETURN_PATH else str(found)) == sender
