"""Classify an exception: an outage, or a failure of the work itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TypeGuard

from convalias.codec import CodecError
from convalias.ports.errors import AdapterFailed, Deferred, Unavailable
from convalias.services.running.places import told_of
from convalias.stores.errors import Contended, StoreError

SOON = timedelta(seconds=1)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions themselves, however deep groups hold them."""
    if _is_group(error):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error


def outage_in(error: BaseException) -> Unavailable | None:
    """The first outage: something outside was away or too slow, or a record was fought over. Then no try counts."""
    for leaf in leaves(error):
        match leaf:
            case Unavailable():
                return leaf
            case TimeoutError():
                return Unavailable("something outside, it was too slow")
            case Contended():
                return Unavailable("a record that others change", retry_after=SOON)
            case _:
                pass
    return None


def is_unreadable(error: BaseException) -> bool:
    """Whether all that failed is a record that this release cannot read."""
    return all(isinstance(leaf, CodecError) for leaf in leaves(error))


def described(error: BaseException) -> str:
    """The classes of what failed: a message could quote the mail."""
    return ", ".join(sorted({type(leaf).__name__ for leaf in leaves(error)}))


def because(error: BaseException) -> str:
    """Explain why work was given up.

    An outage is named by its class, a fault of a stored record by its text, anything else with the line that raised it.
    """
    return ", ".join(sorted({_reason(leaf) for leaf in leaves(error)}))


def fault_in(error: BaseException) -> AdapterFailed | None:
    """The first fault of a host's adapter: an outage that may have no end."""
    return next((leaf for leaf in leaves(error) if isinstance(leaf, AdapterFailed)), None)


def _reason(leaf: BaseException) -> str:
    if isinstance(leaf, AdapterFailed | Deferred):
        return str(leaf)
    if outage_in(leaf) is not None:
        return type(leaf).__name__
    # The texts of those name no person, and say more than our line does.
    return str(leaf) if isinstance(leaf, CodecError | StoreError) else told_of(leaf)


def _is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    return isinstance(error, BaseExceptionGroup)
