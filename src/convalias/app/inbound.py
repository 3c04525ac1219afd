"""The inbound side of a deployment, wired."""

from __future__ import annotations

from attrs import field, frozen

from convalias.adapters import hub, mime
from convalias.app.ports import Ports
from convalias.app.wiring import Stores, Wiring, alias_domain, link_keys, seals
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.mail import MailReader, guarantee_of
from convalias.ports.people import IdentityDirectory as IdentityDirectoryPort
from convalias.services.conversations.contacts import Contacts
from convalias.services.conversations.messaging import Messaging
from convalias.services.conversations.stages import Stages
from convalias.services.inbound import identity_cache, mail_lines
from convalias.services.inbound.carrier import PlanCarrier
from convalias.services.inbound.checking import Checking
from convalias.services.inbound.evidence import EvidenceFinder
from convalias.services.inbound.facts import FactFinder
from convalias.services.inbound.relay import InboundRelay
from convalias.services.inbound.relay import Stores as InboundStores
from convalias.services.operations import rehearsal
from convalias.services.outbound.reports import Reports
from convalias.services.running.reason_labels import ReasonLabels
from convalias.services.system_mail.address_notices import Announcing, NoticeLetters
from convalias.services.system_mail.approval_requests import ApprovalLetters, ApprovalMails
from convalias.services.system_mail.letters import Letters
from convalias.services.system_mail.outbox import SystemOutbox
from convalias.services.system_mail.refusals import Notices, RefusalLetters
from convalias.stores.inbound.evidence import EvidenceRecords
from convalias.stores.inbound.misses import Misses
from convalias.stores.inbound.traffic import Traffic
from convalias.stores.system_mail.outbox import Outbox


