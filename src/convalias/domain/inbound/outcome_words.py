"""Describe the outcome of a mail for the log: kinds and reasons, never an address."""

from __future__ import annotations

from collections import Counter
from typing import assert_never

from convalias.domain.inbound.outcomes import (
    Dead,
    Done,
    Effect,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Outcome,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)


def words_of(outcome: Outcome) -> str:
    """Return kinds and reasons, each of several equal ones with its number: `relayed, rejected REVOKED_ALIAS (2)`."""
    match outcome:
        case Done(effects=()):
            return "concluded for no recipient"
        case Done(effects=effects):
            counted = Counter(_of_effect(effect) for _, effect in effects)
            return ", ".join(words if number == 1 else f"{words} ({number})" for words, number in counted.items())
        case Dead(reason=reason, tries=tries):
            return f"dead after {tries} tries: {reason}"
        case Quarantined(reason=reason):
            return f"quarantined {reason}".rstrip()
        case Expired():
            return "expired"
        case _:
            assert_never(outcome)


def _of_effect(effect: Effect) -> str:
    match effect:
        case Relayed(added=added):
            return "relayed" if added else "relayed before"
        case HandedOver():
            return "handed over"
        case Skipped():
            return "skipped"
        case Held():
            return "held"
        case Refused(reason=reason):
            return f"rejected {reason.value}"
        case Ignored(reason=reason):
            return f"ignored {reason.value}"
        case _:
            assert_never(effect)
