"""Whatever an adapter of the host raises once loses nothing, and is told by class, file and line."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from typing import Any, get_type_hints

import pytest

from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.ports import Instead
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from convalias.ports.errors import AdapterFailed, Unavailable
from convalias.services.conversations.errors import NotReady
from ports.minimal.table import HIRING, MAKERS, PEOPLE

PORTS = (
    "records",
    "blobs",
    "queue",
    "events",
    "identity",
    "legacy",
    "hub",
    "flags",
    "mail",
    "reader",
    "authenticator",
    "check",
)
CALLS = [
    (port, name)
    for port in PORTS
    for name, asked in vars(get_type_hints(Instead)[port]).items()
    if not name.startswith("_") and callable(asked)
]
ANN, BOB = (Participant.of(name, name=name.title(), addresses=[PEOPLE[name]]) for name in ("ann", "bob"))


class Buggy:
    """An adapter of the host whose one call fails so many times."""

    def __init__(self, port: Any, call: str, error: Exception, times: int = 1) -> None:
        self.port, self.call, self.error, self.left = port, call, error, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        if name != self.call:
            return found

        def failing(*args: Any, **named: Any) -> Awaitable[Any]:
            if self.left:
                self.left -= 1
                raise self.error
            answer: Awaitable[Any] = found(*args, **named)
            return answer

        return failing


async def insist(clock: memory.Clock, call: Callable[[], Awaitable[Any]]) -> Any:
    """As a provider and a host do: again, when it was not possible."""
    for _ in range(5):
        with suppress(Unavailable):
            return await call()
        await clock.advance(timedelta(seconds=30))
    return await call()


async def path(port: str, name: str, error: Exception, *, times: int = 1) -> Mapping[str, Any]:
    """Mail and chat over one buggy adapter, with running workers; what people got, and what was said of it."""
    clock = memory.Clock()
    buggy = Buggy(MAKERS[port](clock), name, error, times)  # type: ignore[arg-type] - a clock of the same kind
    left = memory.Outbox()
    queue, events = memory.JobQueue(clock), memory.EventLog(clock)
    given: Any = {"clock": clock, "queue": queue, "events": events, "mail": left, port: buggy}
    if port == "hub":
        given.pop("mail")
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", **given) as cv:
        if port != "flags":  # those come from outside
            await insist(clock, lambda: cv.rollout.set(HIRING, stage=Stage.PARALLEL, basis_points=10_000, salt="s"))
        aliases = await insist(clock, lambda: cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB]))
        raw = f"From: bob@home.example\nTo: {aliases[ANN.account]}\nMessage-ID: <1@x>\n\nFrom bob\n"
        incoming = IncomingMail(raw.encode(), recipients=[str(aliases[ANN.account])], sender="bob@home.example")
        async with cv.running():
            await insist(clock, lambda: cv.receiver.accept(incoming))
            await insist(clock, lambda: cv.messaging.send("c1", "From ann", author="ann", key="k1"))
            await clock.advance(timedelta(seconds=40))
            check = (await cv.checks())["adapters"]
            try:
                told = str(await check())
            except NotReady as broken:
                told = f"not ready: {broken}"
        dead = len(await cv.operations.dead())
        events = await cv.messaging.events("c1", limit=10)
        texts = sorted(str(text) for one in events if (text := getattr(one.happening, "text", None)))
        sent = len(buggy.port.sent if port in {"hub", "mail"} else left.mails)
        return {"texts": texts, "dead": dead, "sent": sent, "told": told, "failed": times - buggy.left}


@pytest.mark.slow
@pytest.mark.parametrize(("port", "name"), CALLS, ids=lambda one: one)
def test_a_call_that_fails_once_loses_nothing_and_is_told(
    port: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    came = asyncio.run(asyncio.wait_for(path(port, name, ConnectionError("bob@home.example")), 60))
    assert came["texts"] == ["From ann", "From bob"]
    assert came["dead"] == 0
    # A port that may be ambiguous is not asked twice: what became of that one is shown as uncertain.
    assert came["sent"] == (1 if (port, name) in {("mail", "send"), ("hub", "send")} else 2)
    if came["failed"]:
        assert f"{port}.{name} of the host: ConnectionError at app/test_guards.py:" in caplog.text
    assert "bob@home.example" not in "".join(line.getMessage() for line in caplog.records)


def test_a_call_that_fails_again_and_again_is_not_ready_and_names_the_line() -> None:
    came = asyncio.run(path("identity", "at", KeyError("bob@home.example"), times=1_000))
    assert came["told"].startswith("not ready: identity.at: KeyError at app/test_guards.py:")
    assert "times in a row" in came["told"]
    assert came["texts"] == ["From ann"]
    assert came["sent"] == 1


async def test_our_own_adapters_and_what_they_raise_stay_as_they_are() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        assert cv.services.receiver.blobs is cv.ports.blobs


def test_a_fault_is_try_again() -> None:
    fault = AdapterFailed("identity.at", "KeyError at app/people.py:3 in Directory.at")
    assert isinstance(fault, Unavailable)
    assert str(fault) == "identity.at of the host: KeyError at app/people.py:3 in Directory.at"


class Broken:
    """A telemetry that takes no figure."""

    def measure(self, name: str, value: float, **tags: str) -> None:
        raise RuntimeError("bob@home.example")

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        raise RuntimeError("bob@home.example")


async def test_figures_that_nobody_takes_end_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    """What a loop measures when its step fails is measured through the same guard as all else."""
    clock = memory.Clock()
    queue = Buggy(memory.JobQueue(clock), "take", TypeError("bob@home.example"), times=1_000)
    given: Any = {"clock": clock, "telemetry": Broken(), "queue": queue}
    async with Convalias.in_memory(alias_domain="reply.example", **given) as cv:
        await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        async with cv.running():
            await cv.messaging.send("c1", "From ann", author="ann", key="k1")
            await clock.advance(timedelta(seconds=40))
            told = str(await (await cv.checks())["workers"]())
            assert told.startswith("inbound waits: queue.take of the host: TypeError at app/test_guards.py:")
            assert len(cv.mailbox("bob@home.example")) == 1
    assert "telemetry.measure of the host: RuntimeError at app/test_guards.py" in caplog.text
    assert "bob@home.example" not in caplog.text


class Wrong(Buggy):
    """An adapter of the host whose one call answers, so many times, what its signature does not say."""

    def __init__(self, port: Any, call: str, answer: Any, times: int = 1) -> None:
        super().__init__(port, call, KeyError(), times)
        self.answer = answer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        if name != self.call:
            return found

        async def awaited(*args: Any, **named: Any) -> Any:
            self.left -= 1
            return self.answer if self.left >= 0 else await found(*args, **named)

        def direct(*args: Any, **named: Any) -> Any:
            self.left -= 1
            return self.answer if self.left >= 0 else found(*args, **named)

        return awaited if inspect.iscoroutinefunction(found) else direct


ANSWERING = [
    (port, name)
    for port, name in CALLS
    if get_type_hints(vars(get_type_hints(Instead)[port])[name])["return"] is not type(None)
    and (port, name) != ("hub", "send")
]


@pytest.mark.slow
@pytest.mark.parametrize(("port", "name"), ANSWERING, ids=lambda one: one)
def test_a_wrong_answer_loses_nothing_and_is_told(
    port: str, name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "Buggy", Wrong)
    answer: Any = object()
    came = asyncio.run(asyncio.wait_for(path(port, name, answer), 60))
    assert came["texts"] == ["From ann", "From bob"]
    assert came["dead"] == 0
    assert came["sent"] == 2
    if came["failed"] and (port, name) in {
        ("identity", "at"),
        ("identity", "get"),
        ("blobs", "put"),
        ("queue", "take"),
    }:
        assert f"{port}.{name} of the host: found object, expected " in caplog.text


@pytest.mark.slow
async def test_an_answer_that_is_always_wrong_gives_up_no_mail(caplog: pytest.LogCaptureFixture) -> None:
    """Once it was a failure of the mail's own, and after three of these within seconds a dead letter."""

    class Nobody:
        async def at(self, addresses: Any) -> Any:
            return dict.fromkeys(list(addresses)[1:], ())

        async def authenticated(self, addresses: Any) -> Any:
            return frozenset[EmailAddress]()

        async def get(self, accounts: Any) -> Any:
            return {name: Account(name, (EmailAddress.parse(PEOPLE[name]),)) for name in accounts}

    clock = memory.Clock()
    given: Any = {"clock": clock, "queue": memory.JobQueue(clock), "identity": Nobody()}
    async with Convalias.in_memory(alias_domain="reply.example", **given) as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        raw = f"From: bob@home.example\nTo: {aliases[ANN.account]}\nMessage-ID: <1@x>\n\nFrom bob\n"
        async with cv.running():
            await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[str(aliases[ANN.account])]))
            for _ in range(5):
                await clock.advance(timedelta(seconds=20))
            with pytest.raises(NotReady, match=r"identity.at: found an answer without one of the keys") as broken:
                await (await cv.checks())["adapters"]()
            assert "Nobody.at in app/test_guards.py:" in str(broken.value)
            assert not await cv.operations.dead()
    assert "bob@home.example" not in caplog.text
