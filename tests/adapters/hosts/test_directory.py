from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from convalias import Account, AccountId, EmailAddress
from convalias.adapters.hosts import Directory
from convalias.testing import conformance
from convalias.testing.conformance import Check, MakeIdentityDirectory

ANN = EmailAddress.parse("ann@home.example")


class Table:
    """The users of a host: asked by ids and addresses, as one statement asks for both."""

    def __init__(self, known: Collection[Account]) -> None:
        self.known = known
        self.asked: list[tuple[Sequence[str], Sequence[str]]] = []

    async def find(self, ids: Sequence[str], addresses: Sequence[str]) -> Sequence[Account]:
        self.asked.append((ids, addresses))
        return [
            one
            for one in self.known
            if one.id in ids or {address.key for address in (*one.addresses, *one.authenticates)} & {*addresses}
        ]


def opened(known: Sequence[Account]) -> AbstractAsyncContextManager[Directory]:
    @asynccontextmanager
    async def open_() -> AsyncGenerator[Directory]:
        yield Directory(Table(known).find)

    return open_()


@pytest.mark.parametrize("check", conformance.IDENTITY_DIRECTORY, ids=str)
async def test_it_is_an_identity_directory(check: Check[MakeIdentityDirectory]) -> None:
    await check(opened)


async def test_one_call_of_the_host_answers_for_all_that_is_asked() -> None:
    table = Table([Account(AccountId("ann"), (ANN,))])
    directory = Directory(table.find)
    await directory.at([EmailAddress.parse("BOB@Home.example"), ANN, EmailAddress.parse("bob@home.example")])
    await directory.get([AccountId("bob"), AccountId("ann")])
    assert table.asked == [([], ["ann@home.example", "bob@home.example"]), (["ann", "bob"], [])]


async def test_a_host_is_not_asked_about_nobody() -> None:
    table = Table([])
    directory = Directory(table.find)
    assert (await directory.at([]), await directory.get([]), await directory.authenticated([])) == ({}, {}, frozenset())
    assert table.asked == []


async def test_what_a_host_returns_beside_it_is_left_out() -> None:
    ann, bob = Account(AccountId("ann"), (ANN,)), Account(AccountId("bob"))

    async def find(ids: Sequence[str], addresses: Sequence[str]) -> Sequence[Account]:
        return [ann, bob, ann]

    directory = Directory(find)
    assert await directory.get([AccountId("bob")]) == {"bob": bob}
    assert await directory.at([ANN]) == {ANN: (ann,)}
