"""Wiring: the settings of a deployment, its typed stores, and the keys derived from its secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Self

from attrs import field, fields, frozen

from convalias.app.ports import Ports
from convalias.domain.approvals.links import LinkKeys
from convalias.domain.deployment.data_places import DataPlace
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.operations.mail_index import IndexKeys
from convalias.domain.outbound.seals import Seal, Seals
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.conversations import Conversations
from convalias.ports.drafts import Compose
from convalias.ports.event_store import EventStore as EventStorePort
from convalias.ports.records import Records
from convalias.settings import Options
from convalias.stores.aliases.alias_keys import KeyUses
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.conversations.long_texts import LongTexts
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.conversations.parking import Parking
from convalias.stores.conversations.threads import Threads
from convalias.stores.deployment.deployments import Deployments
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.migration.rollouts import Rollouts
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.suppressions import Suppressions
from convalias.stores.retention import MAIL_KEPT

_NO_DOMAIN: Final = "invalid"
"""Nobody has mail there (RFC 6761 §6.4): what a deployment writes under that has no alias domain yet."""


@frozen(kw_only=True)
class Wiring(Options):
    """The parts of a deployment besides its ports."""

    keyring: Keyring = field(repr=False)
    lost_keys: str = ""
    """Why `keyring` stands for keys that are not here: no alias is then made or verified. Empty: they are these."""
    place: Callable[[], DataPlace] | None = None
    """The data directory that keeps something beside a shared store. None: no such."""
    deployment: Deployment = Deployment()
    """Fixed domains; those that were told to the store stand beside them."""
    policy: RoutingPolicy | None = None
    """None: the stored one."""
    rules: RuleBook = RULES
    """A host may have rules of its own among them."""
    compose: Compose | None = None
    """How mail of ours is written, signed where that is asked for. None: as MIME, unsigned."""

    @classmethod
    def of(
        cls,
        options: Options,
        *,
        keyring: Keyring,
        lost_keys: str,
        place: Callable[[], DataPlace] | None,
        deployment: Deployment,
        compose: Compose | None = None,
    ) -> Self:
        """Wire services as these options say, whatever class of settings they come from."""
        chosen: dict[str, Any] = {one.name: getattr(options, one.name) for one in fields(Options)}
        return cls(keyring=keyring, lost_keys=lost_keys, place=place, deployment=deployment, compose=compose, **chosen)


@frozen(kw_only=True)
class Stores:
    """The typed stores over `ports.records`."""

    aliases: Aliases
    key_uses: KeyUses
    dead_letters: DeadLetters
    deployments: Deployments
    directory: IdentityDirectory
    holds: Holds
    inbound: InboundRecords
    ledger: Ledger
    parking: Parking
    rollouts: Rollouts
    suppressions: Suppressions
    conversations: ConversationAccess


def seals(keyring: Keyring) -> Seals:
    """Return the seals of what is written into mail, one for each use; older keys still verify."""
    return Seals(
        message_ids=_seal(keyring, "message-id"),
        return_paths=_seal(keyring, "return-path"),
        links=_seal(keyring, "links"),
    )


def _seal(keyring: Keyring, use: str) -> Seal:
    newest, *older = (secret for _, secret in keyring.each(use))
    return Seal(newest, tuple(older))


def link_keys(wiring: Wiring) -> LinkKeys:
    """An older key still opens its links, until it is removed."""
    return LinkKeys(wiring.keyring.each("approval"))


def alias_domain(deployment: Deployment) -> str:
    """Return the domain of new aliases and of our own mail: the first alias domain."""
    return next(iter(deployment.alias_domains), _NO_DOMAIN)


def typed_stores(ports: Ports, keyring: Keyring, *, mail_kept: timedelta | None = MAIL_KEPT) -> Stores:
    """The stores over these ports; digests of people are keyed."""
    return Stores(
        aliases=Aliases(records=ports.records),
        key_uses=KeyUses(records=ports.records),
        dead_letters=DeadLetters(records=ports.records),
        deployments=Deployments(records=ports.records),
        directory=IdentityDirectory(records=ports.records),
        holds=Holds(records=ports.records),
        inbound=InboundRecords(records=ports.records, index=IndexKeys.of(keyring), kept=mail_kept),
        ledger=Ledger(records=ports.records, incarnation=ports.incarnation),
        parking=Parking(records=ports.records),
        rollouts=Rollouts(records=ports.records),
        suppressions=Suppressions(records=ports.records),
        conversations=conversations_of(ports),
    )


def conversations_of(ports: Ports) -> ConversationAccess:
    """Return conversations, whoever keeps them."""
    return conversations_over(
        ports.records, ports.blobs, ports.clock, host=ports.conversations, events=ports.event_store
    )


def conversations_over(
    records: Records, blobs: Blobs, clock: Clock, *, host: Conversations | None, events: EventStorePort | None = None
) -> ConversationAccess:
    """Return those of the host, or our own events; `events`: a store of the host's own for them."""
    if host is not None:
        return HostConversations(port=host, rows=HostRows(records=records), clock=clock)
    store = events or EventStore(records=records)
    # An event store of the host's own may be read by others: there a text stays whole.
    texts = LongTexts(records=records, blobs=blobs, clock=clock) if events is None else None
    return OwnConversations(events=store, folded=Threads(events=store, records=records), clock=clock, texts=texts)
