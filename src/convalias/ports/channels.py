"""Channels of a participant: which of them the host chooses, and where each reaches an account."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import Channel


class ChannelChoice(Protocol):
    """The choice of channels for each participant.

    It is read once for each event, when its deliveries are decided; a choice that changes later counts for later
    events. Not knowing is `Unavailable`, never empty.
    """

    async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
        """Return the channels by which participants are notified: by each of them, once.

        A participant who is missing is notified by e-mail; one with an empty tuple is not notified.
        """
        ...


class ChannelEndpoints(Protocol):
    """The places where accounts are reached by channels other than e-mail: numbers, tokens of devices.

    It is read for every try, so that a corrected number counts. "None" is an account that is missing; not knowing is
    `Unavailable`, never missing.
    """

    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        """Return where that channel reaches these accounts. An account without a place is missing, never empty."""
        ...
