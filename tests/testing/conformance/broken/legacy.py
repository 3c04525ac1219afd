"""A broken `LegacyRelay` for each check."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.ids import ConversationId
from convalias.ports.legacy import HandOff, IndexCall
from convalias.testing.conformance import LegacyKnowledge, LegacyUnderTest, MakeLegacyRelay


class Relay:
    def __init__(self, known: LegacyKnowledge) -> None:
        self.known = known
        self.flags: dict[str, bool] = {}
        self.told_ids: list[str] = []

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        return {one.address: one for one in self.known.aliases if one.address in addresses}

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        return {of: tuple(one for one in self.known.aliases if one.conversation == of) for of in conversations}

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        return {of: tuple(one for one in self.known.tenures if one.address == of) for of in addresses}

    async def process(self, mail: HandOff) -> None:
        self._tell(mail.external_id)

    async def index(self, call: IndexCall) -> None:
        if not self.flags.setdefault(call.external_id, call.suppress_notification):
            self._tell(call.external_id)

    def _tell(self, external_id: str) -> None:
        if external_id not in self.told_ids:
            self.told_ids.append(external_id)

    async def told(self) -> Sequence[str]:
        return self.told_ids


class ForgetsConversations(Relay):
    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        return {one: LegacyAlias(one, None) for one in await super().aliases(addresses)}


class SortsAliases(Relay):
    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        found = await super().of_conversations(conversations)
        return {of: tuple(sorted(listed, key=lambda one: one.address)) for of, listed in found.items()}


class LeavesOutTheUnknown(Relay):
    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        return {of: listed for of, listed in (await super().tenures(addresses)).items() if listed}


class NeverSuppresses(Relay):
    async def index(self, call: IndexCall) -> None:
        self._tell(call.external_id)


class TakesTheLastFlag(Relay):
    async def index(self, call: IndexCall) -> None:
        if not call.suppress_notification:
            self._tell(call.external_id)


class TellsEachTime(Relay):
    def _tell(self, external_id: str) -> None:
        self.told_ids.append(external_id)


def _making(relay: Callable[[LegacyKnowledge], Relay], *, durable: bool = True) -> Callable[[], MakeLegacyRelay]:
    def maker() -> MakeLegacyRelay:
        places: dict[str, Relay] = {}

        @asynccontextmanager
        async def open_relay(place: str, known: LegacyKnowledge) -> AsyncIterator[LegacyUnderTest]:
            one = places.setdefault(place, relay(known))
            yield LegacyUnderTest(port=one, told=one.told)
            if not durable:
                places.clear()

        return open_relay

    return maker


MUTANTS: Mapping[str, Callable[[], MakeLegacyRelay]] = {
    "known aliases are found and others missing": _making(ForgetsConversations),
    "aliases of a conversation come in the relays order": _making(SortsAliases),
    "the history of every asked address is told": _making(LeavesOutTheUnknown),
    "an index call notifies unless told not to": _making(NeverSuppresses),
    "the first flag stands for ever": _making(TakesTheLastFlag),
    "a repeated index call notifies once": _making(TellsEachTime),
    "a mail is handed over once": _making(TellsEachTime),
    "what it was told is known after everybody left": _making(Relay, durable=False),
}
right = _making(Relay)
