"""Slips in deciding who hears of an event, and which of two systems tells him."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from attrs import evolve

from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.migration.rollout import Axis, Cohort, Stage
from convalias.domain.outbound import decision as deciding
from convalias.domain.outbound.delivery import (
    INDEXED,
    OWNERS,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    Owner,
)
from convalias.domain.outbound.lease import Taken
from convalias.domain.outbound.lease import taken as taken_by
from convalias.domain.outbound.mailboxes import Mailboxes
from convalias.domain.outbound.scene import Scene
from convalias.ports.records import Due, Insert, Key, Written
from convalias.services.outbound.deciding import Deciding
from convalias.services.outbound.notifier import OutboundNotifier
from convalias.services.outbound.sending import Sending
from convalias.services.outbound.slots import SendingSlots
from convalias.services.running.group_reader import GroupReader
from convalias.stores.conversations.access import Ahead
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.encoding import encoded
from convalias.stores.outbound import ledger
from convalias.stores.outbound.ledger import Ledger, Work
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, instead, together

_AT_REST: Final = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.CANCELLED})


def _as_the_flag_stands(kept: Method) -> Method:
    """Each try of a decision begins with the flag."""

    async def deliver_due(self: OutboundNotifier, **how: object) -> object:
        held, deciding_ = self.sending.ledger, self.deciding
        for stored in await held.due(now=self.sending.clock.now(), limit=100):
            decision = held.codec.load(stored.body, DeliveryDecision)
            thread = await deciding_.conversations.thread(decision.conversation)
            if decision.tried is None or thread is None:
                continue
            stage = (await deciding_.stages.of([thread], Axis.OUTBOUND))[thread.id]
            await held.reown(decision, _anew(stage))
        return await kept(self, **how)

    return deliver_due


def _anew(stage: Stage | Cohort) -> Method:
    def change(decision: DeliveryDecision) -> DeliveryDecision | None:
        rows = tuple(
            row if row.state in _AT_REST else evolve(row, state=DeliveryState.PLANNED, next_at=None)
            for row in decision.deliveries
        )
        return deciding.reowned(evolve(decision, tried=None, deliveries=rows), stage)

    return change


async def _inserted_each_time(self: Ledger, decision: DeliveryDecision) -> bool:
    key = Key(ledger.TABLE, encoded(decision.conversation), encoded(f"{decision.event}~{decision.decided_at}"))
    due = decision.due_at
    lane = None if due is None else Due(ledger.DUE, due)
    (answer,) = await self.records.write([Insert(key, self.codec.dump(decision), due=lane)])
    return isinstance(answer, Written)


def _by_recipient(kept: Method) -> Method:
    """The flag is read for each recipient: whoever is legacy's hears of it by the index call, whoever is ours by us."""

    async def decide_and_send(
        self: Deciding, conversation: ConversationId, event: EventId, seq: Seq, ahead: Ahead
    ) -> bool:
        changed: bool = await kept(self, conversation, event, seq, ahead)
        standing = await self.ledger.get(conversation, event)
        thread = await self.conversations.thread(conversation)
        if not changed or standing is None or thread is None or len(standing.deliveries) < 2:
            return changed
        stage = (await self.stages.of([thread], Axis.OUTBOUND))[conversation]
        owner = OWNERS[stage.stage if isinstance(stage, Cohort) else stage]
        if owner is standing.owner:
            return changed
        await self.ledger.reown(standing, _both)
        return changed

    return decide_and_send


async def _no_slot(self: SendingSlots, conversation: str) -> bool:
    """What is decided waits until it is due."""
    del self, conversation
    return False


async def _not_taken(self: Ledger, decision: DeliveryDecision, *, now: datetime, lease: timedelta) -> Work | None:
    """Inserted as due, and acted on all the same."""
    if not await self.insert(decision):
        return None
    key = Key(ledger.TABLE, encoded(decision.conversation), encoded(decision.event))
    stored = (await self.records.get([key]))[key]
    return Work(taken_by(decision, by=self.incarnation.name, now=now, lease=lease), stored)


def _remembered(kept: Method) -> Method:
    """The first look at an event is the last one."""
    known: dict[tuple[int, str], Scene] = {}

    async def scene(self: OwnConversations, conversation: ConversationId, event: EventId, *given: object) -> Scene:
        name = id(self.folded), event
        if name not in known:
            known[name] = await kept(self, conversation, event, *given)
        return known[name]

    return scene


def _both(decision: DeliveryDecision) -> DeliveryDecision:
    at = decision.decided_at
    *others, last = decision.deliveries
    if decision.owner is Owner.LEGACY:
        return evolve(decision, owner=Owner.HUB, deliveries=(*others, evolve(last, next_at=at)))
    index = IndexRow(suppress_notification=False, next_at=at)
    return evolve(decision, index=index, deliveries=(*others, evolve(last, next_at=None)))


