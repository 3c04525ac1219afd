"""The how-to about Postfix: its command lines parse, and its statuses are those of the code."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from cli.desk import JOHN_ALIAS, MARY, Commands, mail
from convalias.adapters.lmtp import Bounds
from convalias.cli.lmtp import command as lmtp
from docs.test_docs import PROJECT

PAGE = (PROJECT / "docs" / "how-to" / "behind-postfix.md").read_text(encoding="utf-8")
(PIPE,) = re.findall(r"^  argv=\S+ (ingest .*)$", PAGE, re.MULTILINE)
(LMTP,) = re.findall(r"^convalias lmtp (.*)$", PAGE, re.MULTILINE)


def test_the_pipe_of_the_page_takes_a_mail_with_several_recipients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each argument that holds ${recipient} comes once for each recipient, as pipe(8) says."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail())))
    words = [word.replace("${sender}", MARY) for word in shlex.split(PIPE)]
    place = words.index("--data")
    words[place : place + 2] = []
    both = [JOHN_ALIAS, "another@reply.example"]
    arguments = [
        one
        for word in words
        for one in ([word.replace("${recipient}", who) for who in both] if "${recipient}" in word else [word])
    ]
    ran = Commands(tmp_path, capsys).run(*arguments)
    assert (ran.status, ran.out) == (0, "1 mail kept and queued\n")


def test_the_line_that_starts_the_server_parses_and_names_the_socket_of_main_cf() -> None:
    with lmtp.make_context("lmtp", shlex.split(LMTP)) as context:
        assert f"lmtp:unix:{context.params['path']}" in PAGE


def test_the_bounds_of_the_page_are_those_of_the_code() -> None:
    assert f"{Bounds().sessions} sessions are open" in PAGE
    assert f"more than {Bounds().recipients:,} recipients" in PAGE
    sessions = next(one for one in lmtp.params if isinstance(one, click.Option) and one.name == "sessions")
    assert sessions.default == Bounds().sessions
