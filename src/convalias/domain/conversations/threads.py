"""A conversation as of one seq; `folding` makes it from its events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.expecting import check_fields
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase


class ThreadState(Enum):
    """Only an open conversation takes messages."""

    OPEN = "open"
    CLOSED = "closed"
    ARCHIVED = "archived"
    ERASED = "erased"


@frozen
class ConversationThread:
    """State of one conversation as of `seq`. Its stage is no part of it: that is a flag's answer."""

    id: ConversationId
    use_case: UseCase
    participants: tuple[Participant, ...]
    state: ThreadState = ThreadState.OPEN
    market: str | None = None
    cc_seen: frozenset[EmailAddress] = frozenset()
    """Addresses that a registered participant has carried in Cc of authenticated mail."""
    read_up_to: Mapping[AccountId, Seq] = field(factory=dict[AccountId, Seq], hash=False)
    created_at: datetime | None = None
    seq: Seq = Seq(0)

    __attrs_post_init__ = check_fields

    def takes_part(self, account: AccountId) -> bool:
        """Whether that account is a participant as of `seq`."""
        return any(participant.account == account for participant in self.participants)

    def participant(self, account: AccountId) -> Participant | None:
        """Return an account as this conversation knows it, or None."""
        return next((one for one in self.participants if one.account == account), None)


@frozen
class ThreadSnapshot:
    """A thread, when its last event was appended, and the facts about its past that a delivery is decided on.

    The next event is placed behind `appended_at`.
    """

    thread: ConversationThread
    appended_at: datetime
    redacted: frozenset[EventId] = frozenset()
    """Messages whose text is gone, of those that were redacted behind `since`."""
    people_changed: Seq = Seq(0)
    """The seq of the last event by which somebody came or left; 0: nobody has since the creation."""
    since: Seq = Seq(0)
    """From this seq on all redactions are known; 0: from the beginning. A former release kept none of them."""
