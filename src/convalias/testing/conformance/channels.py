"""ChannelChoice and ChannelEndpoints: what a participant chose, and where a channel reaches an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias

from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.outbound.delivery import Channel
from convalias.ports.channels import ChannelChoice, ChannelEndpoints
from convalias.testing.conformance.check import agree, none_of, nothing, one_of, suite

Chosen: TypeAlias = Mapping[AccountId, tuple[Channel, ...]]
Places: TypeAlias = Mapping[tuple[Channel, AccountId], str]
MakeChannelChoice: TypeAlias = Callable[[Chosen], AbstractAsyncContextManager[ChannelChoice]]
"""Opens a choice in which these accounts chose these channels, and nobody else chose anything."""
MakeChannelEndpoints: TypeAlias = Callable[[Places], AbstractAsyncContextManager[ChannelEndpoints]]
"""Opens endpoints in which these accounts have these places, and no others."""

_ANN, _BOB, _CID = AccountId("ann"), AccountId("bob"), AccountId("cid")
_THREAD: Final = ConversationThread(ConversationId("c1"), UseCase("apply"), tuple(map(Participant, (_ANN, _BOB, _CID))))
_CHOSEN: Final[Chosen] = {_ANN: (Channel.SMS, Channel.EMAIL), _BOB: ()}
_NUMBER: Final = "+44 20 7946 0018"
_TOKEN: Final = "token:of/a=phone"  # noqa: S105 - where a push notification goes
_PLACES: Final[Places] = {
    (Channel.SMS, _ANN): _NUMBER,
    (Channel.PUSH, _ANN): _TOKEN,
    (Channel.PUSH, _BOB): _TOKEN[::-1],
}


async def what_was_chosen_is_answered_in_its_order(make: MakeChannelChoice) -> None:
    """Each channel once, however often the choice is read."""
    async with make(_CHOSEN) as choice:
        for _ in range(2):
            agree("both channels, in order", tuple((await choice.of(_THREAD)).get(_ANN, ())), _CHOSEN[_ANN])


async def one_who_wants_nothing_has_an_empty_answer(make: MakeChannelChoice) -> None:
    """A missing participant would be notified by e-mail."""
    async with make(_CHOSEN) as choice:
        answer = await choice.of(_THREAD)
        one_of("present, and empty", _BOB, answer)
        nothing("present, and empty", answer[_BOB])


async def one_who_chose_nothing_is_missing(make: MakeChannelChoice) -> None:
    """An empty answer would silence a participant who never asked for that."""
    async with make(_CHOSEN) as choice:
        none_of("missing", _CID, await choice.of(_THREAD))


async def an_account_is_reached_at_its_place_as_written(make: MakeChannelEndpoints) -> None:
    """Several accounts at once."""
    async with make(_PLACES) as endpoints:
        found = await endpoints.of(Channel.PUSH, [_ANN, _BOB])
        agree("both, to the letter", dict(found), {_ANN: _TOKEN, _BOB: _TOKEN[::-1]})
        agree("nothing asked, nothing answered", dict(await endpoints.of(Channel.SMS, [])), {})


async def an_account_without_a_place_is_missing(make: MakeChannelEndpoints) -> None:
    """Missing, not empty."""
    async with make(_PLACES) as endpoints:
        agree("one is known", dict(await endpoints.of(Channel.SMS, [_ANN, _CID])), {_ANN: _NUMBER})


async def a_place_of_one_channel_is_none_of_another(make: MakeChannelEndpoints) -> None:
    """A token is no number."""
    async with make(_PLACES) as endpoints:
        agree("a token alone", dict(await endpoints.of(Channel.SMS, [_BOB])), {})
        agree("the number, not the token", dict(await endpoints.of(Channel.SMS, [_ANN])), {_ANN: _NUMBER})


CHANNEL_CHOICE: Final = suite(
    what_was_chosen_is_answered_in_its_order,
    one_who_wants_nothing_has_an_empty_answer,
    one_who_chose_nothing_is_missing,
)
"""Promises of `ChannelChoice`."""
CHANNEL_ENDPOINTS: Final = suite(
    an_account_is_reached_at_its_place_as_written,
    an_account_without_a_place_is_missing,
    a_place_of_one_channel_is_none_of_another,
)
"""Promises of `ChannelEndpoints`."""
