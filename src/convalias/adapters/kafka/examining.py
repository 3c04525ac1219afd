"""Questions of `convalias doctor` to a Kafka: the topic's partitions, replicas, own settings, and what we may do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, TypeVar

from attrs import frozen
from confluent_kafka import KafkaException

from convalias.adapters.kafka.client import admin, asked_about, asked_for_settings
from convalias.adapters.kafka.place import Place
from convalias.ports.examining import Observation, weak, wrong

T = TypeVar("T")

_ON_THE_TOPIC: Final = ("READ", "WRITE", "DESCRIBE")
_WEEK_MS: Final = 7 * 24 * 3_600_000
_DAY_MS: Final = 24 * 3_600_000
_LEAST_OCTETS: Final = 65_536
_REPLICAS: Final = 3
_LOOKS_WITHIN: Final = 4.0
"""Seconds for both looks together: a broker that answers no admin request must not keep `doctor` waiting."""
_UNSEEN: Final = "grant Describe and DescribeConfigs on the topic, or look at it with Kafka's own tools"


@frozen(kw_only=True)
class Topic:
    """The visible state of a topic. `settings` is None where they may not be."""

    partitions: int
    replicas: int
    """Of the partition that has the fewest."""
    behind: int
    """Partitions of which a replica is out of sync, or that have no leader."""
    allowed: frozenset[str] | None
    """By Kafka's names; None where they are not told."""
    settings: Mapping[str, str] | None


async def examine(place: Place) -> Sequence[Observation]:
    """Return every observation. What cannot be seen is said too, and is no outage: the log itself was opened."""
    topic = await asyncio.to_thread(_look, place)
    if topic is None:
        return [weak("topic", "its replicas and settings could not be looked at", _UNSEEN)]
    return list(observations(topic))


def observations(topic: Topic) -> Iterable[Observation]:
    """Return what follows from the visible state."""
    yield _permissions(topic)
    yield _replication(topic)
    yield from _settings(topic.settings or {}, replicas=topic.replicas)
    if topic.settings is None:
        yield weak("settings", "could not be looked at", _UNSEEN)


def _permissions(topic: Topic) -> Observation:
    lacking = [one.title() for one in _ON_THE_TOPIC if topic.allowed is not None and one not in topic.allowed]
    if lacking:
        return wrong("permissions", f"not granted: {', '.join(lacking)}", f"grant {', '.join(lacking)} on the topic")
    return Observation(about="permissions", found="Read, Write and Describe on the topic")


def _replication(topic: Topic) -> Observation:
    about = "partitions"
    found = f"{topic.partitions}, replicated {topic.replicas} times"
    if topic.behind:
        return weak(
            about, f"{found}; {topic.behind} of them lack a leader or a replica in sync", "see which broker is down"
        )
    if topic.replicas < _REPLICAS:
        mend = "replicate the topic three times: with one broker's disk what was acknowledged may be lost"
        return weak(about, found, mend)
    return Observation(about=about, found=found)


def _settings(settings: Mapping[str, str], *, replicas: int) -> Iterable[Observation]:
    about = "settings"
    in_sync = settings.get("min.insync.replicas", "")
    if in_sync == "1" and replicas > 1:
        yield weak(about, "acks=all waits for one replica", "set min.insync.replicas to 2")
    if in_sync.isdigit() and int(in_sync) >= replicas > 1:
        yield weak(about, f"min.insync.replicas is {in_sync} of {replicas}", "one less: else one broker stops all")
    if settings.get("unclean.leader.election.enable") == "true":
        yield wrong(
            about, "a replica that lacks records may become leader", "set unclean.leader.election.enable to false"
        )
    if "compact" in settings.get("cleanup.policy", "delete"):
        mend = "set cleanup.policy to delete"
        yield wrong(about, "it is compacted: of a conversation only the last event would stay", mend)
    if 0 <= (kept := _number(settings, "retention.ms", _WEEK_MS)) < _DAY_MS:
        mend = "set retention.ms to 604800000, 7 days: longer than the longest outage of a consumer"
        yield weak(about, f"it forgets records after {kept / 3_600_000:.3g} hours", mend)
    if (octets := _number(settings, "max.message.bytes", _LEAST_OCTETS)) < _LEAST_OCTETS:
        yield wrong(about, f"it takes {octets} octets in one batch at most", "set max.message.bytes to 1048588")


def _number(settings: Mapping[str, str], name: str, default: int) -> int:
    text = settings.get(name, "")
    return int(text) if text.lstrip("-").isdigit() else default


# --- in a thread: the client's admin calls ---------------------------------------------------------------


def _look(place: Place) -> Topic | None:
    client = admin(place)
    within = min(place.limits.timeout, _LOOKS_WITHIN)
    until = time.monotonic() + within
    asked, asked_beside = asked_about(client, place, within), asked_for_settings(client, place, within)
    described, settings = _answer(asked, until), _answer(asked_beside, until)
    if described is None:
        return None
    return Topic(
        partitions=len(described.partitions),
        replicas=min((len(one.replicas) for one in described.partitions), default=0),
        behind=sum(one.leader is None or len(one.isr) < len(one.replicas) for one in described.partitions),
        allowed=frozenset(one.name for one in described.authorized_operations or ()) or None,
        settings=None if settings is None else {name: str(one.value) for name, one in settings.items()},
    )


def _answer(asked: Future[T], until: float) -> T | None:
    """None for what is refused, or not known there: a mock cluster answers no admin request at all."""
    with suppress(KafkaException, TimeoutError):
        return asked.result(max(0.0, until - time.monotonic()))
    return None
