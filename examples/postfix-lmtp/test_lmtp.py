"""The command of the page, spoken to as Postfix speaks; and the snippets, read by Postfix where it is installed."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from convalias import Participant
from convalias.blocking import Convalias

HERE = Path(__file__).parent
PATH = f"{os.environ['PATH']}:/usr/sbin"
POSTCONF, SOURCE = shutil.which("postconf", path=PATH), shutil.which("smtp-source", path=PATH)
NO_POSTFIX = "{} is not installed: the package postfix"
BOB = "bob@corp.example"
(COMMAND,) = re.findall(r"^convalias (lmtp --socket .*)$", (HERE / "README.md").read_text(), re.MULTILINE)
(TRANSPORT,) = re.findall(r"^virtual_transport = (.*)$", (HERE / "main.cf").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # a short path: a socket's has about a hundred octets
        yield Path(folder)


@pytest.fixture(scope="module")
def cv(data: Path) -> Iterator[Convalias]:
    with Convalias.from_toml(HERE / "convalias.toml", data=data / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def place(data: Path, cv: Convalias) -> Iterator[Path]:
    """The socket at which the command of the page listens."""
    cv.refresh()
    words = COMMAND.split()
    assert f"convalias:unix:{words[2]}" == TRANSPORT
    command = [sys.executable, "-m", "convalias", *words[:2], str(data / "lmtp"), "--data", str(data / "data")]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"listening on lmtp {data / 'lmtp'}\n"
            yield data / "lmtp"
        finally:
            process.terminate()
        assert process.wait(30) == 0


class Session:
    """Lines of LMTP over a socket, several commands in one packet as Postfix sends them."""

    def __init__(self, place: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(place))
        self.answers = self.socket.makefile("rb")

    def say(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self) -> str:
        """One answer, its last line."""
        while (line := self.answers.readline().decode())[3:4] == "-":
            pass
        return line.strip()

    def capabilities(self) -> set[str]:
        found: set[str] = set()
        while (line := self.answers.readline().decode()).startswith("250"):
            found.add(line[4:].split()[0])
            if line[3] == " ":
                break
        return found

    def close(self) -> None:
        self.say("QUIT")
        assert self.hear().startswith("221")
        self.answers.close()
        self.socket.close()


@pytest.fixture
def session(place: Path) -> Iterator[Session]:
    opened = Session(place)
    assert opened.hear().startswith("220")
    opened.say("LHLO mx.example")
    assert {"PIPELINING", "SIZE", "8BITMIME"} <= opened.capabilities()
    yield opened
    opened.close()


def opened(cv: Convalias, conversation: str) -> str:
    people = [Participant.of("ann", addresses=["ann@home.example"]), Participant.of("bob", addresses=[BOB])]
    return str(cv.open_conversation(conversation, use_case="hiring", participants=people)[people[0].account])


def sent(data: Path) -> list[str]:
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in data.glob("data/outbox/*.eml")]
    return [str(mail.get_content()) for part in mails for mail in [part.get_body(("plain",))] if mail is not None]


def test_a_mail_with_two_recipients_has_an_answer_for_each(session: Session, cv: Convalias, data: Path) -> None:
    alias = opened(cv, "c1")
    mail = [f"From: {BOB}", f"To: {alias}", "Message-ID: <1@corp.example>", "", "..Hello Ann!", "Grüße"]
    size = sum(len(line.encode()) + 2 for line in mail)
    recipients = [alias, "nobody@reply.example"]
    asked = [f"MAIL FROM:<{BOB}> SIZE={size} BODY=8BITMIME", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"]
    session.say(*asked)
    assert [session.hear()[:3] for _ in asked] == ["250", "250", "250", "354"]
    session.say(*mail, ".")
    assert [session.hear()[:3] for _ in recipients] == ["250", "250"]
    cv.run_until_idle()
    (text,) = sent(data)
    assert text.splitlines()[:2] == [".Hello Ann!", "Grüße"]


def test_a_session_serves_a_bounce_and_a_mail_over_the_limit_and_goes_on(session: Session) -> None:
    session.say("MAIL FROM:<> SIZE=99", "RCPT TO:<nobody@reply.example>", "DATA")
    assert [session.hear()[:3] for _ in range(3)] == ["250", "250", "354"]
    session.say("From: <mailer@corp.example>", "", "Undelivered", ".")
    assert session.hear()[:3] == "250"
    session.say(f"MAIL FROM:<{BOB}> SIZE=25000001")
    assert session.hear()[:3] == "552"
    session.say("RSET")
    assert session.hear()[:3] == "250"


@pytest.mark.skipif(SOURCE is None, reason=NO_POSTFIX.format("smtp-source"))
def test_the_test_client_of_postfix_hands_over_many_mails_at_once(place: Path, cv: Convalias) -> None:
    before = cv.operations.waiting()
    many = ["-L", "-m", "40", "-s", "8", "-r", "3", "-f", BOB, "-t", "nobody@reply.example"]
    subprocess.run([str(SOURCE), *many, f"unix:{place}"], check=True, timeout=60)
    assert cv.operations.waiting() == before + 40


def postconf(folder: Path, *arguments: str) -> str:
    """Postfix's reading of the snippets; a parameter or service that it does not know would be told."""
    (folder / "main.cf").write_text("compatibility_level = 3.6\n" + (HERE / "main.cf").read_text())
    shutil.copy(HERE / "master.cf", folder)
    command = [str(POSTCONF), "-c", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(POSTCONF is None, reason=NO_POSTFIX.format("postconf"))
def test_postfix_reads_the_snippets(tmp_path: Path) -> None:
    own = [line for line in (HERE / "main.cf").read_text().splitlines() if not line.startswith("#")]
    assert set(own) <= set(postconf(tmp_path, "-n").splitlines())
    assert postconf(tmp_path, "-M").split() == ["convalias", "unix", "-", "-", "n", "-", "-", "lmtp"]


@pytest.mark.skipif(POSTCONF is None, reason=NO_POSTFIX.format("postmap"))
def test_the_transport_map_leads_to_the_same_place() -> None:
    postmap = str(Path(str(POSTCONF)).with_name("postmap"))
    command = [postmap, "-q", "reply.example", f"texthash:{HERE / 'transport'}"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.strip() == TRANSPORT
