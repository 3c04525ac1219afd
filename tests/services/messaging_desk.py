"""Messaging over memory, and a second process beside it on the same records."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.participants import AccountAuthor, Participant
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import MailContent
from convalias.domain.mail.message_id import MessageId
from convalias.domain.migration.rollout import Stage
from convalias.ports import records as port
from convalias.services.conversations.aliasing import Aliasing, AliasMint
from convalias.services.conversations.loading import Loading
from convalias.services.conversations.messaging import MailAddition, Messaging
from convalias.services.conversations.stages import Stages
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.conversations.attachments import Attachments
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.long_texts import LongTexts
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.conversations.threads import Threads
from services.keys_desk import RING, guard

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1 = ConversationId("c1")
ANN, BOB, EVE = AccountId("ann"), AccountId("bob"), AccountId("eve")
PEOPLE = (Participant(ANN, name="Ann Alb"), Participant(BOB, name="Bob Bär"))
HOME = EmailAddress.parse("ann@home.example")


_PROCESSES = count(1)


class ProcessClock(memory.Clock):
    """Virtual time of one process: its ids are unlike those of any other."""

    def __init__(self) -> None:
        super().__init__(NOON)
        self._process = f"{next(_PROCESSES):04d}"

    def new_id(self) -> str:
        one = super().new_id()
        return f"{one[:13]}{self._process}{one[17:]}"


class Desk:
    """Services of one process."""

    def __init__(
        self,
        records: port.Records | None = None,
        *,
        unset: Stage = Stage.NATIVE,
        mints: bool = True,
        keyring: Keyring = RING,
    ) -> None:
        self.records = records or memory.Records()
        self.clock = ProcessClock()
        self.flags = memory.Flags()
        self.aliases = Aliases(records=self.records)
        self.store = EventStore(records=self.records)
        threads = Threads(events=self.store, records=self.records)
        self.blobs = memory.Blobs()
        self.texts = LongTexts(records=self.records, blobs=self.blobs, clock=self.clock)
        self.conversations = OwnConversations(events=self.store, folded=threads, clock=self.clock, texts=self.texts)
        self.aliasing = Aliasing(
            aliases=self.aliases,
            conversations=self.conversations,
            clock=self.clock,
            stages=Stages(flags=self.flags, unset=unset),
            mint=AliasMint(domain="reply.example", keys=keyring.alias_keys()) if mints else None,
            guard=guard(self.records, self.clock, keyring=keyring),
        )
        self.messaging = Messaging(
            conversations=self.conversations,
            clock=self.clock,
            aliasing=self.aliasing,
            attachments=Attachments(blobs=self.blobs),
        )
        self.loading = Loading(aliasing=self.aliasing)

    async def conversation(self) -> Messaging:
        """`c1` of Ann and Bob, without aliases."""
        quiet = evolve(self.messaging, aliasing=evolve(self.aliasing, mint=None))
        await quiet.create("apply", PEOPLE, conversation=C1)
        return self.messaging

    async def events(self) -> list[ConversationEvent]:
        return list(await self.store.after(C1, 0, limit=1000))

    async def kinds(self) -> list[str]:
        return [type(event.happening).__name__ for event in await self.events()]


def mail_key(identity: str = "x@y", *, sender: EmailAddress = HOME) -> MailKey:
    return MailKey(C1, sender, MessageId(identity.encode()))


def content(text: str = "hello") -> MailContent:
    return MailContent(subject="Re: job", text=text, full_text=f"{text}\n> old", body_digest=f"digest of {text}")


def addition(minutes: int = 0, **more: object) -> MailAddition:
    return MailAddition(**{"occurred_at": NOON, "sent_at": NOON.replace(minute=minutes), "trace": "t", **more})


ANN_WRITES = AccountAuthor(ANN, verified=True)
