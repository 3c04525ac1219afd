"""A mail provider: posts each mail once per recipient, and tries for eight hours until it hears 200."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.services.inbound.receiver import TokenReused
from convalias.services.running.task_group import TaskGroup
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.journal import Mail, Post
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.weather import Fault
from convalias.testing.simulator.world import ConnectionLost, World

PAUSES: Final = (600.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0)
"""After 10 min, 10 min, 15 min, 30 min, 1 h, 2 h and 4 h (Mailgun, Routes)."""
PATIENCE: Final = 45.0
GIVES_UP: Final = frozenset({406})
"""The code upon which it forgets a mail (Mailgun, Routes)."""


class Provider:
    """A provider that forgets a mail only after 200, after 406, or after its last try."""

    def __init__(self, world: World) -> None:
        """Nothing is on its way."""
        self._world = world

    async def deliver(self, mail: Mail, draws: Stream, *, attempt: str) -> None:
        """Post it, each recipient on its own; now and then all in one, as other sources do."""
        together = draws.chance(0.1)
        batches = [mail.recipients] if together else [(one,) for one in mail.recipients]
        async with TaskGroup() as group:
            for number, recipients in enumerate(batches):
                own = self._world.draws.stream(f"post {attempt} {number}")
                group.create_task(self._post(mail, recipients, f"{attempt}-{number}", own))

    async def _post(
        self,
        mail: Mail,
        recipients: tuple[EmailAddress, ...],
        token: str,
        draws: Stream,
    ) -> None:
        await asyncio.sleep(draws.between(0.0, 5.0))
        post = Post(
            mail=mail,
            recipients=recipients,
            token=token,
            begun=self._world.now,
            day=EPOCH + timedelta(seconds=self._world.now),
        )
        self._world.journal.posts.append(post)
        incoming = IncomingMail(
            mail.raw, recipients=recipients, sender=mail.sender, evidence=mail.evidence, token=token, token_at=post.day
        )
        for pause in (*PAUSES, None):
            post.tries += 1
            code = await self._try(incoming, draws)
            if code == 200:  # noqa: PLR2004 - HTTP
                post.accepted = self._world.now
                break
            post.refused = code == 403  # noqa: PLR2004 - HTTP
            if pause is None or code in GIVES_UP:
                post.given_up = True
                return
            await asyncio.sleep(pause * draws.between(0.9, 1.1))
        if self._world.weather.has(Fault.DUPLICATE, self._world.now) and draws.chance(0.1):
            await asyncio.sleep(draws.between(0.0, 900.0))
            await self._try(incoming, draws)

    async def _try(self, incoming: IncomingMail, draws: Stream) -> int:
        """The status that reaches the provider; 0: the connection broke."""
        try:
            receipt = await self._world.ask(
                "web", draws.below(8), lambda cv: cv.receiver.accept(incoming), within=PATIENCE
            )
        except ConnectionLost:
            return 0
        except Exception:  # noqa: BLE001 - whatever is raised, the door answers 5xx
            return 503
        return 403 if isinstance(receipt, TokenReused) else 200
