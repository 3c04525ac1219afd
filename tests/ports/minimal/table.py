"""One row a port: the least that its docstring asks for, and the whole path over it, judged by what was told to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from email import message_from_bytes
from pathlib import Path
from typing import Final, cast

from attrs import frozen

from convalias.app import Convalias
from convalias.app.ports import Instead
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from ports.minimal import storing, surroundings, talks

PATIENCE: Final = 60.0
"""Seconds of real time after which a path that has not ended never will: no path takes one."""
HIRING: Final = UseCase("hiring")
PEOPLE: Final = {name: f"{name}@home.example" for name in ("ann", "bob", "cid")}
C1, C2 = ConversationId("c1"), ConversationId("c2")
X1, X2 = EmailAddress.parse("x1@relay.example"), EmailAddress.parse("x2@relay.example")
LEGACY_ALIASES: Final = (LegacyAlias(X1, C1), LegacyAlias(X2, C2))


def accounts() -> list[Account]:
    return [Account(AccountId(name), (EmailAddress.parse(address),)) for name, address in PEOPLE.items()]


def rollouts() -> Mapping[tuple[UseCase, Axis], Rollout]:
    return {(HIRING, axis): Rollout(HIRING, Stage.PARALLEL, 10_000, "salt") for axis in Axis}


class Row:
    """The ports of one row, made when a path begins: two paths share nothing."""

    def __init__(self, *names: str, broken: Callable[[Instead], None] | None = None) -> None:
        self.names = names
        self.broken = broken

    def make(self) -> Instead:
        clock = surroundings.Clock()
        made: dict[str, object] = {}
        for name in self.names:
            made[name] = MAKERS[name](clock)
        if "records" in made and "changes" in made:
            made["records"] = made["changes"]
        instead = cast("Instead", made)
        if self.broken is not None:
            self.broken(instead)
        return instead

    def __str__(self) -> str:
        return " and ".join(self.names) if len(self.names) < len(MAKERS) else "all together"


MAKERS: Final[Mapping[str, Callable[[surroundings.Clock], object]]] = {
    "records": lambda _: storing.Records(),
    "blobs": lambda _: storing.Blobs(),
    "queue": storing.JobQueue,
    "events": storing.EventLog,
    "clock": lambda clock: clock,
    "telemetry": lambda _: surroundings.Telemetry(),
    "incarnation": lambda _: surroundings.Incarnation(),
    "changes": storing.ChangingRecords,
    "conversations": lambda _: talks.Conversations(),
    "identity": lambda _: surroundings.IdentityDirectory(accounts()),
    "legacy": lambda _: surroundings.LegacyRelay(LEGACY_ALIASES),
    "hub": lambda _: surroundings.NotificationHub(),
    "channel_choice": lambda _: surroundings.ChannelChoice(),
    "endpoints": lambda _: surroundings.ChannelEndpoints(),
    "flags": lambda _: surroundings.Flags(rollouts()),
    "mail": lambda _: surroundings.OutgoingMail(),
    "system_mail": lambda _: surroundings.OutgoingMail(),
    "reader": lambda _: surroundings.MailReader(),
    "authenticator": lambda _: surroundings.SenderAuthenticator(),
    "check": lambda _: surroundings.Check(),
}
"""Every keyword of the façade but `event_store`, which is refused by itself, and `channels`, each of which is a hub."""

NEEDS: Final = {"changes": ("records",)}
ROWS: Final = [Row(*NEEDS.get(name, ()), name) for name in MAKERS]
ALL: Final = Row(*MAKERS)


@frozen(kw_only=True)
class Told:
    """What came of it."""

    texts: tuple[str, ...]
    """Of the conversation, sorted: a mail and a chat message of the same moment may come in either order."""
    notified: Mapping[tuple[str, str], int]
    """By recipient and text, how often a system other than legacy told."""
    legacy_told: int
    """Notifications of the legacy relay."""
    handed_over: int
    holds: int
    waiting: int
    dead: int


EXPECTED: Final = Told(
    texts=("Good morning", "One", "Two"),
    notified={
        (PEOPLE["ann"], "One"): 1,
        (PEOPLE["bob"], "Good morning"): 1,
        (PEOPLE["ann"], "Two"): 1,
    },
    legacy_told=0,
    handed_over=1,
    holds=1,
    waiting=0,
    dead=0,
)

Rest = Callable[[Convalias], Awaitable[None]]
"""Until all that is due has been done."""


async def walk(cv: Convalias, rest: Rest) -> None:
    """Mail, chat, one mail over two addresses, mail of legacy alone, a stranger; a provider and a client that repeat."""
    if cv.ports.flags is None:
        for axis in Axis:
            await cv.rollout.set(HIRING, stage=Stage.PARALLEL, basis_points=10_000, salt="salt", axes=[axis])
    await know_legacy_aliases(cv)
    members = [Participant.of(name, name=name.title(), addresses=[PEOPLE[name]]) for name in ("ann", "bob")]
    tables = getattr(cv.ports.conversations, "tables", None)
    if isinstance(tables, talks.Tables):
        tables.open(C1, *members, use_case=HIRING)
        for name in ("ann", "bob", "cid") if cv.ports.identity is None else ():
            await cv.services.stores.directory.upsert(Account(AccountId(name), (EmailAddress.parse(PEOPLE[name]),)))
        ann = await cv.alias(C1, for_="ann")
    else:
        aliases = await cv.open_conversation(C1, use_case=HIRING, participants=members)
        ann = aliases[AccountId("ann")]
    for _ in range(2):
        await cv.receiver.accept(mail("one", "bob@home.example", "One", ann))
        await rest(cv)
    for again in (False, True):
        if not isinstance(tables, talks.Tables):
            await cv.messaging.send(C1, "Good morning", author="ann", key="k1")
        elif not again:  # the host's own client repeats nothing
            tables.say(C1, "ann", "Good morning", at=cv.ports.clock.now())
        await rest(cv)
    for recipient in (ann, X1):
        await cv.receiver.accept(mail("two", "bob@home.example", "Two", recipient, to=(ann, X1)))
    await rest(cv)
    await cv.receiver.accept(mail("three", "cid@home.example", "Three", X2))
    await cv.receiver.accept(mail("four", "eve@else.example", "Four", ann))
    await rest(cv)


def mail(
    number: str, sender: str, text: str, recipient: EmailAddress, *, to: tuple[EmailAddress, ...] = ()
) -> IncomingMail:
    raw = (
        f"From: {sender}\nTo: {', '.join(map(str, to or (recipient,)))}\nSubject: Talk\n"
        f"Message-ID: <{number}@home.example>\n\n{text}\n"
    )
    return IncomingMail(raw.encode(), recipients=[recipient], sender=sender)


async def know_legacy_aliases(cv: Convalias) -> None:
    load = getattr(cv.ports.legacy, "load", None)
    if load is not None:  # the stand-in; a relay of the host's own knows what it knows
        await load(LEGACY_ALIASES, [])


async def told(cv: Convalias, row: Instead, data: Path | None) -> Told:
    """What came of it, as the people concerned would say."""
    tables = getattr(cv.ports.conversations, "tables", None)
    if isinstance(tables, talks.Tables):
        texts = tuple(sorted(one.text for (thread, _), one in tables.messages.items() if thread == C1))
    else:
        events = await cv.messaging.events(C1, limit=100)
        found = (getattr(one.happening, "text", None) for one in events)
        texts = tuple(sorted(str(text) for text in found if text is not None))
    left = [(to, text) for to, raw in sent(cv, row, data) for text in texts if text in raw]
    depth = await cv.ports.queue.depth()
    holds = await cv.services.stores.holds.waiting(C1)
    legacy_told, handed_over = await of_legacy(cv)
    return Told(
        texts=texts,
        notified=Counter(left),
        legacy_told=legacy_told,
        handed_over=handed_over,
        holds=len(holds),
        waiting=depth.ready + depth.in_flight,
        dead=len(await cv.operations.dead()),
    )


def sent(cv: Convalias, row: Instead, data: Path | None) -> list[tuple[str, str]]:
    """Recipient and content of each notification that left."""
    if isinstance(hub := row.get("hub"), surroundings.NotificationHub):
        return [(str(one.recipient_address), str(getattr(one.event.happening, "text", ""))) for one in hub.sent]
    if isinstance(outbox := row.get("mail"), surroundings.OutgoingMail):
        return [(str(one.to), body(one.raw)) for one in outbox.sent]
    raws = (
        [path.read_bytes() for path in sorted((data / "outbox").glob("*.eml"))]
        if data is not None
        else [raw for address in PEOPLE.values() for raw in cv.mailbox(address)]
    )
    return [(str(message_from_bytes(raw)["To"]).strip("<>"), body(raw)) for raw in raws]


def body(raw: bytes) -> str:
    parts = [part.get_payload(decode=True) for part in message_from_bytes(raw).walk()]
    return next(part.decode() for part in parts if isinstance(part, bytes))


async def of_legacy(cv: Convalias) -> tuple[int, int]:
    relay = cv.ports.legacy
    if isinstance(relay, surroundings.LegacyRelay):
        return len(relay.told) - len(relay.processed), len(relay.processed)
    calls = await relay.calls()  # type: ignore[union-attr] - the stand-in's
    told = sum(one.notified for one in calls if one.kind == "index")
    return told, sum(one.kind == "handoff" for one in calls)
