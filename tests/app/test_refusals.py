"""What cannot work is refused when a façade is made, in one line that names the keyword."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId
from convalias.settings import WrongSettings
from convalias.stores.conversations.event_store import EventStore

Make = Callable[..., Convalias]


def in_memory(tmp_path: Path, **given: Any) -> Convalias:
    del tmp_path
    return Convalias.in_memory(alias_domain="reply.example", **given)


def from_toml(tmp_path: Path, **given: Any) -> Convalias:
    return Convalias.from_toml(data=tmp_path / "data", environ={}, **given)


def over(tmp_path: Path, **given: Any) -> Convalias:
    del tmp_path
    return Convalias.over(memory_ports(legacy=False).but(**given), memory_wiring("reply.example", None, None))


def refused(make: Make, tmp_path: Path, **given: Any) -> dict[str, str]:
    with pytest.raises(WrongSettings) as wrong:
        make(tmp_path, **given)
    assert all("\n" not in problem for problem in wrong.value.problems.values())
    assert not (tmp_path / "data").exists()
    return wrong.value.problems


@pytest.mark.parametrize("make", [in_memory, from_toml, over])
def test_an_event_store_of_the_hosts_own_needs_what_feeds(make: Make, tmp_path: Path) -> None:
    store = EventStore(records=memory.Records())
    problems = refused(make, tmp_path, event_store=store)
    assert list(problems) == ["event_store"]
    assert "expected one" in problems["event_store"]
    assert "changes=" in problems["event_store"]


class Changes:
    async def since(self, position: str, *, table: str) -> Any:
        raise NotImplementedError

    async def scan(self, lane: str, *, since: datetime, behind: object, limit: int) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("make", [in_memory, from_toml])
def test_changes_need_the_store_that_they_are_of(make: Make, tmp_path: Path) -> None:
    assert refused(make, tmp_path, changes=Changes()) == {
        "changes": "found no records= beside it, expected the store whose changes these are"
    }


def test_what_feeds_and_its_store_make_an_event_store_of_ones_own_possible(tmp_path: Path) -> None:
    records = memory.Records()
    given = {"event_store": EventStore(records=records), "changes": Changes(), "records": records}
    for make in (in_memory, from_toml, over):
        assert not make(tmp_path, **given).is_open


@pytest.mark.parametrize("make", [in_memory, from_toml])
def test_a_misspelt_keyword_is_told_the_right_one(make: Make, tmp_path: Path) -> None:
    problems = refused(make, tmp_path, identty=object(), x=1)
    assert problems["identty"] == "found no port of this name, expected identity"
    assert problems["x"].startswith("found no port of this name, expected records, blobs, ")


class Directory:
    async def at(self, addresses: Collection[Any]) -> Mapping[Any, tuple[Account, ...]]:
        return dict.fromkeys(addresses, ())

    async def authenticated(self, addresses: Collection[Any]) -> frozenset[Any]:
        return frozenset()

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {account: Account(account) for account in accounts if account == "ann"}


class Sync(Directory):
    def get(self, accounts: Collection[AccountId]) -> Any:  # type: ignore[override]
        return {}


class Delegating(Directory):
    def get(self, accounts: Collection[AccountId]) -> Awaitable[Mapping[AccountId, Account]]:  # type: ignore[override]
        return super().get(accounts)


def in_a_thread(call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """As a bridge from plain code to async code does it, such as that of Django: the plain function shows through."""

    @functools.wraps(call)
    async def called(*args: Any) -> Any:
        return await asyncio.to_thread(call, *args)

    return called


def by_a_partial(call: Callable[..., Any]) -> Any:
    """The same by an object that is no function."""
    bound = functools.partial(in_a_thread(call))
    return functools.update_wrapper(bound, call)


class Bridged(Directory):
    @in_a_thread
    def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {}


class ByPartial(Directory):
    def __init__(self) -> None:
        self.at = by_a_partial(lambda addresses: {})  # type: ignore[method-assign]


class Less:
    async def at(self, addresses: Collection[Any]) -> Any:
        return {}


class NoMethod(Directory):
    get = None  # type: ignore[assignment]


class AsyncClock(memory.Clock):
    async def now(self) -> datetime:  # type: ignore[override]
        return super().now()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"identity": Sync()},
            "found def get of Sync, expected async def: IdentityDirectory.get is awaited",
        ),
        ({"identity": Less()}, "found Less without authenticated, expected IdentityDirectory.authenticated"),
        ({"identity": Directory}, "found the class Directory, expected an object of it"),
        ({"identity": NoMethod()}, "found NoMethod.get that cannot be called, expected IdentityDirectory.get"),
        ({"hub": object()}, "found object without channels, expected NotificationHub.channels"),
        ({"records": None}, "found None without get, expected Records.get"),
        ({"clock": AsyncClock()}, "found async def now of AsyncClock, expected def: Clock.now is not awaited"),
    ],
    ids=lambda one: str(one)[:20],
)
@pytest.mark.parametrize("make", [in_memory, from_toml, over])
def test_what_is_no_such_port_is_refused(make: Make, given: dict[str, Any], expected: str, tmp_path: Path) -> None:
    assert refused(make, tmp_path, **given) == {next(iter(given)): expected}


def decorated(method: Callable[..., Any]) -> Any:
    @functools.wraps(method)
    def again(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return again


class Decorated(Directory):
    get = decorated(Directory.get)


class Partly(Directory):
    def __init__(self) -> None:
        self.get = functools.partial(super().get)  # type: ignore[method-assign]


@pytest.mark.parametrize("directory", [Directory(), Delegating(), Decorated(), Partly(), Bridged(), ByPartial()])
def test_what_can_be_awaited_is_taken_however_it_was_made(directory: Any, tmp_path: Path) -> None:
    for make in (in_memory, from_toml, over):
        make(tmp_path, identity=directory)


async def test_an_account_that_the_directory_does_not_know_is_refused_and_not_forgotten() -> None:
    async with Convalias.in_memory(alias_domain="reply.example", identity=Directory()) as cv:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        with pytest.raises(InvalidValue, match="account bob with addresses', expected accounts that identity= knows"):
            await cv.open_conversation("c1", use_case="hiring", participants=people)
        people = [people[0], Participant.of("bob")]
        assert len(await cv.open_conversation("c1", use_case="hiring", participants=people)) == 2


@pytest.mark.parametrize("own", [True, False])
async def test_what_the_system_writes_leaves_where_notifications_do(*, own: bool) -> None:
    mail, other = memory.Outbox(), memory.Outbox()
    given: Any = {"mail": mail, "system_mail": other} if own else {"mail": mail}
    async with Convalias.in_memory(alias_domain="reply.example", **given) as cv:
        assert cv.ports.system_mail is (other if own else mail)
