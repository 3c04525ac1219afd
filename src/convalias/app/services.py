"""The services of one deployment, each built from the ports it needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import field, frozen

from convalias.adapters import hub, mime
from convalias.app.ports import Ports
from convalias.domain.deployment import Deployment
from convalias.domain.keyring import Keyring
from convalias.domain.links import LinkKeys
from convalias.domain.policy import RoutingPolicy
from convalias.domain.rollout import Stage
from convalias.domain.seals import Seal, Seals
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.conversations import ConversationStore as ConversationStorePort
from convalias.ports.hub import Guarantee, NotificationHub
from convalias.ports.mail import MailReader
from convalias.ports.people import IdentityDirectory as IdentityDirectoryPort
from convalias.ports.records import Records
from convalias.services import identity_cache
from convalias.services.aliasing import Aliasing, AliasMint
from convalias.services.appending import Appender
from convalias.services.approvals import Approvals
from convalias.services.asking import ApprovalMails
from convalias.services.carrier import PlanCarrier
from convalias.services.change_feed import ChangeFeedPump
from convalias.services.contacts import Contacts
from convalias.services.evidence import EvidenceFinder
from convalias.services.facts import FactFinder
from convalias.services.inbound_relay import InboundRelay
from convalias.services.inbound_relay import Stores as InboundStores
from convalias.services.inbound_worker import InboundWorker
from convalias.services.legacy_audience import ParticipantsAudience
from convalias.services.loading import Loading
from convalias.services.messaging import Messaging
from convalias.services.notices import Notices
from convalias.services.operations import Operations
from convalias.services.outbound import OutboundNotifier
from convalias.services.outbound_calls import Calls
from convalias.services.outbound_deciding import Deciding
from convalias.services.outbound_facts import Scenes
from convalias.services.outbound_sending import Sending
from convalias.services.receiver import Receiver
from convalias.services.replay import Replay
from convalias.services.stages import Stages
from convalias.services.sweeper import Sweeper
from convalias.stores.aliases import Aliases
from convalias.stores.conversations import ConversationStore
from convalias.stores.dead_letters import DeadLetters
from convalias.stores.deployments import Deployments
from convalias.stores.directory import IdentityDirectory
from convalias.stores.evidence import EvidenceRecords
from convalias.stores.holds import Holds
from convalias.stores.inbound import InboundRecords
from convalias.stores.ledger import Ledger
from convalias.stores.refusals import Refusals
from convalias.stores.rollouts import Rollouts
from convalias.stores.threads import Threads
from convalias.stores.traffic import Traffic


@frozen(kw_only=True)
class Wiring:
    """What a deployment is made of besides its ports."""

    keyring: Keyring = field(repr=False)
    deployment: Deployment = Deployment()
    """Fixed domains; those that were told to the store stand beside them."""
    policy: RoutingPolicy | None = None
    """None: the stored one."""
    platform: str = "convalias"
    base_url: str | None = None
    """Where the pages of links lie (https). None: nobody is asked about held mail by mail."""
    trusted_authserv_ids: frozenset[str] = frozenset()
    rewriters: frozenset[str] = frozenset()
    """Domains of lists that are believed about who wrote; none by default."""
    identity_cache: timedelta = identity_cache.FOR
    """How long a directory of one's own is believed without being asked; zero: it is asked every time."""


@frozen(kw_only=True)
class Stores:
    """The typed stores over `ports.records`."""

    aliases: Aliases
    dead_letters: DeadLetters
    deployments: Deployments
    directory: IdentityDirectory
    holds: Holds
    inbound: InboundRecords
    ledger: Ledger
    rollouts: Rollouts
    threads: Threads
    conversations: ConversationStorePort


@frozen(kw_only=True)
class Services:
    """Everything that a deployment can do, wired once."""

    stores: Stores
    receiver: Receiver
    inbound: InboundWorker
    notices: Notices
    approvals: Approvals
    approval_mails: ApprovalMails
    sweeper: Sweeper
    messaging: Messaging
    loading: Loading
    contacts: Contacts
    feed: ChangeFeedPump
    outbound: OutboundNotifier
    operations: Operations
    replay: Replay


FOR_EVER: Final = timedelta(days=36_500)
_NO_DOMAIN: Final = "invalid"
"""Nobody has mail there (RFC 6761 §6.4): what a deployment writes under that has no alias domain yet."""


