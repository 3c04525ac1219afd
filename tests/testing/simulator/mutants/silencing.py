"""Slips by which the migration silences somebody, or cuts them off from an answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from convalias.domain.conversations.events import MessageAdded
from convalias.domain.migration.rollout import Cohort, Stage
from convalias.domain.outbound.answering import ALL_THERE, MintingAnswer, reply_alias
from convalias.domain.outbound.decision import reowned
from convalias.domain.outbound.delivery import Delivery, DeliveryDecision
from convalias.domain.outbound.scene import Scene
from convalias.services.outbound.answering import Answering
from convalias.services.outbound.calls import Attempt, Calls
from convalias.services.outbound.deciding import Deciding
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.weather import Fault, Weather

from .patching import Method, around, instead


def _without_alias(kept: Method) -> Method:
    """Without any alias there is nothing to give the hub: the delivery fails."""

    async def notification(self: Calls, row: Delivery, attempt: Attempt) -> object:
        scene, message = attempt.scene, attempt.scene.event.happening
        if isinstance(message, MessageAdded):
            shown = reply_alias(scene.aliases, author=message.author, recipient=row.recipient, now=self.clock.now())
            if shown is None:
                return "NO_ALIAS"
        return await kept(self, row, attempt)

    return notification


async def _reowned_at_once(self: Deciding, decision: DeliveryDecision, stage: Stage | Cohort) -> bool:
    return await self.ledger.reown(decision, partial(reowned, stage=stage))


async def _not_looked(self: Answering, decision: DeliveryDecision, scene: Scene) -> MintingAnswer:
    del self, decision, scene
    return ALL_THERE


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="revoked-in-between",
        slip="A delivery whose aliases were revoked between decision and send fails.",
        breaks="I4",
        patched=around(Calls, "_notification", _without_alias),
    ),
    Mutant(
        name="re-owned-without-looking",
        slip="What is given back to the hub is not looked at for an address to answer to.",
        breaks="I4",
        patched=instead(Deciding, "_reown", _reowned_at_once),
        weather=Weather(on=frozenset({Fault.STOPPED}), until=3600.0),
    ),
    Mutant(
        name="decided-without-issuing",
        slip="The hub gets what is said in a conversation without aliases, and none is issued before.",
        breaks="I4",
        patched=instead(Answering, "before", _not_looked),
    ),
)
