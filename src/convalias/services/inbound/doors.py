"""Doors for the posts of a provider: each verifies a post and hands on its mail or its event."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Protocol, TypeAlias

from attrs import field, frozen

from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.outbound.reports import DeliveryEvent, EventAnswer
from convalias.ports.ambient import Clock, Telemetry
from convalias.services.inbound.receiver import Receipt


class DoorAnswer(Protocol):
    """Status and text of a door."""

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        ...

    @property
    def text(self) -> str:
        """Return one line."""
        ...


class Door(Protocol):
    """A door for the posts of one provider, such as `adapters.mailgun.Webhook`."""

    async def handle(self, content_type: str, chunks: AsyncIterable[bytes], *, raw: bool) -> DoorAnswer:
        """Take the post in and say how it went. `raw`: it came to the address for raw mail, `/inbound/<name>/mime`."""
        ...


@frozen(kw_only=True)
class DoorNeeds:
    """Dependencies of a door."""

    accept: Callable[[IncomingMail], Awaitable[Receipt]]
    """Returned: the mail is kept. Raises `Unavailable`: answer so that the provider tries again."""
    keys: str = field(repr=False)
    """What the provider signs with, several comma-separated, newest first. Never empty."""
    clock: Clock
    mail_limit: int
    """Octets of one mail."""
    trust_spam_flag: bool = False
    """Whether the provider's own spam flag counts as an opinion of ours."""


MakesDoor: TypeAlias = Callable[[DoorNeeds], Door]
"""Group `convalias.inbound`, by the name of the door."""


class EventDoor(Protocol):
    """A door for the events of one provider, such as `adapters.mailgun.Events`."""

    async def handle(self, content_type: str, body: AsyncIterable[bytes]) -> DoorAnswer:
        """Take the post in and say how it went."""
        ...


@frozen(kw_only=True)
class EventDoorNeeds:
    """Dependencies of an event door."""

    take: Callable[[DeliveryEvent], Awaitable[EventAnswer]]
    """Raises `Unavailable`: answer so that the provider posts the event again."""
    keys: str = field(repr=False)
    """What the provider signs with, several comma-separated, newest first. Never empty."""
    clock: Clock
    telemetry: Telemetry


MakesEventDoor: TypeAlias = Callable[[EventDoorNeeds], EventDoor]
"""Group `convalias.delivery_events`, by the name of the door."""
