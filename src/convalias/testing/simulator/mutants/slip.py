"""What a slip is, and how it gets into a run: by other ports, or by another method for as long as the run lasts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, TypeAlias

from attrs import frozen

from convalias.app.ports import Ports
from convalias.testing.simulator.weather import Weather
from convalias.testing.simulator.world import World

Patch: TypeAlias = Callable[[], AbstractContextManager[object]]
Method: TypeAlias = Callable[..., Any]
"""A function or method of the product, called as it was before the slip."""


def as_they_are(world: World, ports: Ports) -> Ports:
    """No slip in the ports."""
    del world
    return ports


@frozen(kw_only=True)
class Mutant:
    """One slip: in an adapter (`alter`), in a service (`patched`), or in both. Never in the product's own path."""

    name: str
    slip: str
    """What somebody did wrong, in a line."""
    breaks: str
    """The invariant that it breaks: `I1` to `I8`."""
    alter: Callable[[World, Ports], Ports] = as_they_are
    patched: Patch = nullcontext
    weather: Weather | None = None
    """The faults under which it shows, where that takes so many of one kind that few days have them. None: any day's."""


def instead(owner: object, name: str, slip: object) -> Patch:
    """For the run, `owner.name` is the slip. An owner is a class, or the module in which a name is looked up."""
    return around(owner, name, lambda _: slip)


def around(owner: object, name: str, slip: Callable[[Method], object]) -> Patch:
    """The same, made anew for each run out of what stood there: what a slip remembers, it forgets with the run."""

    @contextmanager
    def patched() -> Generator[None]:
        kept: Any = inspect.getattr_static(owner, name)
        setattr(owner, name, slip(kept))
        try:
            yield
        finally:
            setattr(owner, name, kept)

    return patched


def together(*patches: Patch) -> Patch:
    """A slip that shows in several places."""

    @contextmanager
    def patched() -> Generator[None]:
        with ExitStack() as stack:
            for patch in patches:
                stack.enter_context(patch())
            yield

    return patched


def inner(of: object, name: str) -> Any:  # noqa: ANN401
    """What only its own class uses, and somebody who patches it."""
    return getattr(of, name)
