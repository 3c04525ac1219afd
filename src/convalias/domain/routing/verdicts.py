"""Recipients, by where a mail arrived, and the verdict for each."""

from __future__ import annotations

from enum import Enum
from typing import NewType, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Author
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.expecting import check_fields
from convalias.domain.ids import ConversationId
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.reasons import AnyReason

RuleName = NewType("RuleName", str)
"""`revoked-alias`: what a rule is called in explanations, metrics and replays."""


class Source(Enum):
    """The source of a recipient."""

    ENVELOPE = "envelope"
    HEADER = "header"


@frozen
class AliasRecipient:
    """A conversation alias, or (stage native, then `alias` is None) a legacy alias that counts as one."""

    address: EmailAddress
    """Canonical: as listed, whatever name, tag or wrapping the mail wrote it with."""
    source: Source
    alias: ConversationAlias | None
    thread: ConversationThread

    @property
    def conversation(self) -> ConversationId:
        """Return the conversation that the recipient leads to."""
        return self.thread.id


@frozen
class LegacyRecipient:
    """An address at a legacy domain, listed or not. `thread` is None when its conversation is unknown here."""

    address: EmailAddress
    source: Source
    thread: ConversationThread | None

    @property
    def conversation(self) -> ConversationId | None:
        """Return the conversation that the recipient leads to, as far as it is known."""
        return None if self.thread is None else self.thread.id


@frozen
class UnknownRecipient:
    """A recipient at an alias domain that is no alias of ours; `forged` if its token fails."""

    address: EmailAddress
    source: Source
    forged: bool

    @property
    def conversation(self) -> None:
        """Nowhere."""
        return None


@frozen
class ForeignRecipient:
    """A recipient at a domain that is not ours."""

    address: EmailAddress
    source: Source

    @property
    def conversation(self) -> None:
        """Nowhere."""
        return None


Recipient: TypeAlias = AliasRecipient | LegacyRecipient | UnknownRecipient | ForeignRecipient


@frozen
class RelayToConversation:
    """Add to this conversation, as this author, under this key."""

    conversation: ConversationId
    author: Author
    dedup_key: MailKey

    __attrs_post_init__ = check_fields


@frozen
class HandToLegacy:
    """The legacy state machine processes this address."""


@frozen
class SkipOverlap:
    """The verdict that another recipient of the same mail carries it to this conversation."""

    carried_by: EmailAddress

    __attrs_post_init__ = check_fields


@frozen
class Hold:
    """Kept, not posted, until a participant has decided.

    The decision gives it the key of the mail and, where the rule named none, the author who takes part. It has neither
    where From is ambiguous.
    """

    reason: AnyReason
    author: Author | None = None
    dedup_key: MailKey | None = None
    by_list: str | None = field(default=None, kw_only=True)
    """The mailing list that it came by, where its approval would let the mail in. None: none would."""
    by_address: bool = field(default=False, kw_only=True)
    """Whether who lets the mail of a stranger in may let in later mail of its address too, as far as evidence allows."""

    __attrs_post_init__ = check_fields


@frozen
class Reject:
    """Refused; its consequence says whether the sender may be told."""

    reason: AnyReason

    __attrs_post_init__ = check_fields


@frozen
class Repeats:
    """Mails of one text that a conversation does not show: their author, and how many there are."""

    author: Author
    count: int
    """This mail included, within an hour."""


@frozen
class Ignore:
    """The verdict that a mail is not ours, or is not to be answered."""

    reason: AnyReason
    repeats: Repeats | None = None
    """Only of a loop that is known by its equal texts."""

    __attrs_post_init__ = check_fields


Verdict: TypeAlias = RelayToConversation | HandToLegacy | SkipOverlap | Hold | Reject | Ignore
"""Says what becomes of a mail for one of its recipients. Closed: `match` it with `assert_never`."""


@frozen
class Ruling:
    """A ruling: a recipient, its verdict, and the rule that spoke last."""

    recipient: Recipient
    verdict: Verdict
    rule: RuleName
    number: int | None = None
    """Of the rule, in the table of the reference; None for what has no line there."""
    about_mail: bool = field(default=False, kw_only=True)
    """Steps 1 and 2: decided before anybody looked where the address leads, so no conversation is named."""

    @property
    def conversation(self) -> ConversationId | None:
        """Return the conversation that the recipient leads to, however it was found."""
        return None if self.about_mail else self.recipient.conversation
