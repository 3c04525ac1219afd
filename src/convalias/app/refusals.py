"""Refuse what cannot work when a façade is made: the keyword, what was found, what was expected."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from types import FunctionType, MethodType
from typing import Any, Final, TypeGuard, get_args, get_type_hints

from convalias.app.capabilities import capabilities_of
from convalias.app.ports import Instead, Ports
from convalias.domain.outbound.delivery import Channel
from convalias.ports.hub import NotificationHub
from convalias.services.running.places import told_of
from convalias.settings import WrongSettings

FEED: Final = "only our own store tells of new messages by itself"
_AWAITED: Final = ("Awaitable", "Coroutine", "Future", "Task")


def refuse(given: Mapping[str, object]) -> None:
    """Raise `WrongSettings` for keywords that are none, for what is no such port, and for what cannot work together."""
    problems = dict(_misspelt(given))
    for keyword, port in given.items():
        if keyword == "channels":
            problems.update(_wrong_channels(port))
        elif keyword in _protocols() and (port is not None or keyword in _needed()):
            what_is_wrong = _no_port(keyword, port)
            if what_is_wrong:
                problems[keyword] = what_is_wrong
    if given.get("event_store") is not None and given.get("changes") is None:
        problems["event_store"] = (
            f"found no changes= beside it, expected one: {FEED}, and nobody would ever be notified of a message"
        )
    if given.get("event_store") is not None and given.get("conversations") is not None:
        problems["event_store"] = "found conversations= beside it, expected one of the two: who keeps them?"
    if given.get("changes") is not None and given.get("records") is None:
        problems["changes"] = "found no records= beside it, expected the store whose changes these are"
    if not problems:
        problems.update(_channel_problems(given))
    if problems:
        raise WrongSettings(problems)


def refuse_ports(ports: Ports) -> None:
    """The same for ports that are all given at once."""
    refuse({keyword: getattr(ports, keyword) for keyword in _protocols()})


def _wrong_channels(given: object) -> Iterator[tuple[str, str]]:
    """What keeps them from being hubs by channel."""
    if not _is_mapping(given):
        yield "channels", f"found {_named(given)}, expected hubs by Channel, such as {{Channel.SMS: hub}}"
        return
    for channel, hub in given.items():
        if not isinstance(channel, Channel):
            yield "channels", f"found {channel!r}, expected a Channel, such as Channel.SMS"
        elif what_is_wrong := _unlike(NotificationHub, hub):
            yield f"channels.{channel.value}", what_is_wrong


def _channel_problems(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Channels of which nobody would ever hear, and what keeps a hub from serving its channel."""
    hubs: Any = given.get("channels") or {}
    for channel, hub in hubs.items():
        yield from channel_problems(channel, hub)
    yield from _unreached([*hubs], given)


def channel_problems(channel: Channel, hub: NotificationHub) -> Iterator[tuple[str, str]]:
    """Tell where a hub does not serve the channel that it is named for."""
    try:
        served = [*hub.channels]
    except Exception as failed:  # noqa: BLE001 - whatever an adapter of the host raises
        yield f"channels.{channel.value}", f"found a hub that cannot say what it serves: {told_of(failed)}"
        return
    if channel not in served:
        there = " and ".join(str(getattr(one, "value", one)) for one in served) or "nothing"
        yield f"channels.{channel.value}", f"found a hub that serves {there}, expected one that serves {channel.value}"


def refuse_unreached(channels: Iterable[Channel], given: Mapping[str, object]) -> None:
    """Raise `WrongSettings` for channels of which no participant would ever hear."""
    if problems := dict(_unreached(channels, given)):
        raise WrongSettings(problems)


def _unreached(channels: Iterable[Channel], given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Tell which channels no notification could take: nobody chooses them, or nobody says where they reach people."""
    for channel in channels:
        if channel is Channel.EMAIL:
            continue
        if given.get("channel_choice") is None:
            yield (
                f"channels.{channel.value}",
                "found no channel_choice= beside it, expected one: without it everybody is notified by e-mail",
            )
        elif channel.needs_endpoint and given.get("endpoints") is None:
            yield (
                f"channels.{channel.value}",
                f"found no endpoints= beside it, expected one that says where {channel.value} reaches an account",
            )


def _misspelt(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for keyword in given:
        if keyword not in _protocols():
            near = get_close_matches(keyword, _protocols(), n=1)
            yield keyword, f"found no port of this name, expected {near[0] if near else ', '.join(_protocols())}"


@cache
def _protocols() -> Mapping[str, type]:
    return get_type_hints(Instead)


@cache
def _needed() -> frozenset[str]:
    """Keywords that may not be None."""
    return frozenset(name for name, hint in get_type_hints(Ports).items() if type(None) not in get_args(hint))


def _no_port(keyword: str, port: object) -> str:
    """What keeps it from being that port; empty: nothing that can be seen from outside.

    What it can do beyond its port is looked at too: `def read` where `async def` is awaited would fail at every send.
    """
    protocols = [_protocols()[keyword], *capabilities_of(port, keyword)]
    return next((problem for one in protocols if (problem := _unlike(one, port))), "")


def _unlike(protocol: type, port: object) -> str:
    found = _named(port)
    if isinstance(port, type):
        return f"found the class {port.__name__}, expected an object of it"
    for name, asked in vars(protocol).items():
        if name.startswith("_") or not isinstance(asked, FunctionType | property):
            continue
        expected = f"{protocol.__name__}.{name}"
        here = inspect.getattr_static(port, name, None)
        if here is None and not hasattr(port, name):
            return f"found {found} without {name}, expected {expected}"
        if isinstance(asked, property) or isinstance(here, property):
            continue
        method: Any = getattr(port, name)
        if not callable(method):
            return f"found {found}.{name} that cannot be called, expected {expected}"
        is_async = _is_async(method)
        if inspect.iscoroutinefunction(asked) and is_async is False:
            return f"found def {name} of {found}, expected async def: {expected} is awaited"
        if not inspect.iscoroutinefunction(asked) and is_async:
            return f"found async def {name} of {found}, expected def: {expected} is not awaited"
    return ""


def _is_mapping(given: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(given, Mapping)


def _is_async(method: Callable[..., object]) -> bool | None:
    """Whether its result is to be awaited; None: that cannot be told, as of a callable object or a partial.

    A decorator may make an async function of a plain one, and name it in `__wrapped__`: each layer is looked at.
    """
    if any(inspect.iscoroutinefunction(one) for one in _layers(method)):
        return True
    if not isinstance(method, FunctionType | MethodType):
        return None
    answer = str(method.__annotations__.get("return", ""))
    return None if any(name in answer for name in _AWAITED) else False


def _layers(method: Callable[..., object]) -> Iterator[Callable[..., object]]:
    """The function and those that it says it wraps, the outermost first."""
    yield method
    while (inner := getattr(method, "__wrapped__", None)) is not None:
        yield inner
        method = inner


def _named(port: object) -> str:
    return "None" if port is None else type(port).__name__
