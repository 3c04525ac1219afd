"""Faults on demand: a plan of what fails when, and wrappers that ask it at every call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeAlias, TypeVar

from attrs import define, frozen

from convalias.ports.errors import Unavailable

T = TypeVar("T")
Cause: TypeAlias = type[BaseException] | BaseException | str
"""What is raised: a class, an instance, or the name of what is `Unavailable`."""


class When(Enum):
    """Whether the effect of a failing call happens."""

    BEFORE = "before"
    AFTER = "after"


@frozen
class Fault:
    """A call that fails, with its effect done or not."""

    when: When
    cause: Cause

    def error(self) -> BaseException:
        """Return the exception that the caller sees."""
        if isinstance(self.cause, str):
            return Unavailable(self.cause)
        return self.cause() if isinstance(self.cause, type) else self.cause


def before(cause: Cause) -> Fault:
    """Return a fault that fails the call before it has done anything."""
    return Fault(When.BEFORE, cause)


def after(cause: Cause) -> Fault:
    """Return a fault that fails the call after it was done: the answer was lost."""
    return Fault(When.AFTER, cause)


@define
class _Planned:
    call: str
    fault: Fault
    skip: int
    left: int | None


class Faults:
    """A plan. Calls are named `port.method`: `records.write`, `hub.send`; `records.*` is every call of a port."""

    def __init__(self) -> None:
        """Nothing fails."""
        self._planned: list[_Planned] = []
        self.calls: Counter[str] = Counter()
        """How often each call was begun."""

    def fail(self, call: str, fault: Fault, *, times: int | None = None, skip: int = 0) -> None:
        """Let that call fail from now on: `times` times (None: until `mend`), after `skip` that go well."""
        self._planned.append(_Planned(call, fault, skip, times))

    def mend(self, call: str | None = None) -> None:
        """End the faults of that name, or all of them."""
        self._planned = [one for one in self._planned if call is not None and one.call != call]

    async def around(self, call: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` under the name `call`, as the plan has it."""
        self.calls[call] += 1
        return await self.within(call, work)

    async def within(self, call: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` as a part of another call: the plan of `call` holds, and no call is counted."""
        fault = self._next(call)
        if fault is not None and fault.when is When.BEFORE:
            raise fault.error()
        result = await work()
        if fault is not None:
            raise fault.error()
        return result

    def _next(self, call: str) -> Fault | None:
        everything = call.partition(".")[0] + ".*"
        for planned in self._planned:
            if planned.call not in {call, everything} or planned.left == 0:
                continue
            if planned.skip:
                planned.skip -= 1
                continue
            if planned.left is not None:
                planned.left -= 1
            return planned.fault
        return None
