"""Attributes of a queue: how much waits, and what about the queue would lose jobs or hold them up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from convalias.ports.examining import Observation, weak

LEAST_RECEIVES: Final = 100
"""The library gives up a job itself, after recorded failures; what the queue does first takes it out of its hands."""
LEAST_RETENTION: Final = timedelta(days=4)
LEAST_SIZE: Final = 1_024
"""Octets: a job is the reference to a mail, a few hundred characters."""
_LONGEST_RETENTION: Final = timedelta(days=14)
_DAY: Final = timedelta(days=1)


def number(attributes: Mapping[str, str], name: str, default: int = 0) -> int:
    """Return an attribute; the default where the engine does not tell it."""
    text = attributes.get(name, "")
    return int(text) if text.isdigit() else default


def retention(attributes: Mapping[str, str]) -> timedelta:
    """Return how long a job is kept; 14 days, the longest there is, where the engine does not say."""
    seconds = number(attributes, "MessageRetentionPeriod", int(_LONGEST_RETENTION.total_seconds()))
    return timedelta(seconds=seconds)


def shortcomings(attributes: Mapping[str, str]) -> Iterator[Observation]:
    """Return all that would lose jobs or hold them up."""
    receives = _most_receives(attributes.get("RedrivePolicy", ""))
    if receives is not None and receives < LEAST_RECEIVES:
        yield weak(
            "redrive policy",
            f"its redrive policy takes a job away after {receives} receives",
            f"set maxReceiveCount to {LEAST_RECEIVES}: the dead letters are the library's own",
        )
    if (kept := retention(attributes)) < LEAST_RETENTION:
        yield weak(
            "settings",
            f"it forgets jobs after {kept / _DAY:.3g} days",
            "set MessageRetentionPeriod to 1209600, 14 days",
        )
    if delay := number(attributes, "DelaySeconds"):
        yield weak("settings", f"it delays every job for {delay} seconds", "set DelaySeconds to 0")
    if (size := number(attributes, "MaximumMessageSize", LEAST_SIZE)) < LEAST_SIZE:
        yield weak("settings", f"it takes bodies of {size} octets at most", "set MaximumMessageSize to 262144")


def redrive(attributes: Mapping[str, str]) -> Observation:
    """Observe the redrive policy, where nothing about it falls short."""
    receives = _most_receives(attributes.get("RedrivePolicy", ""))
    found = "none: the dead letters are the library's own" if receives is None else f"after {receives} receives"
    return Observation(about="redrive policy", found=found)


def _most_receives(policy: str) -> int | None:
    """`maxReceiveCount`, which some write as a string."""
    try:
        found: object = json.loads(policy)["maxReceiveCount"] if policy else None
        return int(str(found)) if found is not None else None
    except (KeyError, TypeError, ValueError):
        return None
