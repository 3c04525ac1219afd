"""Read marks of system mail as the former release wrote them, and move its rows to the outbox."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from convalias.domain.system_mail.letters import SystemMail, SystemMailState


class FormerState(Enum):
    """trying -> sent | uncertain. Also back to nothing, when a try surely did nothing."""

    TRYING = "trying"
    """A call is under way, or was and may have worked."""
    SENT = "sent"
    UNCERTAIN = "uncertain"
    """It may have left, nobody can tell, and it is not sent again."""


@frozen(kw_only=True)
class SystemMailTry:
    """A mark that is written before a mail leaves. Holds no address: the key is a digest."""

    key: str
    state: FormerState
    first: datetime
    """When its first try began: a memory of keys is counted from there."""
    at: datetime
    """When its latest try began."""
    tries: int = 1
    """Zero: no try at all. The row was moved by this release, and a worker of the former must not send its mail."""


_STATES: Final = {
    FormerState.TRYING: SystemMailState.TRYING,
    FormerState.SENT: SystemMailState.SENT,
    FormerState.UNCERTAIN: SystemMailState.UNCERTAIN,
}


def moved_mark(key: str, *, at: datetime) -> SystemMailTry:
    """Return the mark that keeps workers of the former release from a mail: to them it was sent."""
    return SystemMailTry(key=key, state=FormerState.SENT, first=at, at=at, tries=0)


def with_former_tries(mail: SystemMail, mark: SystemMailTry | None) -> SystemMail:
    """Return the mail as far as the former release brought it. None, or our own mark: it tried nothing."""
    if mark is None or not mark.tries:
        return mail
    return evolve(mail, state=_STATES[mark.state], first=mark.first, at=mark.at, tries=mark.tries)
