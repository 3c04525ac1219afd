"""From a plan to what is to be done, each under the key that makes it repeatable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import frozen

from convalias.domain.addresses import EmailAddress
from convalias.domain.dedup import MailKey
from convalias.domain.ids import ConversationId
from convalias.domain.inbound import Claim, HoldId
from convalias.domain.outcomes import Reason
from convalias.domain.participants import Author
from convalias.domain.plan import RoutingPlan


@frozen
class AddMail:
    """Append the mail to the conversation. Key: `str(dedup_key)`."""

    recipient: EmailAddress
    conversation: ConversationId
    author: Author
    dedup_key: MailKey

    @property
    def key(self) -> str:
        """The event is unique on conversation and this."""
        return str(self.dedup_key)


@frozen
class HandOver:
    """Give the mail to the legacy relay, for this address. Key: the external id."""

    recipient: EmailAddress
    external_id: str
    message_id: str

    @property
    def key(self) -> str:
        """Legacy processes an external id once."""
        return self.external_id


@frozen
class KeepHold:
    """Keep the mail until a participant has decided. Key: the hold's id."""

    recipient: EmailAddress
    hold: HoldId
    conversation: ConversationId
    sender: EmailAddress | None
    """None: From is ambiguous."""
    reason: Reason
    author: Author | None
    dedup_key: MailKey | None

    @property
    def key(self) -> str:
        """One hold, one approval mail."""
        return self.hold


@frozen
class Refuse:
    """Refuse. `tell`: whom to send the refusal mail, None where nobody may be told. Key: sender, alias and day."""

    recipient: EmailAddress
    reason: Reason
    tell: EmailAddress | None
    key: str


@frozen
class Note:
    """Nothing to do but to say so in the outcome: skipped (reason None) or ignored."""

    recipient: EmailAddress
    reason: Reason | None
    carried_by: EmailAddress | None = None

    @property
    def key(self) -> None:
        """Nothing is done."""
        return None


Command: TypeAlias = AddMail | HandOver | KeepHold | Refuse | Note


def claims(plan: RoutingPlan) -> tuple[Claim, ...]:
    """What must be claimed before any effect."""
    raise NotImplementedError


def commands(plan: RoutingPlan, standing: Iterable[Claim] = ()) -> tuple[Command, ...]:
    """What to carry out, in recipient order; a recipient whose path is not the claimed one becomes a `Note`."""
    raise NotImplementedError
