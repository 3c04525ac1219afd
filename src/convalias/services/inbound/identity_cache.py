"""Cache the answers of an identity directory for a moment, so that not every mail asks it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId
from convalias.ports.ambient import Clock
from convalias.ports.people import IdentityDirectory
from convalias.stores.remembering import remember

K = TypeVar("K")
V = TypeVar("V")

BELIEVED_FOR: Final = timedelta(seconds=60)
MOST: Final = 10_000
"""Entries of each of the three questions; the longest unused goes first."""


@frozen
class _Remembered(Generic[V]):
    value: V
    until: datetime


@define
class _Shelf(Generic[K, V]):
    """Answers to one question, the longest unused first."""

    most: int
    answers: OrderedDict[K, _Remembered[V]] = field(factory=OrderedDict[K, _Remembered[V]])

    def known(self, asked: Collection[K], now: datetime) -> dict[K, V]:
        """What is still believed."""
        found: dict[K, V] = {}
        for key in asked:
            one = self.answers.get(key)
            if one is None:
                continue
            if one.until <= now:
                del self.answers[key]
                continue
            self.answers.move_to_end(key)
            found[key] = one.value
        return found

    def remember(self, fresh: Mapping[K, V], until: datetime) -> None:
        """Keep these, at the cost of the longest unused."""
        for key, value in fresh.items():
            remember(self.answers, key, _Remembered(value, until), most=self.most)


@frozen(kw_only=True)
class CachedIdentities:
    """`ports.IdentityDirectory` over another one. Raises what that raises; an error is never remembered.

    Nor is "nobody": an address that was registered a moment ago works at the next mail. What may be late, by `keep_for`
    at most, is that somebody gave an address up, or shares it by now. Two posts of one mail may fall on either side of
    such a change and are still one message: its dedup key goes by the sender's address, not by the account.
    """

    directory: IdentityDirectory
    clock: Clock
    keep_for: timedelta = BELIEVED_FOR
    most: int = MOST
    _holders: _Shelf[EmailAddress, tuple[Account, ...]] = field(init=False, repr=False, eq=False)
    _passed: _Shelf[EmailAddress, bool] = field(init=False, repr=False, eq=False)
    _accounts: _Shelf[AccountId, Account] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Begin knowing nothing."""
        object.__setattr__(self, "_holders", _Shelf[EmailAddress, tuple[Account, ...]](self.most))
        object.__setattr__(self, "_passed", _Shelf[EmailAddress, bool](self.most))
        object.__setattr__(self, "_accounts", _Shelf[AccountId, Account](self.most))

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Return the accounts that had these addresses, as of `keep_for` ago at the earliest."""
        return await self._through(self._holders, addresses, self.directory.at)

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Which of these have passed before. One that has not may pass at any moment, so that is asked every time."""

        async def asked(missing: Collection[EmailAddress]) -> Mapping[EmailAddress, bool]:
            return dict.fromkeys(await self.directory.authenticated(missing), True)

        return frozenset(await self._through(self._passed, addresses, asked))

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Return these accounts; an unknown one is missing."""
        return await self._through(self._accounts, accounts, self.directory.get)

    async def _through(
        self, shelf: _Shelf[K, V], asked: Collection[K], ask: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]
    ) -> Mapping[K, V]:
        """From the shelf, the rest from the directory in one call."""
        now = self.clock.now()
        known = shelf.known(asked, now)
        missing = [key for key in asked if key not in known]
        if not missing:
            return known
        fresh = await ask(missing)
        shelf.remember({key: value for key, value in fresh.items() if value}, now + self.keep_for)
        return {**known, **fresh}
