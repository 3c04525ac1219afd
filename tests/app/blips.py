"""The whole path over ports of a host of which one single call fails: what came of it, as the people concerned would say."""

from __future__ import annotations

import asyncio
import inspect
import random
import re
import types
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar, cast, get_type_hints

from attrs import define, field, frozen

from convalias.adapters import memory, mime
from convalias.app import Convalias
from convalias.app.capabilities import capabilities_of, methods_of
from convalias.app.ports import Instead
from convalias.cli.dead import LANES
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.links import Allow
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.posts import IncomingMail, Post
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.conversations import Message
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import Subscription
from convalias.ports.hub import Declined, Guarantee, Sent
from convalias.ports.mail import ReadMail
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.testing.simulator.loop import VirtualLoop
from ports.minimal import storing, surroundings, talks
from ports.minimal.table import C1, C2, HIRING, LEGACY_ALIASES, X1, X2, rollouts

START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES: Final = ("ann", "bob", "cid", "dora", "mal")
MEMBERS: Final = [Participant.of(name, name=name.title()) for name in ("ann", "bob", "dora")]
MARKS: Final = ("c-bad", "mal", "Bad words")
PROVED: Final = SenderEvidence(Dmarc.PASS, spf_aligned=True, dkim_aligned=True)
NUMBERS: Final = {"dora": "+44 20 7946 0018", "mal": "+44 20 7946 0019"}
UNCERTAIN: Final = ("mons.delivery.failures", "icer.system_mail.uncertain")
NEVER: Final = timedelta(hours=2)
"""How long a call hangs that never answers: longer than anybody waits for it."""
LOOKS: Final = (0, 130)
"""Seconds that pass between two looks of the workers: then all is done where nothing fails."""
LOOKS_AFTER: Final = (1, 6, 20, 40, 70, 120, 400, 0)
"""The same after a failure: longer in all than any pause after one."""
P = TypeVar("P")


class Failure(Enum):
    """How the one call fails."""

    BEFORE = "ConnectionError before anything was done"
    AFTER = "KeyError after all was done"
    LATE = "it never answers"
    CANCELLED = "CancelledError from inside, before anything was done"
    CANCELLED_AFTER = "CancelledError from inside, after all was done"


PROTOCOLS: Final[Mapping[str, type]] = get_type_hints(Instead)
OPENED: Final = {("events", "records"): Subscription}


@frozen(order=True)
class Call:
    """The n-th call of one method of one port."""

    port: str
    method: str
    number: int

    def __str__(self) -> str:
        return f"{self.port}.{self.method} #{self.number}"


class Clock:
    """The time of the loop, numbers in a row, bytes of a seed."""

    def __init__(self) -> None:
        self.ids, self.random = 0, random.Random(1)

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(duration.total_seconds(), 0))

    def new_id(self) -> str:
        self.ids += 1
        return f"{self.ids:026d}"

    def entropy(self, octets: int) -> bytes:
        return self.random.randbytes(octets)


# --- the host's adapters, with all that a port may have besides ----------------------------------------


class Talks(talks.Conversations):
    """A host that keeps read marks, and can be read back."""

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        is_read = "Read already" in self.tables.messages[thread, message].text
        return {"bob"} & {*accounts} if is_read else set()

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        listed = [one for (place, _), one in self.tables.messages.items() if place == thread][::-1]
        names = [one.id for one in listed]
        return listed[(0 if before is None else names.index(before) + 1) :][: min(limit, 3)]


class Reader:
    """Reads as ours does: with attached files."""

    def __init__(self) -> None:
        self.ours = mime.Reader()

    async def read(self, raw: bytes, post: Post) -> ReadMail:
        return await self.ours.read(raw, post)


class Texts:
    """Sends by SMS, and remembers nothing."""

    def __init__(self) -> None:
        self.sent: list[Notification] = []

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.SMS: Guarantee()}

    async def send(self, notification: Notification) -> Sent | Declined:
        self.sent.append(notification)
        return Sent()


def accounts() -> list[Account]:
    return [Account(AccountId(name), (EmailAddress.parse(f"{name}@home.example"),)) for name in NAMES]


def _of(found: Any, name: str) -> Any:
    return getattr(found, name)


