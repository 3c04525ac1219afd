"""Over a real MongoDB: a second machine's data directory is refused at start, in one line, until it takes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.desk import MARY, mail
from engines.desk import Desk
from engines.four import Four

pytestmark = pytest.mark.engine


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path, capsys, monkeypatch)
    monkeypatch.setenv("CONVALIAS_MAILGUN_SIGNING_KEY", "made-up-for-tests")
    return made


def test_the_data_directory_of_a_second_machine_is_refused_until_it_takes_over(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines, "store")
    desk.ask("migrate")
    desk.load()
    letter = desk.file("1.eml", mail())
    desk.ask("ingest", letter)
    desk.work()
    assert len(desk.messages()) == 1
    first, desk.data = desk.data, desk.folder / "second"
    starts = (
        ("ingest", letter),
        ("worker", "inbound", "--once"),
        ("worker", "feed"),
        ("serve", "--port", "0"),
        ("run", "--port", "0"),
        ("replay", "--all"),
    )
    for start in starts:
        said = desk.refused(*start, status=78)
        assert "set CONVALIAS_RAW, CONVALIAS_QUEUE, CONVALIAS_EVENTS, so that all machines share them" in said
    assert desk.ask("show", "conversation", "c1")["events"], "what needs the store alone works from everywhere"
    assert desk.ask("why", "--sender", MARY)
    ran = desk.run("migrate", "--take-over")
    assert (ran.status, ran.out.splitlines()[-1]) == (0, f"store: belongs with {desk.data} now")
    desk.ask("ingest", letter)
    desk.work()
    desk.data = first
    assert "another data directory has belonged with this store since" in desk.refused("ingest", letter, status=78)
