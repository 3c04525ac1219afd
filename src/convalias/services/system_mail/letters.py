"""Writers of system mail, by kind; nothing is written to an address that takes no mail."""

from __future__ import annotations

from typing import Final, assert_never

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.system_mail.letters import AddressNotice, ApprovalLetter, Letter, RefusalLetter, SystemMail
from convalias.ports.ambient import Telemetry
from convalias.ports.mail import Outgoing
from convalias.services.running.reason_labels import ReasonLabels
from convalias.services.system_mail.address_notices import NoticeLetters
from convalias.services.system_mail.approval_requests import ApprovalLetters, NoMail, NotYet
from convalias.services.system_mail.refusals import RefusalLetters
from convalias.stores.outbound.suppressions import Suppressions

NOBODY: Final = "nobody is to be told any more, or nobody is reached"
SUPPRESSED: Final = "mail to that address is suppressed: see convalias suppressions list"


@frozen(kw_only=True)
class Letters:
    """Writes each kind of letter with its own writer. What a writer looks up may raise `Unavailable`."""

    refusals: RefusalLetters
    approvals: ApprovalLetters
    notices: NoticeLetters
    suppressions: Suppressions

    async def written(self, mail: SystemMail) -> Outgoing | NotYet | NoMail:
        """Return the mail as it leaves."""
        written = await self._written(mail)
        if isinstance(written, Outgoing) and await self._is_suppressed(mail.letter, written.to):
            return NoMail(SUPPRESSED)
        return NoMail(NOBODY) if written is None else written

    async def _is_suppressed(self, letter: Letter, to: EmailAddress) -> bool:
        match letter:
            case RefusalLetter():
                return await self.suppressions.suppressed(None, to) is not None
            case ApprovalLetter(account=account, conversation=conversation):
                return await self.suppressions.objection(account, to, conversation) is not None
            case AddressNotice(account=account):
                return await self.suppressions.suppressed(account, to) is not None
            case _:
                assert_never(letter)

    async def _written(self, mail: SystemMail) -> Outgoing | NotYet | None:
        """None: nobody is to be told, now or later."""
        match mail.letter:
            case RefusalLetter() as refusal:
                return await self.refusals.written(refusal, key=mail.key)
            case ApprovalLetter() as question:
                return await self.approvals.written(question, key=mail.key)
            case AddressNotice() as notice:
                return await self.notices.written(notice, key=mail.key)
            case _:
                assert_never(mail.letter)


def count_sent(telemetry: Telemetry, letter: Letter, labels: ReasonLabels) -> None:
    """Count a mail of that kind that left."""
    match letter:
        case RefusalLetter(reason=reason):
            telemetry.measure("icer.refusals.sent", 1, reason=labels.of(reason))
        case ApprovalLetter():
            telemetry.measure("icer.approvals.sent", 1)
        case AddressNotice():
            telemetry.measure("icer.announcements.sent", 1)
        case _:
            assert_never(letter)


def count_given_up(telemetry: Telemetry, letter: Letter, because: str) -> None:
    """Count a mail of that kind that cannot leave."""
    match letter:
        case RefusalLetter():
            telemetry.measure("icer.refusals.given_up", 1, error=because)
        case ApprovalLetter():
            telemetry.measure("icer.approvals.given_up", 1, error=because)
        case AddressNotice():
            telemetry.measure("icer.announcements.given_up", 1, error=because)
        case _:
            assert_never(letter)
