"""Guard each port of a host: any exception becomes "try again", noted with class, file and line."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar, get_type_hints

from attrs import define, evolve, field

from convalias.app.answers import WrongAnswer, refuse_answer
from convalias.app.capabilities import capabilities_of, methods_of
from convalias.app.ports import Instead, Ports
from convalias.app.stand_ins import stand_in
from convalias.ports.ambient import Clock
from convalias.ports.changes import ChangeStream
from convalias.ports.errors import AdapterFailed, PortError
from convalias.ports.event_log import Subscription
from convalias.ports.hub import Answer, Guarantee, NotificationHub, NotSent, Sent, Unknown
from convalias.services.conversations.errors import NotReady
from convalias.services.running.log_lines import LogLines
from convalias.services.running.places import place_of, told_of

P = TypeVar("P")

IN_A_ROW: Final = 3
"""Failures of one call in a row: then the process is not ready."""
SHOWN_FOR: Final = timedelta(minutes=10)
"""How long a fault is shown whose call was not made since."""
AMBIGUOUS: Final = frozenset({("hub", "send"), ("mail", "send"), ("system_mail", "send")})
"""Calls whose ports know ambiguous failures: what they raise is noted, and stays what it is."""
WITHIN: Final = timedelta(seconds=15)
"""How long a call may take: what never answers must not keep its worker, and is a fault like any other."""
WITHIN_OF_SENDS: Final = timedelta(seconds=19)
"""The same of what sends: a second less than its caller waits, so that it is known who was late."""
WITHIN_OF_LONG: Final = timedelta(seconds=60)
"""The same of calls that move mail, read it or ask the world."""
_LONG: Final = frozenset({"blobs", "reader", "authenticator"})
_SENDS: Final = frozenset({"hub", "mail", "system_mail"})
CHANNELS: Final = "channels."
"""How the hub of one channel is called: `channels.sms`. It is a hub like any other."""
_UNGUARDED: Final = frozenset({"clock", "incarnation"})
_NOTHING: Final[Mapping[str, object]] = {}
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
    is_of_one_mail: bool = False

    @property
    def often(self) -> str:
        if not self.in_a_row:
            return f"last at {self.at:%H:%M:%SZ}, has worked since"
        return "once" if self.in_a_row == 1 else f"{self.in_a_row} times in a row"


def _none() -> dict[str, _Fault]:
    return {}


@define
class AdapterFaults:
    """The faults of the host's adapters, by call: exceptions that their ports do not name."""

    clock: Clock
    lines: LogLines
    faults: dict[str, _Fault] = field(factory=_none)

    def note(self, call: str, error: BaseException, told: str = "", *, is_of_one_mail: bool = False) -> str:
        """Write down and log class, file and line, or what says more than they do; what was written.

        `is_of_one_mail`: one mail, tried again, may fail so by itself. Then the process stays ready for all others.
        """
        told, before = told or told_of(error), self.faults.get(call)
        in_a_row = 1 if before is None else before.in_a_row + 1
        self.faults[call] = _Fault(told, self.clock.now(), in_a_row, is_of_one_mail)
        self.lines.repeated(f"{call} of the host: {told}", engine=call)
        return told

    def worked(self, call: str) -> None:
        """Note that a call worked: its earlier fault is shown for a while, and keeps no process from being ready."""
        fault = self.faults.get(call)
        if fault is not None:
            fault.in_a_row = 0

    def lately(self) -> str:
        """Return the recent faults by call; empty if there are none."""
        return "; ".join(f"{call}: {fault.told}, {fault.often}" for call, fault in self._recent().items())

    async def check(self) -> str:
        """The same. Raises `NotReady` where a call fails again and again, and not for one mail alone."""
        told = self.lately()
        if any(fault.in_a_row >= IN_A_ROW and not fault.is_of_one_mail for fault in self._recent().values()):
            raise NotReady(told)
        return told

    def _recent(self) -> Mapping[str, _Fault]:
        now = self.clock.now()
        return {call: fault for call, fault in self.faults.items() if now - fault.at <= SHOWN_FOR}


