"""Engines, mail senders, doors, channels and detectors by name: the entry points of every installed distribution, ours among them.

Nothing is loaded before it is used. To add one, write a folder and a line in the metadata of its distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

STORES: Final = "convalias.stores"
BLOBS: Final = "convalias.blobs"
QUEUES: Final = "convalias.queues"
EVENT_LOGS: Final = "convalias.event_logs"
MAIL: Final = "convalias.mail"
INBOUND: Final = "convalias.inbound"
DELIVERY_EVENTS: Final = "convalias.delivery_events"
CHANNELS: Final = "convalias.channels"
CHECKS: Final = "convalias.checks"


class NotRegistered(LookupError):
    """No distribution registered this name. The message lists the names there are."""

    def __init__(self, group: str, name: str) -> None:
        """`name` must be fit to be shown: never a piece of a URL with a password."""
        there = names(group)
        super().__init__(
            f"{name!r} is not registered in {group}, expected {' or '.join(there)}"
            if there
            else f"nothing is registered in {group}; install convalias again (in a checkout: pip install -e .)"
        )


class RegisteredTwice(Exception):
    """Two distributions registered the same name. Which of them is meant cannot be told."""

    def __init__(self, group: str, name: str, distributions: Sequence[str]) -> None:
        """Name both."""
        super().__init__(
            f"{name!r} is registered in {group} by {' and by '.join(distributions)}; uninstall one of them"
        )


class WrongRegistration(Exception):
    """The registered object does not do what its group asks for."""

    def __init__(self, group: str, name: str, problem: str) -> None:
        """Name the entry point and its distribution."""
        point = registered(group, name)
        super().__init__(f"{name!r} in {group} ({point.value} of {distribution_of(point)}): {problem}")


def names(group: str) -> list[str]:
    """Return the names that are registered in a group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def registered(group: str, name: str) -> EntryPoint:
    """Return the one entry point of that name. Raises `NotRegistered` or `RegisteredTwice`."""
    found = list(entry_points(group=group, name=name))
    if not found:
        raise NotRegistered(group, name)
    if len(found) > 1:
        raise RegisteredTwice(group, name, sorted(map(distribution_of, found)))
    return found[0]


def load(group: str, name: str, *needed: str) -> Any:  # noqa: ANN401 - whoever asks names what the group asks for
    """Import what is registered under that name. Raises `WrongRegistration` if it lacks a needed attribute."""
    point = registered(group, name)
    try:
        found = point.load()
    except (AttributeError, SyntaxError) as error:
        raise WrongRegistration(group, name, f"cannot be loaded ({type(error).__name__}: {error})") from error
    for attribute in needed:
        if not hasattr(found, attribute):
            raise WrongRegistration(group, name, f"found a {type(found).__name__} without {attribute}")
    return found


def distribution_of(point: EntryPoint) -> str:
    """Return name and version of the distribution that registered this."""
    return "an unknown distribution" if point.dist is None else f"{point.dist.name} {point.dist.version}"
