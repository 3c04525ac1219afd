"""What is shown must be true: a row for each fault, a column for each surface, the words that it must say.

A minute of virtual time after the fault `why`, `doctor`, `show jobs`, `/readyz` and the log say it, and none says "delivered",
"good" or "ready" of what is not. A surface that rightly says nothing says so here, with the reason (`Silent`): no cell is empty.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from attrs import field, fields, frozen

from cli.machine import C1, JOHN, MARY, Machine, Shown
from convalias.adapters import memory
from convalias.adapters.embedded.schema import connect
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import AccountId, TraceId, UseCase
from convalias.domain.inbound.held import HeldMail, HoldId
from convalias.domain.inbound.posts import MailReference, RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.domain.operations.numbers import SignOfLife
from convalias.domain.outbound.delivery import Channel
from convalias.ports.errors import Unavailable
from convalias.ports.hub import Declined, Guarantee, Sent
from convalias.ports.records import Partitioned, Replace
from convalias.services.inbound.receiver import reference_body
from convalias.services.operations.operations import Asked
from convalias.stores.deployment.signs import Signs
from convalias.stores.encoding import digest

SURFACES: Final = tuple(one.name for one in fields(Shown))
READY: Final = '"ready":true'
RECEIVES: Final = (READY,)
"""`/readyz` is about taking mail in: raw store and queue answer, and the workers of this process go on. No word of else."""
AWAY: Final = "503"


@frozen
class Silent:
    """A cell that says nothing of the fault, and why that is right."""

    why: str

    def __iter__(self) -> Iterator[str]:
        return iter(())


Cell = tuple[str, ...] | Silent
CONCLUDED: Final = Silent("the mail came to its end, and nothing of it waits")
WANTED: Final = Silent("it ended as somebody wished: nobody has to look")
OVER: Final = Silent("it is over, and what waited was worked on")
Arrange = Callable[[Machine], Awaitable[None]]


@frozen(kw_only=True)
class Fault:
    """One row."""

    name: str
    arrange: Arrange
    prepare: Callable[[Machine], None] = field(default=lambda _: None)
    """Before the machine is opened."""
    why: Cell
    doctor: Cell
    jobs: Cell
    log: Cell
    readyz: Cell = RECEIVES
    wrong: bool = True
    """False: by now all is well again, or as somebody wished, so that `doctor` may call everything good."""


class Hub:
    """E-mail that gives this answer, or raises it."""

    def __init__(self, answer: Sent | Declined | Exception) -> None:
        self.answer = answer

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee()}

    async def send(self, notification: object) -> Sent | Declined:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class BrokenDirectory:
    """A host's own, with a bug in it."""

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return {address: ({}["nobody"],) for address in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        return frozenset()

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        known = {AccountId("john"): JOHN, AccountId("mary"): MARY}
        return {account: Account(account, (known[account],)) for account in accounts if account in known}


class AwayDirectory(BrokenDirectory):
    """Does not answer."""

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        raise memory.before("identity of the test").error()


class BrokenFlags:
    """Nobody can decide with them."""

    def __init__(self) -> None:
        self.broken: Exception | None = None

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        if self.broken is not None and axis is Axis.OUTBOUND:
            raise self.broken
        return Rollout(use_case, Stage.NATIVE, 10_000, "s")


def hub(answer: Sent | Declined | Exception) -> Callable[[Machine], None]:
    def prepare(machine: Machine) -> None:
        machine.instead["hub"] = Hub(answer)

    return prepare


# --- the faults --------------------------------------------------------------------------------------


async def a_mail(machine: Machine) -> None:
    await machine.mail()
    await machine.work(minutes=1)


async def dead(machine: Machine) -> None:
    """What is known of its sender cannot be read: it fails three times by itself, with every engine there."""
    records = machine.ports.records
    assert isinstance(records, Partitioned)
    for partition in await records.partitions("addresses", after="", limit=9):
        rows = await records.range("addresses", partition, after="", limit=9)
        newer = [Replace(row.key, row.version, {**row.body, "$": "address_holders/99"}) for row in rows]
        await machine.ports.records.write(newer)
    await a_mail(machine)


async def cancelled(machine: Machine) -> None:
    machine.live = ("inbound", "feed")
    await machine.mail()
    await machine.work()
    await machine.cv.messaging.remove_participant(C1, "john")
    machine.live = ("inbound", "feed", "outbound")
    await machine.work(minutes=1)


def without(*gone: str) -> Arrange:
    async def arrange(machine: Machine) -> None:
        machine.live = tuple(worker for worker in machine.live if worker not in gone)
        await machine.mail()
        await machine.work(minutes=1)

    return arrange


async def undecidable(machine: Machine) -> None:
    flags = machine.instead["flags"]
    assert isinstance(flags, BrokenFlags)
    flags.broken = ValueError()
    await a_mail(machine)


async def undecided_for_a_day(machine: Machine) -> None:
    await undecidable(machine)
    await machine.clock.advance(timedelta(days=1))
    await machine.work(minutes=1)


async def flags_away(machine: Machine) -> None:
    flags = machine.instead["flags"]
    assert isinstance(flags, BrokenFlags)
    flags.broken = Unavailable("flags of the test")
    await a_mail(machine)


def with_flags(machine: Machine) -> None:
    machine.instead["flags"] = BrokenFlags()


async def handed_over(machine: Machine) -> None:
    await machine.stage(Stage.LEGACY)
    await machine.mail(to=EmailAddress.parse("x@relay.example"))
    await machine.work(minutes=1)


def real_relay(machine: Machine) -> None:
    machine.stand_in = False


STRANGER: Final = EmailAddress.parse("eve@else.example")


async def held(machine: Machine) -> None:
    raw = f"From: {STRANGER}\nTo: {machine.alias}\nSubject: Hi\nMessage-ID: <9@else.example>\n\nHello\n"
    machine.asked = Asked(sender=STRANGER)
    await machine.mail(raw=raw.encode(), evidence=None)
    await machine.work(minutes=1)


async def hold_full(machine: Machine) -> None:
    holds = machine.cv.services.stores.holds
    for number in range(holds.policy.most):
        await holds.keep(
            HeldMail(
                HoldId(digest(str(number))),
                C1,
                STRANGER,
                Reason.NEEDS_APPROVAL,
                RecordKey(f"envelopes/2026/03/01/{number}.json"),
                f"<{number}@x>",
                machine.clock.now(),
            )
        )
    await held(machine)


async def quarantined(machine: Machine) -> None:
    machine.asked = Asked(recipient=machine.alias)
    await machine.mail(quarantine="too_large")
    await machine.work(minutes=1)


async def newer_record(machine: Machine) -> None:
    await a_record(machine, json.dumps({"$": "envelope_record/99"}).encode())


async def damaged_record(machine: Machine) -> None:
    await a_record(machine, b'{"$": "envelope_rec')


async def a_record(machine: Machine, octets: bytes) -> None:
    key = RecordKey("envelopes/2026/03/01/unreadable.json")
    await machine.ports.blobs.put(key, octets)
    await machine.ports.queue.put([reference_body(MailReference(key, TraceId("t1")))])
    machine.asked = Asked(record=key)
    await machine.work(minutes=1)


async def newer_event(machine: Machine) -> None:
    machine.live = ("inbound",)
    await machine.mail()
    await machine.work()
    (row,) = await machine.ports.records.due("feed", until=machine.clock.now(), limit=9)
    newer = Replace(row.key, row.version, {**row.body, "$": "event/99"}, row.due)
    await machine.ports.records.write([newer])
    machine.live = ("inbound", "feed", "outbound")
    await machine.work(minutes=1)


def away(call: str, what: str) -> Arrange:
    async def arrange(machine: Machine) -> None:
        await machine.mail()
        machine.faults.fail(call, memory.before(what))
        await machine.work(minutes=1)

    return arrange


def back(call: str, what: str) -> Arrange:
    async def arrange(machine: Machine) -> None:
        await away(call, what)(machine)
        machine.faults.mend()
        await machine.work(minutes=1)

    return arrange


async def full(machine: Machine) -> None:
    await machine.mail()
    for call in ("blobs.put", "records.write", "queue.put", "log.publish"):
        machine.faults.fail(call, memory.before("disk of the test"))
    await machine.work(minutes=1)


async def legacy_away(machine: Machine) -> None:
    await machine.stage(Stage.LEGACY)
    machine.faults.fail("legacy.index", memory.before("legacy of the test"))
    await a_mail(machine)


async def key_removed(machine: Machine) -> None:
    machine.ring = Keyring((RootKey(1, b"n" * 32),))
    (machine.folder / "keys").write_text(machine.ring.render())
    await machine.reopened()
    await machine.mail()
    await machine.work(minutes=1)


async def revoked(machine: Machine) -> None:
    await machine.cv.messaging.aliasing.aliases.revoke(machine.alias, at=machine.clock.now())
    await a_mail(machine)


async def skewed(machine: Machine) -> None:
    tomorrow = time.time() + 86_400
    sign = SignOfLife(worker="inbound", incarnation="another", at=machine.clock.now() + timedelta(hours=1))
    await Signs(records=machine.ports.records).give(sign)
    await a_mail(machine)
    os.utime(machine.folder / "store.db", (tomorrow, tomorrow))


async def index_dropped(machine: Machine) -> None:
    await machine.mail()
    with closing(sqlite3.connect(machine.folder / "store.db")) as connection:
        connection.execute("DROP INDEX records_key")
    await machine.work(minutes=1)


def without_index(machine: Machine) -> None:
    with closing(connect(machine.folder / "store.db", patience=1)) as connection:
        connection.execute("DROP INDEX records_key")


def back_again(what: str, call: str) -> Fault:
    """It was away, and mail that came meanwhile has gone its way."""
    name = f"{what} of the test"
    return Fault(
        name=f"{what} back again",
        arrange=back(call, name),
        why=("sent       to john", "has confirmed no arrival"),
        doctor=OVER,
        jobs=OVER,
        log=(f"{name} is back after",),
        wrong=False,
    )


def worker_gone(worker: str, *, also: str, why: tuple[str, ...], lag: str, counted: str) -> Fault:
    """Nobody does that work, and its number grows."""
    return Fault(
        name=f"{worker} worker gone{also}",
        arrange=without(worker),
        why=why,
        doctor=(f"{worker} worker: warning: last sign of life 60 s ago", lag),
        jobs=(f"{worker} worker: last sign of life 60 s ago", counted),
        log=(f"no {worker} worker has given a sign of life",),
    )


FAULTS: Final = (
    Fault(
        name="mail dead-lettered",
        arrange=dead,
        why=("dead       after 3 tries", "letter", "convalias replay --job"),
        doctor=("dead letters: warning: 1 inbound",),
        jobs=("'lane': 'inbound'", "address_holders: found format address_holders/99"),
        log=("icer.processing.errors", "UnknownFormat", "mail dead after 3 tries"),
    ),
    Fault(
        name="delivery failed",
        prepare=hub(Declined("no such mailbox")),
        arrange=a_mail,
        why=("failed     to john", "no such mailbox", "convalias replay --job"),
        doctor=("failed deliveries: warning: 1", "dead letters: warning"),
        jobs=("'lane': 'deliveries'", "no such mailbox", "john", "failed deliveries: 1"),
        log=("mons.delivery.failures", "state failed", ": failed"),
    ),
    Fault(
        name="delivery uncertain",
        prepare=hub(TimeoutError()),
        arrange=a_mail,
        why=("uncertain  to john", "nobody can tell"),
        doctor=("uncertain deliveries: warning: 1",),
        jobs=("uncertain deliveries: 1",),
        log=("mons.delivery.failures", "state uncertain", ": uncertain"),
    ),
    Fault(
        name="delivery cancelled",
        arrange=cancelled,
        why=("cancelled  to john", "nothing is sent: withdrawn"),
        doctor=WANTED,
        jobs=WANTED,
        log=(": cancelled (withdrawn)",),
        wrong=False,
    ),
    Fault(
        name="nobody can decide about a message: the flags have a bug",
        prepare=with_flags,
        arrange=undecidable,
        why=("undecided  who is told of it, nobody has decided for 60 s",),
        doctor=(
            "consumer lag: warning: 1",
            "outbound worker: warning",
            "adapters of the host: warning: flags.read: ValueError",
        ),
        jobs=("consumer lag: 1", "outbound worker: last sign of life 60 s ago"),
        log=("flags.read of the host: ValueError",),
        readyz=(AWAY, "flags.read: ValueError"),
    ),
    Fault(
        name="nobody could decide about a message for a day",
        prepare=with_flags,
        arrange=undecided_for_a_day,
        why=("no decision: flags.read of the host: ValueError", "nobody is told"),
        doctor=("dead letters: warning: 0 inbound, 1 deliveries",),
        jobs=("no decision: flags.read of the host: ValueError",),
        log=("mons.delivery.failures", "undecidable"),
        readyz=(AWAY, "flags.read: ValueError"),
    ),
    worker_gone(
        "outbound",
        also=", consumer lag, nobody has decided",
        why=("undecided  who is told of it, nobody has decided for 60 s", "feed and outbound workers"),
        lag="consumer lag: warning: 1, the oldest for 60 s",
        counted="consumer lag: 1",
    ),
    Fault(
        name="consumer lag, its worker alive",
        prepare=with_flags,
        arrange=flags_away,
        why=("undecided  who is told of it, nobody has decided for 60 s",),
        doctor=("consumer lag: warning: 1, the oldest for 60 s",),
        jobs=("consumer lag: 1",),
        log=("flags of the test is away",),
        readyz=(READY, "outbound waits: flags of the test is away"),
    ),
    worker_gone(
        "feed",
        also=", feed lag",
        why=("undecided  who is told of it", "feed and outbound workers"),
        lag="feed lag: warning: 1, the oldest for 60 s",
        counted="feed lag: 1",
    ),
    Fault(
        name="feed lag, its worker alive",
        arrange=away("log.publish", "event log of the test"),
        why=("undecided  who is told of it, nobody has decided for 60 s",),
        doctor=("feed lag: warning: 1, the oldest for 60 s",),
        jobs=("feed lag: 1",),
        log=("event log of the test is away", "still away: event log of the test"),
        readyz=(READY, "feed waits: event log of the test is away"),
    ),
    worker_gone(
        "inbound",
        also="",
        why=("waiting    for 60 s", "inbound worker"),
        lag="oldest mail without outcome: warning: 1",
        counted="'ready': 1",
    ),
    Fault(
        name="all workers gone",
        arrange=without("inbound", "feed", "outbound"),
        why=("waiting    for 60 s", "inbound worker"),
        doctor=("inbound worker: warning: last", "feed worker: warning: last", "outbound worker: warning: last"),
        jobs=("'ready': 1", "inbound worker: last", "feed worker: last", "outbound worker: last"),
        log=Silent("no process is there that would write a line"),
    ),
    Fault(
        name="handed to a legacy relay",
        prepare=real_relay,
        arrange=handed_over,
        why=("handed     over to the legacy relay", "look there what became of"),
        doctor=CONCLUDED,
        jobs=CONCLUDED,
        log=("mail handed over; trace ",),
        wrong=False,
    ),
    Fault(
        name="handed to the stand-in",
        arrange=handed_over,
        why=("handed     over to the stand-in of the legacy relay", "only writes files"),
        doctor=CONCLUDED,
        jobs=CONCLUDED,
        log=("mail handed over; trace ",),
        wrong=False,
    ),
    Fault(
        name="held",
        arrange=held,
        why=("held       as", "hold       held", "a participant may approve"),
        doctor=("mail held: good: 1, the oldest for",),
        jobs=("'held': 1",),
        log=("mail held; trace ",),
        wrong=False,
    ),
    Fault(
        name="hold full of strangers",
        arrange=hold_full,
        why=("refused    RATE_LIMITED", "convalias replay"),
        doctor=("mail held: good: 20, the oldest for",),
        jobs=("'held': 20",),
        log=("mail rejected RATE_LIMITED; trace ",),
        wrong=False,
    ),
    Fault(
        name="quarantined",
        arrange=quarantined,
        why=("quarantine too_large", "is not routed"),
        doctor=("quarantined mail: warning: 1",),
        jobs=("'quarantined': 1", "quarantined mail: 1"),
        log=("icer.messages.quarantined", "too_large", "mail quarantined too_large; trace "),
    ),
    Fault(
        name="record in a format of a newer release",
        arrange=newer_record,
        why=("the envelope record is in a format that this release cannot read",),
        doctor=("dead letters: warning: 1 inbound",),
        jobs=("envelope_record: found format envelope_record/99",),
        log=("UnknownFormat", "mail dead after 3 tries"),
    ),
    Fault(
        name="envelope record damaged",
        arrange=damaged_record,
        why=("it was damaged or written by hand", "the envelope record is damaged: bring it back from a backup"),
        doctor=("dead letters: warning: 1 inbound",),
        jobs=("envelope_record: a stored record cannot be read (JSONDecodeError)",),
        log=("BrokenRecord", "mail dead after 3 tries"),
    ),
    Fault(
        name="event in a format of a newer release",
        arrange=newer_event,
        why=("parked     conversation 'c1'", "event/99", "convalias replay --dead"),
        doctor=("parked conversations and records: warning: 1",),
        jobs=("event/99", "parked conversations and records: 1"),
        log=("a conversation waits",),
    ),
    Fault(
        name="index missing while workers run",
        arrange=index_dropped,
        why=("waiting    for 60 s",),
        doctor=("indexes: misconfigured", "records_key", "queue: away"),
        jobs=("oldest mail without outcome: 1",),
        log=("the index records_key is missing",),
        readyz=(AWAY,),
    ),
    Fault(
        name="index missing before start",
        prepare=without_index,
        arrange=a_mail,
        why=("sent       to john", "has confirmed no arrival"),
        doctor=("indexes: good: all are there",),
        jobs=OVER,
        log=("lacked the index records_key", "made again"),
        wrong=False,
    ),
    Fault(
        name="disk full",
        arrange=full,
        why=("waiting    for 60 s",),
        doctor=("raw: away: disk of the test",),
        jobs=("oldest mail without outcome: 1",),
        log=("disk of the test is away",),
        readyz=(AWAY,),
    ),
    Fault(
        name="store away",
        arrange=away("records.*", "store of the test"),
        why=("store of the test",),
        doctor=("store of the test",),
        jobs=("store of the test",),
        log=("store of the test is away", "still away: store of the test"),
        readyz=(READY, "waits: store of the test is away"),
    ),
    back_again("store", "records.*"),
    Fault(
        name="raw store away",
        arrange=away("blobs.*", "raw store of the test"),
        why=("raw store of the test",),
        doctor=("raw store of the test",),
        jobs=("raw store of the test",),
        log=("raw store of the test is away", "still away: raw store of the test"),
        readyz=(AWAY, "unavailable"),
    ),
    back_again("raw store", "blobs.*"),
    Fault(
        name="queue away",
        arrange=away("queue.*", "queue of the test"),
        why=("waiting    for", "inbound worker"),
        doctor=("queue of the test",),
        jobs=("queue of the test",),
        readyz=(AWAY, "unavailable"),
        log=("queue of the test is away", "still away: queue of the test"),
    ),
    back_again("queue", "queue.*"),
    Fault(
        name="event log away",
        arrange=away("log.*", "event log of the test"),
        why=("undecided  who is told of it",),
        doctor=("event log of the test", "feed lag: warning"),
        jobs=("event log of the test",),
        log=("event log of the test is away", "still away: event log of the test"),
        readyz=(READY, "waits: event log of the test is away"),
    ),
    back_again("event log", "log.*"),
    Fault(
        name="key removed too early",
        arrange=key_removed,
        why=("waiting    for", "inbound worker"),
        doctor=("aliases by key: misconfigured", "inbound worker: warning: last sign of life 60 s ago"),
        jobs=("inbound worker: last sign of life 60 s ago",),
        readyz=(AWAY, "KeysRefused"),
        log=("worker inbound cannot go on: KeysRefused",),
    ),
    Fault(
        name="alias revoked",
        arrange=revoked,
        why=("refused    REVOKED_ALIAS", "issue a new alias"),
        doctor=WANTED,
        jobs=WANTED,
        log=("mail rejected REVOKED_ALIAS; trace ",),
        wrong=False,
    ),
    Fault(
        name="clock skewed",
        arrange=skewed,
        why=Silent("this mail went its way: what a clock does to it is seen in the times of its steps"),
        doctor=("clock: misconfigured", "clocks apart: warning: a worker wrote"),
        jobs=("clocks apart: a worker wrote 3540 s ahead of this clock",),
        log=("a worker wrote with a clock that is ahead of this one",),
    ),
    Fault(
        name="identity failing",
        prepare=lambda machine: machine.instead.update(identity=AwayDirectory()),
        arrange=a_mail,
        why=("waiting    for",),
        doctor=("oldest mail without outcome: warning",),
        jobs=("oldest mail without outcome: 1",),
        log=("identity of the test is away", "still away: identity of the test"),
    ),
    Fault(
        name="hub failing",
        prepare=hub(memory.before("hub of the test").error()),  # type: ignore[arg-type]
        arrange=a_mail,
        why=("planned    to john", "Unavailable", "it is tried again at"),
        doctor=("deliveries tried again: warning: 1",),
        jobs=("deliveries tried again: 1",),
        log=("hub of the test is away", "still away: hub of the test"),
    ),
    Fault(
        name="legacy failing",
        arrange=legacy_away,
        why=("the legacy relay is called again, notifying", "it is tried again at"),
        doctor=("deliveries tried again: warning: 1",),
        jobs=("deliveries tried again: 1",),
        log=("legacy of the test is away", "still away: legacy of the test"),
    ),
    Fault(
        name="a host's adapter with a bug",
        prepare=lambda machine: machine.instead.update(identity=BrokenDirectory()),
        arrange=a_mail,
        why=("failing    ", "last: identity.at of the host: KeyError at", "it is tried again by itself"),
        doctor=("oldest mail without outcome: warning", "adapters of the host: warning: identity.at: KeyError at"),
        jobs=("oldest mail without outcome: 1",),
        log=("identity.at of the host: KeyError", "test_surfaces.py"),
        readyz=(AWAY, "identity.at: KeyError"),
    ),
)


def _rows() -> list[object]:
    return [pytest.param(fault, id=fault.name) for fault in FAULTS]


async def shown(fault: Fault, folder: Path, log: pytest.LogCaptureFixture) -> Shown:
    machine = Machine(folder / "data", log.handler)
    fault.prepare(machine)
    async with machine.opened():
        await fault.arrange(machine)
        said = await machine.shown(log.messages)
        machine.faults.mend()
        return said


@pytest.mark.slow
@pytest.mark.parametrize("fault", _rows())
def test_every_surface_says_what_is(fault: Fault, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told = asyncio.run(asyncio.wait_for(shown(fault, tmp_path, caplog), 120))
    for surface in SURFACES:
        text = getattr(told, surface)
        for word in getattr(fault, surface):
            assert word in text, f"{surface} does not say {word!r}, but:\n{text}"
    whole = "\n".join(getattr(told, surface) for surface in SURFACES)
    assert "delivered" not in whole
    assert "all good" not in whole
    assert "all is well" not in whole
    assert (READY in told.readyz) == (READY in fault.readyz)
    assert str(MARY) not in told.log
    assert str(JOHN) not in told.log
    amiss = [line for line in told.doctor.splitlines() if line.split(": ")[1:2] != ["good"]]
    assert bool(amiss) == fault.wrong, told.doctor
    for word in fault.doctor:  # of what is amiss no other line says that it is good
        check, _, health = word.partition(": ")
        assert health.startswith("good") or f"\n{check}: good" not in f"\n{told.doctor}"


def test_the_table_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [getattr(fault, surface) for fault in FAULTS for surface in SURFACES]
    silent = sum(isinstance(cell, Silent) for cell in cells)
    with capsys.disabled():
        print(f"\n{len(FAULTS)} faults x {len(SURFACES)} surfaces, {silent} of them silent")  # noqa: T201 - its count
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(cell.why if isinstance(cell, Silent) else cell for cell in cells)
