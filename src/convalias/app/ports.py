"""Every port, already chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypedDict, Unpack, runtime_checkable

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.outbound.delivery import Channel
from convalias.ports.ambient import Clock, Incarnation, Telemetry
from convalias.ports.blobs import Blobs
from convalias.ports.changes import Changes
from convalias.ports.channels import ChannelChoice, ChannelEndpoints
from convalias.ports.conversations import Conversations
from convalias.ports.event_log import EventLog
from convalias.ports.event_store import EventStore
from convalias.ports.flags import Flags
from convalias.ports.hub import NotificationHub
from convalias.ports.legacy import LegacyRelay
from convalias.ports.mail import Check, MailReader, Outgoing, OutgoingMail, SenderAuthenticator
from convalias.ports.people import IdentityDirectory
from convalias.ports.queue import JobQueue
from convalias.ports.records import Records


class Instead(TypedDict, total=False):
    """The ports to replace, one keyword each."""

    records: Records
    blobs: Blobs
    queue: JobQueue
    events: EventLog
    clock: Clock
    telemetry: Telemetry
    incarnation: Incarnation
    changes: Changes
    event_store: EventStore
    conversations: Conversations
    identity: IdentityDirectory
    legacy: LegacyRelay
    hub: NotificationHub
    channels: Mapping[Channel, NotificationHub]
    channel_choice: ChannelChoice
    endpoints: ChannelEndpoints
    flags: Flags
    mail: OutgoingMail
    system_mail: OutgoingMail
    reader: MailReader
    authenticator: SenderAuthenticator
    check: Check


@frozen(kw_only=True)
class Ports:
    """The ports of a deployment, one adapter each.

    The first four must keep anything; what may be None has an honest default.
    """

    records: Records
    blobs: Blobs
    queue: JobQueue
    events: EventLog
    clock: Clock
    telemetry: Telemetry
    incarnation: Incarnation
    mail: OutgoingMail
    """Where notifications leave."""
    system_mail: OutgoingMail
    """Where refusals leave."""
    changes: Changes | None = None
    """None: the due lane of `records` is polled for new events."""
    event_store: EventStore | None = None
    """Events of conversations. None: kept in `records`."""
    conversations: Conversations | None = None
    """Conversations of the host, in its own tables. None: our own events."""
    identity: IdentityDirectory | None = None
    """None: the accounts kept in `records`."""
    legacy: LegacyRelay | None = None
    """None: there is no legacy relay, and stages are `native` until set."""
    hub: NotificationHub | None = None
    """None: e-mail by `mail`."""
    channels: Mapping[Channel, NotificationHub] = field(factory=dict[Channel, NotificationHub], hash=False)
    """Channels with a hub of their own, beside those of `hub`."""
    channel_choice: ChannelChoice | None = None
    """None: everybody is notified by e-mail."""
    endpoints: ChannelEndpoints | None = None
    """None: the hub knows where accounts are reached by channels other than e-mail."""
    flags: Flags | None = None
    """None: what `rollout.set` wrote."""
    reader: MailReader | None = None
    """None: the MIME reader."""
    authenticator: SenderAuthenticator | None = None
    """Asked about mail whose border proved nothing. None: such mail is not verified."""
    sources: Mapping[str, JobQueue] = field(factory=dict[str, JobQueue], hash=False)
    """Queues that providers fill with mail, by the name of the door that reads each."""
    check: Check | None = None
    """Asked whether mail is spam or harmful. None: the provider's word counts, if it is trusted."""

    def but(self, **instead: Unpack[Instead]) -> Ports:
        """Return a copy with the given ports replaced."""
        return evolve(self, **instead)


Opener = Callable[[], AbstractAsyncContextManager[Ports]]
"""How a deployment opens its ports, and closes those that it opened."""


def with_system_mail(given: Instead) -> Instead:
    """Add that refusals and questions leave where notifications do, unless a way of their own is given.

    Else they would lie in a folder or in memory, where nobody looks.
    """
    mail = given.get("mail")
    return given if mail is None or "system_mail" in given else {**given, "system_mail": mail}


@runtime_checkable
class Mailboxes(Protocol):
    """An outbox that can be looked into."""

    def mailbox(self, address: EmailAddress) -> Sequence[Outgoing]:
        """Return the mail that was sent to that address."""
        ...


@runtime_checkable
class StandIn(Protocol):
    """A legacy relay that remembers what it was told: ours does, which only writes files."""

    async def calls(self) -> Sequence[object]:
        """Return the calls in order."""
        ...


@runtime_checkable
class Loadable(Protocol):
    """A stand-in legacy relay: it can be told what a real one would know."""

    async def load(self, aliases: Iterable[LegacyAlias], tenures: Iterable[AddressTenure]) -> None:
        """Know these too."""
        ...
