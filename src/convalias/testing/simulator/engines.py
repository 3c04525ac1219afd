"""Engines that all processes share, as weak as each port's promise allows: queue, log, hub, directory, flags."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from convalias.adapters import memory
from convalias.adapters.memory.records import Row
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.domain.outbound.notifications import Notification
from convalias.ports.ambient import Clock
from convalias.ports.event_log import EventRecord
from convalias.ports.hub import Answer, NotSent, Sent
from convalias.ports.legacy import Audience, HandOff
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.ports.queue import Job, QueueDepth
from convalias.ports.records import Key, Stored
from convalias.stores.conversations.host_rows import MAILS
from convalias.stores.encoding import encoded
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.known import KnownRow

_RECORD: Final = re.compile(r"envelopes/[0-9a-f/]+\.json")
PARTITIONS: Final = 4
TURN: Final = 60.0
"""Seconds after which a consumer that does nothing loses its partitions."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@define
class _Entry:
    body: str
    put_at: float
    visible_at: float
    receives: int = 0
    lease: str = ""


class Queue:
    """A queue that gives at least once, in any order. A job comes back when its lease runs out: nobody sees a worker die."""

    def __init__(self, draws: Stream, *, reorders: bool, duplicates: bool) -> None:
        """Empty."""
        self._draws = draws
        self._reorders = reorders
        self._duplicates = duplicates
        self._count = 0
        self.entries: dict[int, _Entry] = {}
        self.personal = False
        """Whether any body ever held what looks like an address."""
        self.told: dict[str, float] = {}
        """When a job first named that envelope record."""
        self.lost: set[str] = set()
        """Envelope records whose jobs it has lost."""

    def put(self, bodies: Sequence[str], *, calm: bool) -> None:
        """Now and then one of them twice."""
        for body in bodies:
            self.personal = self.personal or "@" in body
            for key in _RECORD.findall(body):
                self.told.setdefault(key, _now())
            twice = self._duplicates and not calm and self._draws.chance(0.05)
            for _ in range(1 + twice):
                self._count += 1
                self.entries[self._count] = _Entry(body, _now(), _now())

    def take(self, limit: int, lease: timedelta) -> Sequence[Job]:
        """Visible ones, hidden for `lease` from now."""
        now = _now()
        visible = [number for number, entry in self.entries.items() if entry.visible_at <= now]
        chosen = self._draws.shuffled(visible) if self._reorders and len(visible) > 1 else visible
        jobs: list[Job] = []
        for number in chosen[:limit]:
            entry = self.entries[number]
            entry.receives += 1
            entry.visible_at = now + lease.total_seconds()
            entry.lease = f"{number}.{entry.receives}"
            jobs.append(Job(str(number), entry.body, entry.receives, entry.lease))
        return jobs

    def keep(self, jobs: Sequence[Job], lease: timedelta) -> None:
        """Extend the leases that still hold."""
        for number in self._held(jobs):
            self.entries[number].visible_at = _now() + lease.total_seconds()

    def done(self, jobs: Sequence[Job]) -> None:
        """Remove the jobs whose lease still holds; the others come again."""
        for number in self._held(jobs):
            del self.entries[number]

    def lose(self) -> None:
        """Lose all jobs, as when somebody empties the queue."""
        self.lost.update(key for entry in self.entries.values() for key in _RECORD.findall(entry.body))
        self.entries.clear()

    def depth(self) -> QueueDepth:
        """Count as exactly as an engine would."""
        now = _now()
        ready = sum(entry.visible_at <= now for entry in self.entries.values())
        oldest = min((entry.put_at for entry in self.entries.values()), default=None)
        age = None if oldest is None else timedelta(seconds=now - oldest)
        return QueueDepth(ready, len(self.entries) - ready, age)

    def next_at(self) -> float | None:
        """Return when the next job becomes visible."""
        return min((entry.visible_at for entry in self.entries.values()), default=None)

    def _held(self, jobs: Sequence[Job]) -> Sequence[int]:
        held = [(int(job.id), job.lease) for job in jobs]
        return [n for n, lease in held if n in self.entries and self.entries[n].lease == lease]


@define
class _Partition:
    records: list[EventRecord] = field(factory=list[EventRecord])
    position: dict[str, int] = field(factory=dict[str, int])
    holder: dict[str, int] = field(factory=dict[str, int])
    until: dict[str, float] = field(factory=dict[str, float])


