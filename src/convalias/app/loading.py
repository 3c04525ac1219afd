"""Put a world into the store: who there is, which conversations, which addresses lead where, which policy."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from attrs import evolve, frozen

from convalias.app.facade import Convalias
from convalias.app.ports import Loadable
from convalias.codec.doors import World
from convalias.domain.aliases.alias import AliasKeys, ConversationAlias, Forged, LegacyAlias
from convalias.domain.aliases.tokens import read_v3
from convalias.domain.conversations import storable
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import ConversationId
from convalias.services.conversations.loading import GivenConversation, check
from convalias.services.running.task_group import TaskGroup

T = TypeVar("T")
SIDE_BY_SIDE: Final = 32
"""The store commits in groups: one by one, each would wait for a disk of its own."""


@frozen(kw_only=True)
class Loaded:
    """The counts of what was put into the store, or was there as given."""

    conversations: int
    aliases: int
    accounts: int
    legacy_aliases: int
    address_history: int


def nothing_done() -> None:
    """Report progress to nobody."""


async def load_world(
    cv: Convalias, world: World, *, with_policy: bool = True, done: Callable[[], None] = nothing_done
) -> Loaded:
    """Upsert: twice is the same as once, and a crash in between is mended by loading again.

    `now`, stages, `seen`, the envelope and its authentication are not read. Of several aliases of one participant in
    one conversation the last listed is the live one. `done` is called once per account and conversation. Raises
    `InvalidValue` for what cannot follow on what is there (see `Loading`) and, before anything is written, for what
    no store can hold; and `Unavailable`.
    """
    conversations = given_conversations(world)
    legacy = [one for one in world.facts if isinstance(one, LegacyAlias)]
    history = [one for one in world.facts if isinstance(one, AddressTenure)]
    accounts = [one for one in world.facts if isinstance(one, Account)]
    for given in conversations:
        check(given)
    for account in accounts:
        storable.account(account)
    for identifier in {*(one.conversation for one in legacy), *(one.account for one in history)} - {None}:
        storable.identifier("a legacy alias or address", str(identifier))
    await _describe(cv, world, with_policy=with_policy)
    await _load_legacy(cv, legacy, history)
    await _each(accounts, cv.services.stores.directory.upsert, done)
    await _each(conversations, cv.services.loading.load, done)
    return Loaded(
        conversations=len(conversations),
        aliases=sum(len(one.aliases) for one in conversations),
        accounts=len(accounts),
        legacy_aliases=len(legacy),
        address_history=len(history),
    )


def given_conversations(world: World) -> Sequence[GivenConversation]:
    """Each conversation of a world with its aliases, in the order listed."""
    aliases: defaultdict[ConversationId, list[ConversationAlias]] = defaultdict(list)
    for fact in world.facts:
        if isinstance(fact, ConversationAlias):
            aliases[fact.conversation].append(fact)
    return [
        GivenConversation(
            id=thread.id,
            use_case=thread.use_case,
            participants=thread.participants,
            state=thread.state,
            market=thread.market,
            cc_seen=thread.cc_seen,
            aliases=tuple(aliases[thread.id]),
        )
        for thread in world.facts
        if isinstance(thread, ConversationThread)
    ]


async def _describe(cv: Convalias, world: World, *, with_policy: bool) -> None:
    """Domains first: until they are known, mail to what is loaded would be nobody's."""
    foreign = bool(unverifiable(world, cv.keyring.alias_keys()))

    def described(standing: Deployment) -> Deployment:
        joined = standing.joined(world.context.domains)
        if foreign:
            joined = evolve(joined, foreign_tokens=True)
        return joined.under(world.policy) if with_policy else joined

    await cv.services.stores.deployments.change(described)


async def _load_legacy(cv: Convalias, aliases: Sequence[LegacyAlias], history: Sequence[AddressTenure]) -> None:
    if not aliases and not history:
        return
    relay = cv.ports.legacy
    if not isinstance(relay, Loadable):
        raise InvalidValue(
            "legacy_aliases and address_history", found="some", expected="none: this legacy relay cannot be filled"
        )
    await relay.load(aliases, history)


async def _each(things: Iterable[T], work: Callable[[T], Awaitable[object]], done: Callable[[], None]) -> None:
    gate = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(thing: T) -> None:
        async with gate:
            await work(thing)
        done()

    async with TaskGroup() as group:
        for thing in things:
            group.create_task(one(thing))


def unverifiable(world: World, keys: AliasKeys) -> int:
    """Count the v3 aliases that none of these keys made: they work, but cost a look-up to refuse."""
    aliases = (one.address for one in world.facts if isinstance(one, ConversationAlias))
    return sum(isinstance(read_v3(one.local, one.domain, keys), Forged) for one in aliases)
