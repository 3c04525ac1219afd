"""Which conversations are how far along the way from the legacy relay to the hub."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from enum import Enum
from itertools import pairwise
from typing import Final

from attrs import field, frozen

from convalias.domain.expecting import check_fields, whole_number
from convalias.domain.ids import ConversationId, UseCase

WHOLE: Final = 10_000
"""Basis points of everybody."""


class Stage(Enum):
    """A stage of the migration, in order: which system stores, indexes and delivers."""

    LEGACY = "legacy"
    SHADOW = "shadow"
    PARALLEL = "parallel"
    NATIVE = "native"


class Axis(Enum):
    """A part that a flag steers; each use case has three independent flags."""

    MINTING = "minting"
    INBOUND = "inbound"
    OUTBOUND = "outbound"


@frozen
class Rollout:
    """The rollout of one use case: its stage, and how many conversations are in.

    Ramps are monotone: who is in stays in.
    """

    use_case: UseCase
    stage: Stage
    basis_points: int = field(validator=whole_number(least=0, most=WHOLE))
    salt: str
    floor: Stage = Stage.LEGACY
    """The stage outside the cohort: that of the last setting at 10,000 basis points."""
    reason: str = ""

    __attrs_post_init__ = check_fields


@frozen
class RolloutSetting:
    """A rollout as it is kept: with who set it, and when."""

    rollout: Rollout
    by: str = ""
    at: datetime | None = None
    """None: it was set by a release that did not write it down."""


@frozen
class Cohort:
    """The bucket and stage of one conversation, to be written down once."""

    stage: Stage
    bucket: int
    rollout: Rollout


def bucket(conversation: ConversationId, salt: str) -> int:
    """0 to 9,999: an unsigned keyed hash of the conversation id, the same for ever (frozen test vectors).

    First 8 octets, big-endian, of HMAC-SHA256(salt, conversation id), modulo 10,000. The bias of the modulo is
    below 6e-16.
    """
    digest = hmac.new(salt.encode(), conversation.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") % WHOLE


def assign(conversation: ConversationId, rollout: Rollout) -> Cohort:
    """The stage of a conversation under a rollout. 0 basis points is the kill switch: nobody is in."""
    number = bucket(conversation, rollout.salt)
    return Cohort(_at(number, rollout), number, rollout)


# --- from one setting to the next ----------------------------------------------------------------------


@frozen
class Moves:
    """Shares of all conversations, in basis points, that a setting moves along the stages and back."""

    forward: int
    back: int


def following(standing: Rollout | None, wish: Rollout) -> Rollout:
    """Return a setting that follows the present one: with its salt if none is given, and its floor.

    The floor is the stage of the last setting at 10,000. Taking a whole stage back step by step (the same
    stage below 10,000, 0 being the kill switch) leads to the floor *under* it: else it would lead nowhere.
    """
    salt = wish.salt or (standing.salt if standing is not None else str(wish.use_case))
    return Rollout(wish.use_case, wish.stage, wish.basis_points, salt, _floor(standing, wish), wish.reason)


def moves(before: Rollout | Stage, after: Rollout) -> Moves:
    """Return how a new setting changes the stages, by the buckets alone.

    `before` is the bare stage where nothing was set.

    Under one salt it is exact. Two salts are independent of one another, so the shares are expected ones, rounded up.
    """
    forward = back = 0
    for share, then, now in _shares(_whole(before, after), after):
        step = _RANK[now] - _RANK[then]
        forward += share if step > 0 else 0
        back += share if step < 0 else 0
    return Moves(forward, back)


def direction(conversation: ConversationId, before: Rollout | Stage, after: Rollout) -> int:
    """Whether that conversation moves forward (1), back (-1) or stays (0)."""
    step = _RANK[assign(conversation, after).stage] - _RANK[assign(conversation, _whole(before, after)).stage]
    return (step > 0) - (step < 0)


def takes_back(before: Rollout | Stage, after: Rollout) -> bool:
    """Whether a setting that leads forward takes some conversations back: another salt, or a smaller later stage.

    `legacy`, `shadow` and 0 are the way back, and are meant.
    """
    if after.basis_points == 0 or after.stage in {Stage.LEGACY, Stage.SHADOW}:
        return False
    moved = moves(before, after)
    return bool(moved.forward and moved.back)


_RANK: Final = {stage: rank for rank, stage in enumerate(Stage)}


def _floor(standing: Rollout | None, wish: Rollout) -> Stage:
    if standing is None:
        return Stage.LEGACY
    stood_whole = standing.basis_points == WHOLE
    return standing.stage if stood_whole and standing.stage is not wish.stage else standing.floor


def _whole(before: Rollout | Stage, after: Rollout) -> Rollout:
    """Nothing set is a stage for everybody."""
    return Rollout(after.use_case, before, WHOLE, after.salt) if isinstance(before, Stage) else before


def _shares(before: Rollout, after: Rollout) -> list[tuple[int, Stage, Stage]]:
    """Each share with its stage before and after."""
    if before.salt == after.salt:
        cuts = sorted({0, before.basis_points, after.basis_points, WHOLE})
        return [(end - start, _at(start, before), _at(start, after)) for start, end in pairwise(cuts)]
    return [
        (-(-one * two // WHOLE), then, now)
        for one, then in ((before.basis_points, before.stage), (WHOLE - before.basis_points, before.floor))
        for two, now in ((after.basis_points, after.stage), (WHOLE - after.basis_points, after.floor))
    ]


def _at(number: int, rollout: Rollout) -> Stage:
    return rollout.stage if number < rollout.basis_points else rollout.floor
