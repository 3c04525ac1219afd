"""Call the legacy index or the hub, once each. What is known afterwards, and when to try again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, assert_never

from attrs import Factory, evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId, TraceId
from convalias.domain.outbound.answering import reply_alias
from convalias.domain.outbound.delivery import (
    WITHDRAWN,
    Channel,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    backoff,
)
from convalias.domain.outbound.first_tries import FirstTryRules
from convalias.domain.outbound.lease import IN_FLIGHT
from convalias.domain.outbound.mail_threads import mail_thread
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.suppressions import SAME_MAILBOX, WISHES, EventPlace
from convalias.ports.ambient import Clock
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.hub import Answer, Declined, Guarantee, NotificationHub, NotSent, Sent, Unknown
from convalias.ports.legacy import IndexCall, LegacyRelay
from convalias.services.conversations.contacts import Contacts, newest_alias
from convalias.services.outbound.answering import Answering
from convalias.services.outbound.scenes import Scene
from convalias.services.running.log_lines import LogLines, engine_away
from convalias.services.running.outages import because
from convalias.stores.outbound.suppressions import Suppressions

CALL_WITHIN: Final = timedelta(seconds=20)
NO_ADDRESS: Final = "NO_ADDRESS"
NO_CHANNEL: Final = "NO_CHANNEL"
NO_LEGACY: Final = "no legacy relay is configured"
LEASE_ENDED: Final = "lease ended"
NO_REPLY: Final = "no-reply"
"""Local part of the address that nobody can answer to."""
PERIPHERAL: Final = "peripheral"
HEARD_WITHIN: Final = timedelta(minutes=2)
"""So long after its next try is due a delivery is still waited for here; then another worker has it."""
log: Final = logging.getLogger("convalias.workers")


class Ambiguity(Enum):
    """The policy for a notification that may have been sent when nobody can tell."""

    LEAVE = "leave"
    """It stays `uncertain`: perhaps none, never two."""
    RESEND = "resend"
    """It is sent again under the same Message-ID: perhaps two, never none."""


@frozen(kw_only=True)
class Persistence:
    """The limits on trying a delivery: doubled pauses with jitter, about twelve hours, then a dead letter.

    Workers that die use tries up within minutes. What may have been sent is asked about for a day, however often it
    was taken, and sent up to twice as often: after that it may be what they die of.
    """

    tries: int = 24
    asked_for: timedelta = timedelta(hours=24)
    first_pause: timedelta = timedelta(seconds=2)
    longest_pause: timedelta = timedelta(hours=1)
    ambiguity: Ambiguity = Ambiguity.LEAVE


@frozen(kw_only=True)
class Attempt:
    """An attempt: what each call about a taken decision is given."""

    decision: DeliveryDecision
    scene: Scene
    until: datetime
    """When the lease ends; behind it, no call."""
    landed: bool = True
    """Whether all that earlier attempts sent has arrived. Not so when somebody died over it a moment ago."""


class InFlight(Exception):
    """A call of whoever held it before may still arrive."""


@frozen(kw_only=True)
class Calls:
    """Makes the calls and never raises for what they come to."""

    contacts: Contacts
    answering: Answering
    legacy: LegacyRelay | None
    hub: NotificationHub
    clock: Clock
    alias_domain: str
    """The right side of a chat event's Message-ID, `<event id@alias domain>`."""
    persistence: Persistence = Persistence()
    rules: FirstTryRules = FirstTryRules()
    within: timedelta = CALL_WITHIN
    suppressions: Suppressions | None = None
    """None: no report is ever acted on."""
    lines: LogLines = field(default=Factory(lambda self: LogLines(log, self.clock), takes_self=True))
    """Where it is told what deliveries wait for."""

    @property
    def shown_domains(self) -> Collection[str]:
        """Domains of aliases, which masks leave as they are."""
        return (self.alias_domain,)

    # --- legacy --------------------------------------------------------------------------------------

    async def index(self, row: IndexRow, scene: Scene, *, until: datetime) -> IndexRow:
        """Store and index at legacy. It is idempotent on the event id, so whatever raised is simply repeated."""
        if self.legacy is None:
            return evolve(row, next_at=None, reason=NO_LEGACY)
        try:
            call = self._index_call(row, scene)
            if self._time(until) <= 0:
                return self.index_later(row, TimeoutError(LEASE_ENDED))
            async with asyncio.timeout(self._time(until)):
                await self.legacy.index(call)
        except Rejected:
            return evolve(row, next_at=None, reason="rejected")
        except Exception as failed:  # noqa: BLE001 - whatever an adapter raises; the mark `tried` stands already
            later = self.index_later(row, failed)
            self._waits(scene.event.id, later.next_at, failed)
            return later
        self.lines.back(seen_by=scene.event.id)
        return evolve(row, done=True, next_at=None)

    def index_later(self, row: IndexRow, failed: BaseException) -> IndexRow:
        """Again after a pause, or given up."""
        if row.attempts >= self.persistence.tries:
            return evolve(row, next_at=None, reason=f"tries ran out: {because(failed)}")
        return evolve(row, next_at=self._next(row.attempts, failed))

    def _index_call(self, row: IndexRow, scene: Scene) -> IndexCall:
        event, author, message_id = scene.event, None, None
        if isinstance(event.happening, MessageAdded):
            author, message_id = event.happening.author, event.happening.message_id
        return IndexCall(
            external_id=event.id,
            message_id=message_id or f"<{event.id}@{self.alias_domain}>",
            conversation=event.conversation,
            author=author.account if isinstance(author, AccountAuthor) else PERIPHERAL,
            alias=None if author is None else newest_alias(scene.aliases, author),
            suppress_notification=row.suppress_notification,
        )

    # --- hub -----------------------------------------------------------------------------------------

    async def deliver(self, row: Delivery, attempt: Attempt, *, before: DeliveryState) -> Delivery:
        """Send a row that was `before` when it was taken; all but PLANNED may have been sent already."""
        try:
            guarantee = self.hub.channels.get(row.channel)
        except Exception as failed:  # noqa: BLE001 - nothing was called
            return self.uncalled(row, failed, landed=attempt.landed, before=before)
        if guarantee is None:
            return row.becoming(DeliveryState.FAILED, reason=NO_CHANNEL)
        scene = attempt.scene
        objection = scene.objection(row.recipient, self.rules, now=self.clock.now())
        withdrawn = objection is not None and objection.reason == WITHDRAWN
        match before:
            case DeliveryState.PLANNED if objection is not None:
                return row.becoming(objection.state, reason=objection.reason)
            case DeliveryState.PLANNED:
                return await self._send(row, attempt, doubtful=False)
            case DeliveryState.UNCERTAIN if objection is not None:
                # Resent only for want of knowledge: nobody needs it any more.
                return row.becoming(DeliveryState.UNCERTAIN, reason=objection.reason)
            case DeliveryState.UNCERTAIN:
                return await self._send(row, attempt, doubtful=True)
            case _ if not withdrawn and self._is_remembered(row, guarantee):
                return await self._send(row, attempt, doubtful=True)
            case _:
                return await self._asked(row, attempt, guarantee)

    def _is_remembered(self, row: Delivery, guarantee: Guarantee) -> bool:
        """Whether the channel still knows the key when the call arrives; counted from the first try, not the last.

        A memory shorter than a call may be on its way protects from nothing.
        """
        if guarantee.remembers_keys_for < IN_FLIGHT or self._is_worn(row):
            return False
        return self._tried_for(row) + self.within <= guarantee.remembers_keys_for

    async def _asked(self, row: Delivery, attempt: Attempt, guarantee: Guarantee) -> Delivery:
        if guarantee.ask is None:
            return self._uncertain(row, "may have been sent")
        try:
            async with asyncio.timeout(self._time(attempt.until)):
                answer = _answered(await guarantee.ask(row.id))
        except Exception as failed:  # noqa: BLE001 - asking changes nothing, so it can be repeated
            return self.in_doubt(row, failed, landed=attempt.landed)
        match answer:
            case Sent():
                return evolve(row.becoming(DeliveryState.SENT), receipt=answer.receipt)
            case NotSent() if not attempt.landed:
                return self.in_doubt(row, InFlight(), landed=False)
            case NotSent() if self._is_worn(row):
                return row.becoming(DeliveryState.FAILED, reason="tries ran out: not sent")
            case NotSent():
                return await self.deliver(row, attempt, before=DeliveryState.PLANNED)
            case Unknown():
                return self._uncertain(row, "the channel cannot tell")
            case _:
                assert_never(answer)

    async def _send(self, row: Delivery, attempt: Attempt, *, doubtful: bool) -> Delivery:
        try:
            notification = await self._notification(row, attempt)
        except Exception as failed:  # noqa: BLE001 - nothing was called
            return self.later(row, failed, doubtful=doubtful)
        if isinstance(notification, str):
            return await self._impossible(row, attempt, notification, doubtful=doubtful)
        if self._time(attempt.until) <= 0:
            return self.later(row, TimeoutError(LEASE_ENDED), doubtful=doubtful)
        try:
            async with asyncio.timeout(self._time(attempt.until)):
                answer = _taken(await self.hub.send(notification))
        except Unavailable as away:
            return self.later(row, away, doubtful=doubtful)
        except Exception as failed:  # noqa: BLE001 - a time-out above all: it may have been sent
            return self._ambiguous(row, failed)
        match answer:
            case Sent():
                self.lines.back(seen_by=row.id)
                return evolve(row.becoming(DeliveryState.SENT), receipt=answer.receipt)
            case Declined():
                self.lines.back(seen_by=row.id)
                return row.becoming(DeliveryState.FAILED, reason=answer.reason)
            case _:
                assert_never(answer)

    async def _is_doubled(self, row: Delivery, attempt: Attempt) -> bool:
        """Whether the mailbox is the author's, or gets this mail for another account that is not kept from it."""
        scene = attempt.scene
        if scene.mailboxes.is_authors(row.recipient):
            return True
        for other in scene.mailboxes.before(row, attempt.decision.deliveries):
            if scene.objection(other.recipient, self.rules, now=self.clock.now()) is None and not await self._wish(
                other.recipient, scene
            ):
                return True
        return False

    async def _wish(self, account: AccountId, scene: Scene) -> str | None:
        """Why that account gets no mail about the conversation, or None."""
        address = scene.mailboxes.address(account)
        if address is None or self.suppressions is None:
            return None
        return await self.suppressions.objection(account, address, scene.event.conversation)

    async def _notification(self, row: Delivery, attempt: Attempt) -> Notification | str:
        """What the hub gets, or why there is nothing to give it."""
        scene, event = attempt.scene, attempt.scene.event
        if not isinstance(event.happening, MessageAdded):
            return "no message"
        author = event.happening.author
        address = scene.mailboxes.address(row.recipient)
        if row.channel is Channel.EMAIL:
            if address is None:
                return NO_ADDRESS
            objection = await self._wish(row.recipient, scene)
            if objection is not None or await self._is_doubled(row, attempt):
                return objection or SAME_MAILBOX
        if row.channel is Channel.EMAIL and self.suppressions is not None:
            # Before it leaves: a bounce may come back while the call that sent it still waits for its answer.
            await self.suppressions.place(row.id, EventPlace(event=event.id, conversation=event.conversation))
        alias = reply_alias(scene.aliases, author=author, recipient=row.recipient, now=self.clock.now())
        if alias is None:  # revoked or expired since the decision
            alias = await self.answering.anew(scene, author, row.recipient)
        return Notification(
            id=row.id,
            kind=row.kind,
            channel=row.channel,
            conversation=event.conversation,
            use_case=scene.thread.use_case,
            recipient=row.recipient,
            recipient_address=address if row.channel is Channel.EMAIL else None,
            author_name=await self.contacts.name(author, scene.thread),
            reply_alias=alias or EmailAddress.parse(f"{NO_REPLY}@{self.alias_domain}"),
            answerable=alias is not None,
            closed=scene.thread.state is not ThreadState.OPEN,
            readers=await self.contacts.readers(author, row.recipient, scene.thread),
            event=evolve(event, happening=scene.masks.message(event.happening)),
            thread=mail_thread(scene.before, event, row.recipient),
            in_reply_to=await self.contacts.answered(event, row.recipient),
            attempt=row.attempts,
            trace=TraceId(attempt.decision.trace),
        )

    # --- what is known afterwards --------------------------------------------------------------------

    def uncalled(self, row: Delivery, failed: BaseException, *, before: DeliveryState, landed: bool) -> Delivery:
        """Return the row after a try in which no call was made.

        A row that was fresh is planned again; any other may have been sent.
        """
        if before is DeliveryState.PLANNED:
            return self.later(row, failed, doubtful=False)
        return self.in_doubt(row, failed, landed=landed)

    def _guarantee(self, row: Delivery) -> Guarantee:
        """What its channel states. One that cannot tell now is held to nothing."""
        try:
            return self.hub.channels.get(row.channel, Guarantee())
        except Exception:  # noqa: BLE001 - a hub of the host's own; its guard has noted it
            return Guarantee()

    def later(self, row: Delivery, failed: BaseException, *, doubtful: bool) -> Delivery:
        """Return the row after a try that surely sent nothing.

        A row that an earlier try may have sent stays uncertain.
        """
        why = because(failed)
        if row.attempts >= self.persistence.tries and not (doubtful and self._can_still_be_asked(row)):
            state = DeliveryState.UNCERTAIN if doubtful else DeliveryState.FAILED
            return row.becoming(state, reason=f"tries ran out: {why}")
        next_at = self._next(row.attempts, failed)
        self._waits(row.id, next_at, failed)
        if doubtful:
            return evolve(row, next_at=next_at, reason=why)
        # Surely not sent: what the hub remembers keys from begins with the next try.
        return evolve(row.becoming(DeliveryState.PLANNED, next_at=next_at, reason=why), first_tried=None)

    async def _impossible(self, row: Delivery, attempt: Attempt, reason: str, *, doubtful: bool) -> Delivery:
        """It cannot be sent now. Whether an earlier attempt sent it, only the channel can tell."""
        if not doubtful:
            wished = reason in WISHES
            return row.becoming(DeliveryState.CANCELLED if wished else DeliveryState.FAILED, reason=reason)
        guarantee = self._guarantee(row)
        if guarantee.ask is None:
            return self._uncertain(row, reason)
        return await self._asked(row, attempt, guarantee)

    def called_off(self, row: Delivery) -> Delivery:
        """A row whose call was cancelled: it may arrive all the same."""
        guarantee = self._guarantee(row)
        if guarantee.ask is None or self._is_remembered(row, guarantee):
            return row
        return self.in_doubt(row, InFlight(), landed=False)

    def _ambiguous(self, row: Delivery, failed: BaseException) -> Delivery:
        """It may have been sent. Tried again only where the channel can tell a second one from the first."""
        guarantee = self._guarantee(row)
        if self._is_remembered(row, guarantee):
            return self.later(row, failed, doubtful=True)
        if guarantee.ask is None:
            return self._uncertain(row, because(failed))
        return self.in_doubt(row, failed, landed=False)

    def in_doubt(self, row: Delivery, failed: BaseException, *, landed: bool) -> Delivery:
        """Asked about again: not before what is on its way has `landed`, or never will."""
        asked = self.later(row, failed, doubtful=True)
        if landed or asked.next_at is None:
            return asked
        return evolve(asked, next_at=max(asked.next_at, self.clock.now() + IN_FLIGHT))

    def _can_still_be_asked(self, row: Delivery) -> bool:
        """The channel can tell, and may not have had the time to."""
        guarantee = self._guarantee(row)
        return guarantee.ask is not None and self._tried_for(row) < self.persistence.asked_for

    def _is_worn(self, row: Delivery) -> bool:
        """Taken so often that sending it may be what kills the workers."""
        return row.attempts > 2 * self.persistence.tries

    def _tried_for(self, row: Delivery) -> timedelta:
        now = self.clock.now()
        return now - (row.first_tried or now)

    def _uncertain(self, row: Delivery, reason: str) -> Delivery:
        again = self.persistence.ambiguity is Ambiguity.RESEND and row.attempts < self.persistence.tries
        next_at = self._next(row.attempts, None) if again else None
        return row.becoming(DeliveryState.UNCERTAIN, next_at=next_at, reason=reason)

    def _waits(self, work: str, next_at: datetime | None, failed: BaseException) -> None:
        away = engine_away(failed)
        if next_at is not None and away:
            self.lines.away(away, seen_by=work, until=next_at + HEARD_WITHIN)

    def _next(self, attempts: int, failed: BaseException | None) -> datetime:
        after = failed.retry_after if isinstance(failed, Unavailable) else None
        return self.clock.now() + (after or self._pause(attempts))

    def _pause(self, attempts: int) -> timedelta:
        return backoff(
            attempts,
            first=self.persistence.first_pause,
            longest=self.persistence.longest_pause,
            jitter=self.clock.entropy(1)[0] / 256,
        )

    def _time(self, until: datetime) -> float:
        """Seconds for a call: never longer than the lease."""
        return min(self.within, until - self.clock.now()).total_seconds()


def _answered(answer: object) -> Answer:
    if isinstance(answer, Sent | NotSent | Unknown):
        return answer
    raise TypeError("a channel was asked, and answered neither Sent nor NotSent nor Unknown")


def _taken(answer: object) -> Sent | Declined:
    if isinstance(answer, Sent | Declined):
        return answer
    raise TypeError("a hub sent, and answered neither Sent nor Declined")
