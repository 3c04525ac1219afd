"""Ask participants about held mail, take their answers, and carry them out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias, assert_never

from attrs import Factory, evolve, field, frozen

from convalias.codec import CodecError, load, loads
from convalias.domain.approvals.holds import Changed, HeldPage, Lapse, decide, expires_at, masked, proof_of
from convalias.domain.approvals.links import ApprovalLink, LinkKeys, Look, NotHis, Request, Unusable, answered
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.inbound.held import Admits, Admitted, AdmittedList, HeldMail, HoldState
from convalias.domain.inbound.outcomes import Again, Done, Held, Outcome, OutcomeRecord, Refused
from convalias.domain.inbound.posts import EnvelopeRecord, MailReference, RecordKey
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.message_id import canonical
from convalias.domain.mail.reasons import Reason
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import AdapterFailed
from convalias.ports.records import Stored
from convalias.services.inbound.relay import InboundRelay
from convalias.services.running.faulty_work import FaultyWork, name_of
from convalias.services.running.outages import described, outage_in
from convalias.services.system_mail.refusals import Notices
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.conversations.parking import Parking
from convalias.stores.errors import Parked

BATCH: Final = 100
SOON: Final = timedelta(seconds=5)
"""The relay has not concluded it yet, or a dependency is away."""
LATER: Final = timedelta(minutes=15)
"""It failed, or is held all the same: an operator may mend what is wrong, and nothing is lost meanwhile."""


Seen: TypeAlias = HeldPage | Unusable | NotHis
Concluding: TypeAlias = Callable[[HeldMail, OutcomeRecord], Awaitable[datetime | None]]
"""Brings one post whose outcome is held to its end; when to try again, None: it is there."""


@frozen(kw_only=True)
class Approvals:
    """A link's GET shows and its POST decides; the inbound worker carries out what is due. All may be repeated.

    Deciding only writes the decision down, and that something is due: whoever decides may be gone a moment later.
    """

    holds: Holds
    conversations: ConversationAccess
    relay: InboundRelay
    notices: Notices
    keys: LinkKeys
    clock: Clock
    telemetry: Telemetry
    faulty: FaultyWork = field(default=Factory(lambda self: FaultyWork(clock=self.clock), takes_self=True))

    async def show(self, token: str) -> Seen:
        """Return the page that a link leads to. Changes nothing: scanners of mail follow every link."""
        return await self._answered(token, Look())

    async def decide(self, token: str, request: Request) -> Seen:
        """Held -> approved | rejected, by compare-and-set; a second answer changes nothing and shows what stands."""
        return await self._answered(token, request)

    async def _answered(self, token: str, request: Request) -> Seen:
        now = self.clock.now()
        link = self.keys.read(token, now=now)
        if not isinstance(link, ApprovalLink):
            return link
        hold = await self.holds.get(link.conversation, link.hold)
        thread = await self.conversations.thread(link.conversation)
        if hold is None or thread is None or thread.state is ThreadState.ERASED:
            return NotHis.GONE
        found = answered(request, link, hold, thread=thread, now=now, policy=self.holds.policy)
        if isinstance(found, NotHis):
            return found
        if isinstance(found, Changed):
            hold = await self._write(request, link, thread, now) or hold
        return self._shown(hold, now)

    async def _write(
        self, request: Request, link: ApprovalLink, thread: ConversationThread, now: datetime
    ) -> HeldMail | None:
        def change(standing: HeldMail) -> HeldMail:
            found = answered(request, link, standing, thread=thread, now=now, policy=self.holds.policy)
            return standing if isinstance(found, NotHis) else found.hold

        return await self.holds.change(link.conversation, link.hold, change, now=now)

    def _shown(self, hold: HeldMail, now: datetime) -> HeldPage:
        expires = expires_at(hold, self.holds.policy)
        late = hold.state is HoldState.HELD and now >= expires
        return HeldPage(
            state=HoldState.EXPIRED if late else hold.state,
            sender="" if hold.sender is None else masked(hold.sender),
            proof=proof_of(hold.evidence or SenderEvidence()),
            finding=hold.finding,
            since=hold.since,
            expires_at=expires,
            may_admit_address=hold.sender is not None and hold.by_address and not hold.participant,
            by_list=hold.by_list,
        )

    # --- the worker's part ---------------------------------------------------------------------------

    async def carry_due(self) -> int:
        """Carry out what was decided, let expire what was not; how many were tried. Raises `Unavailable`."""
        rows = await self.holds.due(until=self.clock.now(), limit=BATCH)
        for row in rows:
            try:
                again = await self._due(row)
                self.faulty.worked(name_of(row))
            except CodecError as unreadable:
                await self._aside(row, unreadable)
                continue
            except AdapterFailed as fault:  # on this mail perhaps: the others are carried out
                again = self.faulty.failed(name_of(row))
                if again is None:
                    await self._aside(row, fault)
                    continue
            except Exception as error:
                if (away := outage_in(error)) is not None and not isinstance(away, Parked):
                    raise away from error
                self.telemetry.measure("icer.approvals.errors", 1, error=described(error))
                again = self.clock.now() + LATER
            await self.holds.settle(row, again=again)
        return len(rows)

    async def _aside(self, row: Stored, why: Exception) -> None:
        """Let it wait for a redrive: it cannot be read, or an adapter of the host fails on it for too long."""
        parking = Parking(records=self.holds.records)
        await parking.aside(row, because=str(why), at=self.clock.now())

    async def _due(self, row: Stored) -> datetime | None:
        """When it wants attention again; None: never, or (it was changed) its change has said so."""
        hold, now = load(row.body, HeldMail), self.clock.now()
        match hold.state:
            case HoldState.HELD:
                return await self._lapse(hold, now)
            case HoldState.APPROVED:
                return await self.carry_out(hold)
            case HoldState.EXPIRED:
                return await self._conclude(hold, partial(self._refused, told=await self._tell(hold)))
            case HoldState.REJECTED:
                return await self._conclude(hold, partial(self._refused, told=False))
            case _:
                assert_never(hold.state)

    async def _lapse(self, hold: HeldMail, now: datetime) -> datetime | None:
        def change(standing: HeldMail) -> HeldMail:
            return decide(standing, Lapse(), now=now, policy=self.holds.policy).hold

        changed = await self.holds.change(hold.conversation, hold.id, change, now=now)
        return expires_at(hold, self.holds.policy) if changed == hold else None

    async def _tell(self, hold: HeldMail) -> bool:
        """The sender, if he may be: at most once, by the row of the refusal mail."""
        body = await self.relay.stores.blobs.get(hold.record) if hold.tell else None
        if body is None or hold.sender is None or hold.alias is None:
            return False
        return await self.notices.refuse(
            hold.sender,
            alias=hold.alias,
            reason=Reason.NEEDS_APPROVAL,
            record=loads(body, EnvelopeRecord),
            about=canonical(hold.message_id.encode()),
            to_participant=hold.participant,
        )

    async def carry_out(self, hold: HeldMail) -> datetime | None:
        """Decide the approved mail anew, until no outcome of its posts is held any longer; when to try again."""
        if hold.admits is Admits.THIS_ADDRESS and hold.sender is not None:
            await self.holds.admit(
                Admitted(conversation=hold.conversation, address=hold.sender, by=hold.decided_by, at=self.clock.now())
            )
        if hold.admits is Admits.THIS_LIST and hold.by_list is not None:
            let_in = AdmittedList(
                conversation=hold.conversation, by_list=hold.by_list, by=hold.decided_by, at=self.clock.now()
            )
            await self.holds.admit_list(let_in)
        return await self._conclude(hold, self._carried)

    async def _conclude(self, hold: HeldMail, each: Concluding) -> datetime | None:
        """Bring every post of the mail to its outcome; when to try again what cannot be concluded yet.

        One that fails is no reason to leave the others. Raises `Unavailable`.
        """
        pauses: list[datetime] = []
        async for record in self.holds.posts(hold):
            try:
                again = await self._one(hold, record, each)
            except Exception as error:
                if (away := outage_in(error)) is not None and not isinstance(away, Parked):
                    raise away from error
                self.telemetry.measure("icer.approvals.errors", 1, error=described(error))
                again = self.clock.now() + LATER
            if again is not None:
                pauses.append(again)
            elif record != hold.record:
                await self.holds.concluded(hold, record)
        return min(pauses, default=None)

    async def _one(self, hold: HeldMail, record: RecordKey, each: Concluding) -> datetime | None:
        standing = await self.relay.stores.inbound.outcome(record)
        if standing is not None:
            return await each(hold, standing) if _waits(standing.outcome, hold) else None
        # The relay has not concluded it yet, unless it is gone for good.
        return None if await self.relay.stores.blobs.get(record) is None else self.clock.now() + SOON

    async def _carried(self, hold: HeldMail, standing: OutcomeRecord) -> datetime | None:
        progress = await self.relay.conclude(MailReference(standing.record, standing.trace), standing=standing)
        if isinstance(progress, Again):
            return self.clock.now() + (progress.after or SOON)
        return self.clock.now() + LATER if _waits(progress, hold) else None

    async def _refused(self, hold: HeldMail, standing: OutcomeRecord, *, told: bool) -> None:
        """What waited for that hold was refused; what became of other recipients stays."""

        def change(found: OutcomeRecord) -> OutcomeRecord:
            if not isinstance(found.outcome, Done) or not _waits(found.outcome, hold):
                return found
            refused = Refused(Reason.NEEDS_APPROVAL, told)
            effects = tuple((to, refused if one == Held(hold.id) else one) for to, one in found.outcome.effects)
            return evolve(found, outcome=Done(effects), decided_at=self.clock.now())

        await self.relay.stores.inbound.amend(standing.record, change)


def _waits(outcome: Outcome, hold: HeldMail) -> bool:
    return isinstance(outcome, Done) and any(effect == Held(hold.id) for _, effect in outcome.effects)
