"""The topics that may post, and the buckets that mail is fetched from: as variables of the environment hold them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from convalias.services.inbound.doors import DoorSecret

_TOPIC: Final = re.compile(r"arn:aws(-cn|-us-gov)?:sns:(?P<region>[a-z0-9-]{1,40}):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_ENDPOINT: Final = re.compile(r"https?://[^/?#@\s]+/?")


@frozen(kw_only=True)
class Bucket:
    """A bucket into which a receipt rule puts mail."""

    name: str
    region: str | None = None
    """None: as AWS_REGION says."""
    endpoint: str | None = None
    """Of another server than Amazon's own."""


def region_of(topic: str) -> str:
    """Return the region of a topic; empty if that is no ARN of a topic."""
    found = _TOPIC.fullmatch(topic)
    return found["region"] if found else ""


def topics_in(text: str) -> frozenset[str]:
    """Return the topics of a comma-separated list."""
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def wrong_topics(text: str) -> str:
    """Explain what is wrong with such a list; empty if nothing is."""
    wrong = sorted(topic for topic in topics_in(text) if not region_of(topic))
    return f"found {wrong[0]!r}" if wrong else ""


def is_bucket(name: str) -> bool:
    """Return whether a bucket can be called so."""
    return _BUCKET.fullmatch(name) is not None


def buckets_in(text: str) -> dict[str, Bucket]:
    """Return the buckets of a comma-separated list of URLs, by name. Raises `ValueError`."""
    found = [_bucket(part.strip()) for part in text.split(",") if part.strip()]
    return {bucket.name: bucket for bucket in found}


def wrong_buckets(text: str) -> str:
    """Explain what is wrong with such a list; empty if nothing is. Never shows it: a secret may be in it by mistake."""
    try:
        buckets_in(text)
    except ValueError as error:
        return str(error)
    return ""


def _bucket(url: str) -> Bucket:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not is_bucket(parts.netloc) or parts.path.strip("/"):
        raise ValueError("found a URL that names no bucket")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    region, endpoint = options.pop("region", None), options.pop("endpoint", None)
    if options:
        raise ValueError(f"found the option {min(options)!r} of a bucket, which has region and endpoint")
    if region is not None and not _REGION.fullmatch(region):
        raise ValueError("found a region of a bucket that cannot be one")
    if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
        raise ValueError("found an endpoint of a bucket that cannot be one")
    return Bucket(name=parts.netloc, region=region, endpoint=endpoint)


TOPICS: Final = DoorSecret(
    name="TOPICS",
    expected="the ARN of each SNS topic that may post, such as arn:aws:sns:eu-west-1:123456789012:mail (several:"
    " comma-separated)",
    problem=wrong_topics,
)
BUCKETS: Final = DoorSecret(
    name="BUCKETS",
    expected="the bucket of each receipt rule, such as s3://my-mail?region=eu-west-1 (several: comma-separated)",
    problem=wrong_buckets,
    without="no mail is fetched: only that which stands in its notification is taken in",
)
