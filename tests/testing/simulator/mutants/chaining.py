"""Slips of the ordered write that claims, appends and concludes an ordinary mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convalias.domain.inbound.claims import Claim
from convalias.domain.inbound.outcomes import OutcomeRecord
from convalias.ports.records import Conflict, Insert, Records, Write, Written
from convalias.stores.inbound import mails
from convalias.stores.inbound.mails import InboundRecords
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, instead


async def _all_of_them(records: Records, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
    return await records.write(writes)


def _last_first(kept: Method) -> Method:
    async def written(records: Records, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers: Sequence[Written | Conflict] = await kept(records, writes[::-1])
        return answers

    return written


def _without_claims(kept: Method) -> Method:
    async def concluded(
        self: InboundRecords,
        claims: Sequence[Claim],
        effect: Insert,
        outcome: OutcomeRecord,
        *,
        ahead: Sequence[Insert],
    ) -> bool:
        is_written: bool = await kept(self, claims[:0], effect, outcome, ahead=ahead)
        return is_written

    return concluded


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="chain-goes-on-after-a-conflict",
        slip="Where the claim or the place of the event is taken, what stands behind it in the write is written too.",
        breaks="I1",
        patched=instead(mails, "write_in_order", _all_of_them),
    ),
    Mutant(
        name="chain-without-the-claim",
        slip="An ordinary mail is appended and concluded at once, and nobody writes down which way it went.",
        breaks="I8",
        patched=around(InboundRecords, "conclude_in_order", _without_claims),
    ),
    Mutant(
        name="outcome-before-the-event",
        slip="The ordered write begins with the outcome, so that a crash in its middle ends a mail that nobody reads.",
        breaks="I1",
        patched=around(mails, "write_in_order", _last_first),
    ),
)
