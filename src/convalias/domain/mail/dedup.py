"""Keys under which two mails, or two requests, are the same."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.domain.mail.message_id import MessageId


@frozen
class MailKey:
    """Equal exactly when conversation, canonical sender address and canonical Message-ID are (and the variant).

    By address rather than by account, because the account behind an address can change between two tries of one
    mail; with the sender, because whoever knows a Message-ID must not be able to swallow somebody else's mail.
    """

    conversation: ConversationId
    sender: EmailAddress
    message_id: MessageId
    variant: str = ""
    """Empty, or the digest that tells a second mail under a re-used Message-ID apart."""

    def __str__(self) -> str:
        """Its text form: a digest, so that no address or Message-ID travels with it. `m-` and 40 hex digits."""
        return keyed("m", self.conversation, self.sender.key, self.message_id.value, self.variant)


@frozen
class ChatKey:
    """A chat client's idempotency key; its own name space, apart from mail."""

    conversation: ConversationId
    idempotency_key: str

    def __str__(self) -> str:
        """`c-` and 40 hex digits."""
        return keyed("c", self.conversation, self.idempotency_key)


@frozen
class SystemKey:
    """The key of an event that the platform makes itself: `subject` names what happened, once."""

    conversation: ConversationId
    subject: str

    def __str__(self) -> str:
        """`s-` and 40 hex digits."""
        return keyed("s", self.conversation, self.subject)


DedupKey: TypeAlias = MailKey | ChatKey | SystemKey


def keyed(kind: str, *parts: str | bytes) -> str:
    """A digest over length-prefixed parts: no two lists of parts run into one another."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return f"{kind}-{digest.hexdigest()[:40]}"
