"""Apply an approval to a decision: a mail that would be held is approved, or its address is."""

from __future__ import annotations

from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import PeripheralAuthor
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import Admits, HoldId
from convalias.domain.mail.dedup import MailKey, keyed
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing.context import HoldKey, RoutingContext
from convalias.domain.routing.verdicts import Hold, RelayToConversation

NOBODY: Final = EmailAddress.parse("unknown-sender@from.invalid")
"""As whose an approved mail is shown whose From names nobody. No mailbox can lie there (RFC 6761 §6.4)."""


def hold_id(conversation: ConversationId, mail: MessageEnvelope, key: MailKey | None) -> HoldId:
    """A hold's key: its dedup key; without one, where From names nobody, a digest of conversation, Message-ID and content."""
    return HoldId(keyed("h", conversation, mail.message_id.value, mail.content.digest) if key is None else str(key))


def hold_key(conversation: ConversationId, mail: MessageEnvelope, key: MailKey | None) -> HoldKey:
    """Return the key for asking whether participants approved a mail that would be held so."""
    sender = mail.sender.address if isinstance(mail.sender, ClearFrom) else None
    return HoldKey(conversation, hold_id(conversation, mail, key), sender, mail.content.digest)


def let_in(context: RoutingContext, mail: MessageEnvelope, conversation: ConversationId, hold: Hold) -> Admits | None:
    """Return the scope of the approval for a mail that would be held so."""
    return context.approvals.get(hold_key(conversation, mail, hold.dedup_key))


def was_let_in(context: RoutingContext, mail: MessageEnvelope, conversation: ConversationId, hold: Hold) -> bool:
    """Return whether this very mail was let in. That its address was does not count."""
    return let_in(context, mail, conversation, hold) is Admits.THIS_MAIL


def as_relayed(conversation: ConversationId, mail: MessageEnvelope, hold: Hold) -> RelayToConversation:
    """The held mail, let in: under the author and key it was held with; from nobody where From names nobody."""
    sender = mail.sender.address if isinstance(mail.sender, ClearFrom) else NOBODY
    author = hold.author or PeripheralAuthor(sender)
    return RelayToConversation(conversation, author, hold.dedup_key or MailKey(conversation, sender, mail.message_id))
