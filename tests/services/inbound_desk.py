"""The inbound side over memory: what lasts is a `Town`, what may die and start anew a `Process` of it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.codec import load, loads
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import ConversationAlias, LegacyAlias
from convalias.domain.approvals.links import LinkKeys
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, AliasId, ConversationId
from convalias.domain.inbound.held import HeldMail
from convalias.domain.inbound.outcomes import Done, Effect, OutcomeRecord
from convalias.domain.inbound.posts import EnvelopeRecord, IncomingMail, MailReference, RecordKey
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.policy import DEFAULT_POLICY, RoutingPolicy
from convalias.domain.system_mail.refusal_texts import RefusalText
from convalias.ports.mail import MailReader, SenderAuthenticator, guarantee_of
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.contacts import Contacts
from convalias.services.conversations.messaging import Messaging
from convalias.services.conversations.stages import Stages
from convalias.services.inbound.carrier import PlanCarrier
from convalias.services.inbound.evidence import EvidenceFinder
from convalias.services.inbound.facts import FactFinder
from convalias.services.inbound.receiver import Kept, Receiver, reference_to
from convalias.services.inbound.relay import InboundRelay, Stores
from convalias.services.inbound.sweeper import Sweeper
from convalias.services.inbound.worker import InboundWorker
from convalias.services.operations import rehearsal
from convalias.services.operations.mail_finding import MailFinder
from convalias.services.operations.mail_following import FollowedStores, MailFollower
from convalias.services.operations.operations import Operations
from convalias.services.operations.replay import Replay
from convalias.services.outbound.suppressing import Suppressing
from convalias.services.system_mail.address_notices import NoticeLetters
from convalias.services.system_mail.approval_requests import ApprovalLetters
from convalias.services.system_mail.letters import Letters
from convalias.services.system_mail.outbox import SystemOutbox
from convalias.services.system_mail.refusals import Notices, RefusalLetters
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.attachments import Attachments
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.conversations.threads import Threads
from convalias.stores.encoding import encoded
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.evidence import EvidenceRecords
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.inbound.traffic import Traffic
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.suppressions import Suppressions
from convalias.stores.outbound.undecided import UndecidedEvents
from convalias.stores.system_mail.outbox import Outbox
from services.keys_desk import guard

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, C2, C3 = ConversationId("c1"), ConversationId("c2"), ConversationId("c3")
ANN, BOB = AccountId("ann"), AccountId("bob")
BOBS = EmailAddress.parse("bob@corp.example")
TO_C1 = EmailAddress.parse("ann-1ab131e2@reply.example")
TO_C1_TOO = EmailAddress.parse("cem-4ab131e2@reply.example")
TO_C2 = EmailAddress.parse("ann-2ab131e2@reply.example")
NOBODY = EmailAddress.parse("ann-3ab131e2@reply.example")
LEGACY = EmailAddress.parse("x1@relay.example")
LEGACY_C1 = EmailAddress.parse("x2@relay.example")
PROVED = SenderEvidence(Dmarc.PASS)

LINK_KEYS = LinkKeys([(1, b"k" * 32)])


class Audience:
    async def of_event(self, conversation: ConversationId, *, author: str) -> Sequence[EmailAddress]:
        return ()

    async def of_mail(self, conversation: ConversationId, *, raw_key: str) -> Sequence[EmailAddress]:
        return ()


class Writer:
    """Refusals whose text can be looked at."""

    def announcement(self, *, to: EmailAddress, old: EmailAddress, key: str, at: datetime) -> bytes:
        return f"{to} {old}".encode()

    def refusal(self, *, to: EmailAddress, words: RefusalText, about: str, key: str) -> bytes:
        return f"{to} {about} {' '.join(words.text.split())}".encode()


def written(
    *recipients: EmailAddress,
    number: int = 1,
    sender: EmailAddress = BOBS,
    text: str = "Hello",
    to: Sequence[EmailAddress] | None = None,
    evidence: SenderEvidence | None = PROVED,
    return_path: ReturnPath = BOBS,
    quarantine: str | None = None,
    headers: str = "",
    attached: bool = False,
) -> IncomingMail:
    named = ", ".join(map(str, recipients if to is None else to))
    head = f"From: {sender}\nTo: {named}\nSubject: Hi\nMessage-ID: <{number}@corp.example>\n{headers}"
    body = f"\n{text}\n"
    if attached:
        body = (
            'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\n'
            f"{text}\n--b\nContent-Type: image/png\nContent-Disposition: attachment\n\nPNG\n"
            "--b\nContent-Type: image/gif\nContent-Disposition: attachment\n\nGIF\n--b--\n"
        )
    return IncomingMail(
        (head + body).encode(),
        recipients=recipients,
        sender=return_path,
        evidence=evidence,
        quarantine=quarantine,
        source="eml",
    )


class Town:
    """Stores, queue and everybody outside: they outlive a process."""

    def __init__(self) -> None:
        self.clock = memory.Clock(NOON)
        self.records = memory.Records()
        self.blobs = memory.Blobs()
        self.queue = memory.JobQueue(self.clock)
        self.outbox = memory.Outbox()
        self.legacy = memory.LegacyRelay(outgoing=memory.Outbox(), audience=Audience(), clock=self.clock)
        self.flags = memory.Flags()
        self.telemetry = memory.Telemetry()
        self.inbound = InboundRecords(records=self.records)
        self.directory = IdentityDirectory(records=self.records)
        self.store = EventStore(records=self.records)

    async def open(self) -> None:
        """c1 of Ann and Bob, c2 of Ann alone; c3 is known to legacy only."""
        messaging = Process(self).messaging
        await messaging.create("apply", [Participant(ANN), Participant(BOB)], conversation=C1)
        await messaging.create("apply", [Participant(ANN)], conversation=C2)
        await Aliases(records=self.records).adopt(
            [
                ConversationAlias(address=address, conversation=conversation, stands_for=who, id=AliasId(address.local))
                for address, conversation, who in (
                    (TO_C1, C1, ANN),
                    (TO_C1_TOO, C1, AccountId("cem")),
                    (TO_C2, C2, ANN),
                )
            ]
        )
        await self.directory.upsert(Account(BOB, (BOBS,)))
        await self.legacy.load([LegacyAlias(LEGACY, C3), LegacyAlias(LEGACY_C1, C1)], [])

    async def messages(self, conversation: ConversationId = C1) -> list[MessageAdded]:
        events = await self.store.after(conversation, 0, limit=1_000)
        return [event.happening for event in events if isinstance(event.happening, MessageAdded)]

    async def outcomes(self) -> list[OutcomeRecord]:
        rows = await self.records.range("outcomes", "2026/03/01", after="", limit=1_000)
        return [load(row.body, OutcomeRecord) for row in rows]

    async def effects(self) -> list[dict[EmailAddress, Effect]]:
        """By recipient, of each mail that the relay is through with."""
        return [dict(one.outcome.effects) for one in await self.outcomes() if isinstance(one.outcome, Done)]

    async def holds(self, conversation: ConversationId = C2) -> list[HeldMail]:
        """All that ever waited there, by id."""
        rows = await self.records.range("holds", encoded(conversation), after="", limit=1_000)
        return [load(row.body, HeldMail) for row in rows]

    async def reference(self, key: RecordKey) -> MailReference:
        return reference_to(loads(await self.blobs.get(key) or b"", EnvelopeRecord))


class Process:
    """All inbound services over the town, through faults."""

    def __init__(
        self,
        town: Town,
        *,
        faults: memory.Faults | None = None,
        policy: RoutingPolicy = DEFAULT_POLICY,
        reader: MailReader | None = None,
        legacy: bool = True,
        stage: Stage = Stage.LEGACY,
        counts: bool = True,
        authenticator: SenderAuthenticator | None = None,
    ) -> None:
        self.town = town
        self.faults = faults or memory.Faults()
        how = {"policy": policy, "reader": reader, "legacy": legacy, "stage": stage, "counts": counts}
        how["authenticator"] = authenticator
        self.records = memory.faulty.Records(town.records, self.faults)
        self.blobs = memory.faulty.Blobs(town.blobs, self.faults)
        self.queue = memory.faulty.JobQueue(town.queue, self.faults)
        self.inbound = InboundRecords(records=self.records)
        self.dead_letters = DeadLetters(records=self.records)
        store = EventStore(records=self.records)
        threads = Threads(events=store, records=self.records)
        self.conversations = OwnConversations(events=store, folded=threads, clock=town.clock)
        self.stages = Stages(flags=memory.faulty.Flags(town.flags, self.faults), unset=stage)
        aliases = Aliases(records=self.records)
        here = {"conversations": self.conversations, "clock": town.clock}
        aliasing = Aliasing(
            aliases=aliases, stages=self.stages, mint=None, guard=guard(town.records, town.clock), **here
        )
        self.messaging = Messaging(aliasing=aliasing, attachments=Attachments(blobs=self.blobs), **here)
        directory = memory.faulty.IdentityDirectory(IdentityDirectory(records=town.records), self.faults)
        relay_of_old = memory.faulty.LegacyRelay(town.legacy, self.faults) if legacy else None
        outbox = Outbox(records=self.records)
        contacts = Contacts(
            conversations=self.conversations,
            aliases=aliases,
            identities=IdentityDirectory(records=self.records),
        )
        suppressions = Suppressions(records=self.records)
        self.notices = Notices(outbox=outbox)
        self.system_outbox = SystemOutbox(
            rows=outbox,
            letters=self._letters(contacts),
            outgoing=memory.faulty.OutgoingMail(town.outbox, self.faults),
            guarantee=guarantee_of(town.outbox),
            clock=town.clock,
            telemetry=town.telemetry,
        )
        traffic = Traffic(records=self.records) if counts else None
        self.facts = FactFinder(
            domains=MailDomains({"reply.example"}, {"relay.example"}),
            aliases=aliases,
            conversations=self.conversations,
            sightings=self.inbound,
            identities=directory,
            legacy=relay_of_old,
            stages=self.stages,
            traffic=traffic,
        )
        self.carrier = PlanCarrier(
            messaging=self.messaging,
            legacy=relay_of_old,
            records=self.inbound,
            notices=self.notices,
            identities=directory,
            blobs=self.blobs,
            telemetry=town.telemetry,
        )
        evidence = authenticator and EvidenceFinder(
            authenticator=authenticator,
            records=EvidenceRecords(records=self.records),
            domains=self.facts.domains,
            clock=town.clock,
            telemetry=town.telemetry,
        )
        self.relay = InboundRelay(
            stores=Stores(blobs=self.blobs, inbound=self.inbound, dead_letters=self.dead_letters, traffic=traffic),
            reader=reader or Reader(alias_domains=frozenset({"reply.example"})),
            facts=self.facts,
            carrier=self.carrier,
            clock=town.clock,
            telemetry=town.telemetry,
            evidence=evidence,
            policy=policy,
        )
        self.receiver = Receiver(
            blobs=self.blobs,
            queue=self.queue,
            clock=town.clock,
            telemetry=town.telemetry,
            domains=self.facts.domains,
        )
        self.worker = InboundWorker(queue=self.queue, relay=self.relay, clock=town.clock, telemetry=town.telemetry)
        self.sweeper = Sweeper(
            blobs=self.blobs,
            queue=self.queue,
            records=self.records,
            inbound=self.inbound,
            clock=town.clock,
            telemetry=town.telemetry,
        )
        self.replay = Replay(
            blobs=self.blobs,
            inbound=self.inbound,
            dead_letters=self.dead_letters,
            conversations=self.conversations,
            keys=aliasing.guard,
            relay=evolve(self.relay, carrier=evolve(self.carrier, notices=None)),
            restoring=evolve(self.relay, carrier=evolve(self.carrier, notices=None, restores=True)),
            clock=town.clock,
            rehearse=lambda: self._rehearsed(how).replay,
        )
        self.operations = Operations(
            finder=MailFinder(
                blobs=self.blobs, inbound=self.inbound, domains=self.facts.domains, reader=self.relay.reader
            ),
            follower=MailFollower(
                blobs=self.blobs,
                stores=FollowedStores(
                    inbound=self.inbound,
                    dead_letters=self.dead_letters,
                    conversations=self.conversations,
                    ledger=Ledger(records=self.records, incarnation=memory.Incarnation()),
                    holds=Holds(records=self.records),
                    aliases=aliases,
                    system_mail=Outbox(records=self.records),
                    undecided=UndecidedEvents(records=self.records),
                ),
                reader=self.relay.reader,
                suppressing=Suppressing(suppressions=suppressions, contacts=contacts, clock=town.clock),
                clock=town.clock,
                is_stand_in=True,
            ),
            suppressions=suppressions,
            keys=aliasing.guard,
            clock=town.clock,
        )

    def _letters(self, contacts: Contacts) -> Letters:
        return Letters(
            suppressions=Suppressions(records=self.records),
            refusals=RefusalLetters(writer=Writer()),
            approvals=ApprovalLetters(
                holds=Holds(records=self.records),
                conversations=self.conversations,
                contacts=contacts,
                writer=None,
                keys=LINK_KEYS,
                clock=self.town.clock,
            ),
            notices=NoticeLetters(identities=contacts.identities, writer=Writer()),
        )

    def _rehearsed(self, how: dict[str, Any]) -> Process:
        """The same over a town in which nothing changes."""
        unchanged = copy(self.town)
        unchanged.records = rehearsal.Records(self.town.records)  # type: ignore[assignment]
        unchanged.blobs = rehearsal.Blobs(self.town.blobs)  # type: ignore[assignment]
        unchanged.legacy = rehearsal.LegacyRelay(self.town.legacy)  # type: ignore[assignment]
        return Process(unchanged, faults=self.faults, **how)

    async def take(self, mail: IncomingMail) -> MailReference:
        """Keep it, and its reference."""
        receipt = await self.receiver.accept(mail)
        assert isinstance(receipt, Kept)
        return await self.town.reference(receipt.record)

    async def drain(self, *, hours: int = 2) -> None:
        """Work until nothing waits, letting time pass for what is in back-off, and send what is due."""
        for _ in range(hours * 60):
            await self.worker.step()
            await self.system_outbox.send_due()
            depth = await self.town.queue.depth()
            if not depth.ready and not depth.in_flight:
                break
            await self.town.clock.advance(timedelta(minutes=1))
        await self.town.clock.advance(timedelta(minutes=2))
        await self.system_outbox.send_due()


async def shortened(town: Town, key: str, *, to: int) -> None:
    """Leave of what is kept under that key its first octets, as after a write that a full disk cut."""
    whole = await town.blobs.get(key)
    assert whole is not None
    await town.blobs.delete([key])
    await town.blobs.put(key, whole[:to])


async def open_town() -> Town:
    """A town with its conversations."""
    town = Town()
    await town.open()
    return town


__all__ = ["NULL_RETURN_PATH"]
