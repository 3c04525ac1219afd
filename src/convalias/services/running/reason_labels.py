"""Reasons as labels of figures: ours by name, of a host's own at most so many."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from convalias.domain.mail.reasons import AnyReason, OwnReason

MOST_OWN: Final = 50
"""Own reasons that one process tells apart: each label value is a time series of its own for whoever collects."""
OTHER: Final = "OTHER"
"""The label of all own reasons after those."""


def _none() -> set[str]:
    return set()


@define
class ReasonLabels:
    """The labels of one process: bounded, whatever names a rule makes up."""

    own: set[str] = field(factory=_none)

    def of(self, reason: AnyReason | None) -> str:
        """Return the label of a reason; empty for none."""
        if reason is None:
            return ""
        if isinstance(reason, OwnReason) and reason.name not in self.own:
            if len(self.own) >= MOST_OWN:
                return OTHER
            self.own.add(reason.name)
        return reason.value
