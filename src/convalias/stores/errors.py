"""The errors that stores raise besides those of their ports."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from convalias.domain.ids import ConversationId, EventId
from convalias.ports.errors import Unavailable

PARKED_FOR: Final = timedelta(minutes=10)
"""How long mail to a parked conversation waits between two looks."""


class StoreError(Exception):
    """Base of all that the stores raise themselves; never raised itself."""


class Contended(StoreError):
    """A record was changed by others at every one of many tries. Trying again later is right."""


class NoFreeAddress(StoreError):
    """Every address that was drawn is taken or was thrown away: the random source or the format is at fault."""


class PostingDeclined(StoreError):
    """The host declined to add a message, and would decline it again."""

    def __init__(self, conversation: ConversationId, because: str) -> None:
        """Name the conversation, and the host's reason, which holds no personal data."""
        super().__init__(conversation, because)
        self.conversation = conversation
        self.because = because

    def __str__(self) -> str:
        """One line."""
        return f"conversation {self.conversation!r}: the host declined a message ({self.because})"


class MailGone(StoreError):
    """The octets of a mail that is kept still are not there, or are not those that were taken in."""


class TextMissing(StoreError):
    """The long text of a message cannot be found: it is never shown short as if it were whole."""

    def __init__(self, event: EventId, because: str) -> None:
        """Name the event, and the reason without personal text."""
        super().__init__(event, because)
        self.event = event
        self.because = because

    def __str__(self) -> str:
        """One line."""
        return f"the text of event {self.event!r} is missing: {self.because}"


class Parked(Unavailable):
    """The conversation has an event that this release cannot read: nothing was done, and the work waits.

    It is no outage of a system: whoever works on many conversations goes on with the others.
    """

    def __init__(self, conversation: ConversationId, seq: int, because: str) -> None:
        """Name the conversation, the first seq that is parked, and the reason without personal text."""
        super().__init__(f"conversation {conversation!r}", retry_after=PARKED_FOR)
        self.args = (conversation, seq, because)
        self.conversation = conversation
        self.seq = seq
        self.because = because

    def __str__(self) -> str:
        """One line, with the way on."""
        return (
            f"{self.what} is parked from event {self.seq} on ({self.because});"
            " mend that, or run a release that can read it; then convalias replay --dead takes it up"
        )