def guard_ports(ports: Ports, faults: AdapterFaults) -> Ports:
    """The ports, those of the host's own each behind a guard."""
    given: dict[str, Any] = {}
    given["channels"] = {
        channel: guarded(hub, f"{CHANNELS}{channel.value}", NotificationHub, faults) if _is_foreign(hub) else hub
        for channel, hub in ports.channels.items()
    }
    for keyword, protocol in get_type_hints(Instead).items():
        port = None if keyword == "channels" else getattr(ports, keyword)
        if port is not None and keyword not in _UNGUARDED and _is_foreign(port):
            given[keyword] = guarded(port, keyword, protocol, faults)
    return evolve(ports, **given)


def guarded(port: P, keyword: str, protocol: type, faults: AdapterFaults) -> P:
    """The same port behind a guard: still of its class, with all that it has besides.

    What it can do beyond its port, as `app.capabilities` lists it, is guarded like the rest.
    """
    methods = dict(methods_of(protocol))
    for capability in capabilities_of(port, _kind(keyword)):
        methods.update(methods_of(capability))

    def found(guard: object, name: str) -> Any:  # noqa: ANN401 - whatever it has
        del guard
        if name not in methods:
            return getattr(port, name)
        asked = methods[name]
        if isinstance(asked, property):
            return _Call(port, keyword, name, asked.fget, faults).read()
        call = _Call(port, keyword, name, asked, faults)
        if keyword == "telemetry":
            return call.measured
        return call.awaited if inspect.iscoroutinefunction(asked) else call.direct

    return stand_in(port, "Guarded", found)


@define
class _Asked:
    """The question about a key that a `Guarantee` brings."""

    question: Callable[[str], Awaitable[Answer]]

    async def ask(self, key: str) -> Sent | NotSent | Unknown:
        """Return what the channel remembers of that key."""
        return await self.question(key)


