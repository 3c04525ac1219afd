"""What a stand-in legacy relay was told: one row per external id, made by the first call."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId


@frozen(kw_only=True)
class LegacyCall:
    """One row of what the relay was told. The first call under an external id makes it."""

    kind: str
    external_id: str
    message_id: str
    address: EmailAddress | None
    suppress_notification: bool
    conversation: ConversationId | None = None
    notified: bool = False
    order: str = ""
    """When it was made, as an id that sorts by time."""
