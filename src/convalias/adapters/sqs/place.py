"""The place of a queue, from a URL: the region, the name, the limits; never a secret."""

from __future__ import annotations

import re
from functools import partial
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from attrs import evolve, field, frozen, validators

from convalias.adapters.sqs.errors import UnusableQueueError
from convalias.codec.url_options import limited

_WRONG: Final = "expected sqs://region/queue-name"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ENDPOINT: Final = re.compile(r"https?://[^/?#@\s]+/?")
_LONGEST_POLL: Final = 20
"""Seconds; SQS waits no longer."""
_OPTIONS: Final = ("account", "connect_timeout", "endpoint", "in_flight", "poll", "retries", "timeout")


@frozen(kw_only=True)
class Limits:
    """Time-outs, retries and sizes. Each stands in a URL's query by its name: `sqs://region/name?timeout=5&poll=20`."""

    timeout: float = field(default=10.0, validator=validators.gt(0.0))
    """Seconds for one request, retries included; a long poll has so long over its wait."""
    connect_timeout: float = field(default=3.0, validator=validators.gt(0.0))
    """Seconds until a connection stands."""
    retries: int = field(default=2, validator=validators.ge(0))
    """Of one request, inside a call, for throttling, 5xx and broken connections; they end after `timeout`."""
    in_flight: int = field(default=16, validator=validators.gt(0))
    """Requests at once of each kind, and as many polls; what comes meanwhile travels together, ten by ten."""
    poll: int = field(default=5, validator=[validators.gt(0), validators.le(_LONGEST_POLL)])
    """Seconds of one long poll. A poll cannot be called off, so closing takes as long."""


@frozen(kw_only=True)
class Place:
    """A URL, read: `sqs://eu-west-1/convalias-inbound?account=123456789012&endpoint=https://…`.

    Credentials come from the environment or the machine's role, as AWS's own tools take them.
    """

    region: str
    name: str
    account: str | None = None
    """Whose queue it is, where it is another's."""
    endpoint: str | None = None
    limits: Limits = Limits()


@frozen(kw_only=True)
class Credentials:
    """A key pair, given in code; without it the client takes what the environment or the machine's role has."""

    access_key: str
    secret_key: str = field(repr=False)


def read_url(url: str, *, limits: Limits | None = None) -> Place:
    """Read it whole. Raises `UnusableQueueError`, which never shows the URL: it may hold a secret by mistake."""
    parts = urlsplit(url)
    if parts.scheme != "sqs":
        raise UnusableQueueError(f"the URL of the job queue has an unknown scheme; {_WRONG}")
    if "@" in parts.netloc:
        raise UnusableQueueError("a secret does not belong in a URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    region, name = parts.netloc, parts.path.strip("/")
    if name.endswith(".fifo"):
        raise UnusableQueueError(
            "a FIFO queue stops behind one job that backs off, and drops what is put twice; use a standard queue"
        )
    if not _REGION.fullmatch(region) or not _NAME.fullmatch(name):
        raise UnusableQueueError(f"the URL of the job queue names no region and queue; {_WRONG}")
    place = Place(region=region, name=name, limits=limits or Limits())
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        place = _with(place, option, value)
    return place


def _with(place: Place, option: str, value: str) -> Place:
    match option:
        case "account" if _ACCOUNT.fullmatch(value):
            return evolve(place, account=value)
        case "account":
            raise _wrong_option(option, "12 digits")
        case "endpoint" if _ENDPOINT.fullmatch(value):
            return evolve(place, endpoint=value)
        case "endpoint":
            raise _wrong_option(option, "https://host[:port] or http://…")
        case _ if option not in _OPTIONS:
            raise UnusableQueueError(
                f"the URL of the job queue has an unknown option; expected some of {', '.join(_OPTIONS)}"
            )
        case _:
            return evolve(place, limits=limited(place.limits, option, value, wrong=partial(_wrong_option, option)))


def _wrong_option(option: str, expected: str) -> UnusableQueueError:
    right = f"whole seconds, 1 to {_LONGEST_POLL}" if option == "poll" else expected
    return UnusableQueueError(f"{option} in the URL of the job queue: expected {right}")
