"""Calls to a stand-in legacy relay: one row for each external id, made by the first call."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId


@frozen(kw_only=True)
class LegacyCall:
    """A row about one call to the relay. The first call under an external id makes it."""

    kind: str
    external_id: str
    message_id: str
    address: EmailAddress | None
    suppress_notification: bool
    conversation: ConversationId | None = None
    notified: bool = False
    order: str = ""
    """When it was made, as an id that sorts by time."""
