"""Two people in a conversation, a hub and a legacy relay that write down what they did, and workers that can die."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from convalias import ports
from convalias.adapters import memory
from convalias.adapters.memory.legacy import LegacyRelay
from convalias.adapters.memory.outbox import Outbox
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKey, AliasKeys, ConversationAlias, LegacyAlias
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.participants import Account, AccountAuthor, Author, Participant
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.domain.outbound.delivery import Channel, Delivery, DeliveryDecision
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.tries import Persistence
from convalias.ports.channels import ChannelChoice, ChannelEndpoints
from convalias.ports.hub import Answer, Declined, Guarantee, NotSent, Sent
from convalias.services.conversations.aliasing import Aliasing, AliasMint
from convalias.services.conversations.contacts import Contacts
from convalias.services.conversations.stages import Stages
from convalias.services.outbound.answering import Answering
from convalias.services.outbound.calls import Calls
from convalias.services.outbound.deciding import Deciding, OnlyEmail
from convalias.services.outbound.notifier import OutboundNotifier, OutboundWorker
from convalias.services.outbound.sending import Sending
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.conversations.threads import Threads
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.outbound.ledger import Ledger
from services.keys_desk import guard

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPLY = UseCase("apply")
C1 = ConversationId("c 1")
ANN, BOB, EVE = AccountId("ann"), AccountId("bob"), AccountId("eve")
FOR_EVER = Guarantee(timedelta.max)


def address(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


class Hub:
    """A hub that counts what really left. What `Guarantee` says it remembers, it remembers."""

    def __init__(self, clock: memory.Clock, guarantee: Guarantee = FOR_EVER) -> None:
        self.guarantee = guarantee
        self.left: Counter[str] = Counter()
        self.told: list[Notification] = []
        self.answer: Sent | Declined = Sent("receipt")
        self._first: dict[str, datetime] = {}
        self._clock = clock

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: self.guarantee}

    async def send(self, notification: Notification) -> Sent | Declined:
        self.told.append(notification)
        now = self._clock.now()
        first = self._first.setdefault(notification.id, now)
        known = self.left[notification.id] and now - first <= self.guarantee.remembers_keys_for
        if not known and isinstance(self.answer, Sent):
            self.left[notification.id] += 1
        return self.answer

    async def ask(self, key: str) -> Answer:
        return Sent() if self.left[key] else NotSent()


class Everybody:
    """The audience of the stand-in relay."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    async def of_event(self, conversation: ConversationId, *, author: str) -> Sequence[EmailAddress]:
        return await self._contacts.audience(conversation, but=AccountId(author))

    async def of_mail(self, conversation: ConversationId, *, raw_key: str) -> Sequence[EmailAddress]:
        return ()


def own(events: ports.EventStore, records: ports.Records, clock: ports.Clock) -> OwnConversations:
    """Conversations of a new process: it has nothing in its cache."""
    return OwnConversations(events=events, folded=Threads(events=events, records=records), clock=clock)


