"""Every reason a mail is refused, held or ignored for, and what follows from each: one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from attrs import frozen


class Reason(Enum):
    """The reason why a mail was not simply relayed."""

    NOT_OURS = "NOT_OURS"
    MALFORMED = "MALFORMED"
    MIME_AMBIGUOUS = "MIME_AMBIGUOUS"
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY_RECIPIENTS = "TOO_MANY_RECIPIENTS"
    UNKNOWN_ALIAS = "UNKNOWN_ALIAS"
    FORGED_ALIAS = "FORGED_ALIAS"
    EXPIRED_ALIAS = "EXPIRED_ALIAS"
    REVOKED_ALIAS = "REVOKED_ALIAS"
    CONVERSATION_CLOSED = "CONVERSATION_CLOSED"
    UNKNOWN_SENDER = "UNKNOWN_SENDER"
    ACCOUNT_AMBIGUOUS = "ACCOUNT_AMBIGUOUS"
    FROM_AMBIGUOUS = "FROM_AMBIGUOUS"
    NOT_PARTICIPANT = "NOT_PARTICIPANT"
    SPOOFED_SENDER = "SPOOFED_SENDER"
    BLOCKED_SENDER = "BLOCKED_SENDER"
    SPAM = "SPAM"
    AUTOMATED = "AUTOMATED"
    LOOP = "LOOP"
    BOUNCE = "BOUNCE"
    EMPTY = "EMPTY"
    RATE_LIMITED = "RATE_LIMITED"
    NEEDS_APPROVAL = "NEEDS_APPROVAL"
    DECLINED = "DECLINED"
    """A host that keeps its own conversations declined the message by a rule of its own."""


class Severity(Enum):
    """The person who should look: nobody, a reader of the dashboard, an operator on call."""

    ROUTINE = "routine"
    NOTABLE = "notable"
    ALARM = "alarm"


@frozen(kw_only=True)
class Consequence:
    """The consequence of a reason."""

    severity: Severity = Severity.ROUTINE
    """A label of `icer.messages.processed`."""
    retryable: bool = False
    """Whether the same mail may pass later. For a door that answers while the sender waits: 4xx, not 5xx."""
    may_tell_sender: bool = False
    about_alias: bool = False
    """A refusal about the alias: it carries nothing, so an overlapping legacy alias goes to legacy."""
    throttle: str = "sender+alias+day"
    """What a refusal mail is counted by (`commands.Refuse`)."""
    metric: str
    """A name for dashboards that want a counter for each reason."""
    public_text: str
    """For an authenticated participant. Everybody else reads `GONE`, whatever the reason."""


GONE: Final = (
    "This email address is no longer valid, or your message did not come from an address that is registered with us. "
    "Please write from the address you registered with, or open the conversation in the app."
)
"""The one text of the four alias refusals, and of every refusal to a stranger: no reason proves an alias real.

Both reasons and both ways on, as one of them concerns the reader. `refusal_texts` has it in other languages.
"""


def _tellable(text: str, *, severity: Severity = Severity.ROUTINE) -> tuple[str, Severity, bool, bool]:
    return text, severity, True, False


def _silent(*, severity: Severity = Severity.ROUTINE) -> tuple[str, Severity, bool, bool]:
    return GONE, severity, False, False


def _about_alias(*, severity: Severity = Severity.ROUTINE) -> tuple[str, Severity, bool, bool]:
    return GONE, severity, True, True


_ROWS: Final = {
    Reason.NOT_OURS: _silent(),
    Reason.MALFORMED: _silent(severity=Severity.NOTABLE),
    Reason.MIME_AMBIGUOUS: _silent(severity=Severity.NOTABLE),
    Reason.TOO_LARGE: _tellable("This message is too large. Please send it with smaller attachments."),
    Reason.TOO_MANY_RECIPIENTS: _tellable("This message has too many recipients."),
    Reason.UNKNOWN_ALIAS: _about_alias(),
    Reason.FORGED_ALIAS: _about_alias(severity=Severity.NOTABLE),
    Reason.EXPIRED_ALIAS: _about_alias(),
    Reason.REVOKED_ALIAS: _about_alias(),
    Reason.CONVERSATION_CLOSED: _tellable("This conversation is closed and takes no more messages."),
    Reason.UNKNOWN_SENDER: _tellable("We do not know this address. Please reply from the address you registered with."),
    Reason.ACCOUNT_AMBIGUOUS: _tellable(
        "Several accounts use this address. Please reply in the app, or from an address of your own.",
        severity=Severity.NOTABLE,
    ),
    Reason.FROM_AMBIGUOUS: _silent(severity=Severity.NOTABLE),
    Reason.NOT_PARTICIPANT: _tellable(
        "You do not take part in this conversation. Please reply from the address you registered with."
    ),
    Reason.SPOOFED_SENDER: _silent(severity=Severity.NOTABLE),
    Reason.BLOCKED_SENDER: _silent(),
    Reason.SPAM: _silent(),
    Reason.AUTOMATED: _silent(),
    Reason.LOOP: _silent(severity=Severity.NOTABLE),
    Reason.BOUNCE: _silent(),
    Reason.EMPTY: _tellable("This message is empty."),
    Reason.RATE_LIMITED: _tellable("Too many messages in a short time. Please try again later."),
    Reason.NEEDS_APPROVAL: _silent(),
    Reason.DECLINED: _tellable("This conversation did not take your message. Please open it in the app."),
}

CONSEQUENCES: Final[Mapping[Reason, Consequence]] = MappingProxyType(
    {
        reason: Consequence(
            severity=severity,
            retryable=reason is Reason.RATE_LIMITED,
            may_tell_sender=tell,
            about_alias=about_alias,
            metric=f"icer.messages.processed.{reason.value.lower()}",
            public_text=text,
        )
        for reason, (text, severity, tell, about_alias) in _ROWS.items()
    }
)
"""Total: one row per reason."""
