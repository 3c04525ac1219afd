from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.conversations.host_feed import CHECKPOINTS, Checkpoint, HostFeed, found_late

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
LONG_AGO = NOON - timedelta(days=3)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def read(*minutes: float) -> HostFeed:
    """A feed whose head moved at these times; the cursor is the time."""
    feed = HostFeed(head=Checkpoint("begun", NOON))
    for one in minutes:
        feed = feed.moved(f"{one:g}", at(one), window=WINDOW)
    return feed


def again(feed: HostFeed) -> str:
    return feed.again_from(window=WINDOW, not_before=LONG_AGO)


def test_a_second_reading_starts_at_the_beginning_while_that_is_younger_than_a_window() -> None:
    assert again(read()) == "begun"
    assert again(read(1, 2, 3)) == "begun"


def test_a_second_reading_starts_a_window_before_the_head() -> None:
    assert again(read(1, 5, 9, 14, 19.5)) == "9"


def test_after_a_pause_it_starts_a_window_before_the_last_message_that_was_read() -> None:
    """What was being committed when everybody stopped reading is found by the first who reads again."""
    assert again(read(1, 5, 9, 14, 500)) == "14"
    assert again(read(1, 5, 9, 14)) == "1"


def test_what_may_be_forgotten_already_is_not_read_again() -> None:
    feed = read(1, 5)
    assert feed.again_from(window=WINDOW, not_before=at(0)) == "begun"
    assert feed.again_from(window=WINDOW, not_before=at(4)) == "5"


@given(st.lists(st.floats(0.001, 4), min_size=1, max_size=200))
def test_the_start_is_at_least_a_window_back_and_few_checkpoints_are_kept(pauses: list[float]) -> None:
    minutes = [sum(pauses[: number + 1]) for number in range(len(pauses))]
    feed = read(*minutes)
    start = {"begun": 0.0} | {f"{one:g}": one for one in minutes}
    back = minutes[-1] - start[again(feed)]
    assert back >= min(minutes[-1], 10) - 0.001
    assert len(feed.behind) <= CHECKPOINTS + 2


def test_a_clock_that_steps_back_keeps_a_start() -> None:
    assert again(read(5, 1, 2)) in {"begun", "5"}


def test_late_messages_are_counted_and_none_changes_nothing() -> None:
    feed = read(1)
    assert feed.counted(0, at(2)) is feed
    assert (feed.counted(2, at(2)).counted(1, at(3)).late, feed.counted(2, at(2)).last_late) == (3, at(2))


def test_unknown_messages_before_a_known_one_came_late() -> None:
    assert found_late([]) == []
    assert found_late([False, False]) == [False, False]
    assert found_late([True, False, False, True, False]) == [False, True, True, False, False]
