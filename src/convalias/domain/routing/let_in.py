"""Apply an approval to a decision: a mail that would be held is approved, or its address is."""

from __future__ import annotations

from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, PeripheralAuthor
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import Admits, HoldId
from convalias.domain.mail.authentication import Authentication, is_weak
from convalias.domain.mail.dedup import MailKey, keyed
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing.context import HoldKey, RoutingContext
from convalias.domain.routing.policy import SenderTrust
from convalias.domain.routing.verdicts import Hold, RelayToConversation

NOBODY: Final = EmailAddress.parse("unknown-sender@from.invalid")
"""As whose an approved mail is shown whose From names nobody. No mailbox can lie there (RFC 6761 §6.4)."""

# Members that every mail is compared with, named once: Python 3.11 looks one up by a function call.
_AUTHENTICATED: Final = Authentication.AUTHENTICATED
_DOUBTFUL: Final = Authentication.DOUBTFUL
_SPOOFED: Final = Authentication.SPOOFED
_ACCEPT_ANY: Final = SenderTrust.ACCEPT_ANY


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


def was_let_in(
    context: RoutingContext,
    mail: MessageEnvelope,
    conversation: ConversationId,
    hold: Hold,
    *,
    proof: Authentication,
    trust: SenderTrust,
) -> bool:
    """Return whether this very mail was let in; or its address, where that answers the hold and evidence allows it."""
    found = let_in(context, mail, conversation, hold)
    if found is not Admits.THIS_ADDRESS or not hold.by_address or isinstance(hold.author, AccountAuthor):
        return found is Admits.THIS_MAIL
    return is_from_there(context, mail, proof=proof, trust=trust)


def is_from_there(context: RoutingContext, mail: MessageEnvelope, *, proof: Authentication, trust: SenderTrust) -> bool:
    """Return whether nothing speaks against a mail's being from its address, which was let in."""
    if not isinstance(mail.sender, ClearFrom) or is_doubtful(mail.sender, proof=proof, trust=trust):
        return False
    if proof is _AUTHENTICATED and not is_weak(mail.evidence):
        return True
    return trust is not SenderTrust.REQUIRE_ALIGNED and not has_passed(context, mail.sender.address)


def is_doubtful(sender: ClearFrom, *, proof: Authentication, trust: SenderTrust) -> bool:
    """Return whether a check failed, or a From was repaired without proof; under ACCEPT_ANY nobody is doubtful."""
    # Servers read broken syntax in different ways: what was authenticated may be another domain, or none.
    guessed = sender.repaired and proof is not _AUTHENTICATED
    failed = proof is _DOUBTFUL or proof is _SPOOFED
    return (guessed or failed) and trust is not _ACCEPT_ANY


def has_passed(context: RoutingContext, address: EmailAddress) -> bool:
    """Return whether the address has authenticated before, for any account: what passed once must pass."""
    holders = context.holders.get(address)
    return holders is not None and holders.authenticated_before


def as_relayed(conversation: ConversationId, mail: MessageEnvelope, hold: Hold) -> RelayToConversation:
    """The held mail, let in: under the author and key it was held with; from nobody where From names nobody."""
    sender = mail.sender.address if isinstance(mail.sender, ClearFrom) else NOBODY
    author = hold.author or PeripheralAuthor(sender)
    return RelayToConversation(conversation, author, hold.dedup_key or MailKey(conversation, sender, mail.message_id))
