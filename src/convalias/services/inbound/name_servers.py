"""Limit how many mails of one sender's domain wait for its name servers at a time."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from attrs import define

_LABELS: Final = 2


@define
class _Standing:
    asking: int = 0
    silent_until: datetime | None = None


class NameServerBudget:
    """Counts by domain, in one process. Names that share their last two labels are one domain: anybody may make more."""

    def __init__(
        self, *, at_once: int = 8, silent_for: timedelta = timedelta(minutes=1), remembered: int = 1_000
    ) -> None:
        """Nobody asks yet. `at_once`: of one domain, as long as its name servers answer; then one at a time."""
        self._at_once = at_once
        self._silent_for = silent_for
        self._remembered = remembered
        self._domains: OrderedDict[str, _Standing] = OrderedDict()

    def enter(self, domain: str, *, at: datetime) -> bool:
        """Whether one more mail of that domain may ask now. `leave` when it has."""
        key = _organisation(domain)
        standing = self._domains.setdefault(key, _Standing())
        self._domains.move_to_end(key)
        is_silent = standing.silent_until is not None and at < standing.silent_until
        if standing.asking >= (1 if is_silent else self._at_once):
            return False
        standing.asking += 1
        self._forget()
        return True

    def leave(self, domain: str, *, at: datetime, answered: bool) -> None:
        """Note that one mail has asked. Without an answer the domain's next mails go one by one for a while."""
        standing = self._domains.get(_organisation(domain))
        if standing is not None:
            standing.asking -= 1
            standing.silent_until = None if answered else at + self._silent_for

    def _forget(self) -> None:
        """Forget the domains that asked longest ago, as far as nobody of theirs is asking."""
        for key in [*self._domains][: max(len(self._domains) - self._remembered, 0)]:
            if not self._domains[key].asking:
                del self._domains[key]


def _organisation(domain: str) -> str:
    return ".".join(domain.split(".")[-_LABELS:])
