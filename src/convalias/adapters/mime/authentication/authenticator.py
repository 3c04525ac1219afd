"""SenderAuthenticator: who a mail is from, proved by DKIM, DMARC and SPF from its bytes and the domain name system."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import evolve, field, frozen

from convalias.adapters.mime.authentication.arc import Saw, saw_dmarc, saw_spf, vouched_for
from convalias.adapters.mime.authentication.canonical import SignedMail
from convalias.adapters.mime.authentication.dkim import Checked, Signature, covers_from, read_signature, verify
from convalias.adapters.mime.authentication.dmarc import (
    PolicyUnknown,
    Published,
    aligned,
    aligned_by_spf,
    published,
)
from convalias.adapters.mime.authentication.key_checks import KeyChecks
from convalias.adapters.mime.authentication.lookups import Lookups
from convalias.adapters.mime.authentication.received import client_of
from convalias.adapters.mime.coverage import covered, covers
from convalias.adapters.mime.fields import read_block, unfolded
from convalias.adapters.mime.lists import list_id
from convalias.adapters.mime.mailboxes import text_of
from convalias.adapters.mime.sender import read_from, readings_of
from convalias.domain.addresses.email_address import EmailAddress, canonical_domain
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import SHOWN
from convalias.ports.dns import DnsResolver
from convalias.ports.spf import SpfCheck, SpfResult

_MOST_SIGNATURES: Final = 8
"""Signatures of domains akin to From that are verified; the others prove nothing about it."""
_MOST_FIELDS: Final = 50
_MOST_OF_LISTS: Final = 2
"""Signatures of a list's domain that are verified: an honest list has one."""
_READ: Final = frozenset({*SHOWN, "to", "cc"})
"""Fields about which it matters whether they are signed."""
_NOTHING: Final = SenderEvidence()


class WithoutSpf(Enum):
    """The meaning of a mail that DKIM does not prove, when nobody told us about SPF.

    DMARC passes by either of the two, and SPF is about the connection: only the border saw it. Honest mail of domains
    that publish `p=reject` and never sign exists.
    """

    ASK = "permerror: a person decides"
    FAIL = "fail: as if SPF had failed"


def _domains(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(canonical_domain, names))


@frozen(kw_only=True)
class Authenticator:
    """`ports.SenderAuthenticator`. Reads From as the reader does, so both speak of one domain."""

    resolver: DnsResolver
    sealers: frozenset[str] = field(default=frozenset(), converter=_domains)
    """Whose ARC seals lift a failure: forwarders and lists that you know. None by default."""
    without_spf: WithoutSpf = WithoutSpf.ASK
    within: timedelta = timedelta(seconds=20)
    """For all look-ups of one mail; what is not answered by then is a temporary error."""
    keys: KeyChecks = field(factory=KeyChecks, repr=False)
    spf: SpfCheck | None = field(default=None, repr=False)
    """None: SPF is not computed."""
    borders: frozenset[str] = field(default=frozenset(), converter=_domains)
    """Hosts that write a Received on top of every mail: what it says of the client is believed, for SPF."""

    async def evidence(self, raw: bytes, post: Post) -> SenderEvidence:
        """Return what is proved of the From address. What a border found about DMARC stands."""
        border = post.evidence
        if border is not None and border.dmarc is not Dmarc.NONE:
            return border
        case = self._case(raw, post)
        if case is None:
            return border or _NOTHING
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await case.evidence()
        except (TimeoutError, PolicyUnknown):
            return SenderEvidence(Dmarc.TEMPERROR, spf_aligned=border is not None and border.spf_aligned)

    @property
    def completes(self) -> bool:
        """Return whether SPF can be computed, or a sealer may have seen it pass."""
        return bool(self.sealers) or (self.spf is not None and bool(self.borders))

    async def completed(self, raw: bytes, post: Post, border: SenderEvidence) -> SenderEvidence:
        """Return the border's evidence with SPF; of a border that names no method also with our own look at DKIM."""
        case = self._case(raw, evolve(post, evidence=border))
        if case is None:
            return border
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await case.completed(border)
        except (TimeoutError, PolicyUnknown):
            return SenderEvidence(Dmarc.TEMPERROR)

    def _case(self, raw: bytes, post: Post) -> _Case | None:
        """None: the mail does not say whom to ask about."""
        block = read_block(raw, 0, len(raw))
        domains = {one.domain for one in readings_of(read_from(block))}
        if block.over is not None or len(domains) != 1:
            return None
        lookups = Lookups(self.resolver, self.keys)
        return _Case(SignedMail.of(raw, block.body), domains.pop(), list_id(block), lookups, post, self)


