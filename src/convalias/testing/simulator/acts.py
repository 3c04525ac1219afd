"""What people, providers and operators do, act by act: each numbered, each drawing only from its own number."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from attrs import evolve, frozen

from convalias.app import Convalias
from convalias.domain.addresses import EmailAddress
from convalias.domain.errors import DomainError
from convalias.domain.evidence import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.participants import Participant
from convalias.domain.rollout import Axis, Rollout, Stage
from convalias.ports.errors import PortError
from convalias.services.errors import ServiceError
from convalias.testing.simulator.draws import Draws, Stream
from convalias.testing.simulator.journal import Change, Chat, Kind, Mail
from convalias.testing.simulator.people import People
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.provider import Provider
from convalias.testing.simulator.weather import Fault
from convalias.testing.simulator.world import ConnectionLost, World

T = TypeVar("T")

MAILS: Final = ("mail", "reply", "stranger", "auto_reply", "spoof", "again")
_WEIGHTS: Final[Mapping[str, float]] = {
    "mail": 40,
    "reply": 14,
    "stranger": 3,
    "auto_reply": 2,
    "spoof": 1,
    "again": 5,
    "chat": 14,
    "move": 2,
    "flag": 3,
    "turn": 2,
    "leave": 2,
    "revoke": 1,
    "read": 2,
    "replay": 0.4,
    "redrive": 0.6,
    "give_back": 1,
    "restart": 1,
    "rewind": 0.5,
}
_BUSY: Final = 6.0
"""Mean virtual seconds between two acts."""
_CLIENT_TRIES: Final = 12


@frozen
class Act:
    """The `number`-th thing that happens, at virtual second `at`."""

    number: int
    at: float
    kind: str


def drawn_acts(draws: Draws, mails: int, *, begin: float = 5.0) -> Sequence[Act]:
    """Acts until so many mails are among them, with what else happens meanwhile."""
    stream = draws.stream("acts")
    total, acts, written, at = sum(_WEIGHTS.values()), list[Act](), 0, begin
    while written < mails:
        burst = stream.chance(0.3)
        at += 0.02 if burst else stream.between(0.0, 2 * _BUSY)
        draw = stream.unit() * total
        for kind, weight in _WEIGHTS.items():
            draw -= weight
            if draw < 0:
                acts.append(Act(len(acts), at, kind))
                written += kind in MAILS
                break
    return acts


class Script:
    """Performs acts upon a world. What an act finds is drawn from its own number, whatever acts before it were left out."""

    def __init__(self, world: World, people: People) -> None:
        """Nothing happened yet."""
        self._world = world
        self._people = people
        self._provider = Provider(world)
        self._performing: Mapping[str, Callable[[Stream, str], Coroutine[Any, Any, None]]] = {
            "mail": self._mail,
            "reply": self._reply,
            "stranger": self._stranger,
            "auto_reply": self._auto_reply,
            "spoof": self._spoof,
            "again": self._again,
            "chat": self._chat,
            "move": self._move,
            "flag": self._flag,
            "turn": self._turn,
            "leave": self._leave,
            "revoke": self._revoke,
            "read": self._read,
            "replay": self._replay,
            "redrive": self._redrive,
            "give_back": self._give_back,
            "restart": self._restart,
            "rewind": self._rewind,
        }

    async def perform(self, acts: Sequence[Act]) -> None:
        """Each at its time; none waits for another's end."""
        for act in acts:
            await asyncio.sleep(max(act.at - self._world.now, 0.0))
            draws = self._world.draws.stream(f"act {act.number}")
            self._world.trace.note(self._world.now, "outside", act.kind, str(act.number), "")
            _ = self._world.outside(self._performing[act.kind](draws, f"m{act.number}"))

    # --- mail ------------------------------------------------------------------------------------------

    async def _mail(self, draws: Stream, name: str) -> None:
        """A participant writes: to one alias, to several, to legacy ones, to some of each."""
        people = self._people
        conversation = draws.choice(people.conversations)
        author = draws.choice(people.members[conversation])
        recipients = people.addressed(conversation, author, draws)
        await self._write(
            name, Kind.MAIL, draws, sender=people.address(author, draws), account=author, recipients=recipients
        )

    async def _reply(self, draws: Stream, name: str) -> None:
        """Somebody answers the last notification that reached him."""
        sent = self._world.engines.hub.sent[-40:]
        if not sent:
            await self._mail(draws, name)
            return
        notification = draws.choice(sent).notification
        sender = notification.recipient_address
        if sender is None:
            return
        about = notification.conversation
        recipients = [(notification.reply_alias, about)]
        await self._write(name, Kind.REPLY, draws, sender=sender, account=notification.recipient, recipients=recipients)

    async def _stranger(self, draws: Stream, name: str) -> None:
        """Somebody from outside has found an address."""
        conversation = draws.choice(self._people.conversations)
        address = EmailAddress.parse(f"eve{draws.below(3)}@else.example")
        self._world.journal.strangers.add(address)
        recipients = self._people.addressed(conversation, None, draws)
        await self._write(name, Kind.STRANGER, draws, sender=address, account=None, recipients=recipients)

    async def _auto_reply(self, draws: Stream, name: str) -> None:
        """A vacation program answers a notification."""
        conversation = draws.choice(self._people.conversations)
        author = draws.choice(self._people.members[conversation])
        recipients = self._people.addressed(conversation, author, draws)[:1]
        await self._write(
            name,
            Kind.AUTO_REPLY,
            draws,
            sender=self._people.address(author, draws),
            account=author,
            recipients=recipients,
        )

    async def _spoof(self, draws: Stream, name: str) -> None:
        """Somebody writes under a participant's address, and its domain says that this is not him."""
        conversation = draws.choice(self._people.conversations)
        victim = draws.choice(self._people.members[conversation])
        recipients = self._people.addressed(conversation, victim, draws)[:1]
        await self._write(
            name, Kind.SPOOF, draws, sender=self._people.address(victim, draws), account=None, recipients=recipients
        )

    async def _again(self, draws: Stream, name: str) -> None:
        """A mail client sends the very same mail once more; to the provider it is a new one."""
        mails = list(self._world.journal.mails.values())[-30:]
        if not mails:
            await self._mail(draws, name)
            return
        await self._provider.deliver(draws.choice(mails), draws, attempt=name)

    async def _write(
        self,
        name: str,
        kind: Kind,
        draws: Stream,
        *,
        sender: EmailAddress,
        account: AccountId | None,
        recipients: Sequence[tuple[EmailAddress, ConversationId]],
    ) -> None:
        addresses = tuple(dict.fromkeys(address for address, _ in recipients))
        places = dict(recipients)
        mail = Mail(
            name=name,
            kind=kind,
            sender=sender,
            account=account,
            recipients=addresses,
            conversations=tuple(places[one] for one in addresses),
            evidence=_evidence(kind, sender),
            raw=_written(name, kind, sender, addresses, at=self._world.now),
        )
        self._world.journal.mails[name] = mail
        await self._provider.deliver(mail, draws, attempt=name)

    # --- chat ------------------------------------------------------------------------------------------

    async def _chat(self, draws: Stream, name: str) -> None:
        """A participant writes in the application, whose client tries until it knows."""
        conversation = draws.choice(self._people.conversations)
        author = draws.choice(self._people.members[conversation])
        chat = Chat(conversation=conversation, author=author, key=name, text=f"{name} said {author}")
        self._world.journal.chats.append(chat)
        for _ in range(_CLIENT_TRIES):
            number = draws.below(8)
            try:
                await self._world.ask(
                    "web", number, lambda cv: cv.messaging.send(conversation, chat.text, author=author, key=name)
                )
            except (ConnectionLost, PortError, TimeoutError):
                await asyncio.sleep(draws.between(1.0, 60.0))
            except ServiceError:
                chat.refused = True
                return
            else:
                chat.accepted = True
                return

    async def _read(self, draws: Stream, name: str) -> None:
        del name
        conversation = draws.choice(self._people.conversations)
        reader = draws.choice(self._people.members[conversation])
        await self._command(draws, lambda cv: cv.messaging.mark_read(conversation, account=reader, up_to=1))

    # --- changes ---------------------------------------------------------------------------------------

    async def _move(self, draws: Stream, name: str) -> None:
        """Somebody has a new address; the old one may become another person's."""
        people, directory = self._people, self._world.engines.directory
        account = draws.choice(sorted(people.names))
        fresh = EmailAddress.parse(f"{account}-{name}@home.example")
        standing = directory.accounts[account]
        keeps = standing.addresses if draws.chance(0.5) else ()
        self._changed(f"{account} moves", None)
        self._world.journal.people[account].add(fresh)
        directory.put(evolve(standing, addresses=(fresh, *keeps)))
        if not keeps and draws.chance(0.3):
            heir = draws.choice([one for one in sorted(people.names) if one != account])
            inherited = directory.accounts[heir]
            self._world.journal.people[heir].update(standing.addresses)
            directory.put(evolve(inherited, addresses=(*inherited.addresses, *standing.addresses)))

    async def _flag(self, draws: Stream, name: str) -> None:
        """An operator turns a stage on or back, for some of the conversations."""
        if not self._world.shape.legacy:  # there is nothing to come from, or to go back to
            return
        stage, points = draws.choice(list(Stage)), draws.choice((0, 2_000, 5_000, 10_000, 10_000))
        axes = draws.choice(((Axis.OUTBOUND,), (Axis.INBOUND,), tuple(Axis)))
        self._changed(f"stage {stage.value} {points}", None)
        for axis in axes:
            setting = Rollout(self._people.use_case, stage, points, "salt", reason=name)
            self._world.engines.flags.set(setting, axis)

    async def _turn(self, draws: Stream, name: str) -> None:
        """A conversation is closed, and most often reopened soon."""
        del name
        conversation = draws.choice(self._people.conversations)
        self._changed("closed", conversation)
        await self._command(draws, lambda cv: cv.messaging.close(conversation))
        if draws.chance(0.8):
            await asyncio.sleep(draws.between(0.0, 30.0))
            await self._command(draws, lambda cv: cv.messaging.reopen(conversation))
            self._changed("reopened", conversation)

    async def _leave(self, draws: Stream, name: str) -> None:
        """A participant leaves, and most often comes back."""
        del name
        people = self._people
        conversation = draws.choice(people.conversations)
        who = draws.choice(people.members[conversation])
        self._changed(f"{who} leaves", conversation)
        await self._command(draws, lambda cv: cv.messaging.remove_participant(conversation, who))
        if draws.chance(0.8):
            await asyncio.sleep(draws.between(0.0, 60.0))
            back = Participant(who, name=people.names[who])
            await self._command(draws, lambda cv: cv.messaging.add_participant(conversation, back))
            self._changed(f"{who} is back", conversation)

    async def _revoke(self, draws: Stream, name: str) -> None:
        """One alias is revoked for good; its participant gets another."""
        del name
        people = self._people
        conversation = draws.choice(people.conversations)
        of = draws.choice(people.members[conversation])
        address = people.aliases[conversation, of]
        self._changed("alias revoked", conversation)
        if await self._command(draws, lambda cv: cv.messaging.aliasing.revoke(str(address))):
            fresh = await self._asked(draws, lambda cv: cv.messaging.aliasing.issue(conversation, account=of))
            if fresh is not None:
                people.aliases[conversation, of] = fresh.address

    # --- operators -------------------------------------------------------------------------------------

    async def _replay(self, draws: Stream, name: str) -> None:
        """Everything is decided anew: what is final stays."""
        del name
        self._changed("replay", None)
        await self._command(draws, lambda cv: cv.replay.all(dry_run=False), kind="worker", within=3600.0)

    async def _redrive(self, draws: Stream, name: str) -> None:
        """What was given up is tried again."""
        del name
        await self._command(draws, lambda cv: cv.replay.dead(dry_run=False), kind="worker", within=3600.0)

    async def _give_back(self, draws: Stream, name: str) -> None:
        """What was not yet tried follows the flag as it stands now."""
        del name
        use_case = UseCase(self._people.use_case)
        await self._command(draws, lambda cv: cv.outbound.give_back(use_case), kind="worker")

    async def _restart(self, draws: Stream, name: str) -> None:
        """A rolling restart, without a word of warning."""
        del name
        hosts = [host for kind in sorted(self._world.hosts) for host in self._world.hosts[kind]]
        if hosts and self._world.weather.on & {Fault.CRASH_AFTER, Fault.CRASH_BEFORE}:
            self._world.crash(draws.choice(hosts).process)

    async def _rewind(self, draws: Stream, name: str) -> None:
        """The consumers of the event log find themselves at an earlier position."""
        del name
        if self._world.weather.has(Fault.REWIND, self._world.now):
            self._world.engines.log.rewind("outbound", draws)

    def _changed(self, what: str, conversation: ConversationId | None) -> None:
        self._world.journal.changes.append(Change(at=self._world.now, what=what, conversation=conversation))

    async def _command(
        self,
        draws: Stream,
        work: Callable[[Convalias], Awaitable[object]],
        *,
        kind: str = "web",
        within: float = 60.0,
    ) -> bool:
        return await self._asked(draws, work, kind=kind, within=within) is not None

    async def _asked(
        self, draws: Stream, work: Callable[[Convalias], Awaitable[T]], *, kind: str = "web", within: float = 60.0
    ) -> T | None:
        """Until it is done, refused, or the operator has had enough. None: refused, or nobody knows."""
        for _ in range(_CLIENT_TRIES):
            try:
                return await self._world.ask(kind, draws.below(8), work, within=within)
            except (ConnectionLost, PortError, TimeoutError):
                await asyncio.sleep(draws.between(1.0, 60.0))
            except (ServiceError, DomainError, ExceptionGroup):
                return None
        return None


def _evidence(kind: Kind, sender: EmailAddress) -> SenderEvidence | None:
    match kind:
        case Kind.SPOOF:
            return SenderEvidence(Dmarc.FAIL, DmarcPolicy.REJECT)
        case Kind.STRANGER if sender.local != "eve2":  # that one never authenticates: nobody may write back to it
            return SenderEvidence(Dmarc.PASS)
        case _:
            return None


def _written(name: str, kind: Kind, sender: EmailAddress, to: Sequence[EmailAddress], *, at: float) -> bytes:
    fields = [
        f"From: {sender}",
        f"To: {', '.join(map(str, to))}",
        f"Message-ID: <{name}@home.example>",
        f"Date: {EPOCH + timedelta(seconds=at):%a, %d %b %Y %H:%M:%S} +0000",
        f"Subject: About {name}",
    ]
    if kind is Kind.AUTO_REPLY:
        fields.append("Auto-Submitted: auto-replied")
    return ("\r\n".join(fields) + f"\r\n\r\n{name} written by {sender.local}\r\n").encode()
