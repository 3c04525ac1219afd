"""What about a topic is told, and what mends it."""

import pytest
from attrs import evolve

from convalias.adapters.kafka.examining import Topic, observations
from convalias.ports.examining import Grade

AS_DOCUMENTED = Topic(
    partitions=12,
    replicas=3,
    behind=0,
    allowed=frozenset({"READ", "WRITE", "DESCRIBE"}),
    settings={
        "min.insync.replicas": "2",
        "unclean.leader.election.enable": "false",
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
        "max.message.bytes": "1048588",
    },
)


def test_a_topic_as_the_reference_page_makes_it_is_good() -> None:
    found = list(observations(AS_DOCUMENTED))
    assert {one.grade for one in found} == {Grade.GOOD}
    assert "12, replicated 3 times" in {one.found for one in found}


def test_retention_for_ever_is_good() -> None:
    settings = {**(AS_DOCUMENTED.settings or {}), "retention.ms": "-1"}
    assert {one.grade for one in observations(evolve(AS_DOCUMENTED, settings=settings))} == {Grade.GOOD}


@pytest.mark.parametrize(
    ("name", "value", "grade", "mend"),
    [
        ("min.insync.replicas", "1", Grade.WEAK, "min.insync.replicas to 2"),
        ("min.insync.replicas", "3", Grade.WEAK, "one less"),
        ("unclean.leader.election.enable", "true", Grade.WRONG, "to false"),
        ("cleanup.policy", "compact,delete", Grade.WRONG, "to delete"),
        ("retention.ms", "3600000", Grade.WEAK, "7 days"),
        ("max.message.bytes", "100", Grade.WRONG, "max.message.bytes to"),
    ],
)
def test_a_setting_that_could_lose_records_is_told(name: str, value: str, grade: Grade, mend: str) -> None:
    topic = evolve(AS_DOCUMENTED, settings={**(AS_DOCUMENTED.settings or {}), name: value})
    (told,) = [one for one in observations(topic) if one.grade is not Grade.GOOD]
    assert told.grade is grade
    assert mend in told.mend


def test_what_may_not_be_seen_is_said_and_nothing_is_made_up() -> None:
    (told,) = [
        one for one in observations(evolve(AS_DOCUMENTED, settings=None, allowed=None)) if one.grade is not Grade.GOOD
    ]
    assert "DescribeConfigs" in told.mend


def test_permissions_that_are_missing_are_named() -> None:
    topic = evolve(AS_DOCUMENTED, allowed=frozenset({"READ", "DESCRIBE"}))
    (told,) = [one for one in observations(topic) if one.grade is not Grade.GOOD]
    assert (told.grade, told.mend) == (Grade.WRONG, "grant Write on the topic")


def test_a_replica_that_is_behind_and_a_single_one_are_told() -> None:
    for topic in (evolve(AS_DOCUMENTED, behind=2), evolve(AS_DOCUMENTED, replicas=1)):
        (told,) = [one for one in observations(topic) if one.about == "partitions"]
        assert told.grade is Grade.WEAK
