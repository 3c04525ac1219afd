"""The place of the event log, from a URL: servers, topic, limits; and the client's settings that keep our promises."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import evolve, field, frozen, validators
from confluent_kafka import KafkaError

from convalias.adapters.kafka.errors import UnusableTopicError
from convalias.codec.url_options import limited

Config: TypeAlias = dict[str, "str | int | bool | Callable[[KafkaError], None]"]
_WRONG: Final = "expected kafka://host:9092,host2:9092/topic"
_SECURITY: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_NUMBERS: Final = ("linger_ms", "partitions", "read_ahead", "release_within", "session_timeout", "timeout")
_OPTIONS: Final = ("ca", "mechanism", "security", *_NUMBERS)
_RECONNECT_MS: Final = 1_000
"""A broker that comes back is found within a second; the client's own limit is ten."""


@frozen(kw_only=True)
class Limits:
    """Time-outs and sizes. Each stands in a URL's query by its name: `kafka://host/topic?timeout=5&read_ahead=500`."""

    timeout: float = field(default=10.0, validator=validators.gt(0.0))
    """Seconds for one `publish` or `commit`, for joining a group, and for leaving it."""
    release_within: float = field(default=25.0, validator=validators.gt(0.0))
    """Seconds that a revoked partition is kept for the `commit` of what was taken from it."""
    session_timeout: float = field(default=45.0, validator=validators.gt(0.0))
    """Seconds after which the group goes on without a consumer that is silent."""
    read_ahead: int = field(default=1_000, validator=validators.gt(0))
    """Records read before they are asked for. A full buffer pauses its partitions, and the consumer stays a member."""
    linger_ms: int = field(default=1, validator=validators.ge(0))
    """Milliseconds in which records gather to one request."""
    partitions: int = field(default=0, validator=validators.ge(0))
    """How many the topic must have; 0: as many as it has when it is opened."""


@frozen(kw_only=True)
class Place:
    """A URL, read."""

    servers: str
    topic: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    security: str | None = None
    mechanism: str = "SCRAM-SHA-512"
    ca: str | None = None
    limits: Limits = Limits()


def read_url(url: str, *, limits: Limits | None = None) -> Place:
    """Read it whole. Raises `UnusableTopicError`, which never shows the URL: it may hold a password."""
    parts = urlsplit(url)
    topic = parts.path.strip("/")
    credentials, _, servers = parts.netloc.rpartition("@")
    if parts.scheme != "kafka" or not servers or not topic or "/" in topic:
        raise UnusableTopicError(f"events: the URL is not that of a Kafka topic; {_WRONG}")
    user, _, password = credentials.partition(":")
    place = Place(
        servers=servers,
        topic=topic,
        user=unquote(user) or None,
        password=unquote(password) or None,
        limits=limits or Limits(),
    )
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        place = _with_option(place, name, value)
    return place


def _with_option(place: Place, name: str, value: str) -> Place:
    if name == "ca":
        return evolve(place, ca=value)
    if name == "security":
        return evolve(place, security=_one_of(_SECURITY, name, value))
    if name == "mechanism":
        return evolve(place, mechanism=_one_of(_MECHANISMS, name, value))
    if name not in _NUMBERS:
        raise UnusableTopicError(
            f"events: the URL has an unknown option; expected some of {', '.join(sorted(_OPTIONS))}"
        )
    limits = limited(place.limits, name, value, wrong=partial(_wrong_option, name))
    return evolve(place, limits=limits)


def _one_of(known: tuple[str, ...], name: str, value: str) -> str:
    if value not in known:
        raise _wrong_option(name, f"one of {', '.join(known)}")
    return value


def _wrong_option(name: str, expected: str) -> UnusableTopicError:
    return UnusableTopicError(f"events: {name} in the URL: expected {expected}")


def producer_config(place: Place) -> Config:
    """Idempotent, acknowledged by all replicas in sync, never given up by the client, and no gap after a failure."""
    return {
        **_common(place),
        "enable.idempotence": True,
        "enable.gapless.guarantee": True,
        "acks": "all",
        "message.timeout.ms": 0,
        "linger.ms": place.limits.linger_ms,
    }


def consumer_config(place: Place, group: str) -> Config:
    """Commits by hand, joins and leaves without stopping the others, starts at the beginning."""
    return {
        **_common(place),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,  # so that "nothing more" is known, also where the last offsets hold no record
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": int(place.limits.session_timeout * 1000),
        "heartbeat.interval.ms": max(100, min(3_000, int(place.limits.session_timeout * 1000 / 4))),
        "allow.auto.create.topics": False,
        "queued.max.messages.kbytes": 16_384,
        "fetch.error.backoff.ms": 100,
    }


def admin_config(place: Place) -> dict[str, str | int | float | bool]:
    """Only who, where and how safely."""
    return {name: value for name, value in _common(place).items() if not callable(value)}


def _common(place: Place) -> Config:
    config: Config = {
        "bootstrap.servers": place.servers,
        "client.id": "convalias",
        "log_level": 0,  # its lines hold hosts; what matters comes as an error
        "reconnect.backoff.max.ms": _RECONNECT_MS,
        "topic.metadata.refresh.interval.ms": 30_000,
    }
    security = place.security or ("sasl_ssl" if place.user else "plaintext")
    config["security.protocol"] = security
    if place.user and place.password and security.startswith("sasl"):
        config |= {
            "sasl.mechanism": place.mechanism,
            "sasl.username": place.user,
            "sasl.password": place.password,
        }
    if place.ca:
        config["ssl.ca.location"] = place.ca
    return config
