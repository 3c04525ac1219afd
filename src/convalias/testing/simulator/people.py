"""People of the conversations, and the addresses by which they know one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from attrs import define, field

from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.world import LEGACY_DOMAIN, World

_WAYS: Final = (*["alias"] * 9, *["both kinds"] * 4, *["two conversations"] * 3, *["two aliases", "legacy alone"] * 2)
_FIRST: Final = (Stage.LEGACY, Stage.SHADOW, Stage.SHADOW, Stage.PARALLEL, Stage.NATIVE)
_AGO: Final = timedelta(hours=1)
NAMES: Final = ("ann", "bob", "cid", "dee", "eli", "fay")


@define
class People:
    """The people's own knowledge: an address that was given to them goes on being used."""

    use_case: UseCase = UseCase("hiring")
    names: dict[AccountId, str] = field(factory=dict[AccountId, str])
    conversations: list[ConversationId] = field(factory=list[ConversationId])
    members: dict[ConversationId, list[AccountId]] = field(factory=dict[ConversationId, list[AccountId]])
    aliases: dict[tuple[ConversationId, AccountId], EmailAddress] = field(
        factory=dict[tuple[ConversationId, AccountId], EmailAddress]
    )
    legacy: dict[ConversationId, list[EmailAddress]] = field(factory=dict[ConversationId, list[EmailAddress]])
    directory: dict[AccountId, Account] = field(factory=dict[AccountId, Account])

    def address(self, account: AccountId, draws: Stream) -> EmailAddress:
        """Return where that person writes from: most often where he is reached."""
        addresses = self.directory[account].addresses
        return addresses[0] if draws.chance(0.8) else draws.choice(addresses)

    def way_to(self, conversation: ConversationId, account: AccountId) -> EmailAddress:
        """Return their alias, as far as people know one; else where the conversation always was."""
        return self.aliases.get((conversation, account)) or self.legacy[conversation][0]

    def addressed(
        self, conversation: ConversationId, author: AccountId | None, draws: Stream
    ) -> Sequence[tuple[EmailAddress, ConversationId]]:
        """Return to whom a mail into that conversation goes: each address with where it leads."""
        others = [one for one in self.members[conversation] if one != author]
        found = [(self.way_to(conversation, draws.choice(others)), conversation)]
        legacy = [(one, conversation) for one in self.legacy.get(conversation, ())]
        how = draws.choice(_WAYS)
        if how == "two aliases" and len(others) > 1:
            found = [(self.way_to(conversation, one), conversation) for one in others[:2]]
        elif how == "both kinds" and legacy:
            found += legacy[:1]
        elif how == "legacy alone" and legacy:
            found = legacy
        elif how == "two conversations":
            other = draws.choice(self.conversations)
            if author is None or author in self.members[other]:
                stands = [one for one in self.members[other] if one != author]
                found.append((self.way_to(other, draws.choice(stands)), other))
                found += [(one, other) for one in self.legacy.get(other, ())[:1] if draws.chance(0.3)]
        return found


async def settle(world: World, people: People, draws: Stream) -> None:
    """Before anything goes wrong: accounts, conversations with their aliases, what legacy knows, a first stage."""
    for number in range(4 + draws.below(3)):
        account = AccountId(NAMES[number])
        people.names[account] = NAMES[number].title()
        address = EmailAddress.parse(f"{NAMES[number]}@home.example")
        world.engines.directory.put(Account(account, (address,), name=people.names[account]))
        world.journal.people[account] = {address}
    people.directory = world.engines.directory.accounts
    for axis in Axis:
        stage = draws.choice(_FIRST) if world.shape.legacy else None
        if axis is Axis.MINTING:
            stage = Stage.LEGACY if world.shape.begun_before else Stage.NATIVE
        if stage is not None:
            world.engines.flags.set(Rollout(people.use_case, stage, 10_000, "salt"), axis)
    for number in range(3 + draws.below(4)):
        await _open(world, people, ConversationId(f"c{number}"), draws)


async def _issued(cv: Convalias, *, conversation: ConversationId) -> Mapping[str, EmailAddress]:
    """The aliases of a conversation that a platform has opened, as far as any may be issued."""
    messaging = cv.messaging
    issued = await messaging.aliasing.issue_all(await messaging.thread(conversation))
    return {alias.stands_for: alias.address for alias in issued}


async def _open(world: World, people: People, conversation: ConversationId, draws: Stream) -> None:
    members = draws.shuffled(sorted(people.names))[: 2 + draws.below(2)]
    given = [Participant(one, name=people.names[one]) for one in members]
    platform = world.engines.platform
    if platform is None:
        aliases = await world.ask(
            "web", 0, lambda cv: cv.open_conversation(conversation, use_case=people.use_case, participants=given)
        )
    else:
        platform.open(conversation, given, people.use_case)
        for number in range(draws.below(3)):
            platform.was_there(conversation, draws.choice(members), f"{conversation}-{number} was there", ago=_AGO)
        aliases = await world.ask("web", 0, partial(_issued, conversation=conversation))
    people.conversations.append(conversation)
    world.journal.conversations.append(conversation)
    people.members[conversation] = members
    for account, address in sorted(aliases.items()):
        people.aliases[conversation, AccountId(account)] = address
    if world.shape.begun_before or (world.shape.legacy and draws.chance(0.6)):
        named = [EmailAddress.parse(f"x{n}-{conversation}@{LEGACY_DOMAIN}") for n in range(1 + draws.below(2))]
        people.legacy[conversation] = named
        await world.engines.legacy.load([LegacyAlias(one, conversation) for one in named], [])
