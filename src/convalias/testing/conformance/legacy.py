"""LegacyRelay: idempotent per external id, and the first flag stands for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure, GivenUp
from convalias.domain.ids import AccountId, ConversationId
from convalias.ports.legacy import HandOff, IndexCall, LegacyRelay
from convalias.testing.conformance.check import agree, nothing, suite


@frozen(kw_only=True)
class LegacyKnowledge:
    """The knowledge of the relay when it is opened. Its conversations have one participant to notify."""

    aliases: tuple[LegacyAlias, ...]
    tenures: tuple[AddressTenure, ...]


@frozen(kw_only=True)
class LegacyUnderTest:
    """An adapter, and a look at whom it told: the external id of each notification, once per notification."""

    port: LegacyRelay
    told: Callable[[], Awaitable[Sequence[str]]]


MakeLegacyRelay: TypeAlias = Callable[[str, LegacyKnowledge], AbstractAsyncContextManager[LegacyUnderTest]]
"""Opens the relay at a place, knowing this; the same place twice is one relay, seen by two processes."""

_C1, _C2 = ConversationId("c1"), ConversationId("c2")
_NOON: Final = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def _at(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


_FIRST: Final = LegacyAlias(_at("zzz@relay.example"), _C1)
_SECOND: Final = LegacyAlias(_at("aaa@relay.example"), _C1)
_HOMELESS: Final = LegacyAlias(_at("nobody@relay.example"), None)
_OLD: Final = _at("old@home.example")
_TENURES: Final = (
    AddressTenure(_OLD, AccountId("a1"), _NOON - timedelta(days=9), _NOON, GivenUp.EMPLOYER),
    AddressTenure(_OLD, AccountId("a2"), _NOON),
)
_KNOWN: Final = LegacyKnowledge(aliases=(_FIRST, _SECOND, _HOMELESS), tenures=_TENURES)
_CALL: Final = IndexCall(
    external_id="event1",
    message_id="<x@y>",
    conversation=_C1,
    author="ann",
    alias=_at("ann-1ab131e2@reply.example"),
    suppress_notification=False,
)
_MAIL: Final = HandOff(external_id="h1", message_id="<x@y>", address=_FIRST.address, raw_key="raw/2026/03/01/ff")


async def known_aliases_are_found_and_others_missing(make: MakeLegacyRelay) -> None:
    """Expect each alias with its conversation, or none."""
    async with make("a", _KNOWN) as relay:
        asked = [_FIRST.address, _HOMELESS.address, _at("other@relay.example")]
        expected = {_FIRST.address: _FIRST, _HOMELESS.address: _HOMELESS}
        agree("the aliases that are known", await relay.port.aliases(asked), expected)


async def aliases_of_a_conversation_come_in_the_relays_order(make: MakeLegacyRelay) -> None:
    """Every asked conversation is answered."""
    async with make("a", _KNOWN) as relay:
        found = await relay.port.of_conversations([_C1, _C2])
        agree("in the order listed; none is an empty answer", found, {_C1: (_FIRST, _SECOND), _C2: ()})


async def the_history_of_every_asked_address_is_told(make: MakeLegacyRelay) -> None:
    """Exact to the microsecond."""
    async with make("a", _KNOWN) as relay:
        unknown = _at("new@home.example")
        found = await relay.port.tenures([_OLD, unknown])
        agree("an unknown address has an empty history", set(found), {_OLD, unknown})
        nothing("an unknown address has an empty history", found[unknown])
        agree("a known one all its tenures", set(found[_OLD]), set(_TENURES))


async def an_index_call_notifies_unless_told_not_to(make: MakeLegacyRelay) -> None:
    """Each by its own flag."""
    async with make("a", _KNOWN) as relay:
        await relay.port.index(_CALL)
        await relay.port.index(evolve(_CALL, external_id="event2", suppress_notification=True))
        agree("the one that was not suppressed is told", list(await relay.told()), ["event1"])


async def the_first_flag_stands_for_ever(make: MakeLegacyRelay) -> None:
    """Either way round, from whichever process."""
    async with make("a", _KNOWN) as one, make("a", _KNOWN) as two:
        for external_id, first in (("quiet", True), ("loud", False)):
            call = evolve(_CALL, external_id=external_id, suppress_notification=first)
            await one.port.index(call)
            await two.port.index(evolve(call, suppress_notification=not first))
        agree("what began suppressed stays so, what was told is told once", list(await two.told()), ["loud"])


async def a_repeated_index_call_notifies_once(make: MakeLegacyRelay) -> None:
    """Call at once from two processes, and again."""
    async with make("a", _KNOWN) as one, make("a", _KNOWN) as two:
        await asyncio.gather(*(relay.port.index(_CALL) for relay in (one, two, one, two)))
        await two.port.index(_CALL)
        agree("one notification", list(await one.told()), ["event1"])


async def a_mail_is_handed_over_once(make: MakeLegacyRelay) -> None:
    """A retried hand-off is not processed again."""
    async with make("a", _KNOWN) as one, make("a", _KNOWN) as two:
        for relay in (one, two, one):
            await relay.port.process(_MAIL)
        agree("processed once", list(await two.told()), ["h1"])


async def what_it_was_told_is_known_after_everybody_left(make: MakeLegacyRelay) -> None:
    """The flag above all."""
    async with make("a", _KNOWN) as relay:
        await relay.port.index(evolve(_CALL, suppress_notification=True))
    async with make("a", _KNOWN) as relay:
        await relay.port.index(_CALL)
        nothing("the first flag is remembered", await relay.told())


LEGACY_RELAY: Final = suite(
    known_aliases_are_found_and_others_missing,
    aliases_of_a_conversation_come_in_the_relays_order,
    the_history_of_every_asked_address_is_told,
    an_index_call_notifies_unless_told_not_to,
    the_first_flag_stands_for_ever,
    a_repeated_index_call_notifies_once,
    a_mail_is_handed_over_once,
    what_it_was_told_is_known_after_everybody_left,
)
"""Promises of `LegacyRelay`."""
