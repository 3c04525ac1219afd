"""A guard around each port that a host brings: whatever it raises is "try again", noted with class, file and line."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, get_type_hints

from attrs import define, evolve, field

from convalias.app.ports import Instead, Ports
from convalias.ports.ambient import Clock
from convalias.ports.changes import ChangeStream
from convalias.ports.errors import AdapterFailed, PortError
from convalias.ports.event_log import Subscription
from convalias.services.errors import NotReady
from convalias.services.log_lines import LogLines
from convalias.services.places import told_of

P = TypeVar("P")

IN_A_ROW: Final = 3
"""Failures of one call in a row: then the process is not ready."""
SHOWN_FOR: Final = timedelta(minutes=10)
"""How long a fault is shown whose call was not made since."""
AMBIGUOUS: Final = frozenset({("hub", "send"), ("mail", "send"), ("system_mail", "send")})
"""Calls whose ports know ambiguous failures: what they raise is noted, and stays what it is."""
_UNGUARDED: Final = frozenset({"clock", "incarnation"})
_OPENED: Final[Mapping[tuple[str, str], type]] = {
    ("events", "records"): Subscription,
    ("changes", "since"): ChangeStream,
}
"""Calls whose answers have calls of their own."""


@define
class _Fault:
    told: str
    at: datetime
    in_a_row: int = 1


def _none() -> dict[str, _Fault]:
    return {}


@define
class AdapterFaults:
    """What adapters of the host raised that their ports do not name, by call."""

    clock: Clock
    lines: LogLines
    faults: dict[str, _Fault] = field(factory=_none)

    def note(self, call: str, error: BaseException) -> str:
        """Write down and log class, file and line; what was written."""
        told, before = told_of(error), self.faults.get(call)
        in_a_row = 1 if before is None else before.in_a_row + 1
        self.faults[call] = _Fault(told, self.clock.now(), in_a_row)
        self.lines.repeated(f"{call} of the host: {told}", engine=call)
        return told

    def worked(self, call: str) -> None:
        """Forget what it raised."""
        self.faults.pop(call, None)

    async def check(self) -> str:
        """What was raised of late, empty when nothing was. Raises `NotReady` where a call fails again and again."""
        now = self.clock.now()
        recent = {call: fault for call, fault in self.faults.items() if now - fault.at <= SHOWN_FOR}
        told = "; ".join(f"{call}: {fault.told}, {fault.in_a_row} times in a row" for call, fault in recent.items())
        if any(fault.in_a_row >= IN_A_ROW for fault in recent.values()):
            raise NotReady(told)
        return told


def guard_ports(ports: Ports, faults: AdapterFaults) -> Ports:
    """The ports, those of the host's own each behind a guard."""
    given: dict[str, Any] = {}
    for keyword, protocol in get_type_hints(Instead).items():
        port = getattr(ports, keyword)
        if port is not None and keyword not in _UNGUARDED and _is_foreign(port):
            given[keyword] = guarded(port, keyword, protocol, faults)
    return evolve(ports, **given)


def guarded(port: P, keyword: str, protocol: type, faults: AdapterFaults) -> P:
    """The same port behind a guard: still of its class, with all that it has besides."""
    methods = {
        name: asked
        for name, asked in vars(protocol).items()
        if not name.startswith("_") and (inspect.isfunction(asked) or isinstance(asked, property))
    }

    def found(guard: object, name: str) -> Any:  # noqa: ANN401 - whatever it has
        del guard
        if name not in methods:
            return getattr(port, name)
        asked, call = methods[name], _Call(port, keyword, name, faults)
        if isinstance(asked, property):
            return call.read()
        if keyword == "telemetry":
            return call.measured
        return call.awaited if inspect.iscoroutinefunction(asked) else call.direct

    base = type(port)
    try:
        kind = type(f"Guarded{base.__name__}", (base,), {"__getattribute__": found, "__slots__": ()})
        guard: Any = object.__new__(kind)
    except TypeError:  # a class that has no subclasses, or is not made so
        guard = type(f"Guarded{base.__name__}", (), {"__getattribute__": found, "__slots__": ()})()
    same: P = guard
    return same


@define
class _Call:
    """One call of one port."""

    port: object
    keyword: str
    name: str
    faults: AdapterFaults

    @property
    def whole(self) -> str:
        """Such as `identity.at`."""
        return f"{self.keyword}.{self.name}"

    def answer(self, result: Any) -> Any:  # noqa: ANN401 - whatever the port gives
        self.faults.worked(self.whole)
        opened = _OPENED.get((self.keyword, self.name))
        return result if opened is None else guarded(result, self.keyword, opened, self.faults)

    def failed(self, error: BaseException) -> AdapterFailed:
        return AdapterFailed(self.whole, self.faults.note(self.whole, error))

    async def awaited(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        requests = _requests_to_cancel()
        try:
            result = await getattr(self.port, self.name)(*args, **named)
        except PortError:  # what it may raise
            raise
        except asyncio.CancelledError as error:
            if _requests_to_cancel() > requests:
                raise
            if (self.keyword, self.name) in AMBIGUOUS:  # its worker may be gone: "surely not sent" would send it twice
                self.faults.note(self.whole, error)
                raise
            raise self.failed(error) from error  # it was cancelled inside, and nobody asked for that
        except Exception as error:
            if (self.keyword, self.name) in AMBIGUOUS:
                self.faults.note(self.whole, error)
                raise
            raise self.failed(error) from error
        return self.answer(result)

    def direct(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        try:
            result = getattr(self.port, self.name)(*args, **named)
        except PortError:
            raise
        except Exception as error:
            raise self.failed(error) from error
        return self.answer(result)

    def read(self) -> Any:  # noqa: ANN401
        try:
            result = getattr(self.port, self.name)
        except Exception as error:
            raise self.failed(error) from error
        return self.answer(result)

    def measured(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        """Figures are worth no mail: one that cannot be taken is noted, and dropped."""
        try:
            return getattr(self.port, self.name)(*args, **named)
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.faults.note(self.whole, error)
            return nullcontext()


def _requests_to_cancel() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _is_foreign(port: object) -> bool:
    return type(port).__module__.partition(".")[0] != "convalias"
