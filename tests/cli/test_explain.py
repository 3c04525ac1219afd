"""`convalias explain` from outside: arguments, output, exit status."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from convalias.cli import main

MAIL = "From: John <john@home.example>\nTo: john-smith-1ab131e2@reply.example\nMessage-ID: <m@home.example>\nDate: Sun, 01 Mar 2026 11:59:00 +0000\nSubject: Grüße\n\nYes.\n"
WORLD: dict[str, Any] = {
    "now": "2026-03-01T12:00:00Z",
    "alias_domains": ["reply.example"],
    "conversations": [{"id": "c1", "participants": [{"account": "a1"}]}],
    "aliases": [{"address": "john-smith-1ab131e2@reply.example", "conversation": "c1", "participant": "a1"}],
    "accounts": [{"id": "a1", "addresses": ["john@home.example"]}],
    "envelope": {"recipients": ["john-smith-1ab131e2@reply.example"]},
    "authentication": {"dmarc": "pass"},
}
AWAY = {**WORLD, "unavailable": ["identity"]}
WRONG = {**WORLD, "spam": "no"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mail.eml").write_bytes(MAIL.encode())
    for name, world in {"world": WORLD, "away": AWAY, "wrong": WRONG}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(world))
    return tmp_path


def line(**case: Any) -> bytes:
    return json.dumps(case).encode() + b"\n"


def batch(here: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    (here / "batch.jsonl").write_bytes(content)
    assert main(["explain", "--batch", "batch.jsonl", "--json"]) == 0
    return [json.loads(one) for one in capsys.readouterr().out.splitlines()]


def outcomes(plan: dict[str, Any]) -> list[str]:
    return [verdict["outcome"] for verdict in plan["verdicts"]]


def test_a_mail_in_a_world_is_a_plan_in_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "mail.eml", "--world", "world.json", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert outcomes(plan) == ["relay"]
    assert plan["message_id"] == "<m@home.example>"


FILES = (
    "From: John <john@home.example>\nSubject: Re: job\nContent-Type: multipart/mixed; boundary=b\n\n"
    "--b\nContent-Type: text/plain\n\nYes.\n\nOn 1 March 2026 Jo <john-smith-1ab131e2@reply.example> wrote:\n> Coming?\n"
    "--b\nContent-Type: image/png; name=a.png\nContent-ID: <1@x>\n\nPNG\n"
    "--b\nContent-Type: application/pdf; name=b.pdf\nContent-Disposition: attachment\nContent-ID: <2@x>\n\nPDF\n"
    "--b\nContent-Type: image/gif; name=c.gif\nContent-Disposition: inline\n\nGIF\n--b--\n"
)
CONTENT = {
    "subject": "Re: job",
    "text": "Yes.",
    "full_text": "Yes.\n\nOn 1 March 2026 Jo <john-smith-1ab131e2@reply.example> wrote:\n> Coming?",
    "empty": False,
    "attachments": [
        {"name": "a.png", "type": "image/png", "size": 3, "inline": True},
        {"name": "b.pdf", "type": "application/pdf", "size": 3, "inline": False},
        {"name": "c.gif", "type": "image/gif", "size": 3, "inline": True},
    ],
}


def test_the_content_of_a_mail_is_added_where_it_is_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "files.eml").write_text(FILES)
    assert main(["explain", "files.eml", "--world", "world.json", "--json", "--content"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["content"] == CONTENT
    assert main(["explain", "--schema", "plan"]) == 0
    Draft202012Validator(json.loads(capsys.readouterr().out)).validate(plan)
    assert main(["explain", "files.eml", "--world", "world.json", "--json"]) == 0
    assert "content" not in json.loads(capsys.readouterr().out)


def test_people_read_the_content_as_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "files.eml").write_text(FILES)
    (here / "long.eml").write_text("From: " + "a" * 200_000 + "\n\nx")
    assert main(["explain", "files.eml", "--world", "world.json", "--content"]) == 0
    assert "attachment: b.pdf (application/pdf, 3 octets)\n" in (shown := capsys.readouterr().out)
    assert "text:\n  Yes." in shown
    assert main(["explain", "long.eml", "--world", "world.json", "--content"]) == 0
    assert "text:" not in capsys.readouterr().out


def test_a_batch_adds_the_content_of_each_mail(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    over = "From: " + "a" * 200_000 + "\n\nx"
    lines = line(mail=FILES, world=WORLD) + b"no case\n" + line(mail=over, world=WORLD)
    (here / "batch.jsonl").write_bytes(lines)
    assert main(["explain", "--batch", "batch.jsonl", "--json", "--content"]) == 0
    one, wrong, long = [json.loads(answer) for answer in capsys.readouterr().out.splitlines()]
    assert one["content"] == CONTENT
    assert list(wrong) == ["error"]
    assert long["content"] is None


def test_people_read_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "mail.eml", "--world", "world.json"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("mail: human, <m@home.example>\n")
    assert "relay to c1 as a1 (registered, verified)" in out


def test_a_mail_over_a_limit_says_which(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mail.eml").write_bytes(b"X: y\n" * 1001 + MAIL.encode())
    assert main(["explain", "mail.eml", "--world", "world.json"]) == 0
    assert capsys.readouterr().out.startswith("mail: over the limit of headers (")


def test_the_decision_is_drawn_for_mermaid_and_as_svg(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "mail.eml", "--world", "world.json", "--mermaid", "--svg", "why.svg"]) == 0
    assert capsys.readouterr().out.startswith("flowchart")
    drawn = ET.fromstring((here / "why.svg").read_text())  # noqa: S314 - our own file
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "john-smith-1ab131e2@reply.example" in texts
    assert "RELAY" in texts


def test_try_again_is_drawn_too(here: Path) -> None:
    assert main(["explain", "mail.eml", "--world", "away.json", "--svg", "why.svg"]) == 75
    assert "TRY AGAIN" in (here / "why.svg").read_text()


def test_a_picture_of_no_recipient_says_so(here: Path) -> None:
    (here / "mail.eml").write_bytes(b"From: a@b.example\n\n")
    (here / "world.json").write_text(json.dumps({**WORLD, "envelope": {}}))
    assert main(["explain", "mail.eml", "--world", "world.json", "--svg", "why.svg"]) == 0
    assert "no recipient" in (here / "why.svg").read_text()


def test_try_again_is_75(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "mail.eml", "--world", "away.json", "--json"]) == 75
    assert json.loads(capsys.readouterr().out)["retry"] is True


def test_a_world_that_cannot_be_is_65_and_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "mail.eml", "--world", "wrong.json"]) == 65
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == 'convalias: wrong.json: spam: "no", expected true or false\n'


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "\xff"])
def test_a_world_that_is_no_json_is_65(here: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (here / "world.json").write_bytes(content.encode("latin-1"))
    assert main(["explain", "mail.eml", "--world", "world.json"]) == 65
    assert capsys.readouterr().err.startswith("convalias: world.json: no JSON")


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "nowhere.eml", "--world", "world.json"],
        ["explain", "mail.eml", "--world", "nowhere.json"],
        ["explain", ".", "--world", "world.json"],
        ["explain", "--batch", "nowhere.jsonl"],
        ["explain", "--batch", "."],
        ["explain", "mail.eml", "--world", "world.json", "--svg", "nowhere/why.svg"],
    ],
)
def test_a_missing_file_is_66(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 66
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explain"],
        ["explain", "mail.eml"],
        ["explain", "--world", "world.json"],
        ["explain", "--batch", "-", "--world", "world.json"],
        ["explain", "mail.eml", "--batch", "-"],
        ["explain", "--schema", "verdict"],
        ["explain", "--nonsense"],
        ["nonsense"],
    ],
)
def test_a_command_line_that_cannot_be_is_64(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 64
    assert capsys.readouterr().err


@pytest.mark.parametrize("name", ["world", "plan"])
def test_schemas_are_printed(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["explain", "--schema", name]) == 0
    Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_a_batch_answers_line_by_line_in_order(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coded = base64.b64encode(MAIL.encode()).decode()
    plans = batch(
        here,
        line(mail=MAIL, world=WORLD)
        + line(mail_base64=coded, world=AWAY)
        + line(mail=MAIL, world={**WORLD, "spam": True}),
        capsys,
    )
    assert [plan["retry"] for plan in plans] == [False, True, False]
    assert plans[2]["verdicts"][0]["flags"] == ["spam"]


def test_text_and_base64_are_the_same_mail(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coded = base64.b64encode(MAIL.encode()).decode()
    one, other = batch(here, line(mail=MAIL, world=WORLD) + line(mail_base64=coded, world=WORLD), capsys)
    assert one == other


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{\n", "no JSON"),
        (b"\xff\n", "no JSON"),
        (b"[" * 100_000 + b"\n", "no JSON"),
        (b"[]\n", "$: [], expected an object"),
        (line(world=WORLD), "mail: missing, expected either mail or mail_base64"),
        (line(mail=MAIL, mail_base64="", world=WORLD), "mail: mail and mail_base64, expected either"),
        (line(mail=7, world=WORLD), "mail: 7, expected text"),
        (line(mail_base64=[], world=WORLD), "mail_base64: [], expected text"),
        (line(mail_base64="?", world=WORLD), "mail_base64: something else, expected base64"),
        (line(mail="\ud800", world=WORLD), "mail: a lone surrogate, expected text in UTF-8"),
        (line(mail=MAIL), "world: missing, expected a world"),
        (line(mail=MAIL, world=[]), "world: [], expected a world"),
        (line(mail=MAIL, world=WRONG), 'spam: "no", expected true or false'),
        (line(mail=MAIL, world={}), "now: missing"),
    ],
)
def test_a_line_that_cannot_be_is_an_error_and_the_rest_go_on(
    here: Path, capsys: pytest.CaptureFixture[str], content: bytes, error: str
) -> None:
    wrong, right = batch(here, content + line(mail=MAIL, world=WORLD), capsys)
    assert list(wrong) == ["error"]
    assert error in wrong["error"]
    assert outcomes(right) == ["relay"]


def test_blank_lines_count_but_for_the_last_ones(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = line(mail=MAIL, world=WORLD)
    plans = batch(here, good + b"\n" + good + b"\n \n", capsys)
    assert ["error" in plan for plan in plans] == [False, True, False]


def test_an_empty_batch_answers_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch(here, b"", capsys) == []


def test_a_last_line_without_its_end_and_a_byte_order_mark_are_read(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(batch(here, b"\xef\xbb\xbf" + line(mail=MAIL, world=WORLD).strip(), capsys)) == 1


def test_a_batch_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line(mail=MAIL, world=WORLD))))
    assert main(["explain", "--batch", "-"]) == 0
    assert outcomes(json.loads(capsys.readouterr().out)) == ["relay"]


def test_a_mail_comes_from_standard_input(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MAIL.encode())))
    assert main(["explain", "-", "--world", "world.json", "--json"]) == 0
    assert outcomes(json.loads(capsys.readouterr().out)) == ["relay"]


def test_addresses_of_any_script_are_shown_on_any_terminal(here: Path) -> None:
    world = {**WORLD, "envelope": {"recipients": ["jörg.山@else.example"]}}
    (here / "world.json").write_text(json.dumps(world))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from convalias.cli import main; raise SystemExit(main())",
            "explain",
            "mail.eml",
            "--world",
            "world.json",
        ],
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0, done.stderr
    assert "jörg.\\u5c71@else.example".encode("latin-1") in done.stdout


def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    (here / "batch.jsonl").write_bytes(line(mail=MAIL, world=WORLD) * 300)
    program = "from convalias.cli import main; raise SystemExit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", program, "explain", "--batch", "batch.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
