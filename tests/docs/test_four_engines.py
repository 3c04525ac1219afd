"""The how-to "From one machine to four engines": its commands, in their order, against real servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.desk import JOHN_ALIAS, WORLD, Commands, mail
from engines.four import Four, fresh_name

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "from-one-machine-to-four-engines.md"
BLOCK = re.compile(r"^```(console|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CLOUD = Path(__file__).with_name("cloud.py")
NAMED = re.compile(r"convalias-(?:mail|jobs|events)")
"""Bucket, queue and topic of the page."""

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def script(engines: Four, folder: Path) -> str:
    """The page as one program: settings gather in the file, and behind each new one a mail goes its whole way."""
    lines = ["set -e"]
    numbers = iter(range(2, 99))
    name = fresh_name()
    urls = engines.urls(name)
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "toml":
            setting = text.partition(" ")[0]
            lines.append(f"echo '{setting} = \"{urls[setting]}\"' >> convalias.toml")
            pending = next(numbers)
        else:
            lines += [f"echo '$ {line}'; {line}" for line in NAMED.sub(name, text).splitlines()]
            if lines[-1].endswith("convalias doctor"):
                lines += checked(pending, folder)
    return "\n".join(lines)


def checked(number: int, folder: Path) -> list[str]:
    path = folder / f"mail-{number}.eml"
    path.write_bytes(mail(number, to=JOHN_ALIAS, text=f"Hello {number}"))
    work = [f"convalias worker {worker} --once" for worker in ("inbound", "feed", "outbound")]
    return [f"convalias ingest {path.name}", *work, f"echo after {number}; convalias show deliveries --json"]


@pytest.fixture
def environment(tmp_path: Path, four_engines: Four) -> dict[str, str]:
    """`aws` and `kafka-topics.sh` of the page do the same with other clients, on the servers that are there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("aws", "kafka-topics.sh"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CLOUD}" {name} "$@"\n')
        tool.chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONVALIAS_")}
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    servers = {"TEST_S3": four_engines.s3.url, "TEST_SQS": four_engines.sqs.url, "TEST_KAFKA": four_engines.kafka.url}
    return {**inherited, **four_engines.credentials, **servers, "PATH": path}


def test_the_page_moves_a_machine_to_four_engines_and_loses_nothing(
    tmp_path: Path, four_engines: Four, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "machine"
    folder.mkdir()
    one = Commands(folder, capsys)
    one.data = folder / "convalias-data"
    assert one.ask("load", one.file("world.json", json.dumps(WORLD)))
    one.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000")
    one.ask("ingest", one.file("first.eml", mail(1, text="Hello 1")))
    (folder / "convalias.toml").touch()
    done = subprocess.run(
        ["/bin/bash", "-c", script(four_engines, folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "copied" in done.stdout
    assert "store: made names, due" in done.stdout
    assert not re.search(r"\b(misconfigured|away)\b", done.stdout)
    final = subprocess.run(
        [sys.executable, "-m", "convalias.cli", "show", "conversation", "c1", "--json"],
        cwd=folder,
        env={**environment, "CONVALIAS_KEYS": (one.data / "keys").read_text()},
        capture_output=True,
        text=True,
        check=True,
    )
    said = [event["text"] for event in json.loads(final.stdout)["events"] if event["kind"] == "message_added"]
    assert said == [f"Hello {number}" for number in range(1, 6)]
    assert told(done.stdout) == [2, 3, 4, 5]


def told(out: str) -> list[int]:
    """After each step: how many notifications there were, each of another message."""
    counts: list[int] = []
    for text in re.split(r"^after \d+$", out, flags=re.MULTILINE)[1:]:
        rows = json.loads(text[: text.index("]") + 1]) if text.lstrip().startswith("[") else []
        assert len({(row["event_id"], row["recipient"]) for row in rows}) == len(rows)
        counts.append(len([row for row in rows if row["state"] == "sent"]))
    return counts
