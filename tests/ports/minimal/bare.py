"""A port with all taken off that its protocol does not name: no optional capability shines through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import get_protocol_members

from convalias.app.ports import Ports
from convalias.ports.ambient import Clock, Incarnation, Telemetry
from convalias.ports.blobs import Blobs
from convalias.ports.channels import ChannelChoice, ChannelEndpoints
from convalias.ports.event_log import EventLog, Subscription
from convalias.ports.flags import Flags
from convalias.ports.hub import NotificationHub
from convalias.ports.legacy import LegacyRelay
from convalias.ports.mail import Check, MailReader, OutgoingMail, SenderAuthenticator
from convalias.ports.people import IdentityDirectory
from convalias.ports.queue import JobQueue
from convalias.ports.records import Records

PROTOCOLS: Final[Mapping[str, type[Any]]] = {
    "records": Records,
    "blobs": Blobs,
    "queue": JobQueue,
    "events": EventLog,
    "clock": Clock,
    "telemetry": Telemetry,
    "incarnation": Incarnation,
    "identity": IdentityDirectory,
    "legacy": LegacyRelay,
    "hub": NotificationHub,
    "channel_choice": ChannelChoice,
    "endpoints": ChannelEndpoints,
    "flags": Flags,
    "mail": OutgoingMail,
    "system_mail": OutgoingMail,
    "reader": MailReader,
    "authenticator": SenderAuthenticator,
    "check": Check,
}


class Bare:
    """Answers to the names of one protocol, and to no other."""

    __slots__ = ("_members", "_port")

    def __init__(self, port: Any, protocol: type[Any]) -> None:
        self._port = port
        self._members = frozenset(get_protocol_members(protocol))

    def __getattr__(self, name: str) -> Any:
        if name not in self._members:
            raise AttributeError(name)
        found = getattr(self._port, name)
        return _joining(found) if name == "records" else found


def _joining(records: Any) -> Any:
    return lambda group: Bare(records(group), Subscription)


def bared(ports: Ports, *names: str) -> Ports:
    """These ports, as bare as their protocols; one that is not there stays away."""
    taken = {name: Bare(port, PROTOCOLS[name]) for name in names if (port := getattr(ports, name)) is not None}
    return ports.but(**taken)  # type: ignore[typeddict-item] - each is what its protocol asks for
