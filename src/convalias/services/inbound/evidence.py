"""Who proves the sender of a mail: its border, or an authenticator that is asked where the border said nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.unwrapping import unwrapped
from convalias.domain.inbound.evidence_records import EvidenceRecord
from convalias.domain.inbound.records import Again, EnvelopeRecord
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence, judge
from convalias.domain.mail.envelope import InboundMail, MessageEnvelope, evidence_of
from convalias.domain.outbound.delivery import backoff
from convalias.domain.routing.arrival import header_addresses
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.mail import SenderAuthenticator
from convalias.stores.inbound.evidence import EvidenceRecords

UNANSWERED: Final = "the domain name system does not answer"


@frozen(kw_only=True)
class Insistence:
    """How often it is asked where the domain name system does not answer; then the mail is held."""

    tries: int = 4
    first_pause: timedelta = timedelta(minutes=1)
    longest_pause: timedelta = timedelta(minutes=15)


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
    require_dkim: frozenset[str] = frozenset()
    """From domains whose mail a pass by SPF alone does not authenticate."""

    async def missing(
        self, mail: InboundMail, raw: bytes, record: EnvelopeRecord, *, keep: bool = True
    ) -> SenderEvidence | Again | None:
        """What the authenticator says of a mail whose border proved nothing; None: its own evidence stands.

        `Again`: there was no answer, give the job back; no failure of the mail. Not `keep`: nothing is written, and
        nobody waits. Raises `Unavailable` when our own records do not answer.
        """
        if not isinstance(mail, MessageEnvelope) or judge(mail.evidence) is not Authentication.UNPROVED:
            return None
        if not any(map(self._is_ours, mail.recipients or header_addresses(mail))):
            return None
        standing = await self.records.get(record.raw)
        if standing is not None:
            return standing.evidence
        found = await self.authenticator.evidence(raw, record.post)
        found = evidence_of(mail.sender, found, require_dkim=self.require_dkim)
        self.telemetry.measure("icer.evidence.asked", 1, dmarc=found.dmarc.value)
        if not keep:
            return found
        if found.dmarc is Dmarc.TEMPERROR:
            return await self._unanswered(record, found)
        kept = EvidenceRecord(raw=record.raw, evidence=found, at=self.clock.now())
        return (await self.records.keep(kept)).evidence

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

    def _is_ours(self, address: EmailAddress) -> bool:
        """Mail that is nobody's here costs no look-up."""
        return any(map(self.domains.ours, unwrapped(address, self.domains)))
