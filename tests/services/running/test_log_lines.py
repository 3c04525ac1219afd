"""An outage is one line at its start, one a minute, one at its end; what comes again and again is one a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.domain.ids import ConversationId
from convalias.ports.errors import AdapterFailed, Deferred, Unavailable
from convalias.services.running.log_lines import REMEMBERED, UNNAMED, LogLines, cause_of, engine_away
from convalias.stores.errors import Contended, Parked

LOG = logging.getLogger("convalias.test")


def told(story: Callable[[LogLines, Callable[[float], None]], None], caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of a story, whose second argument lets so many seconds pass."""
    clock = memory.Clock()

    def passing(seconds: float) -> None:
        asyncio.run(clock.advance(timedelta(seconds=seconds)))

    story(LogLines(LOG, clock), passing)
    return [line.getMessage() for line in caplog.records]


@pytest.mark.slow
def test_an_outage_of_an_hour_is_sixty_two_lines_whoever_asks(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        for _ in range(3600):
            for who in range(7):
                lines.away("records", seen_by=who)
            passing(1)
        for who in range(7):
            assert lines.outages == ("records",)
            lines.back(seen_by=who)
        assert lines.outages == ()

    said = told(story, caplog)
    assert len(said) <= 62
    assert said[:2] == ["records is away", "still away: records (for 60 s)"]
    assert said[-2:] == ["still away: records (for 59 min)", "records is back after 60 min"]
    assert {line.__dict__.get("engine") for line in caplog.records} == {"records"}


def test_a_second_outage_is_told_with_the_next_minute_and_each_end_once(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        lines.away("records", seen_by="feed")
        passing(10)
        lines.away("event log", seen_by="outbound")
        passing(50)
        lines.away("event log", seen_by="outbound")
        lines.back(seen_by="feed")
        lines.back(seen_by="inbound")
        passing(60)
        lines.away("event log", seen_by="outbound")
        lines.back(seen_by="outbound")
        lines.back(seen_by="outbound")

    assert told(story, caplog) == [
        "records is away",
        "still away: records (for 60 s), event log (for 50 s)",
        "still away: event log (for 110 s); records is back after 60 s",
        "event log is back after 110 s",
    ]


def test_what_goes_again_before_its_end_was_told_is_not_said_to_be_back(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        lines.away("records", seen_by="feed")
        lines.away("event log", seen_by="outbound")
        lines.back(seen_by="feed")
        lines.away("records", seen_by="feed")
        passing(60)
        lines.away("records", seen_by="feed")

    assert told(story, caplog)[1:] == ["still away: event log (for 60 s), records (for 60 s)"]


def test_what_comes_again_and_again_is_one_line_a_minute_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        for second in range(130):
            lines.repeated("a mail could not be processed", trace=f"t{second}", record="")
            passing(1)
        lines.repeated("another one", level=logging.ERROR)
        lines.flush()

    assert told(story, caplog) == [
        "a mail could not be processed; trace t0",
        "a mail could not be processed (60 times since the last such line); trace t60",
        "a mail could not be processed (60 times since the last such line); trace t120",
        "another one",
        "a mail could not be processed (9 times since the last such line); trace t129",
    ]
    assert caplog.records[0].__dict__["trace"] == "t0"
    assert (caplog.records[1].__dict__["trace"], caplog.records[1].__dict__["count"]) == ("t60", 60)
    assert "record" not in caplog.records[0].__dict__


def test_lines_that_are_told_apart_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        del passing
        for number in range(REMEMBERED + 1):
            lines.repeated(f"line {number}")
        lines.repeated("line 0")
        lines.repeated(f"line {REMEMBERED}")

    assert told(story, caplog)[REMEMBERED:] == [f"line {REMEMBERED}", "line 0"]


def test_what_is_away_is_named_by_the_innermost_outage() -> None:
    deep = Unavailable("what a delivery is decided on")
    group = ExceptionGroup("side by side", [KeyError(), Unavailable("mongodb at db:27017 (store)")])
    deep.__cause__ = group
    assert cause_of(deep) == "mongodb at db:27017 (store)"
    late = Unavailable("change feed")
    late.__cause__ = TimeoutError()
    assert cause_of(late) == "change feed"
    assert cause_of(Contended("events")) == UNNAMED


def test_an_outage_raised_out_of_the_group_that_holds_it_is_named_once() -> None:
    away = Unavailable("records")
    away.__cause__ = ExceptionGroup("side by side", [away])
    assert cause_of(ExceptionGroup("effects", [away])) == "records"


def test_work_of_which_nothing_is_heard_any_more_ends_its_outage(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        until = memory.Clock().now() + timedelta(seconds=65)
        lines.away("identity", seen_by="mail 1", until=until)
        lines.away("identity", seen_by="mail 2", until=until + timedelta(seconds=60))
        for _ in range(7):
            passing(10)
            lines.look()
        lines.back(seen_by="mail 1")
        assert lines.outages == ("identity",)
        passing(60)
        lines.look()
        lines.look()
        assert lines.outages == ()

    assert told(story, caplog) == [
        "identity is away",
        "still away: identity (for 60 s)",
        "nothing here waits for identity any more, after 2 min",
    ]


def test_the_line_of_a_minute_comes_without_another_failure(caplog: pytest.LogCaptureFixture) -> None:
    def story(lines: LogLines, passing: Callable[[float], None]) -> None:
        lines.away("hub", seen_by="delivery 1")
        for _ in range(130):
            passing(1)
            lines.look()
        lines.back(seen_by="delivery 1")

    assert told(story, caplog) == [
        "hub is away",
        "still away: hub (for 60 s)",
        "still away: hub (for 2 min)",
        "hub is back after 2 min",
    ]


def test_what_is_fought_over_parked_or_broken_is_not_away() -> None:
    assert engine_away(Unavailable("identity")) == "identity"
    assert engine_away(ExceptionGroup("effects", [KeyError(), TimeoutError()])) == UNNAMED
    assert engine_away(Contended("events")) == ""
    assert engine_away(Deferred("the mail server puts it off")) == ""
    assert engine_away(Parked(ConversationId("c1"), 1, "newer")) == ""
    assert engine_away(AdapterFailed("identity.at", "KeyError")) == ""
