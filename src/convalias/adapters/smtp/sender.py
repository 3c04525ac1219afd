"""OutgoingMail by SMTP: one mail to one recipient, over connections that are used again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from convalias.adapters.smtp.connection import Connection, Progress, connected, tls_context
from convalias.adapters.smtp.errors import AnswerLost, Dropped
from convalias.adapters.smtp.examining import observations
from convalias.adapters.smtp.letter import Letter, letter_of
from convalias.adapters.smtp.place import Place, read_url
from convalias.adapters.smtp.pool import Pool
from convalias.adapters.smtp.replies import Step
from convalias.ports.errors import EngineAway
from convalias.ports.examining import Observation
from convalias.ports.mail import Outgoing

_LATE: Final = "no answer in time"


class OutgoingMail:
    """`ports.OutgoingMail` and `ports.Examined`. It remembers no key and cannot be asked: SMTP can do neither.

    What the server refuses for now is `Deferred`, what it refuses for good is `Rejected`, with the code of its reply.
    A server that cannot be reached, or that takes no mail at all, is `EngineAway`. In all of these cases the mail was
    surely not sent. Any other exception says that it may have been.
    """

    def __init__(self, place: Place | str, *, password: str = "", variable: str = "") -> None:
        """`place`: or its URL. `variable`: where the URL was set, for messages. Raises `UnusableServerError`."""
        self._place = read_url(place) if isinstance(place, str) else place
        self._password = password
        self._context = tls_context(self._place)
        self._name = f"mail: smtp at {self._place.shown}" + (f" ({variable})" if variable else "")
        self._pool = Pool(self._connected, self._place.limits)

    async def __aenter__(self) -> Self:
        """Connect to nobody: the first mail does."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Say goodbye on every connection that is not in use."""
        await self._pool.close()

    async def send(self, mail: Outgoing) -> None:
        """Taken by the server when it returns. Raises as the class says, within `Limits.timeout`."""
        letter, at = letter_of(mail, receipt=self._place.receipt), Progress()
        begin = asyncio.get_running_loop().time()
        limits = self._place.limits
        bound = asyncio.timeout_at(begin + limits.begin)
        try:
            async with bound:
                await self._send(letter, at, bound, until=begin + limits.timeout)
        except TimeoutError as late:
            if at.step is Step.END:
                raise AnswerLost("no answer to the mail in time") from late
            raise EngineAway(self._name, because=f"{_LATE} ({at.step.value})") from late
        except Dropped as dropped:
            raise EngineAway(self._name, because=f"it ended the connection ({at.step.value})") from dropped

    async def examine(self) -> Sequence[Observation]:
        """Connect and log in as for a mail, and say what the server offers. No mail is sent. Raises `EngineAway`."""
        try:
            async with asyncio.timeout(self._place.limits.begin):
                connection = await self._connected()
        except TimeoutError as late:
            raise EngineAway(self._name, because=_LATE) from late
        try:
            return observations(self._place, connection.offers, connection.certificate)
        finally:
            await connection.close()

    async def _send(self, letter: Letter, at: Progress, bound: asyncio.Timeout, *, until: float) -> None:
        while True:
            may_be_stale = False
            try:
                async with self._pool.connection(at) as connection:
                    may_be_stale = connection.is_reused
                    await connection.begin(letter, at)
                    bound.reschedule(until)
                    await connection.hand_over(letter, at)
            except Dropped:
                # A server may end a connection that was idle. Nothing was sent, so another one is tried.
                if may_be_stale and at.step is Step.SENDER:
                    continue
                raise
            return

    async def _connected(self) -> Connection:
        return await connected(self._place, self._password, context=self._context, name=self._name)
