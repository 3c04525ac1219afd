"""Participants, accounts of the directory, and authors of mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.expecting import check_fields, each
from convalias.domain.ids import AccountId


class ParticipantKind(Enum):
    """The kind of a participant: how a conversation knows it."""

    REGISTERED = "registered"
    HISTORICAL = "historical"
    DELEGATED = "delegated"
    PERIPHERAL = "peripheral"


@frozen
class Participant:
    """An account as one conversation knows it."""

    account: AccountId
    role: str = ""
    name: str = ""
    region: str | None = None
    addresses: tuple[EmailAddress, ...] = ()
    """Where it is reached, the preferred one first; empty: the identity directory knows."""
    kind: ParticipantKind = ParticipantKind.REGISTERED

    __attrs_post_init__ = check_fields

    @classmethod
    def of(
        cls, account: str, *, name: str = "", role: str = "", region: str | None = None, addresses: Iterable[str] = ()
    ) -> Participant:
        """Make a participant from plain text. Raises `InvalidAddress`.

        >>> Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]).addresses
        (<ann@home.example>,)
        """
        texts = each("addresses of a participant", addresses, str, expected="several addresses, as text")
        return cls(AccountId(account), role, name, region, tuple(map(EmailAddress.parse, texts)))


ParticipantIdentity: TypeAlias = Participant
"""The name under which other services know the same thing."""


@frozen
class Account:
    """An account as the identity directory knows it now."""

    id: AccountId
    addresses: tuple[EmailAddress, ...] = ()
    authenticates: frozenset[EmailAddress] = frozenset()
    """Addresses that passed DMARC or an aligned check before: what passed once must pass."""
    company_domains: frozenset[str] = frozenset()
    speaks_for: frozenset[AccountId] = frozenset()
    name: str = ""

    __attrs_post_init__ = check_fields


def introduced(known: Account, participant: Participant) -> Account:
    """Return the account with what a participant brings: an address that is new comes first, so that mail goes there."""
    fresh = [one for one in participant.addresses if one not in known.addresses]
    addresses = tuple(dict.fromkeys((*fresh, *known.addresses)))
    return evolve(known, addresses=addresses, name=participant.name or known.name)


class GivenUp(Enum):
    """The reason why an address stopped being an account's."""

    SECURITY = "security"
    EMPLOYER = "employer"


@frozen
class AddressTenure:
    """A stretch of time in which an address was an account's (legacy history). Times are aware."""

    address: EmailAddress
    account: AccountId
    since: datetime
    until: datetime | None = None
    given_up: GivenUp | None = None

    __attrs_post_init__ = check_fields


class Standing(Enum):
    """The way by which a sender's address led to an account that takes part."""

    REGISTERED = "registered"
    HISTORICAL = "historical"
    DELEGATED = "delegated"


@frozen
class AccountAuthor:
    """The author is this account."""

    account: AccountId
    standing: Standing = Standing.REGISTERED
    verified: bool = field(default=False, kw_only=True)

    __attrs_post_init__ = check_fields


@frozen
class PeripheralAuthor:
    """The author is nobody we know; shown by address, always."""

    address: EmailAddress
    verified: bool = field(default=False, kw_only=True)

    __attrs_post_init__ = check_fields


Author: TypeAlias = AccountAuthor | PeripheralAuthor
NOBODY: Final = AccountAuthor(AccountId(""), verified=True)
"""The author of what a host says itself, such as "your booking is confirmed": no account has an empty id."""
Speaker: TypeAlias = AccountId | EmailAddress


def speaker(author: Author) -> Speaker:
    """Return who an author is, whatever proves it: the account, or the address of somebody peripheral."""
    return author.account if isinstance(author, AccountAuthor) else author.address
