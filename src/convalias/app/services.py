"""The services of one deployment, each built from the ports it needs."""

from __future__ import annotations

from attrs import evolve, frozen

from convalias.adapters import hub, memory, mime
from convalias.app.inbound import Inbound, identities_of
from convalias.app.ports import Ports, StandIn
from convalias.app.wiring import Stores, Wiring, alias_domain, conversations_over, link_keys, seals, typed_stores
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.first_tries import FirstTryRules
from convalias.domain.outbound.pacing import MessageBounds
from convalias.domain.outbound.tries import Persistence
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.conversations import Conversations
from convalias.ports.hub import NotificationHub
from convalias.ports.mail import guarantee_of
from convalias.ports.people import IdentityDirectory as IdentityDirectoryPort
from convalias.ports.records import Records
from convalias.services.approvals.approvals import Approvals
from convalias.services.approvals.old_holds import OldHolds
from convalias.services.conversations.alias_keys import KeyGuard
from convalias.services.conversations.aliasing import Aliasing, AliasMint
from convalias.services.conversations.contacts import Contacts
from convalias.services.conversations.loading import Loading
from convalias.services.conversations.messaging import Messaging
from convalias.services.conversations.stages import Stages
from convalias.services.feed.change_feed import ChangeFeedPump, Feed
from convalias.services.feed.change_stream import ChangeStreamFeed
from convalias.services.feed.untold_feed import UntoldFeed
from convalias.services.inbound.receiver import Receiver
from convalias.services.inbound.sweeper import Sweeper
from convalias.services.inbound.worker import InboundWorker, log
from convalias.services.migration.rollout import RolloutControl
from convalias.services.operations import rehearsal
from convalias.services.operations.data_places import PlaceGuard
from convalias.services.operations.host_guard import HostGuard
from convalias.services.operations.mail_finding import MailFinder
from convalias.services.operations.mail_following import FollowedStores, MailFollower
from convalias.services.operations.numbers import Numbers
from convalias.services.operations.operations import Operations
from convalias.services.operations.replay import Replay
from convalias.services.operations.retention import Retention
from convalias.services.outbound.answering import Answering
from convalias.services.outbound.attachment_links import AttachmentLinks
from convalias.services.outbound.calls import Calls
from convalias.services.outbound.deciding import Deciding, OnlyEmail
from convalias.services.outbound.delivery_events import DeliveryEvents
from convalias.services.outbound.legacy_audience import ParticipantsAudience
from convalias.services.outbound.notifier import OutboundNotifier
from convalias.services.outbound.pacing import Pacing
from convalias.services.outbound.sending import Sending
from convalias.services.outbound.slots import SendingSlots
from convalias.services.outbound.suppressing import Suppressing
from convalias.services.outbound.unsubscribing import Unsubscribing
from convalias.services.running.log_lines import LogLines
from convalias.services.running.reason_labels import ReasonLabels
from convalias.services.system_mail.address_notices import Announcing
from convalias.services.system_mail.approval_requests import ApprovalMails
from convalias.services.system_mail.outbox import SystemOutbox
from convalias.services.system_mail.refusals import Notices
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.conversations.attachments import Attachments
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.conversations.hosted import HostConversations
from convalias.stores.conversations.listing import Listing
from convalias.stores.deployment.data_places import DirectoryClaims
from convalias.stores.deployment.signs import Signs
from convalias.stores.feed.positions import Positions
from convalias.stores.outbound.delivery_events import DeliveryEvents as SeenEvents
from convalias.stores.outbound.paces import Paces
from convalias.stores.outbound.undecided import UndecidedEvents


@frozen(kw_only=True)
class Services:
    """Services of a deployment, wired once."""

    stores: Stores
    keys: KeyGuard
    place: PlaceGuard
    host: HostGuard
    receiver: Receiver
    inbound: InboundWorker
    notices: Notices
    announcing: Announcing
    approvals: Approvals
    approval_mails: ApprovalMails
    system_outbox: SystemOutbox
    suppressing: Suppressing
    delivery_events: DeliveryEvents
    unsubscribing: Unsubscribing
    attachment_links: AttachmentLinks
    sweeper: Sweeper
    old_holds: OldHolds
    retention: Retention
    messaging: Messaging
    loading: Loading
    contacts: Contacts
    feed: Feed
    outbound: OutboundNotifier
    operations: Operations
    numbers: Numbers
    replay: Replay
    rollout: RolloutControl


