"""Index a mail under keyed digests of its Message-ID, its sender and its recipients."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Final

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.tokens import token_text
from convalias.domain.aliases.unwrapping import unwrapped
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.message_id import MessageId, canonical

USE: Final = "mail-index"
"""The use under which the keyring derives the secret of the digests."""
_HEX_DIGITS: Final = 40


class Known(Enum):
    """The facts by which somebody looks for a mail."""

    MESSAGE_ID = "message"
    SENDER = "sender"
    RECIPIENT = "recipient"


@frozen
class IndexKeys:
    """The secrets of the digests, newest first: the newest one writes, all of them find.

    Without a key nobody can tell from a digest whose address it is, by trying all addresses that he knows.
    """

    secrets: tuple[bytes, ...] = field(default=(b"",), repr=False)
    """The default is for tests alone."""

    @classmethod
    def of(cls, keyring: Keyring) -> IndexKeys:
        """Derive them from the deployment's root secrets."""
        return cls(tuple(secret for _, secret in keyring.each(USE)))

    def digest(self, known: Known, value: str | bytes) -> str:
        """The digest that is written today: 40 hex digits."""
        return _digest(self.secrets[0], known, value)

    def digests(self, known: Known, value: str | bytes) -> tuple[str, ...]:
        """Every digest under which that value may have been written, newest key first."""
        return tuple(_digest(secret, known, value) for secret in self.secrets)


@frozen(kw_only=True)
class IndexEntry:
    """A row of the index: a mail with that Message-ID, sender or recipient."""

    record: RecordKey
    received_at: datetime


def message_value(message_id: MessageId) -> bytes:
    """Return the text of a Message-ID that is digested."""
    return message_id.value


def typed_message_id(text: str) -> MessageId:
    """Read a Message-ID as a person types it. No mail has the empty id that stands for an unusable one."""
    return canonical(text.encode("utf-8", "surrogateescape")) or MessageId(b"")


def sender_value(sender: EmailAddress) -> str:
    """Return the text of a sender that is digested: the address in From."""
    return sender.key


def recipient_value(recipient: EmailAddress, domains: MailDomains) -> str:
    """Return the text of a recipient that is digested: the same for every spelling of an alias.

    Tag, BATV and SRS come off; of a v3 alias its token counts, whatever name stands before it.
    """
    inmost = unwrapped(recipient, domains)[-1]
    token = token_text(inmost.local) if domains.ours(inmost) else None
    return inmost.key if token is None else f"{token}@{inmost.domain}"


def recipient_values(recipients: Iterable[EmailAddress], domains: MailDomains) -> tuple[str, ...]:
    """The values of several recipients, each once, in a fixed order."""
    return tuple(sorted({recipient_value(recipient, domains) for recipient in recipients}))


def _digest(secret: bytes, known: Known, value: str | bytes) -> str:
    octets = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return hmac.digest(secret, known.value.encode() + b"\0" + octets, hashlib.sha256).hex()[:_HEX_DIGITS]
