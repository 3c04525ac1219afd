"""What is wired from a keyring goes on working over a rotation, until the old key is removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias import Convalias, Participant
from convalias.app.memory import memory_ports, memory_wiring
from convalias.app.wiring import Wiring, link_keys, seals
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.links import ApprovalLink, Unusable
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.inbound.held import HoldId
from convalias.domain.outbound.delivery import Channel, NotificationKind, notification_id

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE = notification_id(EventId("e1"), AccountId("bob"), NotificationKind.MESSAGE, Channel.EMAIL)
ABOUT = (ConversationId("c"), AccountId("bob"))
LINK = ApprovalLink(hold=HoldId("h"), conversation=ABOUT[0], account=ABOUT[1], expires_at=NOON + timedelta(days=14))
BEFORE = Keyring((RootKey(0, b"o" * 32),))
AFTER = BEFORE.with_new(b"n" * 32)
ROLLING = Keyring(AFTER.keys[::-1])
"""Every process reads the new key before one makes anything with it."""
REMOVED = Keyring(AFTER.keys[:1])


def proves(keyring: Keyring, made_by: Keyring) -> set[bool]:
    """Of return path, Message-ID, unsubscribe token and approval link."""
    mine, theirs = seals(keyring), seals(made_by)
    token = link_keys(Wiring(keyring=made_by)).token(LINK)
    return {
        mine.bounced(EmailAddress.parse(theirs.return_path(ONE, "bounce.reply.example"))) == ONE,
        mine.wrote(theirs.message_id(ONE, "reply.example"), ONE, "reply.example"),
        mine.unsubscribed(theirs.unsubscribe_token(*ABOUT)) == ABOUT,
        link_keys(Wiring(keyring=keyring)).read(token, now=NOON) == LINK,
    }


@pytest.mark.parametrize(
    ("reader", "maker"), [(AFTER, BEFORE), (AFTER, AFTER), (ROLLING, AFTER), (ROLLING, BEFORE), (AFTER, ROLLING)]
)
def test_every_key_of_the_ring_proves_what_it_made(reader: Keyring, maker: Keyring) -> None:
    assert proves(reader, maker) == {True}


@pytest.mark.parametrize(("reader", "maker"), [(REMOVED, BEFORE), (BEFORE, AFTER)])
def test_a_key_that_is_not_in_the_ring_proves_nothing(reader: Keyring, maker: Keyring) -> None:
    assert proves(reader, maker) == {False}
    assert link_keys(Wiring(keyring=reader)).read(link_keys(Wiring(keyring=maker)).token(LINK), now=NOON) is (
        Unusable.FORGED
    )


async def test_no_alias_is_made_that_holds_the_name_of_the_platform() -> None:
    wiring = evolve(memory_wiring("reply.example", None, None), platform="Jobs Fair")
    async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
        people = [Participant.of(name, name=name) for name in ("Jobs Fair Support", "Simon")]
        made = await cv.open_conversation("c1", use_case="hiring", participants=people)
        assert sorted(alias.local.split("-")[0] for alias in made.values()) == ["member", "simon"]
