"""A broken `ChannelChoice` or `ChannelEndpoints` for each check."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import Channel
from convalias.ports.channels import ChannelChoice, ChannelEndpoints
from convalias.testing.conformance import MakeChannelChoice, MakeChannelEndpoints

Chosen = Mapping[AccountId, tuple[Channel, ...]]
Places = Mapping[tuple[Channel, AccountId], str]


class Choice:
    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen

    async def of(self, thread: ConversationThread) -> Chosen:
        return {one.account: self.chosen[one.account] for one in thread.participants if one.account in self.chosen}


class Shuffles(Choice):
    async def of(self, thread: ConversationThread) -> Chosen:
        return {account: channels[::-1] for account, channels in (await super().of(thread)).items()}


class LeavesOutTheSilent(Choice):
    async def of(self, thread: ConversationThread) -> Chosen:
        return {account: channels for account, channels in (await super().of(thread)).items() if channels}


class AnswersForEverybody(Choice):
    async def of(self, thread: ConversationThread) -> Chosen:
        return {one.account: self.chosen.get(one.account, ()) for one in thread.participants}


class Endpoints:
    def __init__(self, places: Places) -> None:
        self.places = places

    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        return {one: self.places[channel, one] for one in accounts if (channel, one) in self.places}


class Tidies(Endpoints):
    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        found = await super().of(channel, accounts)
        return {account: "".join(filter(str.isalnum, place)) for account, place in found.items()}


class SaysEmpty(Endpoints):
    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        return {one: self.places.get((channel, one), "") for one in accounts}


class MixesChannels(Endpoints):
    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        return {account: place for (_, account), place in self.places.items() if account in accounts}


def choosing(choice: Callable[[Chosen], ChannelChoice]) -> Callable[[], MakeChannelChoice]:
    @asynccontextmanager
    async def make(chosen: Chosen) -> AsyncIterator[ChannelChoice]:
        yield choice(chosen)

    return lambda: make


def reaching(endpoints: Callable[[Places], ChannelEndpoints]) -> Callable[[], MakeChannelEndpoints]:
    @asynccontextmanager
    async def make(places: Places) -> AsyncIterator[ChannelEndpoints]:
        yield endpoints(places)

    return lambda: make


CHOICES: Mapping[str, Callable[[], MakeChannelChoice]] = {
    "what was chosen is answered in its order": choosing(Shuffles),
    "one who wants nothing has an empty answer": choosing(LeavesOutTheSilent),
    "one who chose nothing is missing": choosing(AnswersForEverybody),
}
ENDPOINTS: Mapping[str, Callable[[], MakeChannelEndpoints]] = {
    "an account is reached at its place as written": reaching(Tidies),
    "an account without a place is missing": reaching(SaysEmpty),
    "a place of one channel is none of another": reaching(MixesChannels),
}
