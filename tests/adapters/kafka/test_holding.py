from convalias.adapters.kafka.holding import Holding
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord


def event(number: int) -> EventRecord:
    return EventRecord(ConversationId("c"), EventId(f"e{number}"), Seq(number), "closed", TraceId(""))


def holding(*partitions: int) -> Holding:
    made = Holding()
    made.assign(partitions)
    made.read([(one, 10 + number, event(number)) for number in (1, 2) for one in partitions])
    return made


def test_only_what_was_taken_is_to_be_committed() -> None:
    held = holding(0, 1)
    assert [one.seq for one in held.take(3)] == [1, 1, 2]
    assert held.to_commit() == {0: 12, 1: 11}
    held.committed({0: 12, 1: 11})
    assert not held.is_outstanding
    assert len(held) == 1


def test_what_is_no_event_is_passed_over_and_committed_with_what_follows() -> None:
    held = Holding()
    held.assign([0])
    held.read([(0, 1, None), (0, 2, event(1)), (0, 3, None)])
    assert held.take(1) == [event(1)]
    assert held.to_commit() == {0: 2}
    assert held.take(1) == []
    assert held.to_commit() == {0: 3}


def test_a_partition_that_is_let_go_gives_nothing_and_commits_nothing_more() -> None:
    held = holding(0, 1)
    held.take(2)
    asked = held.to_commit()
    held.stop([0])
    assert held.owes([0])
    assert held.may_commit(asked) == asked
    held.forget([0])
    assert held.may_commit(asked) == {1: 11}
    assert held.take(9) == [event(2)]
    held.read([(0, 13, event(3))])
    assert held.take(9) == []


def test_an_older_commit_does_not_cover_what_was_taken_since() -> None:
    held = holding(0)
    held.take(1)
    asked = held.to_commit()
    held.take(1)
    held.committed(asked)
    assert held.to_commit() == {0: 12}


def test_a_partition_is_behind_until_it_was_read_to_that_offset_or_its_end() -> None:
    held = Holding()
    held.assign([0, 1])
    assert held.is_behind({0: 0})  # not even looked at yet
    held.read([(0, 5, event(1))])
    assert held.is_behind({0: 6})
    assert not held.is_behind({0: 5})
    held.at_end(0, 6)  # the last offset holds no record: a marker of a transaction
    assert not held.is_behind({0: 6})
    assert held.is_behind({0: 6, 1: 1})
    held.stop([1])
    assert not held.is_behind({0: 6, 1: 1})


def test_a_partition_that_comes_back_is_read_anew() -> None:
    held = holding(0)
    held.stop([0])
    held.at_end(0, 20)  # a late word about what is not ours
    held.assign([0])
    assert held.is_behind({0: 12})
