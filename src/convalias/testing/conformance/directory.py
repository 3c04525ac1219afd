"""IdentityDirectory: who has an address now; nobody is an answer too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.ports.people import IdentityDirectory
from convalias.testing.conformance.check import agree, suite

MakeIdentityDirectory: TypeAlias = Callable[[Sequence[Account]], AbstractAsyncContextManager[IdentityDirectory]]
"""Opens a directory in which these accounts, and no others, are known."""

_HOME: Final = EmailAddress.parse("john@home.example")
_OFFICE: Final = EmailAddress.parse("office@corp.example")
_NOWHERE: Final = EmailAddress.parse("nobody@nowhere.example")
_JOHN: Final = Account(
    AccountId("a1"),
    addresses=(_HOME, _OFFICE),
    authenticates=frozenset({_HOME}),
    company_domains=frozenset({"corp.example"}),
    speaks_for=frozenset({AccountId("a2")}),
    name="John Smith",
)
_MARY: Final = Account(AccountId("a2"), addresses=(_OFFICE,))
_KNOWN: Final = (_JOHN, _MARY)


async def every_address_asked_is_answered(make: MakeIdentityDirectory) -> None:
    """An address that nobody has with an empty answer: not knowing is another thing."""
    async with make(_KNOWN) as directory:
        answer = await directory.at([_HOME, _NOWHERE])
        agree("every address asked is a key, and no other", set(answer), {_HOME, _NOWHERE})
        agree("nobody is there", answer[_NOWHERE], ())
        agree("nothing asked, nothing answered", await directory.at([]), {})


async def an_account_is_found_at_each_of_its_addresses(make: MakeIdentityDirectory) -> None:
    """Expect the account as it is known, with everything."""
    async with make(_KNOWN) as directory:
        agree("the account is there, whole", (await directory.at([_HOME]))[_HOME], (_JOHN,))


async def all_accounts_of_a_shared_address_are_answered(make: MakeIdentityDirectory) -> None:
    """Expect the accounts in any order: the library decides or asks which of them it is."""
    async with make(_KNOWN) as directory:
        agree("both are there", {one.id for one in (await directory.at([_OFFICE]))[_OFFICE]}, {_JOHN.id, _MARY.id})


async def spellings_of_one_address_are_one(make: MakeIdentityDirectory) -> None:
    """The canonical key counts, not how it was written."""
    async with make(_KNOWN) as directory:
        shouted = EmailAddress.parse("JOHN@Home.Example")
        agree("it is the same mailbox", [one.id for one in (await directory.at([shouted]))[shouted]], [_JOHN.id])


async def accounts_are_found_by_id_and_unknown_ones_missing(make: MakeIdentityDirectory) -> None:
    """Missing, not empty."""
    async with make(_KNOWN) as directory:
        answer = await directory.get([_MARY.id, AccountId("nobody")])
        agree("one is known", dict(answer), {_MARY.id: _MARY})


async def what_passed_once_is_remembered(make: MakeIdentityDirectory) -> None:
    """Ask for every account together, also where nobody has the address by now."""
    gone = EmailAddress.parse("gone@corp.example")
    mary = evolve(_MARY, authenticates=frozenset({gone}))
    async with make((_JOHN, mary)) as directory:
        asked = [_HOME, _OFFICE, _NOWHERE, gone]
        agree("two of them have passed", await directory.authenticated(asked), frozenset({_HOME, gone}))
        agree("nothing asked, nothing answered", await directory.authenticated([]), frozenset[EmailAddress]())


IDENTITY_DIRECTORY: Final = suite(
    every_address_asked_is_answered,
    an_account_is_found_at_each_of_its_addresses,
    all_accounts_of_a_shared_address_are_answered,
    spellings_of_one_address_are_one,
    accounts_are_found_by_id_and_unknown_ones_missing,
    what_passed_once_is_remembered,
)
"""Promises of `IdentityDirectory`."""
