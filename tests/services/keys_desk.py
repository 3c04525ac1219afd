"""Keyrings, and the guard of the keys of one process."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.ports.ambient import Clock
from convalias.ports.records import Records
from convalias.services.conversations.alias_keys import SURVEYED, KeyGuard
from convalias.stores.aliases.alias_keys import KeyUses
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.deployment.deployments import Deployments

RING: Final = Keyring((RootKey(0, b"s" * 32),))


def guard(
    records: Records,
    clock: Clock,
    *,
    keyring: Keyring = RING,
    missing: Collection[int] = (),
    lost: str = "",
    most: int = SURVEYED,
) -> KeyGuard:
    """That of a process with these keys over these records."""
    return KeyGuard(
        uses=KeyUses(records=records),
        aliases=Aliases(records=records),
        keyring=keyring,
        deployments=Deployments(records=records),
        clock=clock,
        missing=missing,
        lost=lost,
        most=most,
    )
