"""Each line of the mail servers is run as they run it, with a mail on standard input."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import TypeAlias

import pytest

from convalias import Participant
from convalias.blocking import Convalias

HERE = Path(__file__).parent
PROGRAM = "/opt/convalias/bin/convalias"
MAIL = (HERE / "mail.eml").read_bytes()
SENDER = "bob@corp.example"
POSTCONF = shutil.which("postconf", path=f"{os.environ['PATH']}:/usr/sbin")
Server: TypeAlias = Callable[[str, list[str]], list[str]]


def line(file: str, pattern: str) -> str:
    (found,) = re.findall(pattern, (HERE / file).read_text(), re.MULTILINE)
    return str(found)


def by_postfix(sender: str, recipients: list[str]) -> list[str]:
    """As pipe(8): no shell, and an argument that names the recipient comes once for each of them."""
    return expanded(line("master.cf", r"^  argv=(.*)$"), "${sender}", "${recipient}", sender, recipients)


def by_exim(sender: str, recipients: list[str]) -> list[str]:
    """As the pipe transport: no shell, and $pipe_addresses is every address of the batch."""
    command = line("exim.conf", r"^  command = (.*)$")
    assert "$pipe_addresses" in command
    return expanded(command, "$sender_address", "$pipe_addresses", sender, recipients)


def expanded(command: str, sender_name: str, recipient_name: str, sender: str, recipients: list[str]) -> list[str]:
    words = [word.replace(sender_name, sender) for word in command.split()]
    return [
        one
        for word in words
        for one in ([word.replace(recipient_name, who) for who in recipients] if recipient_name in word else [word])
    ]


def by_maildrop(sender: str, recipients: list[str]) -> list[str]:
    """Through a shell. What is not escaped maildrop itself has put into the line before."""
    (recipient,) = recipients
    values = {"SENDER": sender, "RECIPIENT": recipient}
    quoted = line("mailfilter", r'^to "\| (.*)"$')
    put_in = re.sub(r"(?<!\\)\$(\w+)", lambda found: values[found[1]], quoted)
    return in_shell(re.sub(r"\\(.)", r"\1", put_in), values)


def by_procmail(sender: str, recipients: list[str]) -> list[str]:
    """Through a shell, to which procmail leaves the variables."""
    (recipient,) = recipients
    return in_shell(line("procmailrc", r"^\| (.*)$"), {"SENDER": sender, "RECIPIENT": recipient})


def in_shell(command: str, values: dict[str, str]) -> list[str]:
    return ["env", *(f"{name}={value}" for name, value in values.items()), "sh", "-c", command]


SERVERS: list[Server] = [by_postfix, by_exim, by_maildrop, by_procmail]


def started(words: list[str]) -> list[str]:
    """The arguments with which the program starts: a shell that prints each on a line takes its place."""
    if words[0] == PROGRAM:
        return words[1:]
    shown = [word.replace(PROGRAM, "printf '%s\n'") for word in words]
    return subprocess.run(shown, capture_output=True, check=True, text=True).stdout.splitlines()


def status(words: list[str], data: Path, mail: bytes = MAIL) -> int:
    here = [word.replace("/var/lib/convalias", str(data)) for word in started(words)]
    command = [sys.executable, "-m", "convalias", *here]
    return subprocess.run(command, capture_output=True, check=False, cwd=HERE, input=mail).returncode


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipe") / "data"


@pytest.mark.parametrize("sender", [SENDER, '"$(touch made) `touch made`; touch made"@corp.example', "--help", ""])
@pytest.mark.parametrize("server", SERVERS)
def test_each_mail_server_hands_over_the_envelope_as_it_is(server: Server, sender: str) -> None:
    """Whatever is in it: no shell reads it, and no option parser."""
    arguments = started(server(sender, ["ann@reply.example"]))
    envelope = [f"--sender={sender}", "--recipient=ann@reply.example"]
    assert arguments == ["ingest", "--data", "/var/lib/convalias", *envelope, "-"]
    assert not (HERE / "made").exists()


def test_a_mail_with_several_recipients_reaches_its_conversation(data: Path) -> None:
    people = [Participant.of("ann", addresses=["ann@home.example"]), Participant.of("bob", addresses=[SENDER])]
    with Convalias.from_toml(HERE / "convalias.toml", data=data) as cv:
        alias = str(cv.open_conversation("c1", use_case="hiring", participants=people)[people[0].account])
        assert status(by_postfix(SENDER, [alias, "nobody@reply.example"]), data) == 0
        cv.run_until_idle()
    (mail,) = (message_from_bytes(one.read_bytes(), policy=policy.default) for one in data.glob("outbox/*.eml"))
    assert mail["To"] == "ann@home.example"
    assert "Hello Ann!" in str(mail)


def test_the_statuses_say_what_the_mail_server_is_to_do(data: Path) -> None:
    good = by_postfix(SENDER, ["one@reply.example"])
    assert status(good, data, b"") == 65  # no mail: it goes back to its sender
    assert status(by_postfix(SENDER, ["no address"]), data) == 67  # likewise
    file = data.parent / "file"
    file.write_text("no folder")
    assert status(good, file) == 75  # the server keeps it, and tries again


@pytest.mark.skipif(POSTCONF is None, reason="postconf is not installed: the package postfix")
def test_postfix_reads_the_line(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nvirtual_transport = convalias\n")
    shutil.copy(HERE / "master.cf", tmp_path)
    command = [str(POSTCONF), "-c", str(tmp_path), "-Mf", "convalias/unix"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "argv=/opt/convalias/bin/convalias" in done.stdout
    assert done.stderr == ""
