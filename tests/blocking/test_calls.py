"""Calls without `await` in one process: from threads, interrupted, inside a loop, while it is closed and after."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest
from typing_extensions import override

import convalias
from convalias import Participant, app
from convalias.app import AlreadyOpen, MessageAdded, NoSuchConversation, NotOpen
from convalias.blocking import Convalias, InsideLoop, NoBackground, NotAfterFork, background
from convalias.blocking.background import Background, in_thread
from convalias.blocking.opening import Opening
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.errors import InvalidValue
from system.forked import child_of

PEOPLE = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
SOON = timedelta(seconds=0.05)
PATIENCE = 60.0
"""Seconds after which what should have been cancelled fails its test."""


def memory() -> Convalias:
    return Convalias.in_memory(alias_domain="reply.example")


class Waiting:
    """A call that waits until it is cancelled, and says that it began and how it ended."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.was_cancelled = threading.Event()

    async def __call__(self, cv: app.Convalias) -> None:
        self.began.set()
        try:
            await asyncio.wait_for(asyncio.Event().wait(), PATIENCE)
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise


def test_the_first_call_opens_and_a_conversation_is_answered_without_await() -> None:
    cv = memory()
    assert not cv.is_open
    aliases = cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
    assert cv.is_open
    assert cv.knows_deployment
    assert [*aliases] == ["ann", "bob"]
    assert cv.messaging.send("c1", "Hello Bob!", author="ann", key="k1").seq > 0
    assert cv.alias("c1", for_="ann") == cv.messaging.aliasing.issue("c1", account="ann").address
    assert cv.run_until_idle().dead == 0
    assert b"Hello Bob!" in cv.mailbox("bob@home.example")[0]
    assert cv.checks()["raw"]() == []
    cv.close()
    assert not cv.is_open


def test_errors_keep_their_type() -> None:
    with memory() as cv, pytest.raises(NoSuchConversation):
        cv.messaging.send("none", "Hello", author="ann", key="k1")


def test_twenty_threads_open_it_once_and_each_message_of_theirs_is_there_once(tmp_path: Path) -> None:
    cv = Convalias.from_toml(data=tmp_path, environ={})
    start = threading.Barrier(20)

    def post(number: int) -> None:
        start.wait()
        cv.messaging.create("hiring", PEOPLE, conversation="c1")
        cv.messaging.send("c1", f"message {number}", author="ann", key=str(number))

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(post, range(20)))
    texts = [
        one.happening.text for one in cv.messaging.events("c1", limit=1000) if isinstance(one.happening, MessageAdded)
    ]
    assert sorted(texts) == sorted(f"message {number}" for number in range(20))
    cv.close()


async def test_inside_a_running_loop_every_call_is_refused_by_one_line() -> None:
    cv = memory()
    calls: list[Callable[[], object]] = [
        cv.refresh,
        cv.close,
        cv.__enter__,
        lambda: cv.messaging.thread("c1"),
        lambda: cv.running().__enter__(),
    ]
    for call in calls:
        with pytest.raises(InsideLoop, match=r"use convalias\.Convalias with await") as refused:
            call()
        assert "\n" not in str(refused.value)
    assert not cv.is_open
    await asyncio.to_thread(cv.refresh)
    await asyncio.to_thread(cv.close)


def test_after_closing_it_is_refused_until_it_is_entered_again() -> None:
    cv = memory()
    cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
    cv.close()
    cv.close()
    with pytest.raises(NotOpen, match="is closed: enter it anew"):
        cv.messaging.thread("c1")
    with cv:
        assert cv.messaging.thread("c1").id == "c1"
        with pytest.raises(AlreadyOpen), cv:
            pass
    assert not cv.is_open


def test_closing_before_the_first_call_opens_nothing() -> None:
    cv = memory()
    cv.close()
    with pytest.raises(NotOpen):
        cv.refresh()


def test_what_fails_to_open_is_tried_again_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    cv, fails = memory(), [True, True]
    opened = app.Convalias.__aenter__

    async def entered(inner: app.Convalias) -> app.Convalias:
        if fails:
            fails.pop()
            raise OSError("no disk")
        return await opened(inner)

    monkeypatch.setattr(app.Convalias, "__aenter__", entered)
    with pytest.raises(OSError, match="no disk"):
        cv.refresh()
    with pytest.raises(OSError, match="no disk"), cv:
        pass
    with cv:
        assert cv.is_open


