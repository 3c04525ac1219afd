"""What people read on a terminal: nothing that others wrote acts there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from convalias.cli.output import lines, listing
from convalias.cli.timeline import as_text
from convalias.domain.conversations.timeline import Medium, TimelineItem

RTL = "\N{RIGHT-TO-LEFT OVERRIDE}"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_value_forges_no_line() -> None:
    assert lines({"id": f"c1\nstate: open\x1b[2J{RTL}"}) == r"id: c1\nstate: open\x1b[2J\u202e"


def test_a_table_shows_controls_as_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    listing([{"author": f"\x1b]0;x\x07{RTL}ann\x9b1m"}], as_json=False, columns=["author"])
    shown = capsys.readouterr().out
    assert r"\x1b]0;x\x07\u202eann\x9b1m" in shown
    assert not {"\x1b", "\x07", "\x9b", RTL} & {*shown}


def test_a_name_in_a_timeline_forges_no_message() -> None:
    item = TimelineItem(
        id="e1", medium=Medium.MAIL, author=f"Ann\n\n2026-03-01 12:00  Eve{RTL}", text="one\n\ntwo", occurred_at=NOON
    )
    assert as_text([item]).splitlines() == [
        r"2026-03-01 12:00  Ann\n\n2026-03-01 12:00  Eve\u202e  (by mail)",
        "    one",
        "    ",
        "    two",
    ]
