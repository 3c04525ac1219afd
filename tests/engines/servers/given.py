"""Servers that somebody else started, and what to say about those that are not there."""

from __future__ import annotations

import os
from typing import Final

MISSING: Final = "engine missing: "
"""How the reason of every skip for want of a server begins; CONVALIAS_REQUIRE_ENGINES=1 makes such a skip a failure."""


class EngineMissing(Exception):
    """This server cannot be had here; the message is the line that mends it."""

    def __init__(self, engine: str, why: str, *, mend: str) -> None:
        """Name the server, what it lacks, and what brings it."""
        super().__init__(f"{MISSING}{engine}: {why}; {mend}")


def given(engine: str) -> str | None:
    """The URL in CONVALIAS_TEST_<ENGINE>: MONGODB, KAFKA, S3, SQS or POSTGRESQL."""
    return os.environ.get(f"CONVALIAS_TEST_{engine}") or None
