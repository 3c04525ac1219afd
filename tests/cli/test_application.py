"""`--app MODULE:NAME`: commands open the façade of the host's own program, with its adapters and functions."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

from cli.desk import Ran
from cli.host_program import SETTINGS, SOURCE
from convalias.cli import main

NAMED: Final = "shop.mail:cv"
TESTS: Final = Path(__file__).parents[1]
RUN: Final = """
import contextlib, io, json, sys
from convalias.cli import main
done = []
for line in json.loads(sys.argv[1]):
    if isinstance(line, str):  # what the application itself does meanwhile
        exec(line, {})
        continue
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(line)
    done.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(done))
"""


@frozen
class Shop:
    """A folder with a host's program in it, and processes that work there."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONVALIAS_")}
        return {**kept, "PYTHONPATH": str(TESTS)}

    def run(self, *lines: Sequence[str] | str, app: str | None = NAMED) -> list[Ran]:
        """Commands in one process of their own; a text is Python that the application runs between them."""
        given = {"CONVALIAS_APP": app} if app is not None else {}
        done = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(lines)],
            cwd=self.folder,
            env=self.environment | given,
            capture_output=True,
            text=True,
            check=True,
        )
        return [Ran(*one) for one in json.loads(done.stdout)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mail.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "convalias.toml").write_text(SETTINGS, encoding="utf-8")
    return Shop(tmp_path)


SAID: Final = """
from shop.mail import database, said
database.execute("insert into threads default values")
database.executemany("insert into members values (1, ?)", [("ann",), ("bob",)])
said(database, "1", "ann", "Are you there?")
"""


ANSWERED: Final = """
import email
from pathlib import Path
(notification,) = Path("kept/outbox").glob("*.eml")
alias = email.message_from_bytes(notification.read_bytes())["From"].partition("<")[2].strip(">")
head = f"From: bob@home.example\\nTo: {alias}\\nMessage-ID: <1@home.example>\\nDate: Mon, 30 Nov 2026 12:00:00 +0000"
Path("answer.eml").write_text(head + "\\n\\nYes\\n")
"""


def test_commands_work_on_the_conversations_accounts_and_functions_of_a_program(shop: Shop) -> None:
    *before, why, replayed, examined = shop.run(
        ["rollout", "set", "chat", "--stage", "native", "--basis-points", "10000"],
        ["worker", "feed", "--once"],
        SAID,  # what was said before that start is nobody's news
        ["worker", "feed", "--once"],
        ["worker", "outbound", "--once"],
        ANSWERED,
        ["ingest", "answer.eml", "--json"],
        ["worker", "inbound", "--once", "--json"],
        ["worker", "feed", "--once"],
        ["worker", "handlers", "--once"],
        ["why", "--message-id", "<1@home.example>"],
        ["replay", "--all", "--json"],
        ["doctor", "--json"],
    )
    assert {one.status for one in (*before, why, replayed, examined)} == {0}
    lines = (shop.folder / "index.txt").read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["Are", "Yes"]
    assert all(line.endswith("@reply.example") for line in lines)
    assert "relayed" in why.out
    assert (replayed.json["looked_at"], replayed.json["final"]) == (1, 1)
    (program,) = [one for one in examined.json if one["check"] == "program of the host"]
    assert (program["health"], program["found"]) == ("good", NAMED)


def test_without_its_program_a_worker_refuses_and_says_how_it_is_named(shop: Shop) -> None:
    shop.run(["worker", "feed", "--once"])
    refused, no_handlers = shop.run(["worker", "inbound", "--once"], ["worker", "handlers", "--once"], app=None)
    assert (refused.status, "convalias --app MODULE:NAME" in refused.err) == (78, True)
    assert (no_handlers.status, "name it: --app MODULE:NAME" in no_handlers.err) == (64, True)


