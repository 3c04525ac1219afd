"""Send system mail once, also by a way out that remembers nothing: refusals, approval mails, announcements."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final, assert_never

from attrs import evolve, frozen

from convalias.domain.outbound.lease import IN_FLIGHT
from convalias.domain.outbound.system_mail import SystemMailState, SystemMailTry
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.ports.hub import Answer, Guarantee, NotSent, Sent, Unknown
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.ports.records import Stored
from convalias.services.outbound.calls import Ambiguity
from convalias.stores.system_mail.marks import SystemMails

WITHIN: Final = timedelta(seconds=25)
"""Shorter than what a sender of system mail waits for this."""
TRIES: Final = 3
_WAY_OUT: Final = "system mail"


class MayHaveLeft(Exception):
    """A mail may have left and nobody can tell. It is not sent again."""


@frozen(kw_only=True)
class SentOnce:
    """`ports.OutgoingMail` in front of the host's own: marks each mail before it leaves.

    `Unavailable`: not sent, or not known yet: try again. `MayHaveLeft`: give it up.
    """

    outgoing: OutgoingMail
    guarantee: Guarantee
    marks: SystemMails
    clock: Clock
    telemetry: Telemetry
    ambiguity: Ambiguity = Ambiguity.LEAVE
    within: timedelta = WITHIN

    async def send(self, mail: Outgoing) -> None:
        """Send it, unless it was sent. Idempotent per key for as long as the marks are kept."""
        now = self.clock.now()
        found = await self.marks.get(mail.key)
        if found is None:
            mark = SystemMailTry(key=mail.key, state=SystemMailState.TRYING, first=now, at=now)
            await self._try(mail, mark, over=None)
            return
        mark, stored = found
        match mark.state:
            case SystemMailState.SENT:
                return
            case SystemMailState.UNCERTAIN:
                raise MayHaveLeft
            case SystemMailState.TRYING:
                await self._again(mail, mark, stored, now)
            case _:
                assert_never(mark.state)

    async def _again(self, mail: Outgoing, mark: SystemMailTry, stored: Stored, now: datetime) -> None:
        """Another try began it, and nobody wrote down what came of it."""
        if now < mark.at + IN_FLIGHT:  # that call may still arrive
            raise Unavailable(_WAY_OUT, retry_after=mark.at + IN_FLIGHT - now)
        next_mark = evolve(mark, at=now, tries=mark.tries + 1)
        if not self._is_remembered(mark, now) or mark.tries >= TRIES:
            match await self._answer(mail.key):
                case Sent():
                    await self.marks.put(evolve(mark, state=SystemMailState.SENT), over=stored)
                    return
                case NotSent() if mark.tries < TRIES:
                    next_mark = evolve(next_mark, first=now)
                case Unknown() if self.ambiguity is Ambiguity.RESEND and mark.tries < TRIES:
                    pass
                case _:
                    await self._give_up(mark, stored)
        await self._try(mail, next_mark, over=stored)

    async def _try(self, mail: Outgoing, mark: SystemMailTry, *, over: Stored | None) -> None:
        if not await self.marks.put(mark, over=over):
            raise Unavailable(_WAY_OUT, retry_after=IN_FLIGHT)
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                await self.outgoing.send(mail)
        except Unavailable:
            if mark.first == mark.at:  # nothing before this try may have been sent either
                await self.marks.drop(mail.key)
            raise
        except Exception as failed:
            if self._may_be_told_later:
                raise Unavailable(_WAY_OUT, retry_after=IN_FLIGHT) from failed
            await self._settle(mark, SystemMailState.UNCERTAIN)
            self.telemetry.measure("icer.system_mail.uncertain", 1, error=type(failed).__name__)
            raise MayHaveLeft from failed
        await self._settle(mark, SystemMailState.SENT)

    @property
    def _may_be_told_later(self) -> bool:
        knows = self.guarantee.ask is not None or self.guarantee.remembers_keys_for >= IN_FLIGHT + self.within
        return knows or self.ambiguity is Ambiguity.RESEND

    def _is_remembered(self, mark: SystemMailTry, now: datetime) -> bool:
        return now - mark.first + self.within <= self.guarantee.remembers_keys_for

    async def _answer(self, key: str) -> Answer:
        if self.guarantee.ask is None:
            return Unknown()
        async with asyncio.timeout(self.within.total_seconds()):
            return await self.guarantee.ask(key)

    async def _give_up(self, mark: SystemMailTry, stored: Stored) -> None:
        await self.marks.put(evolve(mark, state=SystemMailState.UNCERTAIN), over=stored)
        self.telemetry.measure("icer.system_mail.uncertain", 1, error="nobody can tell")
        raise MayHaveLeft

    async def _settle(self, mark: SystemMailTry, state: SystemMailState) -> None:
        found = await self.marks.get(mark.key)
        if found is not None:
            await self.marks.put(evolve(mark, state=state), over=found[1])
