"""Failures of a Kafka in the port's words: no host, no user, no record in any of them."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from convalias.ports.errors import PortError, Rejected, Unavailable

WHAT: Final = "the event log"
_NEVER: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
    }
)
_MISSING: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError.TOPIC_EXCEPTION}  # noqa: SLF001
)
"""The client's own codes start with an underscore, and are part of what it publishes."""
_REFUSED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError._SSL,  # noqa: SLF001
    }
)
GONE: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    }
)
"""The group goes on without this consumer: what it had has come to others, and is not its to commit."""
REBALANCING: Final = KafkaError.REBALANCE_IN_PROGRESS


class KafkaLogError(PortError):
    """Base of what is wrong with a Kafka, its topic or its URL; never raised itself."""


class UnusableTopicError(KafkaLogError):
    """The topic or its URL cannot be the event log until somebody mends it."""


class RequestFailed(KafkaLogError):
    """A failed request, as far as it may be told: Kafka's own name of it. The client's text holds hosts and users."""

    def __init__(self, error: KafkaError) -> None:
        """Keep the name."""
        super().__init__(error.name())
        self.code = error.code()


def unusable(error: KafkaError) -> UnusableTopicError | None:
    """Return what somebody must mend before the topic can be used, or None when trying again may do."""
    if error.code() in _MISSING:
        return UnusableTopicError(
            "events: the topic does not exist; create it (docs/reference/engines.md), or name another"
        )
    if error.code() in _REFUSED:
        return UnusableTopicError(
            f"events: the credentials are refused ({error.name()}); user and password stand in CONVALIAS_EVENTS, and"
            " need Write, IdempotentWrite, Read and Describe on the topic, Read on the group"
        )
    return None


def translated(error: KafkaError) -> PortError:
    """The port's error. What was refused is an outage too while running: work waits until it is mended."""
    if error.code() in _NEVER:
        found: PortError = Rejected(
            f"{WHAT}: a record is too large or wrong for the topic ({error.name()}); raise its max.message.bytes"
        )
    else:
        found = Unavailable(WHAT)
    found.__cause__ = unusable(error) or RequestFailed(error)
    return found


def reason(error: KafkaException) -> KafkaError:
    """The error that the client's exception carries."""
    found = error.args[0] if error.args else None
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL)  # noqa: SLF001