class Log:
    """Partitions by conversation; a group's consumers share them out, and each comes again until it is committed."""

    def __init__(self) -> None:
        """Nothing published."""
        self.partitions = [_Partition() for _ in range(PARTITIONS)]
        self._consumers = 0

    def publish(self, records: Sequence[EventRecord]) -> None:
        """Behind what is there, in order per conversation."""
        for record in records:
            number = zlib.crc32(record.conversation.encode()) % PARTITIONS
            self.partitions[number].records.append(record)

    def join(self) -> int:
        """A further consumer."""
        self._consumers += 1
        return self._consumers

    def turn(self, group: str, consumer: int, number: int) -> int | None:
        """Whether that consumer may read that partition now: then the group's position in it."""
        partition, now = self.partitions[number], _now()
        holder = partition.holder.get(group)
        if holder != consumer:
            if holder is not None and now < partition.until.get(group, 0.0):
                return None
            partition.holder[group] = consumer
        partition.until[group] = now + TURN
        return partition.position.get(group, 0)

    def holds(self, group: str, consumer: int, number: int) -> bool:
        """Whether nobody else has taken it over."""
        return self.partitions[number].holder.get(group) == consumer

    def commit(self, group: str, consumer: int, number: int, position: int) -> None:
        """Only by who holds it."""
        if self.holds(group, consumer, number):
            self.partitions[number].position[group] = position
            self.partitions[number].until[group] = _now() + TURN

    def leave(self, group: str, consumer: int) -> None:
        """Free the partitions of that reader at once."""
        for partition in self.partitions:
            if partition.holder.get(group) == consumer:
                del partition.holder[group]

    def rewind(self, group: str, draws: Stream) -> None:
        """The group finds itself earlier, as after a restored offset topic: everything behind comes again."""
        for partition in self.partitions:
            position = partition.position.get(group, 0)
            partition.position[group] = position - draws.below(min(position, 20) + 1)
            partition.holder.pop(group, None)

    def lag(self, group: str) -> int:
        """Records not yet committed."""
        return sum(len(one.records) - one.position.get(group, 0) for one in self.partitions)


@frozen
class HubKind:
    """A kind of simulated channel, by what it can be held to."""

    name: str
    remembers_for: timedelta = timedelta(0)
    answers: bool = False


HUBS: Final = (
    HubKind("remembers a day", timedelta(hours=24)),
    HubKind("remembers five minutes, answers", timedelta(minutes=5), answers=True),
    HubKind("answers", answers=True),
    HubKind("forgets"),
)


@frozen
class SentByHub:
    """A delivery that reached a person."""

    at: float
    notification: Notification


class Hub:
    """Sends whatever it does not remember to have sent; remembers no longer than it must."""

    def __init__(self, kind: HubKind, *, forgets: bool) -> None:
        """Nothing sent. `forgets`: no key is remembered for longer than was promised."""
        self.kind = kind
        self._forgets = forgets
        self.sent: list[SentByHub] = []
        self._known: dict[str, float] = {}

    def send(self, notification: Notification) -> bool:
        """Whether it went out now: not when the key is remembered."""
        known_at = self._known.get(notification.id)
        promised = self.kind.remembers_for.total_seconds()
        if known_at is not None and (not self._forgets or _now() - known_at <= promised):
            return False
        self._known.setdefault(notification.id, _now())
        self.sent.append(SentByHub(_now(), notification))
        return True

    def answer(self, key: str) -> Answer:
        """Firm: it looks into what it has sent."""
        return Sent(f"hub-{key}") if key in self._known else NotSent()


class MailBox:
    """The place where system mail arrives. It remembers no key: what is sent twice arrives twice."""

    def __init__(self) -> None:
        """Nothing arrived."""
        self.mails: list[Outgoing] = []
        self.times: list[float] = []
        """When each arrived."""

    async def send(self, mail: Outgoing) -> None:
        """Arrived."""
        self.mails.append(mail)
        self.times.append(_now())


