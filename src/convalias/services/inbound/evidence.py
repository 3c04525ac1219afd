"""Find evidence for the sender of a mail: from its border, else from an authenticator."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from convalias.domain.addresses.email_address import MailDomains
from convalias.domain.aliases.alias import AliasKeys
from convalias.domain.aliases.unwrapping import may_be_ours
from convalias.domain.inbound.evidence_records import EvidenceRecord
from convalias.domain.inbound.outcomes import Again
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence, judge, may_lack_spf
from convalias.domain.mail.envelope import ClearFrom, From, InboundMail, MessageEnvelope, evidence_of
from convalias.domain.outbound.delivery import backoff
from convalias.domain.routing.arrival import header_addresses
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.mail import Completes, SenderAuthenticator
from convalias.services.inbound.name_servers import NameServerBudget
from convalias.stores.inbound.evidence import EvidenceRecords

UNANSWERED: Final = "the domain name system does not answer"
TURN: Final = "other mails of the sender's domain wait for its name servers"


@frozen(kw_only=True)
class Insistence:
    """The limits on asking again if the domain name system does not answer; then the mail is held."""

    tries: int = 4
    first_pause: timedelta = timedelta(minutes=1)
    longest_pause: timedelta = timedelta(minutes=15)
    within: timedelta = timedelta(seconds=6)
    """So long one mail is asked about in one try."""
    turn: timedelta = timedelta(seconds=5)
    """The pause where other mails of its domain are being asked about: no try of its own."""


@frozen(kw_only=True)
class EvidenceFinder:
    """Evidence of a trusted border stands; an answer of the authenticator is kept and never asked for again.

    Keys of DKIM rotate away, so asking anew at a replay would turn what was proved into a failure. No answer is no
    evidence: it is not kept, and whoever decides the mail anew asks once more.
    """

    authenticator: SenderAuthenticator
    records: EvidenceRecords
    domains: MailDomains
    clock: Clock
    telemetry: Telemetry
    insistence: Insistence = Insistence()
    keys: AliasKeys | None = None
    """Of our v3 aliases; None: no MAC can be checked."""
    budget: NameServerBudget = field(factory=NameServerBudget)
    """Of this process."""
    require_dkim: frozenset[str] = frozenset()
    """From domains whose mail a pass by SPF alone does not authenticate."""

    async def missing(
        self, mail: InboundMail, raw: bytes, record: EnvelopeRecord, *, keep: bool = True
    ) -> SenderEvidence | Again | None:
        """Ask the authenticator what a border did not prove, or not look at; None: the mail's own evidence counts.

        `Again`: there was no answer, give the job back; no failure of the mail. Not `keep`: nothing is written, and
        nobody waits. Raises `Unavailable` when our own records do not answer.
        """
        if not isinstance(mail, MessageEnvelope) or not (_is_unproved(mail.evidence) or self._may_add(mail.evidence)):
            return None
        # Mail that is nobody's here costs no look-up, nor does a token that we did not make. An address of an older
        # format costs one whether or not it is an alias: else the sender's own name server, which sees who is looked
        # up, would tell which aliases exist.
        if not may_be_ours(mail.recipients or header_addresses(mail), self.domains, self.keys):
            return None
        standing = await self.records.get(record.raw)
        if standing is not None:
            return standing.evidence
        if not keep:
            return await self._asked(mail, raw, record)
        domain = _domain(mail.sender)
        if not self.budget.enter(domain, at=self.clock.now()):
            return Again(self.insistence.turn, TURN)
        answered = False
        try:
            found = await self._asked(mail, raw, record)
            answered = found.dmarc is not Dmarc.TEMPERROR
        finally:
            self.budget.leave(domain, at=self.clock.now(), answered=answered)
        if found.dmarc is Dmarc.TEMPERROR:
            return await self._unanswered(record, found if _is_unproved(mail.evidence) else mail.evidence)
        kept = EvidenceRecord(raw=record.raw, evidence=found, at=self.clock.now())
        return (await self.records.keep(kept)).evidence

    async def _asked(self, mail: MessageEnvelope, raw: bytes, record: EnvelopeRecord) -> SenderEvidence:
        """What the authenticator says in time: a batch of other mails may wait for this one."""
        timeout = asyncio.timeout(self.insistence.within.total_seconds())
        try:
            async with timeout:
                found = await self._found(mail.evidence, raw, record)
        except TimeoutError:
            if not timeout.expired():
                raise
            found = SenderEvidence(Dmarc.TEMPERROR)
        self.telemetry.measure("icer.evidence.asked", 1, dmarc=found.dmarc.value)
        return evidence_of(mail.sender, found, require_dkim=self.require_dkim)

    async def _found(self, border: SenderEvidence, raw: bytes, record: EnvelopeRecord) -> SenderEvidence:
        if isinstance(self.authenticator, Completes) and not _is_unproved(border):
            return await self.authenticator.completed(raw, record.post, border)
        return await self.authenticator.evidence(raw, record.post)

    def _may_add(self, border: SenderEvidence) -> bool:
        """Whether the authenticator may know more of a sender whom the border proved."""
        if not may_lack_spf(border):
            return False
        return isinstance(self.authenticator, Completes) and self.authenticator.completes

    async def _unanswered(self, record: EnvelopeRecord, found: SenderEvidence) -> SenderEvidence | Again:
        """As often as the patience goes; from then on what could not be found out is decided about as it is."""
        count = await self.records.unanswered(record.key, at=self.clock.now())
        if count >= self.insistence.tries:
            return found
        pause = backoff(
            count,
            first=self.insistence.first_pause,
            longest=self.insistence.longest_pause,
            jitter=self.clock.entropy(1)[0] / 256,
        )
        return Again(pause, UNANSWERED)


def _is_unproved(border: SenderEvidence) -> bool:
    return judge(border) is Authentication.UNPROVED


def _domain(sender: From) -> str:
    """The From domain; of several readings none, for then nobody is looked up."""
    return sender.address.domain if isinstance(sender, ClearFrom) else ""
