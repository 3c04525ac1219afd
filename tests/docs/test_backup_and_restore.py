"""The how-to "Back up and restore": traffic, a backup, more traffic, a loss, and the page's own commands."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, Final

import pytest

from cli.desk import WORLD, Commands, mail
from docs.howto import HOW_TO, Step, steps

PAGE: Final = list(steps(HOW_TO / "backup-and-restore.md"))
SINCE: Final = "2026-02-28T12:00:00Z"
UNTIL: Final = "2026-03-01T12:01:00Z"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the page copies with the sqlite3 program"),
]


def step(title: str) -> Step:
    (found,) = [one for one in PAGE if one.title == title]
    return found


class Place:
    """A folder with a data directory, in which people write and the page's commands run."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.one = Commands(folder, capsys)
        self.one.data = folder / "convalias-data"
        world: dict[str, Any] = copy.deepcopy(WORLD)
        world["aliases"] = []
        self.one.ask("load", self.one.file("world.json", json.dumps(world)))
        self.one.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000")
        self.alias = self.one.ask("alias", "mint", "c1", "--as", "john")["address"]

    def page(self, title: str, **times: str) -> str:
        """Run that block of the page; what it prints."""
        script = "\n".join(["set -e", *step(title).commands])
        for written, meant in ((SINCE, times.get("since", "")), (UNTIL, times.get("until", ""))):
            script = script.replace(written, meant)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONVALIAS_")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.folder,
            env={**inherited, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def mails(self, *numbers: int) -> None:
        """Mary writes, and it is kept; nobody has worked on it."""
        for number in numbers:
            path = self.one.file(f"{number}.eml", mail(number, to=self.alias, text=f"Hello {number}"))
            self.one.ask("ingest", path)

    def chat(self, text: str) -> None:
        self.one.ask("send", "c1", "--as", "mary", "--key", text, text)

    def said(self) -> Sequence[str]:
        return [message["text"] for message in self.one.messages()]

    def told(self) -> Counter[str]:
        """How often John was told of each text, in whatever event it was."""
        texts = re.compile(r"(?:Hello|Chat) \d+")
        raws = [path.read_bytes() for path in (self.one.data / "outbox").glob("*.eml")]
        bodies = [message_from_bytes(raw) for raw in raws]
        parts = [part for body in bodies for part in body.walk() if part.get_content_type() == "text/plain"]
        found = [texts.search(bytes(part.get_payload(decode=True)).decode()) for part in parts]
        return Counter(one[0] for one in found if one is not None)

    def replayed(self) -> Any:
        """As the page does, from a day before the backup to a minute behind the loss, which is now."""
        backup = datetime.fromisoformat((self.folder / "backup" / "time").read_text().strip())
        since, until = backup - timedelta(days=1), datetime.now(UTC)
        out = self.page("replay what came since", since=f"{since:%FT%TZ}", until=f"{until:%FT%T.%fZ}")
        dry, run = out.split("dry_run: yes\n")
        assert dry == run.removesuffix("dry_run: no\n")
        return {name: int(value) for name, value in (line.split(": ") for line in dry.splitlines())}


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    for name in ("CONVALIAS_DATA", "CONVALIAS_KEYS", "CONVALIAS_STORE"):
        monkeypatch.delenv(name, raising=False)
    return Place(tmp_path, capsys)


def test_restored_records_and_a_replay_tell_nobody_twice_and_lose_no_mail(place: Place) -> None:
    place.mails(1, 2)
    place.one.work()
    place.chat("Chat 1")
    place.one.work()
    place.mails(3)  # in the queue when the backup is made
    assert "ok" in place.page("back up one machine")
    place.one.work()
    place.mails(4, 5)
    place.chat("Chat 2")
    place.one.work()
    before = place.told()
    assert before == {"Hello 1": 1, "Hello 2": 1, "Chat 1": 1, "Hello 3": 1, "Hello 4": 1, "Hello 5": 1, "Chat 2": 1}
    place.page("put the records back")
    assert place.said() == ["Hello 1", "Hello 2", "Chat 1"]
    done = place.replayed()
    assert (done["events"], done["final"], done["waiting"], done["failed"]) == (3, 2, 0, 0)
    assert place.replayed()["events"] == 0
    place.mails(6)  # after the loss
    checked = place.page("check")
    assert place.said() == ["Hello 1", "Hello 2", "Chat 1", "Hello 3", "Hello 4", "Hello 5", "Hello 6"]
    assert place.told() == {**before, "Hello 6": 1}
    assert "restored" in checked
    assert re.search(r"aliases by key +good", checked)
    assert not re.search(r"\b(misconfigured|away)\b", checked)
    assert place.one.ask("dead", "list") == []


def test_everything_restored_has_the_mail_that_came_between_both_copies(place: Place) -> None:
    place.mails(1, 2)
    place.one.work()
    place.page("back up one machine")
    place.mails(3)
    place.one.work()
    shutil.copytree(place.one.data / "blobs", place.folder / "backup" / "blobs", dirs_exist_ok=True)  # the slow copy
    place.mails(4)
    place.chat("Chat 1")
    place.one.work()
    before = place.told()
    assert before == {"Hello 1": 1, "Hello 2": 1, "Hello 3": 1, "Hello 4": 1, "Chat 1": 1}
    (place.one.data / "outbox").rename(place.folder / "outbox")
    shutil.rmtree(place.one.data)
    place.page("put everything back")
    assert place.replayed()["events"] == 1
    assert place.said() == ["Hello 1", "Hello 2", "Hello 3"]
    place.mails(5)
    place.page("check")
    assert place.said() == ["Hello 1", "Hello 2", "Hello 3", "Hello 5"]
    assert place.told() == {"Hello 5": 1}