class Directory:
    """Accounts and their addresses; `put` changes them between any two looks."""

    def __init__(self, accounts: Collection[Account]) -> None:
        """As they are in the beginning."""
        self.accounts = {account.id: account for account in accounts}

    def put(self, account: Account) -> None:
        """Set the account from now on."""
        self.accounts[account.id] = account

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Return who has these addresses now."""
        accounts = sorted(self.accounts.values(), key=lambda one: one.id)
        return {address: tuple(one for one in accounts if address in one.addresses) for address in addresses}

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Return the accounts that exist."""
        return {one: self.accounts[one] for one in accounts if one in self.accounts}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Return the addresses that ever passed, for any account."""
        proved = {one for account in self.accounts.values() for one in account.authenticates}
        return frozenset(proved & set(addresses))


class Flags:
    """Flags that operators set, and the values before, for readers that still see those."""

    def __init__(self) -> None:
        """Nothing is set."""
        self.history: dict[tuple[UseCase, Axis], list[tuple[float, Rollout]]] = {}

    def set(self, rollout: Rollout, axis: Axis) -> None:
        """Set the flags from now on."""
        self.history.setdefault((rollout.use_case, axis), []).append((_now(), rollout))

    def turn_back(self, use_case: UseCase, axis: Axis) -> None:
        """Undo the last change."""
        settings = self.history.get((use_case, axis), [])
        if len(settings) > 1:
            self.set(settings[-2][1], axis)

    def read(self, use_case: UseCase, axis: Axis, *, lag: float) -> Rollout | None:
        """Return the flags of `lag` seconds ago."""
        settings = self.history.get((use_case, axis), [])
        if not settings:
            return None
        then = _now() - lag
        return next((rollout for at, rollout in reversed(settings) if at <= then), settings[0][1])


class LegacyRelay(memory.LegacyRelay):
    """The system that is being left, and what it was told so far."""

    def __init__(self, *, outgoing: OutgoingMail, audience: Audience, clock: Clock) -> None:
        """As the stand-in that it is."""
        super().__init__(outgoing=outgoing, audience=audience, clock=clock)
        self.handed: list[HandOff] = []
        """Every mail that was handed over. Of two mails under one Message-ID the stand-in keeps the first."""

    async def process(self, mail: HandOff) -> None:
        """Write down which mail it is."""
        self.handed.append(mail)
        await super().process(mail)

    def leads_to(self, address: EmailAddress) -> ConversationId | None:
        """The conversation of that legacy alias."""
        alias = self._aliases.get(address)
        return None if alias is None else alias.conversation

    def calls_now(self) -> Sequence[LegacyCall]:
        """Return the calls in order."""
        return tuple(self._calls.values())


@frozen
class Backup:
    """The contents of a store at one moment."""

    rows: Mapping[Key, Row]
    names: Mapping[Key, Key]
    ids: Mapping[tuple[str, str], Sequence[str]]
    lanes: Mapping[str, Sequence[tuple[datetime, Key]]]


class Records(memory.Records):
    """The reference of the port; it can also be asked when something falls due."""

    _row = KnownRow

    def next_due(self, lane: str) -> datetime | None:
        """The earliest of a lane."""
        waiting = self._lanes[lane]
        return waiting[0][0] if waiting else None

    def backup(self) -> Backup:
        """All records as they are now."""
        ids, lanes = self._ids.items(), self._lanes.items()
        return Backup(
            dict(self._rows), dict(self._names), {n: list(one) for n, one in ids}, {n: list(one) for n, one in lanes}
        )

    def put_back(self, backup: Backup) -> None:
        """All records as they were then, and no others."""
        self._rows, self._names = dict(backup.rows), dict(backup.names)
        self._ids = defaultdict(list, {name: list(ids) for name, ids in backup.ids.items()})
        self._lanes = defaultdict(list, {name: list(lane) for name, lane in backup.lanes.items()})

    def has_mail(self, conversation: str, key: str) -> bool:
        """Whether the row stands that we keep beside a mail of a host."""
        return Key(MAILS, encoded(conversation), encoded(key)) in self._rows

    def lanes(self) -> Sequence[str]:
        """Return the lanes that something waits in."""
        return sorted(name for name, waiting in self._lanes.items() if waiting)

    def table(self, name: str) -> Sequence[Stored]:
        """All records of a table, by key: for whoever looks at the end."""
        return [self._rows[key].stored() for key in sorted(self._rows) if key.table == name]
