"""What an operator may do next, per reason and per outcome: one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, assert_never

from convalias.domain.inbound import Dead, Done, Effect, Expired, Held, Ignored, Outcome, Quarantined, Refused
from convalias.domain.outcomes import Reason

NOTHING: Final = "nothing: it was delivered"
NOBODY: Final = "see the provider's route: the mail came with no recipient that could be read"
WAITS: Final = "it waits in the queue: see that an inbound worker runs (convalias worker inbound)"

_BY_REASON: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.NOT_OURS: "nothing: no recipient is at a domain of ours; see the provider's route if it should be",
        Reason.MALFORMED: "read the raw mail; it is over a limit of the reader and stays kept",
        Reason.MIME_AMBIGUOUS: "a participant may approve the hold",
        Reason.TOO_LARGE: "ask the sender for a smaller mail",
        Reason.TOO_MANY_RECIPIENTS: "ask the sender to write to fewer people",
        Reason.UNKNOWN_ALIAS: "look the alias up (convalias alias inspect); a typing error cannot be mended here",
        Reason.FORGED_ALIAS: "nothing, unless many: then somebody guesses aliases",
        Reason.EXPIRED_ALIAS: "issue a new alias and give it to the sender",
        Reason.REVOKED_ALIAS: "issue a new alias, if the revocation was a mistake",
        Reason.CONVERSATION_CLOSED: "reopen the conversation, then: convalias replay --all",
        Reason.UNKNOWN_SENDER: "add the address to the sender's account, then: convalias replay --all",
        Reason.ACCOUNT_AMBIGUOUS: "several accounts share the address: the sender writes in the app, or from another",
        Reason.FROM_AMBIGUOUS: "ask the sender to write with a plain From",
        Reason.NOT_PARTICIPANT: "add the account to the conversation, then: convalias replay --all",
        Reason.SPOOFED_SENDER: "nothing: DMARC failed; if it is genuine, the sender's domain must mend its records",
        Reason.BLOCKED_SENDER: "unblock the sender in the policy, then: convalias replay --all",
        Reason.SPAM: "nothing; the sender may authenticate",
        Reason.AUTOMATED: "nothing: a machine wrote it",
        Reason.LOOP: "nothing: it is mail of our own, or a loop",
        Reason.BOUNCE: "nothing: a mail server wrote it",
        Reason.EMPTY: "ask the sender to write something",
        Reason.RATE_LIMITED: "wait, then: convalias replay --all",
        Reason.NEEDS_APPROVAL: "a participant may approve the hold (convalias show holds)",
    }
)


def advice(outcome: Outcome | None) -> str:
    """One line: what to do next about a mail with that outcome; None is a mail that has none yet."""
    match outcome:
        case None:
            return WAITS
        case Done(effects=()):
            return NOBODY
        case Done(effects=effects):
            return next((said for _, effect in effects if (said := _about(effect))), NOTHING)
        case Dead():
            return "mend what failed, then: convalias replay --dead"
        case Quarantined():
            return "read the raw mail; it is kept and is not routed"
        case Expired():
            return "nothing: the raw mail was deleted by retention"
        case _:
            assert_never(outcome)


def _about(effect: Effect) -> str:
    match effect:
        case Refused(reason=reason) | Ignored(reason=reason):
            return _BY_REASON[reason]
        case Held():
            return _BY_REASON[Reason.NEEDS_APPROVAL]
        case _:
            return ""
