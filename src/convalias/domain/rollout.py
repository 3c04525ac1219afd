"""Which conversations are how far along the way from the legacy relay to the hub."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from typing import Final

from attrs import field, frozen, validators

from convalias.domain.ids import ConversationId, UseCase

WHOLE: Final = 10_000
"""Basis points of everybody."""


class Stage(Enum):
    """Who stores, indexes and delivers; in the order of a migration."""

    LEGACY = "legacy"
    SHADOW = "shadow"
    PARALLEL = "parallel"
    NATIVE = "native"


class Axis(Enum):
    """What a flag steers; three independent flags per use case."""

    MINTING = "minting"
    INBOUND = "inbound"
    OUTBOUND = "outbound"


@frozen
class Rollout:
    """How far one use case has come. Ramps are monotone: who is in stays in."""

    use_case: UseCase
    stage: Stage
    basis_points: int = field(validator=[validators.ge(0), validators.le(WHOLE)])
    salt: str
    floor: Stage = Stage.LEGACY
    """The stage of the last setting that stood at 10,000: what holds outside the cohort."""
    reason: str = ""


@frozen
class Cohort:
    """Where one conversation fell, to be written down once."""

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
    return Cohort(rollout.stage if number < rollout.basis_points else rollout.floor, number, rollout)