@pytest.mark.parametrize("command", ["serve", "lmtp"])
def test_what_serves_takes_mail_in_by_the_settings_of_a_program(command: str, shop: Shop) -> None:
    key = {"CONVALIAS_MAILGUN_SIGNING_KEY": "k" * 32}
    program = [sys.executable, "-m", "convalias.cli", command, "--app", NAMED, "--port", "0"]
    with subprocess.Popen(
        program, cwd=shop.folder, env=shop.environment | key, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            at = process.stdout.readline().rpartition("//" if command == "serve" else " ")[2].strip()
            if command == "serve":
                with urllib.request.urlopen(f"http://{at}/readyz", timeout=10) as answer:
                    assert json.load(answer)["ready"] is True
            else:
                host, _, port = at.partition(":")
                with smtplib.LMTP(host, int(port)) as client:
                    client.sendmail("bob@home.example", ["no-one-0f3a52c7@reply.example"], b"From: b@c.example\r\n\r\n")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (shop.folder / "kept" / "store.db").exists()


def test_a_function_an_attribute_and_a_program_without_await_are_opened_too(shop: Shop) -> None:
    names = ("made", "site.mail", "without_await")
    found = shop.run(*(["worker", "inbound", "--once", "--app", f"shop.mail:{name}"] for name in names), app=None)
    assert [one.status for one in found] == [0, 0, 0], found


@pytest.fixture
def here(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """That folder as the one where commands of this process run."""
    monkeypatch.chdir(shop.folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("CONVALIAS_DATA", raising=False)
    for name in [one for one in sys.modules if one.partition(".")[0] == "shop"]:
        monkeypatch.delitem(sys.modules, name)
    return shop


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("shop", "found 'shop', expected MODULE:NAME, such as myapp.mail:cv"),
        ("shopp.mail:cv", "there is no module shopp, expected one in "),
        ("shop.male:cv", "there is no module shop.male, expected one in "),
        ("shop.mail:vc", "shop.mail has no vc, expected a Convalias made by from_toml"),
        ("shop.mail:number", "shop.mail:number is a int, expected a Convalias made by from_toml"),
        ("shop.mail:Site", "shop.mail:Site is the class Site, expected "),
        ("shop.mail:wrong", "shop.mail:wrong is a int, expected "),
        ("shop.mail:waits", "shop.mail:waits is a coroutine, expected "),
        ("shop.mail:in_memory", "shop.mail:in_memory is a Convalias without settings, expected "),
        ("shop.mail:fails", "shop.mail:fails fails: KeyError at shop/mail.py:"),
        ("shop.broken:cv", "shop.broken cannot be imported: ZeroDivisionError at shop/broken.py:1 in <module>"),
        ("shop.lacking:cv", "shop.lacking needs nowhere_to_be_found, which is not installed here"),
        ("shop.mistaken:cv", "conversation: found no port of this name, expected conversations"),
    ],
)
def test_a_program_that_cannot_be_opened_is_one_line(
    named: str, told: str, here: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    mistaken = "from convalias import Convalias\ncv = Convalias.from_toml(conversation=1)"
    others = {"broken": "cv = 1 / 0", "lacking": "import nowhere_to_be_found", "mistaken": mistaken}
    for name, source in others.items():
        (here.folder / "shop" / f"{name}.py").write_text(source, encoding="utf-8")
    status = main(["show", "jobs", "--app", named])
    (line,) = capsys.readouterr().err.splitlines()
    assert (status, told in line, "home.example" in line) == (78, True, False), line


def test_settings_beside_a_program_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--data", "--config"):
        assert main(["show", "jobs", "--app", NAMED, option, "x"]) == 64
        assert f"{option} beside --app" in capsys.readouterr().err


def test_doctor_says_what_is_wrong_with_a_program(here: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--app", "shop.mail:vc"]) == 78
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["check"], finding["health"]) == ("setting --app", "misconfigured")


def test_keys_are_made_before_a_program_can_be_opened(
    here: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVALIAS_APP", "shop.nowhere:cv")
    for given in (["--data", "elsewhere"], ["--config", "convalias.toml"]):
        assert main(["keys", "new", "--json", *given]) == 0
        assert json.loads(capsys.readouterr().out)["newest"] == 0


@pytest.mark.parametrize("command", [["migrate"], ["migrate", "--take-over"], ["keys", "new"]])
def test_beside_a_program_commands_that_go_by_settings_alone_want_to_know_which(
    here: Shop, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(here.folder.rglob("*"))
    monkeypatch.setenv("CONVALIAS_DATA", str(here.folder / "elsewhere"))
    monkeypatch.setenv("CONVALIAS_APP", NAMED)
    assert main(command) == 64
    error = capsys.readouterr().err
    assert error.startswith(f"convalias: CONVALIAS_APP={NAMED} names a program, and convalias {command[0]} ")
    assert error.count("\n") == 1
    assert sorted(here.folder.rglob("*")) == before
    monkeypatch.setenv("CONVALIAS_APP", "")
    assert main(["migrate", "--json"]) == 0
