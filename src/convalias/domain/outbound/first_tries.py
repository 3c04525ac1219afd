"""Objections to the first try of a notification: age, a read mark, a withdrawal, a wish of the recipient."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import WITHDRAWN, DeliveryState

NOTIFY_WITHIN: Final = timedelta(days=7)
"""Nobody is told of a message that is older than this."""
READ: Final = "read"
TOO_OLD: Final = "older than the notify age"


@frozen
class Objection:
    """An objection ends a delivery without a try: `CANCELLED` or `TOO_LATE`, with the reason."""

    state: DeliveryState
    reason: str


@frozen(kw_only=True)
class FirstTryRules:
    """Rules for when a notification that was surely not sent may still be sent. A redrive is a first try too."""

    notify_within: timedelta = NOTIFY_WITHIN
    tell_readers: bool = False
    """True: a recipient who has read the message in the meantime is notified all the same."""

    def objection(
        self,
        event: ConversationEvent,
        thread: ConversationThread,
        recipient: AccountId,
        *,
        redacted: bool,
        readers: Collection[AccountId] = (),
        now: datetime,
    ) -> Objection | None:
        """Return why that recipient must not be told of the event, or None. `thread` is the thread as it is now.

        `readers`: who is known to have read it besides those whom the thread says.
        """
        if redacted or thread.state is ThreadState.ERASED or not thread.takes_part(recipient):
            return Objection(DeliveryState.CANCELLED, WITHDRAWN)
        up_to = thread.read_up_to.get(recipient)
        if not self.tell_readers and (recipient in readers or (up_to is not None and up_to >= event.seq)):
            return Objection(DeliveryState.CANCELLED, READ)
        if is_too_old(event, now=now, notify_within=self.notify_within):
            return Objection(DeliveryState.TOO_LATE, TOO_OLD)
        return None


def is_too_old(event: ConversationEvent, *, now: datetime, notify_within: timedelta) -> bool:
    """Return whether nobody is told of that event any more, by its time of append."""
    return event.appended_at < now - notify_within
