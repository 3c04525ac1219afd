"""Ask a detector about mail at an address of ours; while it is away, do as the policy says."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import MailDomains
from convalias.domain.aliases.unwrapping import may_be_ours
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import AWAY, Checked, WhenAway
from convalias.domain.mail.envelope import MessageEnvelope
from convalias.domain.routing.arrival import header_addresses
from convalias.ports.ambient import Telemetry
from convalias.ports.errors import AdapterFailed, Unavailable
from convalias.ports.mail import Check, ReadMail
from convalias.services.running.places import told_of

WITHIN: Final = timedelta(seconds=20)
"""How long one mail is looked at in one try."""
CALL: Final = "check.check"


@frozen(kw_only=True)
class Checking:
    """Asks once for each try of a mail. Raises `Unavailable` where the policy is to wait."""

    check: Check
    domains: MailDomains
    telemetry: Telemetry
    when_away: WhenAway = WhenAway.WAIT
    within: timedelta = WITHIN

    async def checked(self, read: ReadMail, raw: bytes, post: Post) -> ReadMail:
        """Return the mail with what was found. Mail that is nobody's here, or that no reader understood, is not checked."""
        mail = read.mail
        if not isinstance(mail, MessageEnvelope) or not may_be_ours(
            mail.recipients or header_addresses(mail), self.domains
        ):
            return read
        found = await self._found(raw, post)
        self.telemetry.measure("icer.mail.checked", 1, finding=found.finding.value)
        return evolve(read, mail=evolve(mail, checked=found, spam=mail.spam or found.is_spam))

    async def _found(self, raw: bytes, post: Post) -> Checked:
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self.check.check(raw, post)
        except Unavailable as away:
            return self._unseen(away)
        except Exception as failed:  # noqa: BLE001 - whatever an adapter raises: try again, but not for ever
            return self._unseen(AdapterFailed(CALL, told_of(failed)))

    def _unseen(self, away: Unavailable) -> Checked:
        if self.when_away is WhenAway.WAIT:
            raise away
        return Checked(AWAY[self.when_away], str(away))