@frozen
class _Case:
    """One mail while it is authenticated."""

    mail: SignedMail
    domain: str
    list_id: str | None
    """The mailing list that it says it came by."""
    lookups: Lookups
    post: Post
    settings: Authenticator

    @property
    def now(self) -> datetime:
        return self.post.received_at

    async def evidence(self) -> SenderEvidence:
        policy = await published(self.domain, self.lookups)
        found, signed = await self._signed(policy)
        sent = await self._sent(policy)
        spf, dkim = sent is Checked.PASS, found is Checked.PASS
        if policy is None:
            dmarc, wanted = Dmarc.NONE, None
        else:
            passed = dkim or spf or await self._is_vouched_for(saw_dmarc)
            dmarc, wanted = Dmarc.PASS if passed else self._failure(found, sent), policy.policy
        # A listed sealer that saw SPF pass knows more than a signature, which anybody may have sent on.
        known = dkim and (spf or not await self._is_vouched_for(saw_spf))
        return SenderEvidence(
            dmarc,
            wanted,
            spf_aligned=spf,
            dkim_aligned=dkim,
            dkim_signed=signed if known else None,
            via_list=await self._listed(),
        )

    async def completed(self, border: SenderEvidence) -> SenderEvidence:
        """The border's evidence, and what it left open."""
        policy = await published(self.domain, self.lookups)
        sent = await self._sent(policy)
        if sent is Checked.TEMPERROR:
            return SenderEvidence(Dmarc.TEMPERROR)
        if sent is Checked.PASS:
            return evolve(border, spf_aligned=True, spf_known=True)
        found = border if sent is None else evolve(border, spf_known=True)
        if not border.dkim_aligned:  # it names no method: what its pass rests on is seen by looking
            checked, signed = await self._signed(policy)
            if checked is Checked.TEMPERROR:
                return SenderEvidence(Dmarc.TEMPERROR)
            if checked is Checked.PASS:
                found = evolve(found, dkim_aligned=True, dkim_signed=signed)
        if found.dkim_signed is not None and await self._is_vouched_for(saw_spf):
            return evolve(found, dkim_signed=None)
        return found

    async def _listed(self) -> str | None:
        """The mailing list that a passing signature of its own domain, or of one above it, says the mail came by."""
        if self.list_id is None:
            return None
        present = Counter(one.name for one in self.mail.fields)
        read = map(read_signature, self.mail.all(b"dkim-signature")[:_MOST_FIELDS])
        own = [
            one
            for one in read
            if one is not None and covers(one.domain, self.list_id) and "list-id" in covered(one.signed, present)
        ]
        for signature in own[:_MOST_OF_LISTS]:
            if await verify(signature, self.mail, self.lookups, now=self.now) is Checked.PASS:
                return self.list_id
        return None

    async def _signed(self, policy: Published | None) -> tuple[Checked, frozenset[str]]:
        """The best of the aligned signatures, and what those that pass cover.

        One that is broken says nothing about another (RFC 6376 §6.1).
        """
        found, signed = Checked.FAIL, frozenset[str]()
        present = Counter(one.name for one in self.mail.fields)
        for signature in self._akin():
            if not await aligned(signature.domain, self.domain, policy, self.lookups):
                continue
            checked = await verify(signature, self.mail, self.lookups, now=self.now)
            if checked is Checked.PASS:
                found, signed = checked, signed | covered(signature.signed, present)
                if signed >= _READ:
                    break
            elif found is Checked.FAIL:
                found = checked
        return found, signed

    def _akin(self) -> Sequence[Signature]:
        """Signatures that could be aligned: of names that share the last two labels with From."""
        end = self.domain.split(".")[-2:]
        read = map(read_signature, self.mail.all(b"dkim-signature")[:_MOST_FIELDS])
        akin = [one for one in read if one is not None and one.domain.split(".")[-2:] == end]
        # The likeliest first, so that signatures added in front of it push none out.
        likely = sorted(akin, key=lambda one: (not covers_from(one, self.mail), one.domain != self.domain))
        return likely[:_MOST_SIGNATURES]

    async def _is_vouched_for(self, saw: Saw) -> bool:
        """Whether servers that we listed say that the domain had passed before they changed the mail."""
        return await vouched_for(
            self.mail, self.domain, self.lookups, sealers=self.settings.sealers, now=self.now, saw=saw
        )

    async def _sent(self, policy: Published | None) -> Checked | None:
        """Whether the From domain let the client send: as the source says, else computed. None: nobody knows."""
        border, settings, sender = self.post.evidence, self.settings, self.post.return_path
        if border is not None and border.spf_known:
            return Checked.PASS if border.spf_aligned else Checked.FAIL
        received = next((one for one in self.mail.fields if one.name == b"received"), None)
        if settings.spf is None or received is None or not isinstance(sender, EmailAddress):
            return None
        client = client_of(text_of(unfolded(received.value)), settings.borders)
        if client is None:
            return None
        if not await aligned_by_spf(sender.domain, self.domain, policy, self.lookups):
            return Checked.FAIL
        match await settings.spf.check(client.address, sender.key, client.helo):
            case SpfResult.PASS:
                return Checked.PASS
            case SpfResult.NO_PASS:
                return Checked.FAIL
            case SpfResult.TEMPERROR:
                return Checked.TEMPERROR

    def _failure(self, found: Checked, sent: Checked | None) -> Dmarc:
        """`found` is about DKIM, `sent` about SPF; either alone would pass."""
        if Checked.TEMPERROR in {found, sent}:
            return Dmarc.TEMPERROR
        told = sent is not None or self.settings.without_spf is WithoutSpf.FAIL
        return Dmarc.FAIL if told else Dmarc.PERMERROR