class World:
    def __init__(
        self,
        *,
        guarantee: Guarantee = FOR_EVER,
        persistence: Persistence | None = None,
        unset: Stage = Stage.NATIVE,
        records: memory.Records | None = None,
    ) -> None:
        self.clock = memory.Clock(NOON)
        self.faults = memory.Faults()
        self.telemetry = memory.Telemetry()
        self.flags = memory.Flags()
        self.gone: set[str] = set()
        self.log = memory.EventLog(clock=self.clock)
        self.raw_records = records or memory.Records()
        self.records = memory.faulty.Records(self.raw_records, self.faults)
        self.conversations = EventStore(records=self.raw_records)
        self.watched = memory.faulty.EventStore(self.conversations, self.faults)
        self.directory = IdentityDirectory(records=self.raw_records)
        self.aliases = Aliases(records=self.raw_records)
        self.alias_faults = memory.Faults()
        self.faulty_aliases = Aliases(records=memory.faulty.Records(self.raw_records, self.alias_faults))
        self.hub = Hub(self.clock, guarantee)
        self.legacy_outbox = Outbox()
        self.own = own(self.watched, self.raw_records, self.clock)
        self.contacts = Contacts(conversations=self.own, aliases=self.aliases, identities=self.directory)
        self.legacy = LegacyRelay(outgoing=self.legacy_outbox, audience=Everybody(self.contacts), clock=self.clock)
        self.dead_letters = DeadLetters(records=self.raw_records)
        self.persistence = persistence or Persistence()
        self.unset = unset
        self.channels: ChannelChoice = OnlyEmail()
        self.endpoints: ChannelEndpoints | None = None
        self.has_legacy = True
        self.lost_keys = ""
        self.mint: AliasMint | None = AliasMint(domain="reply.example", keys=AliasKeys((AliasKey(0, b"s" * 32),)))
        self._numbers = count(1)

    def ledger(self, name: str = "w1") -> Ledger:
        return Ledger(records=self.records, incarnation=memory.Incarnation(name, gone=self.gone))

    def worker(self, name: str = "w1") -> OutboundNotifier:
        """Another process over the same stores."""
        ledger = self.ledger(name)
        stages = Stages(flags=memory.faulty.Flags(self.flags, self.faults), unset=self.unset)
        answering = Answering(
            aliasing=Aliasing(
                aliases=self.faulty_aliases,
                conversations=self.own,
                clock=self.clock,
                stages=stages,
                mint=self.mint,
                guard=guard(self.raw_records, self.clock, lost=self.lost_keys),
            ),
            has_legacy=self.has_legacy,
        )
        calls = Calls(
            contacts=self.contacts,
            answering=answering,
            legacy=memory.faulty.LegacyRelay(self.legacy, self.faults) if self.has_legacy else None,
            hub=memory.faulty.NotificationHub(self.hub, self.faults),
            clock=self.clock,
            alias_domain="reply.example",
            persistence=self.persistence,
            endpoints=self.endpoints,
        )
        common = {"clock": self.clock, "telemetry": self.telemetry}
        return OutboundNotifier(
            deciding=Deciding(
                conversations=self.own,
                stages=stages,
                answering=answering,
                ledger=ledger,
                dead_letters=self.dead_letters,
                channels=self.channels,
                clock=self.clock,
                telemetry=self.telemetry,
            ),
            sending=Sending(
                conversations=self.own, ledger=ledger, calls=calls, dead_letters=self.dead_letters, **common
            ),
        )

    def consumer(self, name: str = "w1") -> OutboundWorker:
        return OutboundWorker(log=self.log, notifier=self.worker(name))

    async def begin(self, *, aliases: bool = True) -> None:
        """A conversation of three, each with an address and (unless it is older) an alias, and a legacy alias."""
        people = (
            Participant(ANN, "candidate", "Ann", addresses=(address("ann@home.example"),)),
            Participant(BOB, "recruiter"),
            Participant(EVE, "recruiter", "Eve"),
        )
        await self.happens(e.ConversationCreated(APPLY, None, people))
        for account in (ANN, BOB, EVE):
            written = (address(f"{account}@home.example"),)
            await self.directory.upsert(Account(account, written, name=f"{account} of the directory"))
        if aliases:
            await self.aliases.adopt([self.alias(account) for account in (ANN, BOB, EVE)])
        await self.legacy.load([LegacyAlias(address("xyz@relay.example"), C1)], [])

    @staticmethod
    def alias(account: AccountId, *, revoked_at: datetime | None = None) -> ConversationAlias:
        return ConversationAlias(
            address=address(f"{account}-alias-1ab131e2@reply.example"),
            conversation=C1,
            stands_for=account,
            id=AliasId(f"alias-{account}"),
            created_at=NOON,
            revoked_at=revoked_at,
        )

    async def happens(
        self,
        happening: Happening,
        *,
        origin: Origin = Origin.CHAT,
        age: timedelta = timedelta(0),
        trace: str | None = None,
    ) -> ConversationEvent:
        seq = next(self._numbers)
        at, name = self.clock.now() - age, f"t{seq}" if trace is None else trace
        event = ConversationEvent(EventId(f"event{seq}"), C1, Seq(seq), happening, f"k{seq}", origin, at, at, name)
        await self.conversations.append(event)
        return event

    async def said(
        self,
        author: Author | None = None,
        *,
        origin: Origin = Origin.CHAT,
        age: timedelta = timedelta(0),
        message_id: str | None = None,
        in_reply_to: EventId | None = None,
    ) -> ConversationEvent:
        message = e.MessageAdded(
            author=author or AccountAuthor(ANN), text="hello", message_id=message_id, in_reply_to=in_reply_to
        )
        return await self.happens(message, origin=origin, age=age)

    async def decision(self, event: ConversationEvent) -> DeliveryDecision:
        found = await self.ledger("reader").get(event.conversation, event.id)
        assert found is not None
        return found

    async def rows(self, event: ConversationEvent) -> Sequence[Delivery]:
        return (await self.decision(event)).deliveries

    async def states(self, event: ConversationEvent) -> list[str]:
        return [row.state.value for row in await self.rows(event)]

    async def letters(self) -> list[str]:
        return [letter.reason async for letter in self.dead_letters.list("deliveries")]

    def set(self, stage: Stage, share: int = 10_000, floor: Stage = Stage.LEGACY) -> None:
        self.flags.set(Rollout(APPLY, stage, share, "salt", floor), Axis.OUTBOUND)

    def minting(self, stage: Stage) -> None:
        self.flags.set(Rollout(APPLY, stage, 10_000, "salt"), Axis.MINTING)

    def alias_calls(self) -> int:
        """Calls of the alias table that decisions made."""
        return self.alias_faults.calls.total()

    async def pass_time(self, **amount: float) -> None:
        await self.clock.advance(timedelta(**amount))


Story = Callable[[], Awaitable[None]]
