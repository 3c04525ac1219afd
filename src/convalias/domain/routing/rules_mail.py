"""The rules of the mail, the address and the claimed sender: steps 1 to 7. Each docstring is its rule's law."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, InboundMail, UnreadableMail
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.policy import BlockedSenders, SenderTrust
from convalias.domain.routing.rulebook import AliasCase, ArrivalCase, MailCase, SenderCase, rule
from convalias.domain.routing.verdicts import ForeignRecipient, Hold, Ignore, Reject, UnknownRecipient, Verdict

# Members that every mail is compared with, named once: Python 3.11 looks one up by a function call.
_OWN: Final = MailClass.OWN
_BOUNCE: Final = MailClass.BOUNCE
_ERASED: Final = ThreadState.ERASED
_AUTHENTICATED: Final = Authentication.AUTHENTICATED
_SPOOFED: Final = Authentication.SPOOFED
_ACCEPT_ANY: Final = SenderTrust.ACCEPT_ANY

# --- steps 1, 2: the mail ----------------------------------------------------------------------------


@rule(1)
def over_a_limit(case: MailCase) -> Verdict | None:
    """A mail over a limit of the reader is refused for every recipient."""
    return Reject(Reason.MALFORMED) if isinstance(case.mail, UnreadableMail) else None


@rule(2, number=9)
def blocked_sender(case: MailCase) -> Verdict | None:
    """A blocked sender is dropped for every recipient, whichever reading of From or envelope sender names it."""
    blocked = case.policy.blocked
    return Ignore(Reason.BLOCKED_SENDER) if blocked and _names_blocked(case.mail, blocked) else None


def _names_blocked(mail: InboundMail, blocked: BlockedSenders) -> bool:
    return mail.return_path in blocked or any(one in blocked for one in _readings(mail))


def _readings(mail: InboundMail) -> Iterable[EmailAddress]:
    """Every reading of From."""
    if isinstance(mail, UnreadableMail):
        return mail.readings
    sender = mail.sender
    match sender:
        case ClearFrom(address=address):
            return (address,)
        case AmbiguousFrom(readings=readings):
            return readings
        case _:
            assert_never(sender)


# --- step 3: addresses that lead nowhere -------------------------------------------------------------


@rule(3)
def forged_alias(case: ArrivalCase) -> Verdict | None:
    """A token whose MAC or key id is not ours is forged, whether the address is listed or not."""
    match case.recipient:
        case UnknownRecipient(forged=True):
            return Reject(Reason.FORGED_ALIAS)
        case _:
            return None


@rule(3)
def unknown_alias(case: ArrivalCase) -> Verdict | None:
    """At an alias domain, an address that is not listed is refused."""
    return Reject(Reason.UNKNOWN_ALIAS) if isinstance(case.recipient, UnknownRecipient) else None


@rule(3)
def not_ours(case: ArrivalCase) -> Verdict | None:
    """An address at neither an alias nor a legacy domain is somebody else's mail."""
    return Ignore(Reason.NOT_OURS) if isinstance(case.recipient, ForeignRecipient) else None


# --- step 5: the alias -------------------------------------------------------------------------------


@rule(5)
def revoked_alias(case: AliasCase) -> Verdict | None:
    """A revoked alias takes no mail, from the moment of its revocation on."""
    alias = case.recipient.alias
    revoked_at = None if alias is None else alias.revoked_at
    return Reject(Reason.REVOKED_ALIAS) if revoked_at is not None and revoked_at <= case.context.now else None


@rule(5)
def expired_alias(case: AliasCase) -> Verdict | None:
    """An expired alias takes no mail, from the moment of its expiry on."""
    alias = case.recipient.alias
    expires_at = None if alias is None else alias.expires_at
    return Reject(Reason.EXPIRED_ALIAS) if expires_at is not None and expires_at <= case.context.now else None


@rule(5)
def erased_conversation(case: AliasCase) -> Verdict | None:
    """Of an erased conversation no alias is known any more."""
    return Reject(Reason.UNKNOWN_ALIAS) if case.recipient.thread.state is _ERASED else None


@rule(5)
def closed_conversation(case: AliasCase) -> Verdict | None:
    """A closed or archived conversation takes no mail."""
    closed = case.recipient.thread.state in _CLOSED
    return Reject(Reason.CONVERSATION_CLOSED) if closed else None


_CLOSED: Final = (ThreadState.CLOSED, ThreadState.ARCHIVED)

# --- steps 6, 7: the claimed sender ------------------------------------------------------------------


@rule(6)
def own_mail(case: SenderCase) -> Verdict | None:
    """Our own mail that comes back is a loop."""
    return Ignore(Reason.LOOP) if case.mail.mail_class is _OWN else None


@rule(6)
def bounce(case: SenderCase) -> Verdict | None:
    """A bounce is no message."""
    return Ignore(Reason.BOUNCE) if case.mail.mail_class is _BOUNCE else None


@rule(6)
def automatic_answer(case: SenderCase) -> Verdict | None:
    """Complaints, receipts, auto-replies and absences are no messages and are never answered."""
    # RFC 3834 §2: an automatic response must not be answered automatically.
    return Ignore(Reason.AUTOMATED) if case.mail.mail_class in _ANSWERS else None


_ANSWERS: Final = (MailClass.COMPLAINT, MailClass.READ_RECEIPT, MailClass.AUTO_REPLY, MailClass.OUT_OF_OFFICE)


@rule(7)
def ambiguous_from(case: SenderCase) -> Verdict | None:
    """A From that can be read in more than one way, or not at all, never matches anybody."""
    if isinstance(case.mail.sender, ClearFrom):
        return None
    authenticated = case.authentication is _AUTHENTICATED
    return (Hold if authenticated else Reject)(Reason.FROM_AMBIGUOUS)


@rule(7)
def spoofed_sender(case: SenderCase) -> Verdict | None:
    """What fails DMARC under p=reject, or under an unknown policy, is kept and not posted."""
    # RFC 7489 §6.3: `p=reject` asks receivers to reject mail that fails.
    spoofed = case.authentication is _SPOOFED and case.trust is not _ACCEPT_ANY
    return Reject(Reason.SPOOFED_SENDER) if spoofed else None
