"""A bounce is about an address that its notification went to, and names nobody else's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.suppressions import MOST_MAILED, address_digest, bounced_address, mailed

OLD, NEW, OTHER, STRANGER = (EmailAddress.parse(f"{name}@x.example") for name in ("old", "new", "other", "stranger"))


def went_to(*addresses: EmailAddress) -> tuple[str, ...]:
    digests: tuple[str, ...] = ()
    for address in addresses:
        digests = mailed(digests, address)
    return digests


@pytest.mark.parametrize(
    ("sent", "named", "known", "bounced"),
    [
        ([OLD], [], [OLD], OLD),
        ([OLD], [], [NEW, OLD], OLD),
        ([OLD], [], [NEW], None),
        ([OLD], [OLD], [NEW], OLD),
        ([OLD], [STRANGER, OLD], [NEW], OLD),
        ([OLD], [STRANGER], [NEW], None),
        # Sent again to another address; the first one comes back.
        ([OLD, NEW], [OLD], [NEW], OLD),
        ([OLD, NEW], [], [NEW, OLD], NEW),
        # The bounce of the second overtakes what is written after its call.
        ([OLD], [NEW], [NEW], NEW),
        # A former release sent it.
        ([], [], [NEW, OLD], NEW),
        ([], [OLD], [NEW, OLD], OLD),
        ([], [STRANGER], [NEW], NEW),
        ([], [STRANGER], [], None),
    ],
)
def test_what_came_back_is_an_address_that_was_mailed(
    sent: Sequence[EmailAddress],
    named: Sequence[EmailAddress],
    known: Sequence[EmailAddress],
    bounced: EmailAddress | None,
) -> None:
    assert bounced_address(went_to(*sent), named=named, known=known) == bounced


ADDRESSES = st.sampled_from([OLD, NEW, OTHER, STRANGER])


@given(st.lists(ADDRESSES, max_size=6), st.lists(ADDRESSES), st.lists(ADDRESSES))
def test_no_report_writes_off_an_address_that_was_not_mailed_and_is_not_the_recipients(
    sent: list[EmailAddress], named: list[EmailAddress], known: list[EmailAddress]
) -> None:
    assert bounced_address(went_to(*sent), named=named, known=known) in {None, *sent, *known}


def test_a_notification_remembers_few_addresses_and_each_once() -> None:
    assert went_to(OLD, NEW, OLD) == (address_digest(NEW), address_digest(OLD))
    assert mailed(went_to(OLD), None) == went_to(OLD)
    assert len(went_to(OLD, NEW, OTHER, STRANGER)) == MOST_MAILED
    assert "old" not in address_digest(OLD)
