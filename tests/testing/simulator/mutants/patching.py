"""How a slip gets into a service: another method stands in its class for as long as the run lasts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from convalias.services.inbound.relay import InboundRelay
from convalias.testing.simulator.mutant import Patch

Method: TypeAlias = Callable[..., Any]
"""A function or method of the product, called as it was before the slip."""


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


def inner(of: object, name: str) -> Any:
    """What only its own class uses, and somebody who patches it."""
    return getattr(of, name)


def step_by_step() -> Patch:
    """No mail is claimed, appended and concluded by one ordered write: for slips of a single step."""

    async def nothing_at_once(self: InboundRelay, *mail: object) -> None:
        del self, mail

    return instead(InboundRelay, "_at_once", nothing_at_once)
