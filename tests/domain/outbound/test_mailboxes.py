"""One mail for each mailbox and event."""

from __future__ import annotations

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, EventId
from convalias.domain.outbound.delivery import Channel, Delivery, DeliveryState, NotificationKind, notification_id
from convalias.domain.outbound.mailboxes import Mailboxes

TEAM, HOME = EmailAddress.parse("team@corp.example"), EmailAddress.parse("ann@home.example")
ANN, BOB, CHO = AccountId("ann"), AccountId("bob"), AccountId("cho")
BOXES = Mailboxes(by_account={ANN: TEAM, BOB: TEAM, CHO: HOME}, authors=frozenset({HOME}))


def row(who: AccountId, state: DeliveryState = DeliveryState.TRIED, channel: Channel = Channel.EMAIL) -> Delivery:
    return Delivery(
        id=notification_id(EventId("e1"), who, NotificationKind.MESSAGE, channel),
        recipient=who,
        channel=channel,
        state=state,
    )


def test_the_first_of_two_accounts_at_one_mailbox_gets_the_mail() -> None:
    rows = [row(ANN), row(CHO), row(BOB)]
    assert list(BOXES.before(rows[2], rows)) == [rows[0]]
    assert list(BOXES.before(rows[0], rows)) == []
    assert list(BOXES.before(rows[1], rows)) == []
    assert list(BOXES.before(row(AccountId("dan")), rows)) == []


def test_a_row_that_will_not_be_sent_or_goes_elsewhere_stands_in_nobodys_way() -> None:
    for other in (row(ANN, DeliveryState.CANCELLED), row(ANN, DeliveryState.FAILED), row(ANN, channel=Channel.SMS)):
        assert list(BOXES.before(row(BOB), [other, row(BOB)])) == []


def test_the_authors_mailbox_is_known() -> None:
    assert BOXES.is_authors(CHO)
    assert not BOXES.is_authors(ANN)
    assert not BOXES.is_authors(AccountId("dan"))
    assert BOXES.address(AccountId("dan")) is None