@define
class Blip:
    """Counts the calls of all ports, and lets one of them fail."""

    call: Call | None = None
    failure: Failure = Failure.BEFORE
    counts: Counter[tuple[str, str]] = field(factory=Counter[tuple[str, str]])
    failed: bool = False
    poison: tuple[str, str] | None = None
    """The call, by port and method, that fails for ever on what `MARKS` are found in, and on nothing else."""
    is_armed: bool = False
    """Not while ports are looked at and opened: what fails then is refused, or tried at its first use."""

    def is_now(self, port: str, method: str) -> bool:
        if not self.is_armed:
            return False
        self.counts[port, method] += 1
        found = self.call == Call(port, method, self.counts[port, method])
        self.failed = self.failed or found
        return found

    def is_poisoned(self, port: str, method: str, *given: object) -> bool:
        found = self.is_armed and self.poison == (port, method) and any(mark in repr(given) for mark in MARKS)
        self.failed = self.failed or found
        return found

    async def awaited(self, done: Callable[[], Awaitable[Any]]) -> Any:
        match self.failure:
            case Failure.BEFORE:
                raise ConnectionError("bob@home.example")
            case Failure.LATE:
                await asyncio.sleep(NEVER.total_seconds())
                raise AssertionError("somebody has waited for it")
            case Failure.CANCELLED:
                raise asyncio.CancelledError
            case Failure.AFTER | Failure.CANCELLED_AFTER:
                await done()
                raise KeyError("bob@home.example") if self.failure is Failure.AFTER else asyncio.CancelledError

    def at_once(self) -> Any:
        if self.failure in {Failure.CANCELLED, Failure.CANCELLED_AFTER}:
            raise asyncio.CancelledError
        raise KeyError("bob@home.example")

    def over(self, port: P, keyword: str, protocol: type) -> P:
        """The same object, each of whose calls is counted; all that an adapter opens is another port."""
        kind, blip = type(port), self
        made: type[Any]
        methods = dict(methods_of(protocol))
        for capability in capabilities_of(port, keyword):
            methods.update(methods_of(capability))

        def counting(name: str, asked: Any) -> Any:
            if isinstance(asked, property):
                return property(
                    lambda own: blip.at_once() if blip.is_now(keyword, name) else _of(super(made, own), name)
                )
            if not inspect.iscoroutinefunction(asked):

                def at_once(own: Any, *args: Any, **named: Any) -> Any:
                    if blip.is_now(keyword, name):
                        return blip.at_once()
                    found = _of(super(made, own), name)(*args, **named)
                    opened = OPENED.get((keyword, name))
                    return found if opened is None else blip.over(found, keyword, opened)

                return at_once

            async def awaited(own: Any, *args: Any, **named: Any) -> Any:
                async def done() -> Any:
                    return await _of(super(made, own), name)(*args, **named)

                if blip.is_poisoned(keyword, name, args, named):
                    raise KeyError("bob@home.example")
                return await blip.awaited(done) if blip.is_now(keyword, name) else await done()

            return awaited

        members = {name: counting(name, asked) for name, asked in methods.items()}
        made = types.new_class(
            f"Counted{kind.__name__}", (kind,), {}, lambda space: space.update(members, __slots__=())
        )
        port.__class__ = made
        return port


# --- the two hosts -----------------------------------------------------------------------------------


class Host:
    """One whose ports are all its own: with its own conversations, or with our events."""

    def __init__(self, blip: Blip, *, talks: bool) -> None:
        self.clock = clock = Clock()
        self.talks = Talks() if talks else None
        self.mail, self.system_mail, self.texts = (surroundings.OutgoingMail(), surroundings.OutgoingMail(), Texts())
        self.hub = None if talks else surroundings.NotificationHub()
        self.legacy = surroundings.LegacyRelay(LEGACY_ALIASES)
        records = storing.Records() if talks else storing.ChangingRecords(clock)
        made: dict[str, Any] = {
            "records": records,
            "blobs": storing.Blobs(),
            "queue": storing.JobQueue(clock),
            "events": storing.EventLog(clock),
            "identity": surroundings.IdentityDirectory(accounts()),
            "legacy": self.legacy,
            "channel_choice": surroundings.ChannelChoice({AccountId(one): (Channel.SMS,) for one in NUMBERS}),
            "endpoints": surroundings.ChannelEndpoints(
                {(Channel.SMS, AccountId(one)): to for one, to in NUMBERS.items()}
            ),
            "flags": surroundings.Flags(rollouts()),
            "mail": self.mail,
            "system_mail": self.system_mail,
            "reader": Reader(),
            "authenticator": surroundings.SenderAuthenticator(),
            "check": surroundings.Check(),
        }
        if self.talks is None:
            made["hub"] = self.hub
        else:
            made["conversations"] = self.talks
        self.instead = cast(
            "Instead",
            {keyword: blip.over(port, keyword, PROTOCOLS[keyword]) for keyword, port in made.items()}
            | {"clock": clock, "channels": {Channel.SMS: blip.over(self.texts, "channels.sms", PROTOCOLS["hub"])}},
        )
        if self.talks is None:
            self.instead["changes"] = cast("Any", records)


