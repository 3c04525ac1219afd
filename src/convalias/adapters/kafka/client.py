"""The client's calls that its own types leave open, each typed once."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin._metadata import ClusterMetadata

from convalias.adapters.kafka.errors import UnusableTopicError, translated, unusable


def partitions_of(client: Producer | Consumer, topic: str, timeout: float) -> int:
    """How many the topic has; blocks. Raises `UnusableTopicError`, `Unavailable`, `KafkaException`."""
    metadata: ClusterMetadata = client.list_topics(topic, timeout)
    found = metadata.topics[topic]
    if found.error is not None:
        raise unusable(found.error) or translated(found.error)
    if not found.partitions:
        raise UnusableTopicError("events: the topic has no partitions; create it anew")
    return len(found.partitions)
