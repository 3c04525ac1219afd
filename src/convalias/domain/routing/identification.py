"""Identify the sender: from the From address to one account that takes part, or to none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import TypeAlias

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account, AddressTenure, Standing
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId
from convalias.domain.routing.context import RoutingContext


@frozen
class TakesPart:
    """Exactly one account that takes part fits."""

    account: AccountId
    standing: Standing


@frozen
class Several:
    """More than one account fits: never a guess."""

    accounts: tuple[AccountId, ...]
    standing: Standing


@frozen
class Outsider:
    """Known to the directory or the history, but not of this conversation."""

    accounts: tuple[AccountId, ...]


@frozen
class Stranger:
    """Known to nobody."""


Identification: TypeAlias = TakesPart | Several | Outsider | Stranger


def identify(
    address: EmailAddress, thread: ConversationThread, context: RoutingContext, *, historical_days: int
) -> Identification:
    """The directory, then the history as of `context.now`, then those spoken for. Pure.

    A current holder always wins; a historical account delegates nothing. Only accounts that take part count.
    """
    taking_part = {one.account for one in thread.participants}
    holders = context.holders.get(address)
    current = holders.accounts if holders is not None else ()
    if not current:
        former = former_accounts(context.tenures.get(address, ()), context, historical_days=historical_days)
        return _among(former, taking_part, Standing.HISTORICAL) or (Outsider(former) if former else Stranger())
    if len(current) == 1 and current[0].id in taking_part:
        return TakesPart(current[0].id, Standing.REGISTERED)
    known = tuple([one.id for one in current])
    return (
        _among(known, taking_part, Standing.REGISTERED)
        or _among(_spoken_for(current), taking_part, Standing.DELEGATED)
        or Outsider(known)
    )


def former_accounts(
    tenures: Iterable[AddressTenure], context: RoutingContext, *, historical_days: int
) -> tuple[AccountId, ...]:
    """The accounts of the entry (ties: entries) with the latest beginning not after now, as far as it proves anything.

    As of the time of receipt, never of the Date header: that is the sender's text. An address that was given up
    long ago, for security, or an employer's after the job ended, is no evidence.
    """
    begun = [one for one in tenures if one.since <= context.now]
    latest = max((one.since for one in begun), default=None)
    oldest = context.now - timedelta(days=historical_days)
    return tuple(
        dict.fromkeys(
            one.account
            for one in begun
            if one.since == latest and one.given_up is None and (one.until is None or one.until >= oldest)
        )
    )


def _spoken_for(accounts: Iterable[Account]) -> tuple[AccountId, ...]:
    return tuple(client for one in accounts for client in one.speaks_for)


def _among(
    candidates: Iterable[AccountId], taking_part: Collection[AccountId], standing: Standing
) -> TakesPart | Several | None:
    """Who of these takes part: one, several, or None."""
    found = {one for one in candidates if one in taking_part}
    if not found:
        return None
    return TakesPart(found.pop(), standing) if len(found) == 1 else Several(tuple(sorted(found)), standing)