def _everybody(message: MessageAdded, as_of: ConversationThread) -> tuple[AccountId, ...]:
    del message
    return tuple(one.account for one in as_of.participants)


def _never(self: Mailboxes, account: AccountId) -> bool:
    del self, account
    return False


async def _as_of_now(self: OwnConversations, scene: Scene) -> ConversationThread:
    del self
    return scene.thread


def _nobody_left(kept: Method) -> Method:
    async def completed(self: Sending, scene: Scene, decision: DeliveryDecision, *aliases: object) -> Scene:
        found: Scene = await kept(self, scene, decision, *aliases)
        return evolve(found, thread=await self.conversations.as_of(found))

    return completed


def _marked_before_the_hub(kept: Method) -> Method:
    def taken(decision: DeliveryDecision, **how: object) -> Taken:
        held: Taken = kept(decision, **how)
        if decision.owner is Owner.HUB and held.before:
            return held
        return evolve(held, decision=evolve(held.decision, tried=decision.tried))

    return taken


def _first_only(kept: Method) -> Method:
    def recipients(*given: object) -> tuple[AccountId, ...]:
        found: tuple[AccountId, ...] = kept(*given)
        return found[:1]

    return recipients


def _stays(leave: Method) -> Method:
    """Leaves when it is to close, but not when a batch has failed."""

    async def stays(self: GroupReader) -> None:
        if sys.exception() is None:
            await leave(self)

    return stays


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="flag-read-again",
        slip="Each try of a delivery follows the flag as it stands by then.",
        breaks="I4",
        patched=around(OutboundNotifier, "deliver_due", _as_the_flag_stands),
    ),
    Mutant(
        name="unfenced-re-own",
        slip="What was tried by one system is given back to the other.",
        breaks="I4",
        patched=instead(DeliveryDecision, "may_change_owner", property(lambda self: self is not None)),
    ),
    Mutant(
        name="decision-by-delivery",
        slip="A decision is found by the delivery of its record, so an old record is decided about anew.",
        breaks="I2",
        patched=together(instead(Ledger, "insert", _inserted_each_time), instead(SendingSlots, "take_free", _no_slot)),
    ),
    Mutant(
        name="decision-by-recipient",
        slip="The flag is read for each recipient of an event.",
        breaks="I4",
        patched=together(
            around(Deciding, "_decide_and_send", _by_recipient), instead(SendingSlots, "take_free", _no_slot)
        ),
    ),
    Mutant(
        name="parallel-tells-twice",
        slip="In the stage `parallel` legacy is not told to suppress.",
        breaks="I4",
        patched=instead(
            deciding,
            "INDEXED",
            MappingProxyType({**INDEXED, Stage.PARALLEL: IndexRow(suppress_notification=False)}),
        ),
    ),
    Mutant(
        name="shadow-tells",
        slip="In the stage `shadow` the new path sends what it was only to compare.",
        breaks="I4",
        patched=instead(deciding, "OWNERS", MappingProxyType({**OWNERS, Stage.SHADOW: Owner.HUB})),
    ),
    Mutant(
        name="author-is-told",
        slip="An author is told of his own message.",
        breaks="I5",
        # The second net is off as well: no mailbox is taken for the author's.
        patched=together(instead(deciding, "recipients", _everybody), instead(Mailboxes, "is_authors", _never)),
    ),
    Mutant(
        name="one-is-enough",
        slip="Of several recipients the first is told.",
        breaks="I4",
        patched=around(deciding, "recipients", _first_only),
    ),
    Mutant(
        name="recipients-of-today",
        slip="Who takes part when a decision is made is told, not who took part as of the event.",
        breaks="I5",
        patched=instead(OwnConversations, "as_of", _as_of_now),
    ),
    Mutant(
        name="removed-is-told",
        slip="Whether a recipient still takes part is not looked at again before each send.",
        breaks="I5",
        patched=around(Sending, "_completed", _nobody_left),
    ),
    Mutant(
        name="batch-without-a-look",
        slip="What was once read of an event is not looked at again before its later calls.",
        breaks="I5",
        patched=around(OwnConversations, "scene", _remembered),
    ),
    Mutant(
        name="at-once-without-a-lease",
        slip="A decision that is sent at once is written down as due, for anybody to take.",
        breaks="I2",
        patched=instead(Ledger, "insert_taken", _not_taken),
    ),
    Mutant(
        name="marked-before-the-hub-alone",
        slip="The mark `tried` is set before the hub's call, and not before legacy's.",
        breaks="I4",
        patched=around(ledger, "taken", _marked_before_the_hub),
    ),
    Mutant(
        name="next-batch-commits-it",
        slip="After a failure the outbound worker goes on with its subscription, and the next batch commits both.",
        breaks="I4",
        patched=around(GroupReader, "_leave", _stays),
    ),
)