@frozen(kw_only=True)
class Outcome:
    """What came of it. `Counter`s: how often."""

    texts: Sequence[str]
    mailed: Mapping[tuple[str, str], int]
    """By recipient and text."""
    texted: Mapping[tuple[str, str], int]
    told: Mapping[tuple[str, str], int]
    """Mail of ours, by recipient and first words of its subject."""
    legacy: Sequence[str]
    """What the legacy relay was handed over, or told of and notified about."""
    files: Sequence[str]
    timeline: Sequence[tuple[str, str]]
    holds: int
    waiting: int
    untold: int
    letters: Sequence[str]
    """Reasons of dead letters."""
    uncertain: int
    """What may have been sent or not, and is shown so."""
    raised: Sequence[str]
    """What reached a worker's loop or a caller and was not "try again"."""


@define
class Walk:
    """Somebody who does what a host, a provider and people do, again where it was not possible."""

    cv: Convalias
    host: Host
    blip: Blip
    is_mended: bool = False
    """Whether all was looked at again after the failure."""
    raised: list[str] = field(factory=list[str])

    async def rest(self) -> None:
        """Until all that is due, and all that is tried again, has been done."""
        await self.look(LOOKS)
        if self.blip.failed and not self.is_mended:
            self.is_mended = True
            await self.look(LOOKS_AFTER)

    async def look(self, pauses: Sequence[float]) -> None:
        for pause in pauses:
            await asyncio.sleep(pause)
            for worker in ("inbound", "feed", "outbound") * 2:
                await self._tried(asyncio.ensure_future(self.cv.run_until_idle(cast("Any", worker))))
            # Decisions and deliveries are two loops: what one of them waits for is nothing to the other.
            await self._tried(asyncio.ensure_future(self.cv.outbound.deliver_due()))

    async def _tried(self, work: asyncio.Future[Any]) -> BaseException | None:
        (came,) = await asyncio.gather(work, return_exceptions=True)
        if not isinstance(came, BaseException):
            return None
        if not isinstance(came, Unavailable):
            self.raised.append(type(came).__name__)
        return came

    async def insist(self, call: Callable[[], Awaitable[Any]]) -> Any:
        for _ in range(6):
            task = asyncio.ensure_future(call())
            if await self._tried(task) is None:
                return task.result()
            await asyncio.sleep(30)
        return await call()

    async def accept(
        self, name: str, text: str, to: EmailAddress, *, number: str, also: str = "", more: str = ""
    ) -> None:
        sender = name if "@" in name else f"{name}@home.example"
        raw = (
            f"From: {sender}\nTo: {to}{also}\nSubject: Talk\nMessage-ID: <{number}@home.example>\n"
            f"Date: Sun, 1 Mar 2026 12:00:00 +0000\n{more or chr(10)}{text}\n"
        )
        if more:
            raw += PICTURE
        mail = IncomingMail(
            raw.encode(), recipients=[to], sender=sender, evidence=PROVED if sender == "bob@home.example" else None
        )
        await self.insist(lambda: self.cv.receiver.accept(mail))

    async def say(self, text: str, key: str) -> None:
        if self.host.talks is None:
            await self.insist(lambda: self.cv.messaging.send(C1, text, author="ann", key=key))
        else:
            self.host.talks.tables.say(C1, "ann", text, at=self.host.clock.now())
        await self.rest()

    async def open(self, conversation: ConversationId) -> EmailAddress:
        if self.host.talks is not None:
            self.host.talks.tables.open(conversation, *MEMBERS, use_case=HIRING)
            return cast("EmailAddress", await self.insist(lambda: self.cv.alias(conversation, for_="ann")))
        opened = partial(self.cv.open_conversation, conversation, use_case=HIRING, participants=MEMBERS)
        aliases = await self.insist(opened)
        return cast("EmailAddress", aliases["ann"])

    async def close(self, conversation: ConversationId) -> None:
        if self.host.talks is not None:
            self.host.talks.tables.close(conversation)
        else:
            await self.insist(lambda: self.cv.messaging.close(conversation))

    async def walk(self) -> Outcome:
        """Both ways, with files, read marks, two channels, legacy, a stranger, a refusal, spam, a mute, a timeline."""
        ann, gone = await self.open(C1), await self.open(C2)
        await self.close(C2)
        for _ in range(2):
            await self.accept("bob", "One", ann, number="one", more=MULTIPART)
        await self.rest()
        await self.say("Good morning", "k1")
        await self.say("Read already", "k2")
        for recipient in (ann, X1):
            await self.accept("bob", "Two", recipient, number="two", also=f", {ann if recipient == X1 else X1}")
        await self.accept("cid", "Three", X2, number="three")
        await self.accept("eve@else.example", "Four", ann, number="four")
        await self.accept("bob", "Too late", gone, number="five")
        await self.accept("bob", "Cheap pills", ann, number="six")
        await self.rest()
        await self.approve()
        await self.rest()
        await self.mute()
        await self.say("Later", "k3")
        items = await self.insist(lambda: self.cv.messaging.timeline(C1, seen_by="ann"))
        await self.rest()
        return await self.outcome([(one.author, one.text) for one in items])

    async def approve(self) -> None:
        """The first question about held mail is answered by its link."""
        for mail in self.host.system_mail.sent:
            found = re.search(r"/approvals/(\S+)", text_of(mail.raw))
            if found is not None:
                await self.insist(partial(self.cv.approvals.decide, found[1], Allow()))
                return

    async def mute(self) -> None:
        """Bob wants no more mail about it."""
        if self.host.hub is not None:
            seals = self.cv.services.unsubscribing.seals
            token = seals.unsubscribe_token(C1, AccountId("bob"))
        else:
            raws = [one.raw for one in self.host.mail.sent if str(one.to) == "bob@home.example"]
            if not raws:
                return
            field_ = str(message_from_bytes(raws[0], policy=policy.default)["List-Unsubscribe"])
            token = re.findall(r"/unsubscribe/([^>\s]+)", field_)[0]
        await self.insist(lambda: self.cv.unsubscribing.stop(token))

    async def outcome(self, timeline: Sequence[tuple[str, str]]) -> Outcome:
        host, cv = self.host, self.cv
        depth = await cv.ports.queue.depth()
        letters = await letters_of(cv)
        telemetry = cast("memory.Telemetry", cv.ports.telemetry)
        if host.talks is not None:
            tables = host.talks.tables
            texts = [one.text for (thread, _), one in tables.messages.items() if thread == C1]
            files = [one.name for post in tables.posted for one in post.attachments]
            untold = len(tables.messages) - len(tables.told)
            left = [(str(one.to), text_of(one.raw)) for one in host.mail.sent]
        else:
            events = [one.happening for one in await cv.messaging.events(C1, limit=100)]
            texts = [text for one in events if (text := getattr(one, "text", None)) is not None]
            files = [file.name for one in events for file in getattr(one, "attachments", ())]
            untold = 0
            left = [
                (str(one.recipient_address), str(getattr(one.event.happening, "text", "")))
                for one in (host.hub.sent if host.hub is not None else ())
            ]
        known = ("One", "Good morning", "Read already", "Two", "Four", "Later", "Three", "Too late", "pills")
        return Outcome(
            texts=sorted(one.strip() for one in texts),
            mailed=Counter((to, text) for to, whole in left for text in known if text in whole),
            texted=Counter(
                (str(one.endpoint), str(getattr(one.event.happening, "text", "")).strip()) for one in host.texts.sent
            ),
            told=Counter((str(one.to), subject_of(one.raw)) for one in host.system_mail.sent),
            legacy=sorted([*host.legacy.processed, *(one for one in host.legacy.told)]),
            files=sorted(map(str, files)),
            timeline=sorted((who, text.strip()) for who, text in timeline),
            holds=len(await cv.services.stores.holds.waiting(C1)),
            waiting=depth.ready + depth.in_flight,
            untold=untold,
            letters=letters,
            uncertain=round(sum(telemetry.total(name) for name in UNCERTAIN)),
            raised=self.raised,
        )


