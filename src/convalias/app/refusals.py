"""Refuse what cannot work when a façade is made: the keyword, what was found, what was expected."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from types import FunctionType, MethodType
from typing import Any, Final, get_args, get_type_hints

from convalias.app.ports import Instead, Ports
from convalias.settings import WrongSettings

FEED: Final = "only our own store tells of new messages by itself"
_AWAITED: Final = ("Awaitable", "Coroutine", "Future", "Task")


def refuse(given: Mapping[str, object]) -> None:
    """Raise `WrongSettings` for keywords that are none, for what is no such port, and for what cannot work together."""
    problems = dict(_misspelt(given))
    for keyword, port in given.items():
        if keyword in _protocols() and (port is not None or keyword in _needed()):
            what_is_wrong = _no_port(keyword, port)
            if what_is_wrong:
                problems[keyword] = what_is_wrong
    if given.get("conversations") is not None and given.get("changes") is None:
        problems["conversations"] = (
            f"found no changes= beside it, expected one: {FEED}, and nobody would ever be notified of a message"
        )
    if given.get("changes") is not None and given.get("records") is None:
        problems["changes"] = "found no records= beside it, expected the store whose changes these are"
    if problems:
        raise WrongSettings(problems)


def refuse_ports(ports: Ports) -> None:
    """The same for ports that are all given at once."""
    refuse({keyword: getattr(ports, keyword) for keyword in _protocols()})


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
    """What keeps it from being that port; empty: nothing that can be seen from outside."""
    protocol, found = _protocols()[keyword], _named(port)
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


def _is_async(method: Callable[..., object]) -> bool | None:
    """Whether its result is to be awaited; None: that cannot be told, as of a callable object or a partial."""
    inner = inspect.unwrap(method)
    if inspect.iscoroutinefunction(inner):
        return True
    if not isinstance(inner, FunctionType | MethodType):
        return None
    answer = str(inner.__annotations__.get("return", ""))
    return None if any(name in answer for name in _AWAITED) else False


def _named(port: object) -> str:
    return "None" if port is None else type(port).__name__
