"""The client's calls that its own types leave open, each typed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from enum import Enum
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.admin._resource import ResourceType

from convalias.adapters.kafka.errors import UnusableTopicError, translated, unusable
from convalias.adapters.kafka.place import Place, admin_config


class PartitionDescription(Protocol):
    """The broker that leads a partition, and its replicas. A partition without a leader has None there."""

    replicas: Sequence[object]
    isr: Sequence[object]
    leader: object


class Description(Protocol):
    """The part of a topic's description that is read."""

    partitions: Sequence[PartitionDescription]
    authorized_operations: Sequence[Enum] | None


class Setting(Protocol):
    """A setting of the topic's own."""

    value: object


class Admin(Protocol):
    """The part of the client for administration that is used."""

    def describe_topics(
        self, topics: TopicCollection, /, *, include_authorized_operations: bool, request_timeout: float
    ) -> Mapping[str, Future[Description]]:
        """Answers by topic."""
        ...

    def describe_configs(
        self, resources: list[ConfigResource], /, *, request_timeout: float
    ) -> Mapping[ConfigResource, Future[Mapping[str, Setting]]]:
        """Answers by resource."""
        ...


class Watermarks(Protocol):
    """The watermarks of a partition: None after a time-out by the client's documentation, which its types leave out."""

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float, /) -> tuple[int, int] | None:
        """The first offset that is kept, and the one behind the last."""
        ...


def admin(place: Place) -> Admin:
    """Connects when it is asked."""
    client: Admin = AdminClient(admin_config(place))
    return client


def asked_about(client: Admin, place: Place, within: float) -> Future[Description]:
    """The topic's partitions, and what we may do there; `within` seconds."""
    topics = TopicCollection([place.topic])
    asked = client.describe_topics(topics, include_authorized_operations=True, request_timeout=within)
    return asked[place.topic]


def asked_for_settings(client: Admin, place: Place, within: float) -> Future[Mapping[str, Setting]]:
    """The topic's own settings, by name; `within` seconds."""
    resource = ConfigResource(ResourceType.TOPIC, place.topic)
    return client.describe_configs([resource], request_timeout=within)[resource]


def partitions_of(client: Producer | Consumer, topic: str, timeout: float) -> int:
    """Return how many partitions the topic has; blocks.

    Raises `UnusableTopicError`, `Unavailable`, `KafkaException`.
    """
    metadata: ClusterMetadata = client.list_topics(topic, timeout)
    found = metadata.topics[topic]
    if found.error is not None:
        raise unusable(found.error) or translated(found.error)
    if not found.partitions:
        raise UnusableTopicError("events: the topic has no partitions; create it anew")
    return len(found.partitions)


def end_of(client: Consumer, partition: TopicPartition, timeout: float) -> int:
    """Return the offset of the next record of that partition; blocks. Raises `KafkaException`."""
    found = _ends(client, partition, timeout)
    if found is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the client's own code
    return found[1]


def _ends(client: Watermarks, partition: TopicPartition, timeout: float) -> tuple[int, int] | None:
    return client.get_watermark_offsets(partition, timeout)
