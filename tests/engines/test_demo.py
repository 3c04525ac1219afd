"""`make demo-engines`: the story comes to the same end on four engines, and shows what lies where."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.demo import show
from engines.four import Four

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def test_the_story_comes_to_the_same_end_on_the_four_engines(
    four_engines: Four, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONVALIAS_DATA", "CONVALIAS_MAILGUN_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    said: list[str] = []
    status = show(four_engines, tmp_path / "demo", said.append)
    story = " ".join(capfd.readouterr().out.split())
    assert status == 0, story
    assert "store: made names, due" in story
    assert "mail as it came in s3://, jobs in sqs://, records in mongodb://, published events in kafka://" in story
    assert "before: 5; after: 5." in story
    assert "there are 20 new messages, each once" in story
    assert "27 messages, 33 notifications (33 sent), 33 mails" in story
    assert not (tmp_path / "demo" / "data" / "blobs" / "raw").exists()
    shown = "\n".join(said)
    assert "mails as they came" in shown
    assert "0 jobs: all are done" in shown
    assert "28 decisions" in shown  # the last one is about the message that leaves by SMTP, after the count
    assert '"is": "message_added"' in shown
    assert "events published, over 4 partitions" in shown
