"""Events in the format of another release, and how a release reads them that knows both."""

from __future__ import annotations

from typing import Final

from convalias.ports.records import Body

NEWER: Final = "event/9"
"""What this release cannot read."""
OURS: Final = "event/1"


def as_ours(body: Body) -> Body:
    """An event as a release reads it that knows both formats."""
    return {**body, "$": OURS} if body.get("$") == NEWER else body