@frozen(kw_only=True)
class Inbound:
    """The relay's parts: built twice, once to tell senders of refusals and once not to."""

    ports: Ports
    stores: Stores
    stages: Stages
    identities: IdentityDirectoryPort
    deployment: Deployment
    policy: RoutingPolicy
    wiring: Wiring
    rules: RuleBook = RULES
    labels: ReasonLabels = field(factory=ReasonLabels)
    """Of the process."""

    def notices(self) -> Notices:
        """Return the service that enters refusals in the system's outbox."""
        return Notices(outbox=self.outbox())

    def announcing(self) -> Announcing:
        """Return the service that enters notices of the first use of an old address."""
        return Announcing(outbox=self.outbox())

    def approval_mails(self) -> ApprovalMails:
        """Return the service that enters questions about held mail."""
        return ApprovalMails(
            holds=self.stores.holds,
            conversations=self.stores.conversations,
            outbox=self.outbox(),
            pages=self.wiring.base_url,
            clock=self.ports.clock,
            telemetry=self.ports.telemetry,
        )

    def system_outbox(self, contacts: Contacts) -> SystemOutbox:
        """Return the worker that sends all of these."""
        return SystemOutbox(
            rows=self.outbox(),
            letters=self._letters(contacts),
            outgoing=self.ports.system_mail,
            guarantee=guarantee_of(self.ports.system_mail),
            clock=self.ports.clock,
            telemetry=self.ports.telemetry,
            ambiguity=self.wiring.on_uncertain,
            labels=self.labels,
        )

    def outbox(self) -> Outbox:
        """Return the rows of mail that the system itself writes."""
        return Outbox(records=self.ports.records, kept=self.wiring.mail_kept)

    def _letters(self, contacts: Contacts) -> Letters:
        sealed, domain, via = seals(self.wiring.keyring), alias_domain(self.deployment), self.wiring.platform
        compose = self.wiring.compose or mime.compose
        refusals = hub.RefusalWriter(
            compose=compose, seals=sealed, alias_domain=domain, clock=self.ports.clock, via=via
        )
        base_url = self.wiring.base_url
        approvals = base_url and hub.ApprovalWriter(
            compose=compose, seals=sealed, alias_domain=domain, base_url=base_url, via=via
        )
        notices = hub.AnnouncementWriter(compose=compose, seals=sealed, alias_domain=domain, via=via)
        return Letters(
            suppressions=self.stores.suppressions,
            refusals=RefusalLetters(writer=refusals, languages=self.wiring.languages),
            approvals=ApprovalLetters(
                holds=self.stores.holds,
                conversations=self.stores.conversations,
                contacts=contacts,
                writer=approvals or None,
                keys=link_keys(self.wiring),
                clock=self.ports.clock,
            ),
            notices=NoticeLetters(identities=self.ports.identity or self.stores.directory, writer=notices),
        )

    def reader(self) -> MailReader:
        """The one given, or the MIME reader."""
        return self.ports.reader or mime.Reader(
            alias_domains=frozenset(self.deployment.alias_domains),
            legacy_domains=frozenset(self.deployment.legacy_domains),
            trusted_authserv_ids=self.wiring.trusted_authserv_ids,
            rewriters=self.wiring.rewriters,
            require_dkim=self.wiring.require_dkim,
        )

    def evidence(self) -> EvidenceFinder | None:
        """Return the authenticator for mail whose border proved nothing; None: none is asked."""
        ports = self.ports
        if ports.authenticator is None:
            return None
        return EvidenceFinder(
            authenticator=ports.authenticator,
            records=EvidenceRecords(records=ports.records),
            domains=self.deployment.domains,
            clock=ports.clock,
            telemetry=ports.telemetry,
            keys=None if self.deployment.foreign_tokens else self.wiring.keyring.alias_keys(),
            require_dkim=self.wiring.require_dkim,
        )

    def checking(self) -> Checking | None:
        """Return the service that asks a detector; None: there is none."""
        ports = self.ports
        if ports.check is None:
            return None
        return Checking(
            check=ports.check,
            domains=self.deployment.domains,
            telemetry=ports.telemetry,
            when_away=self.wiring.on_check_away,
        )

    def reports(self, messaging: Messaging, contacts: Contacts) -> Reports:
        """Return the service that acts on bounces and complaints."""
        return Reports(
            reader=mime.ReportReader(seals(self.wiring.keyring), alias_domain(self.deployment)),
            ledger=self.stores.ledger,
            suppressions=self.stores.suppressions,
            contacts=contacts,
            conversations=messaging.conversations,
            clock=self.ports.clock,
            telemetry=self.ports.telemetry,
        )

    def relay(
        self,
        messaging: Messaging,
        notices: Notices | None,
        reports: Reports | None = None,
        *,
        restores: bool = False,
    ) -> InboundRelay:
        """The relay. No notices: nobody is told of a refusal; no reports: no bounce acts on anything."""
        ports, stores = self.ports, self.stores
        traffic, misses = Traffic(records=ports.records), Misses(records=ports.records)
        return InboundRelay(
            stores=InboundStores(
                blobs=ports.blobs,
                inbound=stores.inbound,
                dead_letters=stores.dead_letters,
                traffic=traffic,
                misses=None if notices is None else misses,
            ),
            reader=self.reader(),
            facts=FactFinder(
                domains=self.deployment.domains,
                aliases=stores.aliases,
                conversations=stores.conversations,
                sightings=stores.inbound,
                identities=self.identities,
                legacy=ports.legacy,
                stages=self.stages,
                traffic=traffic,
                approvals=stores.holds,
                misses=misses,
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
                restores=restores,
            ),
            clock=ports.clock,
            telemetry=ports.telemetry,
            announcing=None if notices is None else self.announcing(),
            reports=reports,
            evidence=self.evidence(),
            checking=self.checking(),
            policy=self.policy,
            rules=self.rules,
            labels=self.labels,
            tell=mail_lines.nothing if isinstance(ports.records, rehearsal.Records) else mail_lines.concluded,
        )


def identities_of(ports: Ports, stores: Stores, wiring: Wiring) -> IdentityDirectoryPort:
    """Return the directory that is asked about senders.

    Our own accounts lie beside all else that is looked up, and are never cached.
    """
    if ports.identity is None or not wiring.identity_cache:
        return ports.identity or stores.directory
    return identity_cache.CachedIdentities(directory=ports.identity, clock=ports.clock, keep_for=wiring.identity_cache)