def assemble(ports: Ports, *, deployment: Deployment, policy: RoutingPolicy, wiring: Wiring) -> Services:
    """Wire everything. Opens nothing, calls nothing."""
    stores = _stores(ports)
    stages = Stages(
        flags=ports.flags or stores.rollouts,
        unset=Stage.LEGACY if ports.legacy is not None and deployment.legacy_domains else Stage.NATIVE,
    )
    contacts = Contacts(
        conversations=stores.conversations,
        threads=stores.threads,
        aliases=stores.aliases,
        identities=ports.identity or stores.directory,
    )
    aliasing = _aliasing(ports, stores, stages, deployment, wiring)
    messaging = Messaging(appender=aliasing.appender, aliasing=aliasing)
    inbound = _Inbound(
        ports=ports,
        stores=stores,
        stages=stages,
        identities=_identities(ports, stores, wiring),
        deployment=deployment,
        policy=policy,
        wiring=wiring,
    )
    notices = inbound.notices()
    relay = inbound.relay(messaging, notices)
    return Services(
        stores=stores,
        receiver=Receiver(blobs=ports.blobs, queue=ports.queue, clock=ports.clock, telemetry=ports.telemetry),
        inbound=InboundWorker(queue=ports.queue, relay=relay, clock=ports.clock, telemetry=ports.telemetry),
        notices=notices,
        approvals=Approvals(
            holds=stores.holds,
            threads=stores.threads,
            relay=relay,
            notices=notices,
            keys=_link_keys(wiring),
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
        approval_mails=inbound.approval_mails(contacts),
        sweeper=Sweeper(
            blobs=ports.blobs,
            queue=ports.queue,
            records=ports.records,
            inbound=stores.inbound,
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
        messaging=messaging,
        loading=Loading(aliasing=aliasing),
        contacts=contacts,
        feed=ChangeFeedPump(records=ports.records, log=ports.events, clock=ports.clock, telemetry=ports.telemetry),
        outbound=_outbound(
            ports=ports, stores=stores, stages=stages, contacts=contacts, deployment=deployment, wiring=wiring
        ),
        operations=Operations(
            blobs=ports.blobs,
            inbound=stores.inbound,
            dead_letters=stores.dead_letters,
            clock=ports.clock,
            reader=inbound.reader(),
        ),
        replay=Replay(
            blobs=ports.blobs,
            inbound=stores.inbound,
            dead_letters=stores.dead_letters,
            relay=inbound.relay(messaging, None),  # a replay mails nobody
        ),
    )


def audience(
    records: Records, blobs: Blobs, clock: Clock, identity: IdentityDirectoryPort | None = None
) -> ParticipantsAudience:
    """Whom a stand-in legacy relay notifies. From the ports alone: it is opened before there are services."""
    conversations = ConversationStore(records=records)
    contacts = Contacts(
        conversations=conversations,
        threads=Threads(conversations=conversations, records=records),
        aliases=Aliases(records=records),
        identities=identity or IdentityDirectory(records=records),
    )
    return ParticipantsAudience(contacts=contacts, blobs=blobs, reader=mime.Reader(), clock=clock)


def seals(keyring: Keyring) -> Seals:
    """What is written into mail, each use under a key of its own."""
    return Seals(
        message_ids=Seal(keyring.derived("message-id")),
        return_paths=Seal(keyring.derived("return-path")),
        links=Seal(keyring.derived("links")),
    )


def _link_keys(wiring: Wiring) -> LinkKeys:
    """An older key still opens its links, until it is removed."""
    return LinkKeys(wiring.keyring.each("approval"))


def alias_domain(deployment: Deployment) -> str:
    """Where new aliases and what we write ourselves are addressed: the first alias domain."""
    return next(iter(deployment.alias_domains), _NO_DOMAIN)


def _stores(ports: Ports) -> Stores:
    conversations = ports.conversations or ConversationStore(records=ports.records)
    return Stores(
        aliases=Aliases(records=ports.records),
        dead_letters=DeadLetters(records=ports.records),
        deployments=Deployments(records=ports.records),
        directory=IdentityDirectory(records=ports.records),
        holds=Holds(records=ports.records),
        inbound=InboundRecords(records=ports.records),
        ledger=Ledger(records=ports.records, incarnation=ports.incarnation),
        rollouts=Rollouts(records=ports.records),
        threads=Threads(conversations=conversations, records=ports.records),
        conversations=conversations,
    )


def _aliasing(ports: Ports, stores: Stores, stages: Stages, deployment: Deployment, wiring: Wiring) -> Aliasing:
    mint = AliasMint(domain=alias_domain(deployment), keys=wiring.keyring.alias_keys())
    return Aliasing(
        aliases=stores.aliases,
        appender=Appender(conversations=stores.conversations, threads=stores.threads, clock=ports.clock),
        stages=stages,
        mint=mint if deployment.alias_domains else None,
    )


def _identities(ports: Ports, stores: Stores, wiring: Wiring) -> IdentityDirectoryPort:
    """Who is asked about senders. Our own accounts lie beside all else that is looked up, and are never cached."""
    if ports.identity is None or not wiring.identity_cache:
        return ports.identity or stores.directory
    return identity_cache.CachedIdentities(directory=ports.identity, clock=ports.clock, keep_for=wiring.identity_cache)


@frozen(kw_only=True)
class _Inbound:
    """The relay's parts: built twice, once to tell senders of refusals and once not to."""

    ports: Ports
    stores: Stores
    stages: Stages
    identities: IdentityDirectoryPort
    deployment: Deployment
    policy: RoutingPolicy
    wiring: Wiring

    def notices(self) -> Notices:
        writer = hub.RefusalWriter(
            compose=mime.compose,
            seals=seals(self.wiring.keyring),
            alias_domain=alias_domain(self.deployment),
            clock=self.ports.clock,
            via=self.wiring.platform,
        )
        return Notices(
            refusals=Refusals(records=self.ports.records),
            outgoing=self.ports.system_mail,
            writer=writer,
            clock=self.ports.clock,
            telemetry=self.ports.telemetry,
        )

    def approval_mails(self, contacts: Contacts) -> ApprovalMails:
        base_url = self.wiring.base_url
        writer = base_url and hub.ApprovalWriter(
            compose=mime.compose,
            seals=seals(self.wiring.keyring),
            alias_domain=alias_domain(self.deployment),
            base_url=base_url,
            via=self.wiring.platform,
        )
        return ApprovalMails(
            holds=self.stores.holds,
            threads=self.stores.threads,
            contacts=contacts,
            outgoing=self.ports.system_mail,
            writer=writer or None,
            keys=_link_keys(self.wiring),
            clock=self.ports.clock,
            telemetry=self.ports.telemetry,
        )

    def reader(self) -> MailReader:
        return self.ports.reader or mime.Reader(
            alias_domains=frozenset(self.deployment.alias_domains),
            legacy_domains=frozenset(self.deployment.legacy_domains),
            trusted_authserv_ids=self.wiring.trusted_authserv_ids,
            rewriters=self.wiring.rewriters,
        )

    def evidence(self) -> EvidenceFinder | None:
        ports = self.ports
        if ports.authenticator is None:
            return None
        return EvidenceFinder(
            authenticator=ports.authenticator,
            records=EvidenceRecords(records=ports.records),
            domains=self.deployment.domains,
            clock=ports.clock,
            telemetry=ports.telemetry,
        )

    def relay(self, messaging: Messaging, notices: Notices | None) -> InboundRelay:
        ports, stores = self.ports, self.stores
        traffic = Traffic(records=ports.records)
        return InboundRelay(
            stores=InboundStores(
                blobs=ports.blobs, inbound=stores.inbound, dead_letters=stores.dead_letters, traffic=traffic
            ),
            reader=self.reader(),
            facts=FactFinder(
                domains=self.deployment.domains,
                aliases=stores.aliases,
                threads=stores.threads,
                sightings=stores.inbound,
                identities=self.identities,
                legacy=ports.legacy,
                stages=self.stages,
                traffic=traffic,
                approvals=stores.holds,
                # A guess is no better without MACs: the whole token must be listed. They only spare the look-up.
                keys=None if self.deployment.foreign_tokens else self.wiring.keyring.alias_keys(),
            ),
            carrier=PlanCarrier(
                messaging=messaging,
                legacy=ports.legacy,
                records=stores.inbound,
                notices=notices,
                identities=self.identities,
                blobs=ports.blobs,
                telemetry=ports.telemetry,
            ),
            clock=ports.clock,
            telemetry=ports.telemetry,
            evidence=self.evidence(),
            policy=self.policy,
        )


def _outbound(
    *, ports: Ports, stores: Stores, stages: Stages, contacts: Contacts, deployment: Deployment, wiring: Wiring
) -> OutboundNotifier:
    scenes = Scenes(conversations=stores.conversations, threads=stores.threads)
    calls = Calls(
        contacts=contacts,
        legacy=ports.legacy,
        hub=ports.hub or _mail_hub(ports, deployment, wiring),
        clock=ports.clock,
        alias_domain=alias_domain(deployment),
    )
    return OutboundNotifier(
        deciding=Deciding(
            scenes=scenes,
            stages=stages,
            ledger=stores.ledger,
            dead_letters=stores.dead_letters,
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
        sending=Sending(
            ledger=stores.ledger,
            scenes=scenes,
            calls=calls,
            dead_letters=stores.dead_letters,
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
    )


def _mail_hub(ports: Ports, deployment: Deployment, wiring: Wiring) -> NotificationHub:
    return hub.NotificationHub(
        outgoing=ports.mail,
        compose=mime.compose,
        seals=seals(wiring.keyring),
        alias_domain=alias_domain(deployment),
        guarantee=Guarantee(remembers_keys_for=FOR_EVER),
        via=wiring.platform,
    )