@define
class _Call:
    """One call of one port."""

    port: object
    keyword: str
    name: str
    asked: Any
    """The method of the protocol."""
    faults: AdapterFaults

    @property
    def whole(self) -> str:
        """Such as `identity.at`."""
        return f"{self.keyword}.{self.name}"

    @property
    def is_ambiguous(self) -> bool:
        """Whether its port knows failures after which it may have been done."""
        return (_kind(self.keyword), self.name) in AMBIGUOUS

    def answer(
        self,
        result: Any,  # noqa: ANN401 - whatever the port gives
        args: Sequence[object],
        named: Mapping[str, object] = _NOTHING,
    ) -> Any:  # noqa: ANN401
        if self.name == "guarantee" and not isinstance(result, Guarantee):
            return result  # it is read at the start, and refused there
        try:
            refuse_answer(_kind(self.keyword), self.name, self.asked, result, args, named=named)
        except WrongAnswer as wrong:
            told = f"{wrong}, from {_written_at(self.port, self.name)}"
            if self.is_ambiguous:
                self.faults.note(self.whole, wrong, told)
                raise
            raise self.failed(wrong, told) from wrong
        self.faults.worked(self.whole)
        opened = _OPENED.get((self.keyword, self.name))
        if opened is not None:
            return guarded(result, self.keyword, opened, self.faults)
        if isinstance(result, Guarantee):
            return self._guarding_question(result)
        if (_kind(self.keyword), self.name) == ("hub", "channels"):
            return {channel: self._guarding_question(one) for channel, one in result.items()}
        return result

    def _guarding_question(self, stated: Guarantee) -> Guarantee:
        """The same; to ask about a key is a call of the host's like any other."""
        if stated.ask is None:
            return stated
        return evolve(stated, ask=_Call(_Asked(stated.ask), self.keyword, "ask", _Asked.ask, self.faults).awaited)

    def failed(self, error: BaseException, told: str = "") -> AdapterFailed:
        return AdapterFailed(self.whole, self.faults.note(self.whole, error, told))

    async def awaited(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        requests = _requests_to_cancel()
        bound = self._bound(named)
        try:
            async with bound:
                result = await getattr(self.port, self.name)(*args, **named)
        except PortError:  # what it may raise
            raise
        except asyncio.CancelledError as error:
            if _requests_to_cancel() > requests:
                raise
            if self.is_ambiguous:  # its worker may be gone: "surely not sent" would send it twice
                self.faults.note(self.whole, error)
                raise
            raise self.failed(error) from error  # it was cancelled inside, and nobody asked for that
        except Exception as error:
            told = self._late(error) if bound.expired() else ""
            if self.is_ambiguous:
                self.faults.note(self.whole, error, told)
                raise
            raise self.failed(error, told) from error
        return self.answer(result, args, named)

    @property
    def within(self) -> timedelta:
        """How long it may take, besides what it was told to wait."""
        return WITHIN_OF_LONG if self.keyword in _LONG else WITHIN_OF_SENDS if _kind(self.keyword) in _SENDS else WITHIN

    def _bound(self, named: Mapping[str, object]) -> asyncio.Timeout:
        wait = named.get("wait")
        return asyncio.timeout((self.within + (wait if isinstance(wait, timedelta) else timedelta(0))).total_seconds())

    def _late(self, error: Exception) -> str:
        cancelled = error.__cause__ or error.__context__ or error  # early releases of Python 3.11 name no cause
        return f"no answer within {self.within.seconds} s, at {place_of(cancelled)}"

    def direct(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        try:
            result = getattr(self.port, self.name)(*args, **named)
        except PortError:
            raise
        except (Exception, asyncio.CancelledError) as error:  # nobody can call off what does not wait
            raise self.failed(error) from error
        return self.answer(result, args, named)

    def read(self) -> Any:  # noqa: ANN401
        try:
            result = getattr(self.port, self.name)
        except (Exception, asyncio.CancelledError) as error:
            raise self.failed(error) from error
        return self.answer(result, ())

    def measured(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        """Figures are worth no mail: one that cannot be taken is noted, and dropped."""
        try:
            result = getattr(self.port, self.name)(*args, **named)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is
            self.faults.note(self.whole, error)
            result = nullcontext()
        return _Span(result, self) if self.name == "span" else None


@define
class _Span:
    """A span of the host's: whatever it does on its way in and out, what is inside goes on, and raises what it raises."""

    span: Any
    call: _Call
    is_entered: bool = False

    def __enter__(self) -> None:
        """Begin it, if that is possible."""
        try:
            self.span.__enter__()
            self.is_entered = True
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.call.faults.note(self.call.whole, error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it. What it says of the error is not minded: it would silence it."""
        if not self.is_entered:
            return
        try:
            self.span.__exit__(kind, error, trace)
        except Exception as failed:  # noqa: BLE001 - whatever it is
            if failed is not error:
                self.call.faults.note(self.call.whole, failed)


def _written_at(port: object, name: str) -> str:
    """Where the host wrote that method: `Directory.at in folder/file.py:12`, or its class where that cannot be told."""
    kind = type(port)
    here = port.question if isinstance(port, _Asked) else inspect.getattr_static(port, name, None)
    method = inspect.unwrap(here or kind)
    code = getattr(getattr(method, "fget", None) or method, "__code__", None)
    if code is None:
        return f"{kind.__module__}.{kind.__qualname__}"
    return f"{code.co_qualname} in {'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno}"


def _kind(keyword: str) -> str:
    return "hub" if keyword.startswith(CHANNELS) else keyword


def _requests_to_cancel() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _is_foreign(port: object) -> bool:
    return type(port).__module__.partition(".")[0] != "convalias"