def test_a_call_that_does_not_end_is_cancelled_by_closing_and_says_so() -> None:
    cv, waiting = memory(), Waiting()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(cv._call, waiting)
        assert waiting.began.wait(10)
        cv.close(within=SOON)
        with pytest.raises(NotOpen, match="may have been done, or not"):
            call.result(10)
    assert waiting.was_cancelled.is_set()


def test_a_call_in_flight_ends_before_closing_does() -> None:
    cv, may_end, began = memory(), threading.Event(), threading.Event()

    async def slow(inner: app.Convalias) -> bool:
        began.set()
        await in_thread(may_end.wait, name="slow")
        return inner.is_open

    with ThreadPoolExecutor(2) as threads:
        call = threads.submit(cv._call, slow)
        assert began.wait(10)
        closing = threads.submit(cv.close)
        may_end.set()
        assert call.result(10)
        closing.result(10)


def test_closing_is_bounded_even_if_the_loop_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.blocking.opening.LATE", timedelta(0))
    cv, may_go_on, began = memory(), threading.Event(), threading.Event()

    async def blocks(inner: app.Convalias) -> None:
        began.set()
        may_go_on.wait()

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(cv._call, blocks)
        assert began.wait(10)
        cv.close(within=SOON)
        may_go_on.set()
        call.result(10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_what_a_signal_handler_raises_cancels_the_call(number: signal.Signals) -> None:
    cv, waiting = memory(), Waiting()

    class SoftTimeLimitExceeded(Exception):
        pass

    def limit(*_: object) -> None:
        raise SoftTimeLimitExceeded

    main = threading.get_ident()

    def interrupt() -> None:
        waiting.began.wait(10)
        signal.pthread_kill(main, number)

    # Whoever runs this in the background of a shell has SIGINT ignored, and Python leaves it so.
    before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else limit)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SoftTimeLimitExceeded):
            cv._call(waiting)
    finally:
        signal.signal(number, before)
        thread.join()
    assert waiting.was_cancelled.is_set()
    cv.refresh()
    cv.close()


def test_no_wait_is_without_end_for_a_signal_just_before_it_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    cv, waiting = memory(), Waiting()
    background.background()  # there before: whoever makes it waits for its thread
    waits: list[float | None] = []

    class Deaf(SimpleQueue[object]):
        """Its thread is not woken by a signal: one that came a moment too early is seen when the wait is over."""

        @override
        def get(self, block: bool = True, timeout: float | None = None) -> object:
            waits.append(timeout)
            if len(waits) == 3:
                raise KeyboardInterrupt
            return super().get(block, 0.01)

    monkeypatch.setattr(background, "SimpleQueue", Deaf)
    with pytest.raises(KeyboardInterrupt):
        cv._call(waiting)
    assert waits[:3] == [background.LOOK_EVERY] * 3
    monkeypatch.undo()
    cv.close()


def test_a_context_of_the_caller_is_that_of_the_call() -> None:
    trace, cv = contextvars.ContextVar("trace", default=""), memory()
    trace.set("of this request")

    async def seen(inner: app.Convalias) -> str:
        return trace.get()

    assert cv._call(seen) == "of this request"
    cv.close()


def test_workers_run_beside_a_body_and_end_with_it() -> None:
    with memory() as cv, cv.running("inbound"):
        assert cv.checks()["workers"]() is not None
        cv.wake()


def test_what_is_raised_in_a_body_goes_on_and_its_workers_end() -> None:
    with memory() as cv, pytest.raises(ZeroDivisionError), cv.running("inbound"):
        raise ZeroDivisionError


@pytest.mark.parametrize("end", [Convalias.stop, Convalias.close])
def test_run_ends_by_another_thread(end: Callable[[Convalias], None]) -> None:
    cv = memory()
    with ThreadPoolExecutor(1) as threads:
        cv.refresh()
        running = threads.submit(cv.run, "inbound")
        while not cv._call(is_running):
            pass
        end(cv)
        assert running.result(10) is None
    cv.close()


async def is_running(inner: app.Convalias) -> bool:
    return bool(inner._running)