__all__ = ["Services", "Stores", "Wiring", "alias_domain", "assemble", "audience", "seals"]


def assemble(
    ports: Ports,
    *,
    deployment: Deployment,
    policy: RoutingPolicy,
    rules: RuleBook = RULES,
    wiring: Wiring,
    lines: LogLines | None = None,
    slots: SendingSlots | None = None,
    labels: ReasonLabels | None = None,
) -> Services:
    """Wire everything. Opens nothing, calls nothing.

    `lines`, `slots`, `labels`: those of the process; None: of these services alone.
    """
    lines = lines or LogLines(log, ports.clock)
    stores = typed_stores(ports, wiring.keyring, mail_kept=wiring.mail_kept)
    stages = Stages(
        flags=ports.flags or stores.rollouts, unset=Stage.LEGACY if has_legacy(ports, deployment) else Stage.NATIVE
    )
    contacts = Contacts(
        conversations=stores.conversations,
        aliases=stores.aliases,
        identities=ports.identity or stores.directory,
    )
    aliasing = _aliasing(ports, stores, stages, deployment, wiring)
    messaging = Messaging(
        conversations=stores.conversations,
        clock=ports.clock,
        aliasing=aliasing,
        accounts=stores.directory if ports.identity is None else None,
        attachments=Attachments(blobs=ports.blobs),
    )
    inbound = Inbound(
        ports=ports,
        stores=stores,
        stages=stages,
        identities=identities_of(ports, stores, wiring),
        deployment=deployment,
        policy=policy,
        wiring=wiring,
        rules=rules,
        labels=labels or ReasonLabels(),
    )
    notices = inbound.notices()
    suppressing = Suppressing(suppressions=stores.suppressions, contacts=contacts, clock=ports.clock)
    operations = _operations(ports, stores, inbound, aliasing.guard, suppressing)
    reports = inbound.reports(messaging, contacts)
    relay = inbound.relay(messaging, notices, reports)
    return Services(
        stores=stores,
        keys=aliasing.guard,
        host=HostGuard(rows=HostRows(records=ports.records), has_host=ports.conversations is not None),
        place=PlaceGuard(claims=DirectoryClaims(records=ports.records), place=wiring.place, clock=ports.clock),
        receiver=Receiver(
            blobs=ports.blobs,
            queue=ports.queue,
            clock=ports.clock,
            telemetry=ports.telemetry,
            # Where no domain is known yet, nothing is known not to be ours.
            domains=deployment.domains if deployment.alias_domains else None,
            keys=None if deployment.foreign_tokens or wiring.lost_keys else wiring.keyring.alias_keys(),
        ),
        inbound=InboundWorker(
            queue=ports.queue, relay=relay, clock=ports.clock, telemetry=ports.telemetry, lines=lines
        ),
        notices=notices,
        announcing=inbound.announcing(),
        approvals=Approvals(
            holds=stores.holds,
            conversations=stores.conversations,
            relay=relay,
            notices=notices,
            keys=link_keys(wiring),
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
        approval_mails=inbound.approval_mails(),
        system_outbox=inbound.system_outbox(contacts),
        attachment_links=AttachmentLinks(
            seals=seals(wiring.keyring),
            conversations=stores.conversations,
            contacts=contacts,
            attachments=Attachments(blobs=ports.blobs),
            clock=ports.clock,
            alias_domain=alias_domain(deployment),
            platform=wiring.platform,
            shown_domains=(alias_domain(deployment),),
        ),
        suppressing=suppressing,
        delivery_events=DeliveryEvents(
            reports=reports,
            events=SeenEvents(records=ports.records),
            seals=seals(wiring.keyring),
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
        unsubscribing=Unsubscribing(seals=seals(wiring.keyring), suppressions=stores.suppressions, clock=ports.clock),
        sweeper=Sweeper(
            blobs=ports.blobs,
            queue=ports.queue,
            records=ports.records,
            inbound=stores.inbound,
            clock=ports.clock,
            telemetry=ports.telemetry,
        ),
        old_holds=OldHolds(records=ports.records, holds=stores.holds, clock=ports.clock),
        retention=Retention(
            blobs=ports.blobs,
            records=ports.records,
            clock=ports.clock,
            telemetry=ports.telemetry,
            kept=wiring.mail_kept,
        ),
        messaging=messaging,
        loading=Loading(aliasing=aliasing),
        contacts=contacts,
        feed=_feed(ports, stores),
        outbound=_outbound(
            ports=ports,
            stores=stores,
            aliasing=aliasing,
            contacts=contacts,
            deployment=deployment,
            wiring=wiring,
            lines=lines,
            slots=slots or SendingSlots(),
        ),
        operations=operations,
        numbers=Numbers(
            records=ports.records,
            events=ports.events,
            conversations=stores.conversations,
            operations=operations,
            signs=Signs(records=ports.records),
            clock=ports.clock,
            polls_feed=ports.changes is None and stores.conversations.keeps_events,
        ),
        replay=Replay(
            blobs=ports.blobs,
            inbound=stores.inbound,
            dead_letters=stores.dead_letters,
            conversations=stores.conversations,
            keys=aliasing.guard,
            relay=inbound.relay(messaging, None),  # a replay mails nobody
            restoring=inbound.relay(messaging, None, restores=True),
            clock=ports.clock,
            rehearse=lambda: (
                assemble(rehearsed(ports), deployment=deployment, policy=policy, rules=rules, wiring=wiring).replay
            ),
        ),
        rollout=RolloutControl(
            rollouts=stores.rollouts,
            aliasing=aliasing,
            listing=Listing(records=ports.records),
            has_legacy=has_legacy(ports, deployment),
            outside=ports.flags,
            searches=ports.event_store is None and ports.conversations is None,
        ),
    )


def has_legacy(ports: Ports, deployment: Deployment) -> bool:
    """Whether a legacy relay notifies anybody: the stand-in is bound always, and speaks for no domain until told."""
    return ports.legacy is not None and bool(deployment.legacy_domains)


def _operations(ports: Ports, stores: Stores, inbound: Inbound, keys: KeyGuard, suppressing: Suppressing) -> Operations:
    return Operations(
        finder=MailFinder(
            blobs=ports.blobs, inbound=stores.inbound, domains=inbound.deployment.domains, reader=inbound.reader()
        ),
        follower=MailFollower(
            blobs=ports.blobs,
            stores=FollowedStores(
                inbound=stores.inbound,
                dead_letters=stores.dead_letters,
                conversations=stores.conversations,
                ledger=stores.ledger,
                holds=stores.holds,
                aliases=stores.aliases,
                system_mail=inbound.outbox(),
                undecided=UndecidedEvents(records=ports.records),
            ),
            clock=ports.clock,
            reader=inbound.reader(),
            suppressing=suppressing,
            is_stand_in=isinstance(ports.legacy, StandIn),
            asks_participants=inbound.wiring.base_url is not None,
        ),
        suppressions=stores.suppressions,
        keys=keys,
        clock=ports.clock,
    )


def rehearsed(ports: Ports) -> Ports:
    """The same ports, which change nothing. Refuses an event store of the host's own: it would be written to.

    No detector is among them. To look at a mail costs it time or money, it may remember what it saw, and nobody
    waits for its finding here.
    """
    if ports.event_store is not None:
        raise TypeError("a dry run over an event store of one's own: found event_store=, expected none")
    quiet = evolve(
        ports,
        records=rehearsal.Records(ports.records),
        blobs=rehearsal.Blobs(ports.blobs),
        telemetry=memory.NoTelemetry(),
        check=None,
    )
    if ports.conversations is not None:
        quiet = quiet.but(conversations=rehearsal.Conversations(ports.conversations))
    return quiet if ports.legacy is None else quiet.but(legacy=rehearsal.LegacyRelay(ports.legacy))


def audience(
    records: Records,
    blobs: Blobs,
    clock: Clock,
    identity: IdentityDirectoryPort | None = None,
    host: Conversations | None = None,
) -> ParticipantsAudience:
    """Return the audience that a stand-in legacy relay notifies.

    From the ports alone: it is opened before there are services.
    """
    contacts = Contacts(
        conversations=conversations_over(records, blobs, clock, host=host),
        aliases=Aliases(records=records),
        identities=identity or IdentityDirectory(records=records),
    )
    return ParticipantsAudience(contacts=contacts, blobs=blobs, reader=mime.Reader(), clock=clock)


def _aliasing(ports: Ports, stores: Stores, stages: Stages, deployment: Deployment, wiring: Wiring) -> Aliasing:
    mint = AliasMint(
        domain=alias_domain(deployment),
        keys=wiring.keyring.alias_keys(),
        styles=wiring.alias_styles,
        brand=wiring.platform,
    )
    return Aliasing(
        aliases=stores.aliases,
        conversations=stores.conversations,
        clock=ports.clock,
        stages=stages,
        mint=mint if deployment.alias_domains else None,
        guard=KeyGuard(
            uses=stores.key_uses,
            aliases=stores.aliases,
            keyring=wiring.keyring,
            deployments=stores.deployments,
            clock=ports.clock,
            missing=wiring.missing_key_ids,
            lost=wiring.lost_keys,
        ),
    )


def _feed(ports: Ports, stores: Stores) -> Feed:
    if isinstance(stores.conversations, HostConversations):
        return UntoldFeed(
            conversations=stores.conversations,
            log=ports.events,
            listing=Listing(records=ports.records),
            dead_letters=stores.dead_letters,
            clock=ports.clock,
            telemetry=ports.telemetry,
        )
    if ports.changes is None:
        return ChangeFeedPump(records=ports.records, log=ports.events, clock=ports.clock, telemetry=ports.telemetry)
    return ChangeStreamFeed(
        changes=ports.changes,
        positions=Positions(records=ports.records, clock=ports.clock, incarnation=ports.incarnation),
        log=ports.events,
        clock=ports.clock,
        telemetry=ports.telemetry,
    )


def _outbound(
    *,
    ports: Ports,
    stores: Stores,
    aliasing: Aliasing,
    contacts: Contacts,
    deployment: Deployment,
    wiring: Wiring,
    lines: LogLines,
    slots: SendingSlots,
) -> OutboundNotifier:
    answering = Answering(aliasing=aliasing, has_legacy=has_legacy(ports, deployment))
    calls = Calls(
        contacts=contacts,
        answering=answering,
        legacy=ports.legacy,
        hub=_hub(ports, deployment, wiring),
        endpoints=ports.endpoints,
        clock=ports.clock,
        alias_domain=alias_domain(deployment),
        persistence=Persistence(ambiguity=wiring.on_uncertain),
        rules=FirstTryRules(tell_readers=wiring.mail_what_was_read),
        suppressions=stores.suppressions,
        lines=lines,
    )
    sending = Sending(
        ledger=stores.ledger,
        conversations=stores.conversations,
        calls=calls,
        dead_letters=stores.dead_letters,
        clock=ports.clock,
        telemetry=ports.telemetry,
        slots=slots,
    )
    return OutboundNotifier(
        deciding=Deciding(
            sending=sending,
            conversations=stores.conversations,
            stages=aliasing.stages,
            answering=answering,
            ledger=stores.ledger,
            dead_letters=stores.dead_letters,
            clock=ports.clock,
            telemetry=ports.telemetry,
            pacing=Pacing(
                conversations=stores.conversations,
                paces=Paces(records=ports.records),
                telemetry=ports.telemetry,
                bounds=MessageBounds(verified=wiring.messages_an_hour, unverified=wiring.unverified_messages_an_hour),
            ),
            channels=ports.channel_choice or OnlyEmail(),
        ),
        sending=sending,
    )


def _hub(ports: Ports, deployment: Deployment, wiring: Wiring) -> NotificationHub:
    others = ports.hub or _mail_hub(ports, deployment, wiring)
    return hub.ChannelsHub(others, ports.channels) if ports.channels else others


def _mail_hub(ports: Ports, deployment: Deployment, wiring: Wiring) -> NotificationHub:
    return hub.NotificationHub(
        outgoing=ports.mail,
        compose=wiring.compose or mime.compose,
        seals=seals(wiring.keyring),
        alias_domain=alias_domain(deployment),
        guarantee=guarantee_of(ports.mail),
        via=wiring.platform,
        base_url=wiring.base_url,
        conversation_url=wiring.conversation_url,
        languages=wiring.languages,
        files=Attachments(blobs=ports.blobs).get,
    )
