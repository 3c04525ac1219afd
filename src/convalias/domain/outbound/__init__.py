"""The outbound core: which system delivers an event, who is notified, and how far a rollout is.

Pure, as all of the domain. The public names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what checkers take it for is True; `typing` is not worth its import here

if TYPE_CHECKING:
    from convalias.domain.migration.rollout import WHOLE as WHOLE
    from convalias.domain.migration.rollout import Axis as Axis
    from convalias.domain.migration.rollout import Cohort as Cohort
    from convalias.domain.migration.rollout import Moves as Moves
    from convalias.domain.migration.rollout import Rollout as Rollout
    from convalias.domain.migration.rollout import Stage as Stage
    from convalias.domain.migration.rollout import assign as assign
    from convalias.domain.migration.rollout import bucket as bucket
    from convalias.domain.migration.rollout import direction as direction
    from convalias.domain.migration.rollout import following as following
    from convalias.domain.migration.rollout import moves as moves
    from convalias.domain.migration.rollout import takes_back as takes_back
    from convalias.domain.outbound.answering import MintingAnswer as MintingAnswer
    from convalias.domain.outbound.answering import minting_answer as minting_answer
    from convalias.domain.outbound.decision import answered as answered
    from convalias.domain.outbound.decision import decide as decide
    from convalias.domain.outbound.decision import postponed as postponed
    from convalias.domain.outbound.decision import recipients as recipients
    from convalias.domain.outbound.decision import reowned as reowned
    from convalias.domain.outbound.decision import tells_anybody as tells_anybody
    from convalias.domain.outbound.delivery import INDEXED as INDEXED
    from convalias.domain.outbound.delivery import OWNERS as OWNERS
    from convalias.domain.outbound.delivery import TRANSITIONS as TRANSITIONS
    from convalias.domain.outbound.delivery import Channel as Channel
    from convalias.domain.outbound.delivery import Delivery as Delivery
    from convalias.domain.outbound.delivery import DeliveryDecision as DeliveryDecision
    from convalias.domain.outbound.delivery import DeliveryState as DeliveryState
    from convalias.domain.outbound.delivery import IndexRow as IndexRow
    from convalias.domain.outbound.delivery import NotificationId as NotificationId
    from convalias.domain.outbound.delivery import NotificationKind as NotificationKind
    from convalias.domain.outbound.delivery import Owner as Owner
    from convalias.domain.outbound.delivery import notification_id as notification_id
    from convalias.domain.outbound.first_tries import NOTIFY_WITHIN as NOTIFY_WITHIN
    from convalias.domain.outbound.first_tries import FirstTryRules as FirstTryRules
    from convalias.domain.outbound.first_tries import Objection as Objection

__all__ = [
    "INDEXED",
    "NOTIFY_WITHIN",
    "OWNERS",
    "TRANSITIONS",
    "WHOLE",
    "Axis",
    "Channel",
    "Cohort",
    "Delivery",
    "DeliveryDecision",
    "DeliveryState",
    "FirstTryRules",
    "IndexRow",
    "MintingAnswer",
    "Moves",
    "NotificationId",
    "NotificationKind",
    "Objection",
    "Owner",
    "Rollout",
    "Stage",
    "answered",
    "assign",
    "bucket",
    "decide",
    "direction",
    "following",
    "minting_answer",
    "moves",
    "notification_id",
    "postponed",
    "recipients",
    "reowned",
    "takes_back",
    "tells_anybody",
]

_HOMES = {
    "migration.rollout": (
        "WHOLE",
        "Axis",
        "Cohort",
        "Moves",
        "Rollout",
        "Stage",
        "assign",
        "bucket",
        "direction",
        "following",
        "moves",
        "takes_back",
    ),
    "outbound.answering": ("MintingAnswer", "minting_answer"),
    "outbound.decision": ("answered", "decide", "postponed", "recipients", "reowned", "tells_anybody"),
    "outbound.delivery": (
        "INDEXED",
        "OWNERS",
        "TRANSITIONS",
        "Channel",
        "Delivery",
        "DeliveryDecision",
        "DeliveryState",
        "IndexRow",
        "NotificationId",
        "NotificationKind",
        "Owner",
        "notification_id",
    ),
    "outbound.first_tries": ("NOTIFY_WITHIN", "FirstTryRules", "Objection"),
}

if not TYPE_CHECKING:  # pragma: no branch - checkers see the imports above, and so every misspelt name

    def __getattr__(name: str) -> object:
        """PEP 562: load the module that a public name lives in."""
        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"convalias.domain.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What there is, loaded or not."""
        return sorted({*globals(), *__all__})
