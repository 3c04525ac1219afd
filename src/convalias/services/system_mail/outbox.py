"""Send mail of ours from the outbox: one rule for what surely did not leave, may have left, or left."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, assert_never

from attrs import Factory, evolve, field, frozen

from convalias.codec import CodecError, load
from convalias.domain.outbound.tries import Ambiguity
from convalias.domain.system_mail.former import with_former_tries
from convalias.domain.system_mail.letters import Letter, SystemMail, SystemMailState
from convalias.domain.system_mail.tries import (
    Ask,
    Call,
    End,
    Told,
    Wait,
    WayOut,
    after_answer,
    after_doubt,
    due_at,
    given_up,
    next_step,
)
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import AdapterFailed, Deferred, Rejected, Unavailable
from convalias.ports.hub import FOR_EVER, Guarantee, NotSent, Sent, Unknown
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.ports.records import Stored
from convalias.services.running.faulty_work import FaultyWork
from convalias.services.running.outages import described
from convalias.services.running.reason_labels import ReasonLabels
from convalias.services.system_mail.approval_requests import NoMail, NotYet
from convalias.services.system_mail.letters import Letters, count_given_up, count_sent
from convalias.stores.conversations.parking import Parking
from convalias.stores.errors import Parked
from convalias.stores.system_mail.former import FormerMails, read
from convalias.stores.system_mail.outbox import Outbox

BATCH: Final = 100
WITHIN: Final = timedelta(seconds=25)
DEFERRED_FOR: Final = timedelta(minutes=10)
"""How long a mail waits that the way out puts off, unless it says itself."""


@frozen(kw_only=True)
class SystemOutbox:
    """Sends what is due. A mail that cannot leave keeps back no other."""

    rows: Outbox
    letters: Letters
    outgoing: OutgoingMail
    guarantee: Guarantee
    clock: Clock
    telemetry: Telemetry
    ambiguity: Ambiguity = Ambiguity.LEAVE
    within: timedelta = WITHIN
    labels: ReasonLabels = field(factory=ReasonLabels)
    faulty: FaultyWork = field(default=Factory(lambda self: FaultyWork(clock=self.clock), takes_self=True))

    async def send_due(self) -> int:
        """Try what is due now; how many were looked at.

        Raises `Unavailable` if the way out takes nothing now, or if what a kind of mail looks up is away: those mails
        surely did not leave and stay due.
        """
        moved = await self._move_former()
        rows = await self.rows.due(until=self.clock.now(), limit=BATCH)
        away: dict[type[Letter], Unavailable] = {}
        for row in rows:
            try:
                await self._due(row, away)
            except (CodecError, Parked) as unreadable:
                await self._aside(row, unreadable)
        for failed in away.values():
            raise failed
        return moved + len(rows)

    async def _move_former(self) -> int:
        """Enter what the former release left due, as far as it brought each mail. Repeatable."""
        former, now = FormerMails(records=self.rows.records), self.clock.now()
        rows = await former.due(until=now, limit=BATCH)
        for row in rows:
            try:
                mail = read(row)
                mail = with_former_tries(mail, await former.take_over(mail.key, at=now))
                await self.rows.enter([mail], due=due_at(mail, now=now) or now, now=now)
                await former.moved(row)
            except CodecError as unreadable:
                await self._aside(row, unreadable)
        return len(rows)

    async def _aside(self, row: Stored, unreadable: Exception) -> None:
        await Parking(records=self.rows.records).aside(row, because=str(unreadable), at=self.clock.now())

    async def _due(self, row: Stored, away: dict[type[Letter], Unavailable]) -> None:
        mail, now = load(row.body, SystemMail), self.clock.now()
        step = next_step(mail, now=now, way_out=self._way_out)
        if isinstance(step, Ask):
            step = after_answer(mail, await self._told(mail.key), now=now, way_out=self._way_out)
        match step:
            case Wait(until=until):
                await self.rows.put(row, mail, due=until, now=now)
            case End(mail=ended):
                await self._end(row, ended, because="nobody can tell")
            case Call():
                if type(mail.letter) not in away:
                    await self._call(row, mail, step, away)
            case _:
                assert_never(step)

    async def _told(self, key: str) -> Told:
        """Ask the way out about a key. A question that fails says nothing about the mail."""
        if self.guarantee.ask is None:
            return Told.UNKNOWN
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                answer = await self.guarantee.ask(key)
        except Exception:  # noqa: BLE001 - whatever it is, it is asked again
            return Told.NO_ANSWER
        match answer:
            case Sent():
                return Told.SENT
            case NotSent():
                return Told.NOT_SENT
            case Unknown():
                return Told.UNKNOWN
            case _:
                assert_never(answer)

    async def _call(self, row: Stored, mail: SystemMail, call: Call, away: dict[type[Letter], Unavailable]) -> None:
        """Write the mail and send it. `away` takes what its kind looks up in vain."""
        now = self.clock.now()
        try:
            outgoing = await self.letters.written(mail)
        except (CodecError, Parked):
            raise
        except AdapterFailed as fault:  # on this one perhaps: the others of its kind go on
            await self._faulty(row, mail, fault)
        except Unavailable as failed:
            away[type(mail.letter)] = failed
        except Exception as error:  # noqa: BLE001 - a mail that cannot be written is no reason to keep back others
            count_given_up(self.telemetry, mail.letter, type(error).__name__)
            await self.rows.put(row, given_up(call.before, described(error)), due=now, now=now)
        else:
            self.faulty.worked(mail.key)
            match outgoing:
                case Outgoing():
                    await self._send(row, outgoing, call)
                case NotYet(until=until):
                    await self.rows.put(row, mail, due=until, now=now)
                case NoMail(because=because):
                    await self.rows.put(row, given_up(call.before, because), due=now, now=now)
                case _:
                    assert_never(outgoing)

    async def _faulty(self, row: Stored, mail: SystemMail, fault: AdapterFailed) -> None:
        """An adapter of the host failed on what the mail says: later, and in the end when an operator says so."""
        again = self.faulty.failed(mail.key)
        if again is None:
            await self._aside(row, fault)
        else:
            await self.rows.put(row, mail, due=again, now=self.clock.now())

    async def _send(self, row: Stored, outgoing: Outgoing, call: Call) -> None:
        """Mark the mail, unless the way out never forgets a key; then call. A conflict: another worker has it."""
        marked = row if self._way_out.never_forgets else await self._put(row, call.mail)
        if marked is None:
            return
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                await self.outgoing.send(outgoing)
        except Deferred as put_off:  # this one mail: the others behind it need not wait
            until = self.clock.now() + (put_off.retry_after or DEFERRED_FOR)
            await self.rows.put(marked, call.before, due=until, now=self.clock.now())
        except Unavailable:
            if marked is not row:
                await self._put(marked, call.before)
            raise
        except Rejected as refused:
            count_given_up(self.telemetry, call.mail.letter, "Rejected")
            await self._put(marked, given_up(call.before, str(refused)))
        except Exception as error:  # noqa: BLE001 - an adapter's own: it may have left
            after = after_doubt(call.mail, self._way_out)
            await self._end(marked, after, because=type(error).__name__)
        else:
            if await self._put(marked, evolve(call.mail, state=SystemMailState.SENT)) is not None:
                count_sent(self.telemetry, call.mail.letter, self.labels)

    async def _end(self, row: Stored, mail: SystemMail, *, because: str) -> None:
        """Write what a call or an answer came to; what ends uncertain is counted."""
        if mail.state is SystemMailState.UNCERTAIN:
            count_given_up(self.telemetry, mail.letter, because)
            self.telemetry.measure("icer.system_mail.uncertain", 1, error=because)
            mail = evolve(mail, reason=because)
        await self._put(row, mail)

    async def _put(self, row: Stored, mail: SystemMail) -> Stored | None:
        now = self.clock.now()
        return await self.rows.put(row, mail, due=due_at(mail, now=now) or now, now=now)

    @property
    def _way_out(self) -> WayOut:
        return WayOut(
            remembers_keys_for=self.guarantee.remembers_keys_for,
            never_forgets=self.guarantee.remembers_keys_for >= FOR_EVER,
            can_be_asked=self.guarantee.ask is not None,
            resends=self.ambiguity is Ambiguity.RESEND,
            within=self.within,
        )
