"""Slips after a backup of the store was put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from convalias.domain.outbound import decision as deciding
from convalias.services.operations.replay import Replay, Selection
from convalias.services.outbound import deciding as outbound_deciding
from convalias.stores.approvals.holds import Holds
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, instead


class _Never(Exception):
    """Nobody raises it."""


def _asking(kept: Method) -> Method:
    async def keep(self: Holds, mail: object, *, asks: bool = True) -> object:
        del asks
        return await kept(self, mail)

    return keep


def _leaving_recent(kept: Method) -> Method:
    async def one(self: Replay, key: object, restore: Selection | None) -> object:
        done = await kept(self, key, None if restore is None else evolve(restore, recent=False))
        return evolve(done, waiting=0)

    return one


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="restored-events-notify",
        slip="What a restore adds is decided about like any other message, and people are told of it again.",
        breaks="I2",
        patched=instead(deciding, "RESTORED", "another flag"),
    ),
    Mutant(
        name="recent-mail-left-to-workers",
        slip="Mail of the last hours without an outcome is left to the workers after a loss, who tell of it again.",
        breaks="I1",
        patched=around(Replay, "_one", _leaving_recent),
    ),
    Mutant(
        name="restored-holds-ask",
        slip="Participants are asked again about held mail that a restore holds.",
        breaks="I2",
        patched=around(Holds, "keep", _asking),
    ),
    Mutant(
        name="gone-events-buried",
        slip="Each published event that the store does not have becomes a dead letter.",
        breaks="I6",
        patched=instead(outbound_deciding, "EventGone", _Never),
    ),
)
