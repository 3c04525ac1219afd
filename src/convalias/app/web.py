"""The HTTP doors of a deployment as one ASGI app: to be served alone, or mounted by a host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from attrs import evolve, frozen

from convalias.adapters import asgi
from convalias.app.ports import Ports
from convalias.app.providers import Providers, registered_door, registered_event_door
from convalias.app.services import Services
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.outbound.reports import DeliveryEvent, EventAnswer
from convalias.services.inbound.doors import Door, DoorNeeds, EventDoor, EventDoorNeeds
from convalias.services.inbound.receiver import Receipt
from convalias.services.running.log_lines import LogLines

if TYPE_CHECKING:
    from starlette.types import ASGIApp


Checks: TypeAlias = Mapping[str, Callable[[], Awaitable[object]]]
"""Checks of `/readyz` by name."""


class Deployed(Protocol):
    """The part of `Convalias` that the doors need: asked at each request, as it is opened and closed meanwhile."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""
        ...

    @property
    def knows_deployment(self) -> bool:
        """Whether the store has told of domains and policy."""
        ...

    @property
    def ports(self) -> Ports:
        """Return the ports; others after it was entered anew."""
        ...

    @property
    def services(self) -> Services:
        """Return the services; others after a refresh."""
        ...


def web_app(
    cv: Deployed, providers: Providers, *, checks: Callable[[], Checks], lines: LogLines | None = None
) -> ASGIApp:
    """The doors of these providers, the pages behind the links in mails, `/healthz` and `/readyz`.

    It may be made before `cv` is open, and outlives it: while it is not open, all but `/healthz` answers 503.
    `checks` is asked each time it is opened. `lines`: where answers 5xx and 401 are told; None: in the log `convalias.http`.
    """
    made: list[tuple[Ports, _Doors]] = []

    def doors() -> asgi.Doors | None:
        if not cv.is_open:
            made.clear()
            return None
        if not made or made[0][0] is not cv.ports:  # it was left, and entered anew
            made[:] = [(cv.ports, _Doors.of(cv, providers, checks()))]
        return made[0][1].now()

    return asgi.app(doors, inbound=providers.addresses, events=tuple(providers.events), lines=lines)


@frozen(kw_only=True)
class _Doors:
    """Doors that are made once for as long as the deployment is open."""

    cv: Deployed
    inbound: Mapping[str, Door]
    events: Mapping[str, EventDoor]
    checks: Checks

    @classmethod
    def of(cls, cv: Deployed, providers: Providers, checks: Checks) -> Self:
        """Load what is registered under each name."""

        async def accept(mail: IncomingMail) -> Receipt:
            return await cv.services.receiver.accept(mail)  # the one of now: a refresh wires a new one

        async def take(event: DeliveryEvent) -> EventAnswer:
            return await cv.services.delivery_events.take(event)

        def door(name: str, keys: str) -> Door:
            return registered_door(name)(
                DoorNeeds(
                    accept=accept,
                    keys=keys,
                    clock=cv.ports.clock,
                    mail_limit=providers.mail_limit,
                    trust_spam_flag=providers.trust_spam_flag,
                    options=providers.options.get(name, {}),
                )
            )

        def event_door(name: str, keys: str) -> EventDoor:
            return registered_event_door(name)(
                EventDoorNeeds(take=take, keys=keys, clock=cv.ports.clock, telemetry=cv.ports.telemetry)
            )

        return cls(
            cv=cv,
            inbound={name: door(name, keys) for name, keys in providers.inbound.items()},
            events={name: event_door(name, keys) for name, keys in providers.events.items()},
            checks=checks,
        )

    def now(self) -> asgi.Doors:
        """With the services of now: a refresh wires new ones. Links wait until the store has told of the deployment."""
        telemetry = self.cv.ports.telemetry
        doors = asgi.Doors(inbound=self.inbound, events=self.events, checks=self.checks, telemetry=telemetry)
        if not self.cv.knows_deployment:
            return doors
        services = self.cv.services
        return evolve(
            doors,
            approvals=services.approvals,
            unsubscribing=services.unsubscribing,
            attachments=services.attachment_links,
        )
