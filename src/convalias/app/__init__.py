"""Wiring: settings and adapters to services, and the façade over them. Nothing is opened before it is entered."""

from convalias.app.facade import AlreadyOpen, Convalias, NotOpen
from convalias.app.ports import Ports
from convalias.app.providers import Providers
from convalias.app.services import Services, Wiring
from convalias.app.workers import WORKERS, Idle, Worker
from convalias.services.conversations.errors import (
    FlagsElsewhere,
    HostMissing,
    KeptByHost,
    KeyReused,
    KeysRefused,
    NoSuchAlias,
    NoSuchConversation,
    NotReady,
    PlaceRefused,
    Refused,
    ServiceError,
    WouldGoBack,
)
from convalias.services.inbound.doors import (
    Door,
    DoorAnswer,
    DoorNeeds,
    EventDoor,
    EventDoorNeeds,
    MakesDoor,
    MakesEventDoor,
)
from convalias.services.inbound.receiver import Kept, Receipt, TokenReused

__all__ = [
    "WORKERS",
    "AlreadyOpen",
    "Convalias",
    "Door",
    "DoorAnswer",
    "DoorNeeds",
    "EventDoor",
    "EventDoorNeeds",
    "FlagsElsewhere",
    "HostMissing",
    "Idle",
    "Kept",
    "KeptByHost",
    "KeyReused",
    "KeysRefused",
    "MakesDoor",
    "MakesEventDoor",
    "NoSuchAlias",
    "NoSuchConversation",
    "NotOpen",
    "NotReady",
    "PlaceRefused",
    "Ports",
    "Providers",
    "Receipt",
    "Refused",
    "ServiceError",
    "Services",
    "TokenReused",
    "Wiring",
    "Worker",
    "WouldGoBack",
]
