"""The bound of an hour: never more, in order, nothing lost, the same answer to whoever asks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import RESTORED, ConversationClosed, ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.outbound.pacing import AuthorGroup, MessageBounds, Release, at_once, group_of, released

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = AccountId("ann")
STRANGER = PeripheralAuthor(EmailAddress.parse("eve@evil.example"), verified=True)
MESSAGE = MessageAdded(author=AccountAuthor(ANN, verified=True), text="hi")


def event(seq: int, author: Author, origin: Origin = Origin.ALIAS_MAIL) -> ConversationEvent:
    said = MessageAdded(author=author, text="hi")
    return ConversationEvent(EventId(f"e{seq}"), ConversationId("c"), Seq(seq), said, f"k{seq}", origin, NOON, NOON)


def all_released(gaps: list[int], most: int) -> list[tuple[datetime, Release]]:
    """Messages that many seconds after one another, each with its release."""
    before: tuple[Release, ...] = ()
    at, found = NOON, list[tuple[datetime, Release]]()
    for seq, gap in enumerate(gaps):
        at += timedelta(seconds=gap)
        release, before = released(before, Seq(seq), at, most=most, within=HOUR)
        assert len(before) <= most
        found.append((at, release))
    return found


GAPS = st.lists(st.sampled_from([0, 0, 1, 60, 600, 1799, 3600, 7200]), max_size=40)
MOST = st.integers(1, 6)


@given(GAPS, MOST)
def test_no_hour_holds_more_than_the_bound(gaps: list[int], most: int) -> None:
    times = [release.at for _, release in all_released(gaps, most)]
    assert all(later - first >= HOUR for first, later in zip(times, times[most:], strict=False))


@given(GAPS, MOST)
def test_messages_are_released_in_order_and_never_before_they_were_written(gaps: list[int], most: int) -> None:
    found = all_released(gaps, most)
    times = [release.at for _, release in found]
    assert times == sorted(times)
    assert all(release.at >= written for written, release in found)
    waiting = [release.at for written, release in found if release.at > written]
    assert len(set(waiting)) == len(waiting)


@given(GAPS, MOST)
def test_nobody_waits_without_need(gaps: list[int], most: int) -> None:
    """A message waits only where the hour before its release is full, or for the one before it."""
    found = all_released(gaps, most)
    for n, (written, release) in enumerate(found):
        if release.at > written:
            latest = [one.at for _, one in found[max(n - most, 0) : n]]
            assert len(latest) == most
            assert release.at == max(latest[0] + HOUR, latest[-1] + timedelta(milliseconds=1))


@given(GAPS, MOST, st.data())
def test_whoever_asks_again_about_a_message_gets_the_same_answer(
    gaps: list[int], most: int, data: st.DataObject
) -> None:
    before: tuple[Release, ...] = ()
    at = NOON
    for seq, gap in enumerate(gaps):
        at += timedelta(seconds=gap)
        release, before = released(before, Seq(seq), at, most=most, within=HOUR)
        again = data.draw(st.sampled_from(before))
        assert released(before, again.seq, at, most=most, within=HOUR) == (again, before)
        assert release in before


def test_a_message_below_the_bound_is_released_as_it_was_written() -> None:
    assert [release.at for _, release in all_released([0, 0, 0], 3)] == [NOON] * 3


def test_a_message_that_is_decided_late_comes_behind_those_that_wait() -> None:
    before = (Release(Seq(5), NOON), Release(Seq(7), NOON + HOUR))
    release, latest = released(before, Seq(6), NOON, most=2, within=HOUR)
    assert release.at == NOON + HOUR + timedelta(milliseconds=1)
    assert latest == (before[1], release)


@pytest.mark.parametrize(
    ("author", "origin", "group"),
    [
        (AccountAuthor(ANN, verified=True), Origin.ALIAS_MAIL, AuthorGroup.VERIFIED),
        (AccountAuthor(ANN), Origin.CHAT, AuthorGroup.VERIFIED),
        (AccountAuthor(ANN), Origin.ALIAS_MAIL, AuthorGroup.UNVERIFIED),
        (STRANGER, Origin.ALIAS_MAIL, AuthorGroup.UNVERIFIED),
        (STRANGER, Origin.CHAT, AuthorGroup.UNVERIFIED),
        (AccountAuthor(ANN, verified=True), Origin.LEGACY_SYNC, None),
    ],
)
def test_the_group_is_that_of_author_and_proof(author: Author, origin: Origin, group: AuthorGroup | None) -> None:
    assert group_of(event(1, author, origin)) is group


def test_what_mails_nobody_is_in_no_group() -> None:
    message = event(1, AccountAuthor(ANN))
    assert group_of(evolve(message, happening=ConversationClosed())) is None
    assert group_of(evolve(message, happening=evolve(MESSAGE, flags=frozenset({RESTORED})))) is None


def test_the_messages_of_one_group_are_taken_from_a_history() -> None:
    events = [event(1, AccountAuthor(ANN, verified=True)), event(2, STRANGER), event(3, AccountAuthor(ANN))]
    assert [one.seq for one in at_once(events, AuthorGroup.UNVERIFIED)] == [2, 3]
    assert at_once(events, AuthorGroup.VERIFIED) == (Release(Seq(1), NOON),)


def test_the_bounds_are_those_that_the_settings_page_shows() -> None:
    assert (MessageBounds().of(AuthorGroup.VERIFIED), MessageBounds().of(AuthorGroup.UNVERIFIED)) == (300, 20)
