"""Send one mail for each mailbox and event: several accounts may be reached at one address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import Channel, Delivery, DeliveryState

_NOT_SENT = frozenset({DeliveryState.CANCELLED, DeliveryState.TOO_LATE, DeliveryState.FAILED})


def _nobody() -> Mapping[AccountId, EmailAddress]:
    return {}


@frozen(kw_only=True)
class Mailboxes:
    """The mailboxes that mail about one event goes to, by account, and the addresses of its author."""

    by_account: Mapping[AccountId, EmailAddress] = field(factory=_nobody, hash=False)
    authors: frozenset[EmailAddress] = frozenset()

    def address(self, account: AccountId) -> EmailAddress | None:
        """Return where mail to that account goes, or None if no address of it is known."""
        return self.by_account.get(account)

    def is_authors(self, account: AccountId) -> bool:
        """Whether the author reads what is sent to that account."""
        return self.by_account.get(account) in self.authors

    def before(self, row: Delivery, rows: Iterable[Delivery]) -> Iterator[Delivery]:
        """Rows ahead of this one, of other accounts, by which its mailbox gets the mail, unless something forbids it."""
        address = self.by_account.get(row.recipient)
        for other in rows:
            if other.id == row.id:
                return
            same = other.channel is Channel.EMAIL and self.by_account.get(other.recipient) == address
            if same and other.state not in _NOT_SENT:
                yield other
