"""`convalias demo`: the story comes to its end, and says what happened."""

import json
from collections.abc import Sequence
from email import message_from_bytes
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from convalias.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[str]]:
    """Its folder, and the text of each act."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONVALIAS_DATA", "CONVALIAS_KEYS", "CONVALIAS_MAILGUN_SIGNING_KEY"):
            patch.delenv(name, raising=False)
        said: list[str] = []
        patch.setattr("click.echo", lambda text="", **_: said.append(str(text)))
        assert main(["demo", "--folder", str(folder), "--json"]) == 0
    story = json.loads("\n".join(said))
    assert story["folder"] == str(folder)
    return folder, ["\n".join([act["title"], *act["lines"]]) for act in story["steps"]]


def act(told: tuple[Path, Sequence[str]], title: str) -> str:
    (found,) = [text for text in told[1] if title in text.splitlines()[0]]
    return found


def test_each_of_the_seven_cases_comes_out_as_it_says(told: tuple[Path, Sequence[str]]) -> None:
    cases = act(told, "seven mails").split("\n- to ")[1:]
    relayed = [case.count("relayed ") for case in cases]
    handed = [case.count("handed ") for case in cases]
    assert len(cases) == 7
    assert relayed == [1, 2, 0, 0, 1, 2, 1]
    assert handed == [0, 0, 1, 2, 1, 0, 0]
    assert "skipped" in cases[5]


def test_a_mail_that_comes_again_adds_nothing(told: tuple[Path, Sequence[str]]) -> None:
    assert "before: 5; after: 5." in act(told, "arrives again")


def test_the_spoof_is_refused(told: tuple[Path, Sequence[str]]) -> None:
    assert "SPOOFED_SENDER, nobody is told" in act(told, "somebody else")


def test_the_crash_loses_and_doubles_nothing(told: tuple[Path, Sequence[str]]) -> None:
    assert "there are 20 new messages" in act(told, "kill -9")


def test_everybody_was_told_and_legacy_told_nobody(told: tuple[Path, Sequence[str]]) -> None:
    text = act(told, "Who was told")
    assert "27 messages, 33 notifications (33 sent), 33 mails" in text
    assert "for 27 of them, and notified for 0" in text
    assert "mary@corp.example" not in text


def test_the_last_message_leaves_by_smtp_and_is_read_at_the_server(told: tuple[Path, Sequence[str]]) -> None:
    text = act(told, "leaves by SMTP")
    assert "The server took 2 mails." in text
    assert "To: mary@corp.example" in text
    assert text.endswith("Then Thursday at ten it is. John")
    mails = [message_from_bytes(path.read_bytes()) for path in sorted((told[0] / "mailbox").iterdir())]
    assert {mail["To"] for mail in mails} == {"kim@corp.example", "mary@corp.example"}
    assert all("john@home.example" not in mail.as_string() for mail in mails)


def test_one_decision_is_left_as_a_picture(told: tuple[Path, Sequence[str]]) -> None:
    folder = told[0]
    assert ET.fromstring((folder / "decision.svg").read_text()).tag.endswith("svg")  # noqa: S314 - we wrote it
    assert "<svg" in (folder / "decision.html").read_text()
    assert (folder / "decision.mmd").read_text().startswith("flowchart")


def test_the_log_of_the_demo_holds_no_address(told: tuple[Path, Sequence[str]]) -> None:
    assert "@" not in (told[0] / "log.txt").read_text()


def test_people_are_told_as_it_happens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "1. A platform" in said
    assert str(tmp_path / "decision.html") in said