MULTIPART: Final = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n'
PICTURE: Final = (
    "\n--b\nContent-Type: image/png\nContent-Disposition: attachment; filename=plan.png\n"
    "Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
)


async def letters_of(cv: Convalias) -> list[str]:
    """The reasons of all dead letters."""
    kept = DeadLetters(records=cv.ports.records)
    return [one.reason for lane in LANES async for one in kept.list(lane)]


def text_of(raw: bytes) -> str:
    parts = (part.get_payload(decode=True) for part in message_from_bytes(raw).walk())
    return "\n".join(part.decode("utf-8", "replace") for part in parts if isinstance(part, bytes))


def subject_of(raw: bytes) -> str:
    return str(message_from_bytes(raw, policy=policy.default)["Subject"])[:30]


def walked(blip: Blip, *, talks: bool) -> Outcome:
    """One walk in virtual time."""

    async def story() -> Outcome:
        host = Host(blip, talks=talks)
        cv = Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", **host.instead)
        async with cv:
            blip.is_armed = True
            return await Walk(cv, host, blip).walk()

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


def calls_of(blip: Blip) -> Iterator[Call]:
    """Every call that was counted."""
    for (port, method), times in sorted(blip.counts.items()):
        for number in range(1, times + 1):
            yield Call(port, method, number)
