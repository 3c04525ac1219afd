"""The index call of the legacy system: what it says, and the next step after it. It is safe to repeat at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.participants import AccountAuthor, Author
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.delivery import WITHDRAWN, Delivery, DeliveryState, IndexRow, NotificationId
from convalias.domain.outbound.tries import End, Persistence, Retry

NO_LEGACY: Final = "no legacy relay is configured"
PERIPHERAL: Final = "peripheral"


@frozen(kw_only=True)
class IndexCall:
    """An event that legacy stores and indexes for the clients that still read it.

    `external_id` is the event id. With `suppress_notification` legacy tells nobody; it keeps the *first* flag it
    saw for an external id, for ever.
    """

    external_id: str
    message_id: str
    conversation: ConversationId
    author: str
    """The author's account id, or `peripheral`."""
    alias: EmailAddress | None
    """The author's alias, for a conversation that legacy has no address of."""
    suppress_notification: bool


def index_call(
    row: IndexRow, event: ConversationEvent, aliases: Sequence[ConversationAlias], *, alias_domain: str
) -> IndexCall:
    """Return the call about that event. A chat event's Message-ID is `<event id@alias domain>`."""
    author, message_id = None, None
    if isinstance(event.happening, MessageAdded):
        author, message_id = event.happening.author, event.happening.message_id
    return IndexCall(
        external_id=event.id,
        message_id=message_id or f"<{event.id}@{alias_domain}>",
        conversation=event.conversation,
        author=author.account if isinstance(author, AccountAuthor) else PERIPHERAL,
        alias=None if author is None else newest_alias(aliases, author),
        suppress_notification=row.suppress_notification,
    )


def newest_alias(listed: Sequence[ConversationAlias], author: Author) -> EmailAddress | None:
    """Return the author's newest alias, working or not: for a system that only writes it down."""
    if not isinstance(author, AccountAuthor):
        return None
    theirs = [alias for alias in listed if alias.stands_for == author.account]
    return theirs[-1].address if theirs else None


def indexed(row: IndexRow) -> IndexRow:
    """Return the row after legacy took the call."""
    return evolve(row, done=True, next_at=None)


def given_up(row: IndexRow, reason: str) -> IndexRow:
    """Return the row after the last try."""
    return evolve(row, next_at=None, reason=reason)


def not_indexed(row: IndexRow, because: str, persistence: Persistence) -> Retry[IndexRow] | End[IndexRow]:
    """Return what follows a call that failed, whatever became of it: it is repeated until its tries run out."""
    if row.attempts >= persistence.tries:
        return End(given_up(row, f"tries ran out: {because}"))
    return Retry(row)


def parked_index(row: IndexRow, *, until: datetime) -> IndexRow:
    """Return the row as it was when it was taken: nothing was called, and that was no try."""
    return evolve(row, attempts=row.attempts - 1, next_at=until)


def followed(rows: Iterable[Delivery], index: IndexRow) -> Mapping[NotificationId, Delivery]:
    """Return the rows of legacy that end with its index call, which notifies. Rows that still wait are left out."""
    if index.done:
        return {row.id: row.becoming(DeliveryState.SENT) for row in rows}
    if index.reason == WITHDRAWN:
        # A call that raised may have been done all the same, and then legacy has told everybody.
        gone = DeliveryState.CANCELLED if index.attempts == 1 else DeliveryState.UNCERTAIN
        return {row.id: row.becoming(gone, reason=WITHDRAWN) for row in rows}
    if index.reason:
        return {row.id: row.becoming(DeliveryState.FAILED, reason=index.reason) for row in rows}
    return {}
