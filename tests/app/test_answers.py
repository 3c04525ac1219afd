"""An answer of a host's port is measured by the signature of its port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import pytest

from convalias.adapters import memory
from convalias.app import guards
from convalias.app.answers import WrongAnswer, fits, refuse_answer
from convalias.app.guards import AdapterFaults, guarded
from convalias.app.workers import log
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import Channel
from convalias.ports.ambient import Telemetry
from convalias.ports.errors import AdapterFailed
from convalias.ports.hub import Declined, Guarantee, NotificationHub, Sent
from convalias.ports.people import IdentityDirectory
from convalias.ports.records import Conflict, Due, DuePlace, Key, Ordered, Paged, Records, Stored, Written
from convalias.services.running.log_lines import LogLines

ANN, BOB = (EmailAddress.parse(f"{name}@home.example") for name in ("ann", "bob"))
HOLDERS = Mapping[EmailAddress, tuple[Account, ...]]


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ({}, HOLDERS, True),
        ({ANN: (Account(AccountId("ann"), (ANN,)),)}, HOLDERS, True),
        ({ANN: [Account(AccountId("ann"), (ANN,))]}, HOLDERS, True),
        ({ANN: Account(AccountId("ann"), (ANN,))}, HOLDERS, False),
        ({"ann@home.example": ()}, HOLDERS, False),
        ({ANN: ("ann",)}, HOLDERS, False),
        (None, HOLDERS, False),
        ([], HOLDERS, False),
        ({"ann": Account(AccountId("ann"))}, Mapping[AccountId, Account], True),
        (frozenset({ANN}), frozenset[EmailAddress], True),
        ({ANN}, frozenset[EmailAddress], True),
        ([ANN], frozenset[EmailAddress], False),
        ("ab", Sequence[str], False),
        (["ab"], Sequence[str], True),
        (None, bytes | None, True),
        ("", bytes | None, False),
        (Sent(), Sent | Declined, True),
        (None, Sent | Declined, False),
        (None, Telemetry, False),
        (memory.NoTelemetry(), Telemetry, True),
        (None, AbstractContextManager[None], False),
        (3, Any, True),
    ],
)
def test_what_fits(value: object, hint: object, *, expected: bool) -> None:
    assert fits(value, hint) is expected


def test_fewer_answers_than_writes_are_no_answer() -> None:
    with pytest.raises(WrongAnswer, match="found 0 answers to 1 writes"):
        refuse_answer("records", "write", Records.write, [], [[object()]])


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([Written("1")], "found 1 answers to 3 writes, of which the last is no conflict"),
        ([], "found 0 answers to 3 writes, of which the last is no conflict"),
        ([Written("1")] * 4, "found 4 answers to 3 writes, of which the last is no conflict"),
        ([Written("1")] * 3 + [Conflict()], "found 4 answers to 3 writes"),
        ([Written("1"), Conflict(), Written("2")], "found an answer behind a conflict, expected the conflict to be"),
    ],
)
def test_answers_in_order_end_with_the_last_write_or_the_conflict(answer: object, found: str) -> None:
    with pytest.raises(WrongAnswer, match=found):
        refuse_answer("records", "write_in_order", Ordered.write_in_order, answer, [[object()] * 3])


@pytest.mark.parametrize(
    "answer", [[Written("1")] * 3, [Written("1"), Conflict()], [Written("1")] * 2 + [Conflict()], [Conflict()]]
)
def test_answers_in_order_may_end_early(answer: object) -> None:
    refuse_answer("records", "write_in_order", Ordered.write_in_order, answer, [[object()] * 3])


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = DuePlace(NOON, Key("notes", "c1", "2"))


def row(id_: str, due: Due | None) -> Stored:
    return Stored(Key("notes", "c1", id_), (), {}, "1", due)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([row("2", Due("lane", NOON))], "found a record that is not due behind the place"),
        ([row("3", Due("lane", NOON - timedelta(seconds=1)))], "found a record that is not due behind the place"),
        ([row("3", None)], "found a record that is not due behind the place"),
        ([row(one, Due("lane", NOON)) for one in "345"], "found 3 records, expected at most 2"),
    ],
)
def test_a_page_that_does_not_begin_behind_its_place_would_be_read_for_ever(answer: object, found: str) -> None:
    asked: dict[str, object] = {"after": PLACE, "until": NOON, "limit": 2}
    with pytest.raises(WrongAnswer, match=found):
        refuse_answer("records", "due_after", Paged.due_after, answer, ["lane"], named=asked)


def test_a_page_behind_its_place_is_right() -> None:
    answer = [row("3", Due("lane", NOON)), row("1", Due("lane", NOON + timedelta(seconds=1)))]
    asked: dict[str, object] = {"after": PLACE, "until": NOON, "limit": 2}
    refuse_answer("records", "due_after", Paged.due_after, answer, ["lane"], named=asked)


class Desk:
    """Of the host's own."""

    def __init__(self) -> None:
        self.answer: Any = {}

    async def at(self, addresses: Any) -> Any:
        if self.answer == "never":
            await asyncio.Event().wait()
        return self.answer

    async def authenticated(self, addresses: Any) -> Any:
        return frozenset[EmailAddress]()

    async def get(self, accounts: Any) -> Any:
        return {}

    @property
    def channels(self) -> Any:
        return self.answer

    async def send(self, notification: Any) -> Any:
        return self.answer