def test_a_plain_function_is_called_for_events_and_may_call_the_facade() -> None:
    cv, seen = memory(), list[tuple[str, str]]()

    @cv.on(MessageAdded, group="search")
    def add(event: ConversationEvent) -> None:
        assert isinstance(event.happening, MessageAdded)
        seen.append((event.happening.text, str(cv.messaging.thread("c1").use_case)))

    cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
    cv.messaging.send("c1", "Hello Bob!", author="ann", key="k1")
    cv.run_until_idle()
    assert seen == [("Hello Bob!", "hiring")]
    with pytest.raises(AlreadyOpen):
        cv.on(MessageAdded, group="late")(add)
    cv.close()


def test_an_async_function_is_refused_for_events() -> None:
    async def add(event: ConversationEvent) -> None: ...

    with pytest.raises(InvalidValue, match="which is async"):
        memory().on(group="search")(add)


async def test_what_a_function_in_a_thread_raises_is_raised_and_one_that_is_left_alone_harms_nobody() -> None:
    def fails() -> None:
        raise KeyError("k")

    def ends() -> None:
        raise SystemExit(3)

    with pytest.raises(KeyError):
        await in_thread(fails, name="t")
    with pytest.raises(RuntimeError, match="SystemExit"):
        await in_thread(ends, name="t")
    may_end = threading.Event()
    left = asyncio.create_task(in_thread(may_end.wait, name="t"))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    may_end.set()


def test_a_process_that_lets_no_thread_run_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    with pytest.raises(NoBackground, match="enable-threads"):
        Background(within=0.01)


def test_on_a_parked_loop_nothing_more_runs() -> None:
    background, ran = Background(), list[int]()

    async def run() -> None:
        ran.append(1)

    background.wait_for(run)
    background.park()
    with pytest.raises(TimeoutError):
        background.wait_for(run, within=0.05)
    assert ran == [1]


def test_ports_of_the_hosts_own_are_called_and_not_closed() -> None:
    async def ports_of() -> tuple[app.Ports, app.Wiring]:
        inner = convalias.Convalias.in_memory(alias_domain="reply.example")
        async with inner:
            return inner.ports, inner._wiring

    cv = Convalias.over(*asyncio.run(ports_of()))
    with cv:
        cv.open_conversation("c1", use_case="hiring", participants=PEOPLE)
    assert cv.deployment.alias_domains == ("reply.example",)
    assert cv.keyring.alias_keys() is not None
    with cv:
        assert cv.messaging.thread("c1").id == "c1"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_opens_its_own_and_its_parent_goes_on(tmp_path: Path) -> None:
    cv = Convalias.from_toml(data=tmp_path, environ={})
    cv.messaging.create("hiring", PEOPLE, conversation="c1")
    parents = cv._open

    def post() -> None:
        cv.messaging.send("c1", "from the child", author="ann", key="child")
        assert cv._open is not parents
        cv.close()

    assert child_of(post) == 0
    cv.messaging.send("c1", "from the parent", author="ann", key="parent")
    texts = [one.happening.text for one in cv.messaging.events("c1") if isinstance(one.happening, MessageAdded)]
    assert texts == ["from the child", "from the parent"]
    cv.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_is_refused_where_its_parent_was_at_work_or_kept_all_in_memory(tmp_path: Path) -> None:
    at_work, alone = Convalias.from_toml(data=tmp_path, environ={}), memory()
    alone.refresh()

    def refused() -> None:
        for cv, why in ((at_work, "run workers after the fork"), (alone, "use from_toml")):
            with pytest.raises(NotAfterFork, match=why):
                cv.refresh()

    with at_work, at_work.running("feed"):
        assert child_of(refused) == 0
        at_work.refresh()
    alone.refresh()
    alone.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_on_the_loop_itself_waits_for_nothing(tmp_path: Path) -> None:
    cv = Convalias.from_toml(data=tmp_path, environ={})

    def refused() -> None:
        assert cv._open is not None
        assert not cv._open.is_left

    async def forks(inner: app.Convalias) -> int:
        return child_of(refused)

    assert cv._call(forks) == 0
    cv.close()


def test_an_opening_is_held_until_it_is_closed() -> None:
    cv = memory()
    cv.refresh()
    opening = cv._open
    assert isinstance(opening, Opening)
    assert opening in opening._background.held
    cv.close()
    assert opening not in opening._background.held
