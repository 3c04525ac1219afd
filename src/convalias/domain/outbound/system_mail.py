"""Marks of system mail, for ways out that do not remember what they sent."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from attrs import frozen


class SystemMailState(Enum):
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
    state: SystemMailState
    first: datetime
    """When its first try began: a memory of keys is counted from there."""
    at: datetime
    """When its latest try began."""
    tries: int = 1