def kept() -> AdapterFaults:
    clock = memory.Clock()
    return AdapterFaults(clock, LogLines(log, clock))


async def test_a_wrong_answer_is_a_fault_of_the_host_and_shown_for_a_while_after_it_works_again() -> None:
    faults, desk = kept(), Desk()
    people: Any = guarded(desk, "identity", IdentityDirectory, faults)
    desk.answer = {ANN: None}
    with pytest.raises(AdapterFailed) as failed:
        await people.at([ANN])
    where = r"from Desk.at in app/test_answers.py:"
    assert str(failed.value).startswith(
        f"identity.at of the host: found dict, expected Mapping[EmailAddress, tuple[Account, ...]], {where}"
    )
    desk.answer = {ANN: ()}
    assert await people.at([ANN]) == {ANN: ()}
    assert str(await faults.check()).endswith(", last at 12:00:00Z, has worked since")


async def test_a_call_that_never_answers_is_a_fault_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "WITHIN", timedelta(0))

    faults, desk = kept(), Desk()
    people: Any = guarded(desk, "identity", IdentityDirectory, faults)
    desk.answer = "never"
    with pytest.raises(AdapterFailed, match=r"identity.at of the host: no answer within 0 s, at .*Desk.at"):
        await people.at([ANN])


async def test_what_a_hub_answers_is_looked_at_and_a_send_stays_ambiguous() -> None:
    faults, desk = kept(), Desk()
    hub: Any = guarded(desk, "hub", NotificationHub, faults)
    desk.answer = {"email": Guarantee()}
    with pytest.raises(AdapterFailed, match=r"hub.channels of the host: found dict, expected Mapping"):
        _ = hub.channels
    desk.answer = {Channel.EMAIL: Guarantee()}
    assert hub.channels == desk.answer
    desk.answer = None
    with pytest.raises(WrongAnswer):
        await hub.send(object())
    assert "hub.send: found None, expected Sent | Declined" in await faults.check()


class Silencing:
    """A span that fails on its way in, or out, or takes every error for its own."""

    def __init__(self, *, fails_in: bool = False, fails_out: bool = False) -> None:
        self.fails_in, self.fails_out = fails_in, fails_out

    def __enter__(self) -> None:
        if self.fails_in:
            raise KeyError("bob@home.example")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self.fails_out:
            raise KeyError("bob@home.example")
        return True


@contextmanager
def passing_on() -> Any:
    yield


@pytest.mark.parametrize(
    ("span", "noted"),
    [
        (Silencing(), False),
        (Silencing(fails_in=True), True),
        (Silencing(fails_out=True), True),
        (None, True),
        (passing_on(), False),
    ],
)
async def test_a_span_of_the_hosts_silences_no_error_and_adds_none(span: Any, *, noted: bool) -> None:
    class Figures:
        def measure(self, name: str, value: float, **tags: str) -> None: ...

        def span(self, name: str, trace: str, **tags: str) -> Any:
            return span

    faults = kept()
    telemetry: Any = guarded(Figures(), "telemetry", Telemetry, faults)
    with pytest.raises(ZeroDivisionError), telemetry.span("hub.send", "t1"):
        raise ZeroDivisionError
    assert bool(await faults.check()) is noted
