"""Ask several detectors about a mail at once: the worst that one of them finds is what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import frozen

from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding, worst
from convalias.ports.errors import AdapterFailed
from convalias.ports.mail import Check


@frozen
class SeveralChecks:
    """`ports.Check` over one or more others. Raises what they raise, unless another found the mail harmful."""

    checks: Sequence[Check]

    async def check(self, raw: bytes, post: Post) -> Checked:
        """Return the worst finding, when all have answered."""
        answers = await asyncio.gather(*(one.check(raw, post) for one in self.checks), return_exceptions=True)
        found = worst(answer for answer in answers if isinstance(answer, Checked))
        raised = [answer for answer in answers if isinstance(answer, BaseException)]
        # Spam is no reason to go on: what the other would have found is worse.
        if raised and found.finding is not Finding.HARMFUL:
            # Who is away is waited for as long as that takes; a failure about one mail counts against it.
            raise min(raised, key=lambda error: isinstance(error, AdapterFailed))
        return found
