"""Simulated worlds in which some are reached by SMS: the same laws hold, exactly once under faults among them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Final

import pytest

from convalias.app.ports import Ports
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Declined, Guarantee, NotificationHub, Sent
from convalias.testing.simulator.run import Plan, simulate

SEEDS: Final = (8_106, 8_111, 8_113, 8_119)
"""Worlds with a hub of the host."""
MAILS: Final = 30
LAWS: Final = frozenset({"I2", "I3", "I4", "I6"})
"""What a channel could break: an effect twice, an order, a notification that is lost or doubled, work without an end."""


def by_text(account: AccountId) -> bool:
    """Ann, Bob and Cid, not Dee, Eli and Fay."""
    return account[0] in "abc"


class Choice:
    async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
        return {one.account: (Channel.SMS,) for one in thread.participants if by_text(one.account)}


class Numbers:
    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        return {one: f"{channel.value} {one}" for one in accounts}


class Texts:
    """The simulated hub by another channel, with its faults; it writes down what it was given."""

    def __init__(self, hub: NotificationHub, given: list[Notification]) -> None:
        self.hub = hub
        self.given = given

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.SMS: self.hub.channels[Channel.EMAIL]}

    async def send(self, notification: Notification) -> Sent | Declined:
        self.given.append(notification)
        return await self.hub.send(notification)


def with_texts(given: list[Notification], ports: Ports) -> Ports:
    if ports.hub is None:
        return ports
    texts = Texts(ports.hub, given)
    return ports.but(channels={Channel.SMS: texts}, channel_choice=Choice(), endpoints=Numbers())


@pytest.mark.slow
def test_the_laws_hold_where_some_are_reached_by_text() -> None:
    given: list[Notification] = []
    for seed in SEEDS:
        report = simulate(Plan(seed=seed, mails=MAILS, ports=partial(with_texts, given)))
        assert [one for one in report.violations if one.law in LAWS] == [], f"seed {seed}"
    assert len(given) > len(SEEDS)
    assert all(by_text(one.recipient) for one in given)
    assert {(one.endpoint, one.recipient_address, one.reply_alias) for one in given} == {
        (f"sms {one.recipient}", None, None) for one in given
    }
