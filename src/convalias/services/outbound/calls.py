"""Call the legacy index or the hub, once each. What follows is decided in the domain, in `tries` and `index_calls`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from attrs import Factory, evolve, field, frozen

from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Author
from convalias.domain.ids import AccountId, TraceId
from convalias.domain.outbound import index_calls, notifications, tries
from convalias.domain.outbound.answering import reply_alias
from convalias.domain.outbound.channel_answers import Answer, Declined, NotSent, Sent, Unknown
from convalias.domain.outbound.delivery import Channel, Delivery, DeliveryDecision, DeliveryState, IndexRow, backoff
from convalias.domain.outbound.first_tries import FirstTryRules
from convalias.domain.outbound.notifications import Notification, Shown
from convalias.domain.outbound.scene import Scene
from convalias.domain.outbound.suppressions import SAME_MAILBOX, EventPlace, mailed
from convalias.domain.outbound.tries import End, Facts, Persistence, Promises, Retry
from convalias.ports.ambient import Clock
from convalias.ports.channels import ChannelEndpoints
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.hub import Guarantee, NotificationHub
from convalias.ports.legacy import LegacyRelay
from convalias.services.conversations.contacts import Contacts, author_name, reader_names
from convalias.services.outbound.answering import Answering
from convalias.services.running.log_lines import LogLines, engine_away
from convalias.services.running.outages import because
from convalias.stores.outbound.suppressions import Suppressions

HEARD_WITHIN: Final = timedelta(minutes=2)
"""So long after its next try is due a delivery is still waited for here; then another worker has it."""
log: Final = logging.getLogger("convalias.workers")


@frozen(kw_only=True)
class Attempt:
    """An attempt: what each call about a taken decision is given."""

    decision: DeliveryDecision
    scene: Scene
    until: datetime
    """When the lease ends; behind it, no call."""
    all_arrived: bool = True
    """Whether all that earlier attempts sent has arrived. Not so when somebody died over it a moment ago."""


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
    within: timedelta = tries.CALL_WITHIN
    suppressions: Suppressions | None = None
    """None: no report is ever acted on."""
    endpoints: ChannelEndpoints | None = None
    """None: the hub knows where it reaches an account by a channel other than e-mail."""
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
            return index_calls.given_up(row, index_calls.NO_LEGACY)
        try:
            call = index_calls.index_call(row, scene.event, scene.aliases, alias_domain=self.alias_domain)
            if self._time(until) <= 0:
                return self.index_later(row, TimeoutError(tries.LEASE_ENDED))
            async with asyncio.timeout(self._time(until)):
                await self.legacy.index(call)
        except Rejected:
            return index_calls.given_up(row, "rejected")
        except Exception as failed:  # noqa: BLE001 - whatever an adapter raises; the mark `tried` stands already
            later = self.index_later(row, failed)
            self._waits(scene.event.id, later.next_at, failed)
            return later
        self.lines.back(seen_by=scene.event.id)
        return index_calls.indexed(row)

    def index_later(self, row: IndexRow, failed: BaseException) -> IndexRow:
        """Return the row after an index call that failed, or was not made."""
        step = index_calls.not_indexed(row, because(failed), self.persistence)
        return step.row if isinstance(step, End) else step.due(self._next(row.attempts, failed))

    # --- hub -----------------------------------------------------------------------------------------

    async def deliver(self, row: Delivery, attempt: Attempt, *, before: DeliveryState) -> Delivery:
        """Send a row that was `before` when it was taken; all but PLANNED may have been sent already."""
        try:
            guarantee = self.hub.channels.get(row.channel)
        except Exception as failed:  # noqa: BLE001 - nothing was called
            facts = self._facts(Promises(), all_arrived=attempt.all_arrived)
            return self._written(tries.not_called(row, before, because(failed), facts), failed)
        facts = self._facts(_promises(guarantee), all_arrived=attempt.all_arrived)
        objection = attempt.scene.objection(row.recipient, self.rules, now=facts.now)
        step = tries.next_step(row, before, objection, facts)
        match step:
            case tries.Send():
                return await self._send(row, attempt, doubtful=step.doubtful)
            case tries.Ask():
                return await self._asked(row, attempt, guarantee or Guarantee())
            case Retry() | End():
                return self._written(step)
            case _:
                assert_never(step)

    async def place(self, decision: DeliveryDecision, rows: Sequence[Delivery]) -> None:
        """Write down where the event of a former decision lies: the others were written behind that.

        Before a mail leaves: a bounce may come back while the call that sent it still waits for its answer.
        """
        first = next((row.id for row in rows if row.channel is Channel.EMAIL), None)
        if self.suppressions is None or decision.placed or first is None:
            return
        await self.suppressions.place(first, EventPlace(event=decision.event, conversation=decision.conversation))

    async def _asked(self, row: Delivery, attempt: Attempt, guarantee: Guarantee) -> Delivery:
        try:
            async with asyncio.timeout(self._time(attempt.until)):
                answer = _answered(await guarantee.ask(row.id) if guarantee.ask is not None else Unknown())
        except Exception as failed:  # noqa: BLE001 - asking changes nothing, so it can be repeated
            facts = self._facts_of(row, all_arrived=attempt.all_arrived)
            return self._written(tries.in_doubt(row, because(failed), facts), failed)
        step = tries.after_answer(row, answer, self._facts_of(row, all_arrived=attempt.all_arrived))
        if isinstance(step, tries.StartOver):
            return await self.deliver(row, attempt, before=DeliveryState.PLANNED)
        return self._written(step)

    async def _send(self, row: Delivery, attempt: Attempt, *, doubtful: bool) -> Delivery:
        try:
            notification = await self._notification(row, attempt)
        except Exception as failed:  # noqa: BLE001 - nothing was called
            return self._not_sent(row, failed, doubtful=doubtful)
        if isinstance(notification, str):
            return await self._impossible(row, attempt, notification, doubtful=doubtful)
        if self._time(attempt.until) <= 0:
            return self._not_sent(row, TimeoutError(tries.LEASE_ENDED), doubtful=doubtful)
        row = evolve(row, mailed_to=mailed(row.mailed_to, notification.recipient_address))
        try:
            async with asyncio.timeout(self._time(attempt.until)):
                answer = _taken(await self.hub.send(notification))
        except Unavailable as away:
            return self._not_sent(row, away, doubtful=doubtful)
        except Exception as failed:  # noqa: BLE001 - a time-out above all: it may have been sent
            return self._written(tries.ambiguous(row, because(failed), self._facts_of(row)), failed)
        self.lines.back(seen_by=row.id)
        return tries.after_sending(row, answer, self._facts_of(row), doubtful=doubtful).row

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
        """Return what the hub gets, or why there is nothing to give it."""
        scene, event = attempt.scene, attempt.scene.event
        reason = notifications.unsendable(row, scene)
        if reason is not None or not isinstance(event.happening, MessageAdded):
            return reason or notifications.NO_MESSAGE
        if row.channel is not Channel.EMAIL:
            return await self._without_mail(row, attempt, event.happening.author)
        objection = await self._wish(row.recipient, scene)
        if objection is not None or await self._is_doubled(row, attempt):
            return objection or SAME_MAILBOX
        shown = await self._shown(row, scene, event.happening.author)
        trace = TraceId(attempt.decision.trace)
        return notifications.notification(row, scene, shown, alias_domain=self.alias_domain, trace=trace)

    async def _without_mail(self, row: Delivery, attempt: Attempt, author: Author) -> Notification | str:
        """By a channel that knows neither mailboxes nor aliases."""
        thread, names, endpoint = attempt.scene.thread, attempt.scene.names, None
        if self.endpoints is not None:
            endpoint = (await self.endpoints.of(row.channel, [row.recipient])).get(row.recipient)
        reason = notifications.unreachable(row, endpoint, is_known=self.endpoints is not None)
        if reason is not None:
            return reason
        shown = Shown(
            endpoint=endpoint or "",
            author_name=author_name(author, names),
            readers=reader_names(author, row.recipient, thread, names),
        )
        trace = TraceId(attempt.decision.trace)
        return notifications.notification(row, attempt.scene, shown, alias_domain=self.alias_domain, trace=trace)

    async def _shown(self, row: Delivery, scene: Scene, author: Author) -> Shown:
        alias = reply_alias(scene.aliases, author=author, recipient=row.recipient, now=self.clock.now())
        if alias is None:  # revoked or expired since the decision
            alias = await self.answering.anew(scene, author, row.recipient)
        return Shown(
            reply_alias=alias,
            author_name=author_name(author, scene.names),
            readers=reader_names(author, row.recipient, scene.thread, scene.names),
            in_reply_to=await self.contacts.answered(scene.event, row.recipient),
        )

    # --- what is known afterwards --------------------------------------------------------------------

    def uncalled(self, row: Delivery, failed: BaseException, *, before: DeliveryState, all_arrived: bool) -> Delivery:
        """Return the row after a try in which no call was made."""
        facts = self._facts_of(row, all_arrived=all_arrived)
        return self._written(tries.not_called(row, before, because(failed), facts), failed)

    def called_off(self, row: Delivery) -> Delivery:
        """Return a row whose call was cancelled."""
        return self._written(tries.called_off(row, self._facts_of(row)))

    def _not_sent(self, row: Delivery, failed: BaseException, *, doubtful: bool) -> Delivery:
        return self._written(tries.not_sent(row, because(failed), self._facts_of(row), doubtful=doubtful), failed)

    async def _impossible(self, row: Delivery, attempt: Attempt, reason: str, *, doubtful: bool) -> Delivery:
        guarantee = self._guarantee(row)
        step = tries.impossible(row, reason, self._facts(_promises(guarantee)), doubtful=doubtful)
        return await self._asked(row, attempt, guarantee) if isinstance(step, tries.Ask) else self._written(step)

    def _guarantee(self, row: Delivery) -> Guarantee:
        """What its channel states. One that cannot tell now is held to nothing."""
        try:
            return self.hub.channels.get(row.channel, Guarantee())
        except Exception:  # noqa: BLE001 - a hub of the host's own; its guard has noted it
            return Guarantee()

    def _facts_of(self, row: Delivery, *, all_arrived: bool = True) -> Facts:
        return self._facts(_promises(self._guarantee(row)), all_arrived=all_arrived)

    def _facts(self, promises: Promises, *, all_arrived: bool = True) -> Facts:
        return Facts(
            now=self.clock.now(),
            promises=promises,
            persistence=self.persistence,
            within=self.within,
            all_arrived=all_arrived,
        )

    def _written(self, step: Retry[Delivery] | End[Delivery], failed: BaseException | None = None) -> Delivery:
        """The row as it is written down, with the time of its next try."""
        if isinstance(step, End):
            return step.row
        row = step.due(self._next(step.row.attempts, failed))
        if failed is not None:
            self._waits(row.id, row.next_at, failed)
        return row

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
        """Seconds for a call."""
        return tries.time_for_call(until, self._facts(Promises())).total_seconds()


def _promises(guarantee: Guarantee | None) -> Promises:
    if guarantee is None:
        return tries.UNSERVED
    return Promises(remembers_keys_for=guarantee.remembers_keys_for, can_be_asked=guarantee.ask is not None)


def _answered(answer: object) -> Answer:
    if isinstance(answer, Sent | NotSent | Unknown):
        return answer
    raise TypeError("a channel was asked, and answered neither Sent nor NotSent nor Unknown")


def _taken(answer: object) -> Sent | Declined:
    if isinstance(answer, Sent | Declined):
        return answer
    raise TypeError("a hub sent, and answered neither Sent nor Declined")
