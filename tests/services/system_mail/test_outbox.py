"""The system's outbox: never twice for want of a note, never lost where it can be known, one rule for all kinds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, TraceId
from convalias.domain.inbound.held import HoldId
from convalias.domain.inbound.outcomes import RefusalDue
from convalias.domain.mail.reasons import Reason
from convalias.domain.outbound.decision import ALONE_TRIES
from convalias.domain.outbound.tries import Ambiguity
from convalias.domain.routing.announcements import Announcement, AnnouncementDue
from convalias.domain.system_mail.former import FormerState, SystemMailTry
from convalias.domain.system_mail.letters import (
    AddressNotice,
    ApprovalLetter,
    RefusalLetter,
    SystemMail,
    SystemMailState,
)
from convalias.ports.errors import AdapterFailed, Deferred, Rejected, Unavailable
from convalias.ports.hub import FOR_EVER, Answer, Guarantee, NotSent, Sent, Unknown
from convalias.ports.mail import Outgoing
from convalias.ports.records import Due, Insert, Key, Replace, Stored
from convalias.services.system_mail.approval_requests import NoMail, NotYet
from convalias.services.system_mail.outbox import SystemOutbox
from convalias.stores.conversations.parking import RECORDS
from convalias.stores.encoding import digest
from convalias.stores.errors import Parked
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.system_mail.former import MARKS, FormerMails
from convalias.stores.system_mail.outbox import TABLE, Outbox

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = EmailAddress.parse("ann@home.example")
ALIAS = EmailAddress.parse("ann-1ab131e2@reply.example")
REFUSAL = RefusalLetter(sender=ANN, alias=ALIAS, reason=Reason.EMPTY, to_participant=False, trace=TraceId("t"))
QUESTION = ApprovalLetter(conversation=ConversationId("c"), account=AccountId("a"), holds=(HoldId("h"),), at=NOON)
NOTICE = AddressNotice(account=AccountId("a"), old=EmailAddress.parse("a@old.example"), at=NOON)
LETTERS = (REFUSAL, QUESTION, NOTICE)
MAIL = SystemMail(key="refusal-1", letter=REFUSAL)
DAY = timedelta(days=1)


class WayOut:
    """Remembers nothing, unless told. `then`: what each call does behind its effect, in turn."""

    def __init__(self, *then: BaseException | None, effect: bool = True) -> None:
        self.sent: list[str] = []
        self.calls = 0
        self.then = list(then)
        self.effect = effect
        self.remembers = False

    async def send(self, mail: Outgoing) -> None:
        self.calls += 1
        failed = self.then.pop(0) if self.then else None
        known = self.remembers and mail.key in self.sent
        if not known and not isinstance(failed, Unavailable | Rejected) and (self.effect or failed is None):
            self.sent.append(mail.key)
        if failed is not None:
            raise failed

    async def ask(self, key: str) -> Answer:
        return Sent() if key in self.sent else NotSent()


class Written:
    """Letters whose writing does what is said, by kind."""

    def __init__(self) -> None:
        self.then: dict[type, object] = {}

    async def written(self, mail: SystemMail) -> Outgoing | NotYet | NoMail:
        then = self.then.get(type(mail.letter), self)
        if isinstance(then, Exception):
            raise then
        if isinstance(then, NotYet | NoMail):
            return then
        return Outgoing(key=mail.key, raw=b"x", to=ANN)


class Desk:
    def __init__(self, *then: BaseException | None, effect: bool = True, **how: Any) -> None:
        self.clock = memory.Clock(NOON)
        self.out = WayOut(*then, effect=effect)
        self.telemetry = memory.Telemetry()
        self.records = memory.Records()
        self.letters = Written()
        self.how = how
        self.guarantee = Guarantee()
        self.rows = Outbox(records=self.records)

    def outbox(self) -> SystemOutbox:
        """Another process."""
        return SystemOutbox(
            rows=self.rows,
            letters=self.letters,  # type: ignore[arg-type]
            outgoing=self.out,
            guarantee=self.guarantee,
            clock=self.clock,
            telemetry=self.telemetry,
            **self.how,
        )

    async def enter(self, *mails: SystemMail) -> None:
        await self.rows.enter(mails or [MAIL], due=NOON, now=NOON)

    async def send(self) -> list[SystemMailState]:
        """Look once; the states of all mails then."""
        try:
            await self.outbox().send_due()
        except Unavailable:
            self.telemetry.measure("away", 1)
        return [mail.state for mail in await self.mails()]

    async def later(self, passes: timedelta = timedelta(minutes=2)) -> list[SystemMailState]:
        await self.clock.advance(passes)
        return await self.send()

    async def mails(self) -> Sequence[SystemMail]:
        stored = [row for key, row in sorted(self.records._rows.items()) if key.table == TABLE]
        return [load(row.body(), SystemMail) for row in stored]

    async def due(self) -> Sequence[Stored]:
        return await self.rows.due(until=NOON + timedelta(days=999), limit=99)


DUE, TRYING, SENT, UNCERTAIN, DROPPED = (
    [state]
    for state in (
        SystemMailState.DUE,
        SystemMailState.TRYING,
        SystemMailState.SENT,
        SystemMailState.UNCERTAIN,
        SystemMailState.DROPPED,
    )
)


@pytest.mark.parametrize("letter", LETTERS)
async def test_what_left_is_not_due_any_more_whatever_it_is(letter: RefusalLetter) -> None:
    desk = Desk()
    await desk.enter(evolve(MAIL, letter=letter))
    await desk.enter(evolve(MAIL, letter=letter))
    assert [await desk.send(), await desk.send(), await desk.later()] == [SENT] * 3
    assert (desk.out.calls, await desk.due()) == (1, [])
    counted = ("icer.refusals.sent", "icer.approvals.sent", "icer.announcements.sent")
    assert [desk.telemetry.total(name) for name in counted] == [one is letter for one in LETTERS]


@pytest.mark.parametrize("guarantee", [Guarantee(), Guarantee(FOR_EVER)])
async def test_what_surely_did_not_leave_is_sent_by_the_next_look(guarantee: Guarantee) -> None:
    desk = Desk(Unavailable("smtp"))
    desk.guarantee = guarantee
    await desk.enter()
    assert [await desk.send(), await desk.send()] == [DUE, SENT]
    assert desk.out.sent == [MAIL.key]
    assert desk.telemetry.total("away") == 1


@pytest.mark.parametrize("letter", LETTERS)
async def test_a_lost_answer_ends_uncertain_where_nobody_can_tell_whatever_it_is(letter: RefusalLetter) -> None:
    desk = Desk(TimeoutError())
    await desk.enter(evolve(MAIL, letter=letter))
    assert [await desk.send(), await desk.send(), await desk.later()] == [UNCERTAIN] * 3
    assert desk.out.sent == [MAIL.key]
    assert desk.telemetry.total("icer.system_mail.uncertain") == 1


async def died(desk: Desk) -> None:
    """A worker that was killed in its call."""
    called = asyncio.Event()

    async def never(mail: Outgoing) -> None:
        desk.out.sent.append(mail.key)
        called.set()
        await asyncio.Event().wait()

    desk.out.send, kept = never, desk.out.send  # type: ignore[method-assign]
    task = asyncio.create_task(desk.outbox().send_due())
    await called.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    desk.out.send = kept  # type: ignore[method-assign]


async def test_a_worker_that_died_over_it_leaves_it_uncertain_and_nobody_sends_it_twice() -> None:
    desk = Desk()
    await desk.enter()
    await died(desk)
    assert await desk.send() == TRYING  # its call may still arrive
    assert [await desk.later(), await desk.later()] == [UNCERTAIN] * 2
    assert desk.out.sent == [MAIL.key]


async def test_a_way_out_that_never_forgets_is_called_again_at_once_when_a_worker_died() -> None:
    desk = Desk()
    desk.guarantee, desk.out.remembers = Guarantee(FOR_EVER), True
    await desk.enter()
    await died(desk)
    assert await desk.send() == SENT
    assert desk.out.sent == [MAIL.key]


async def test_where_policy_is_to_resend_it_is_sent_again_a_few_times() -> None:
    desk = Desk(*[TimeoutError()] * 4, ambiguity=Ambiguity.RESEND)
    await desk.enter()
    assert [await desk.send(), await desk.later(), await desk.later(), await desk.later()] == [
        TRYING,
        TRYING,
        TRYING,
        UNCERTAIN,
    ]
    assert desk.out.calls == 3


@pytest.mark.parametrize("left", [True, False])
async def test_who_can_be_asked_is_asked_and_believed(*, left: bool) -> None:
    desk = Desk(TimeoutError(), effect=left)
    desk.guarantee = Guarantee(ask=desk.out.ask)
    await desk.enter()
    assert [await desk.send(), await desk.later(), await desk.send()] == [TRYING, SENT, SENT]
    assert desk.out.sent == [MAIL.key]
    assert desk.out.calls == (1 if left else 2)


@pytest.mark.parametrize(("answer", "ends"), [(Unknown(), UNCERTAIN), (TimeoutError(), TRYING)])
async def test_who_cannot_tell_leaves_it_uncertain_and_who_does_not_answer_is_asked_again(
    answer: Answer | Exception, ends: list[SystemMailState]
) -> None:

    desk = Desk(TimeoutError())

    async def shrugs(key: str) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    desk.guarantee = Guarantee(ask=shrugs)
    await desk.enter()
    assert [await desk.send(), await desk.later()] == [TRYING, ends]
    assert await desk.later(timedelta(days=2)) == UNCERTAIN
    assert desk.out.calls == 1


async def test_while_the_key_is_remembered_it_is_sent_again_under_it() -> None:
    desk = Desk(TimeoutError(), Unavailable("smtp"))
    desk.guarantee, desk.out.remembers = Guarantee(DAY), True
    await desk.enter()
    assert [await desk.send(), await desk.later(), await desk.send()] == [TRYING, TRYING, SENT]
    assert (desk.out.sent, desk.out.calls) == ([MAIL.key], 3)


async def test_a_mail_in_doubt_keeps_back_no_other() -> None:
    desk = Desk(TimeoutError())
    desk.guarantee = Guarantee(DAY)
    await desk.enter(MAIL, evolve(MAIL, key="refusal-2"))
    assert sorted(await desk.send(), key=str) == [*SENT, *TRYING]
    assert desk.telemetry.total("away") == 0


async def test_a_mail_that_the_way_out_puts_off_waits_and_keeps_back_no_other() -> None:
    desk = Desk(Deferred("450 4.2.0"))
    await desk.enter(MAIL, evolve(MAIL, key="refusal-2"))
    assert await desk.send() == [SystemMailState.DUE, SystemMailState.SENT]
    assert await desk.later() == [SystemMailState.DUE, SystemMailState.SENT]
    assert await desk.later(timedelta(minutes=10)) == [SystemMailState.SENT] * 2
    assert (desk.out.calls, desk.telemetry.total("away")) == (3, 0)


async def test_a_mail_that_is_put_off_waits_as_long_as_it_is_told_to() -> None:
    desk = Desk(Deferred("450 4.2.0", retry_after=timedelta(hours=1)))
    await desk.enter()
    await desk.send()
    assert await desk.later(timedelta(minutes=59)) == [SystemMailState.DUE]
    assert await desk.later(timedelta(minutes=1)) == [SystemMailState.SENT]


@pytest.mark.parametrize(
    ("first", "ends"), [(None, SystemMailState.DROPPED), (TimeoutError(), SystemMailState.UNCERTAIN)]
)
async def test_a_mail_that_is_refused_for_good_is_given_up(first: Exception | None, ends: SystemMailState) -> None:
    desk = Desk(*([] if first is None else [first]), Rejected("550 5.1.1"), ambiguity=Ambiguity.RESEND, effect=False)
    await desk.enter()
    await desk.send()
    assert await desk.later() == [ends]
    assert (desk.out.sent, await desk.due()) == ([], [])
    assert desk.telemetry.total("icer.refusals.given_up", error="Rejected") == 1
    assert [mail.reason for mail in await desk.mails()] == ["550 5.1.1"]


async def test_what_a_kind_looks_up_in_vain_keeps_back_no_other_kind() -> None:
    desk = Desk()
    desk.letters.then = {ApprovalLetter: Unavailable("identity")}
    questions = [evolve(MAIL, key=f"q-{number}", letter=QUESTION) for number in range(2)]
    await desk.enter(MAIL, *questions)
    assert sorted(await desk.send(), key=str) == [*DUE, *DUE, *SENT]
    assert desk.telemetry.total("away") == 1
    desk.letters.then = {}
    assert await desk.send() == SENT * 3


@pytest.mark.parametrize(
    ("then", "ends", "reason"),
    [
        (NoMail("nobody"), DROPPED, "nobody"),
        (ZeroDivisionError(), DROPPED, "ZeroDivisionError"),
        (NotYet(NOON + DAY), DUE, ""),
    ],
    ids=str,
)
async def test_what_is_not_written_is_dropped_or_put_off(
    then: object, ends: list[SystemMailState], reason: str
) -> None:
    desk = Desk()
    desk.letters.then = {RefusalLetter: then}
    await desk.enter()
    assert [await desk.send(), await desk.send()] == [ends] * 2
    desk.letters.then = {}
    assert await desk.later(DAY) == (SENT if ends is DUE else DROPPED)
    assert desk.telemetry.total("icer.refusals.given_up") == isinstance(then, Exception)
    assert [mail.reason for mail in await desk.mails()] == [reason]


async def test_of_two_processes_at_once_one_sends() -> None:
    desk = Desk()
    await desk.enter()
    await asyncio.gather(desk.outbox().send_due(), desk.outbox().send_due())
    assert desk.out.calls == 1


async def test_who_is_overtaken_while_it_writes_makes_no_call() -> None:
    desk = Desk()
    await desk.enter()
    kept = desk.letters.written

    async def beside(mail: SystemMail) -> Outgoing | NotYet | NoMail:
        desk.letters.written = kept  # type: ignore[method-assign]
        await desk.outbox().send_due()
        return await kept(mail)

    desk.letters.written = beside  # type: ignore[method-assign]
    assert await desk.send() == SENT
    assert desk.out.calls == 1


async def test_two_processes_before_a_way_out_that_never_forgets_count_the_mail_once() -> None:
    desk = Desk()
    desk.guarantee, desk.out.remembers = Guarantee(FOR_EVER), True
    await desk.enter()
    kept = desk.out.send

    async def beside(mail: Outgoing) -> None:
        desk.out.send = kept  # type: ignore[method-assign]
        await desk.outbox().send_due()
        await kept(mail)

    desk.out.send = beside  # type: ignore[method-assign]
    assert await desk.send() == SENT
    assert desk.telemetry.total("icer.refusals.sent") == 1


@pytest.mark.parametrize("unreadable", ["row", "letter"])
async def test_what_cannot_be_read_is_put_aside_and_others_leave(unreadable: str) -> None:
    desk = Desk()
    await desk.enter(MAIL, evolve(MAIL, key="q-1", letter=QUESTION))
    if unreadable == "letter":
        desk.letters.then = {RefusalLetter: Parked(ConversationId("c"), 1, "system_mail/9")}
    else:
        (row,) = [one for one in await desk.due() if one.key.id == MAIL.key]
        await desk.records.write([Replace(row.key, row.version, {**row.body, "$": "system_mail/9"}, row.due)])
    await desk.outbox().send_due()
    assert desk.out.sent == ["q-1"]
    (letter,) = [one async for one in DeadLetters(records=desk.records).list(RECORDS)]
    assert "system_mail/9" in letter.reason


# --- what the former release left ------------------------------------------------------------------------

PARTITION = f"2026-03-01.{digest('home.example')}"
FORMER = f"refusal-{digest(PARTITION, '03')}"


async def former_rows(desk: Desk, mark: SystemMailTry | None = None) -> None:
    """A refusal and an announcement that are due, as the former release wrote them."""
    refusal = RefusalDue(sender=ANN, alias=ALIAS, reason=Reason.EMPTY, to_participant=False, trace=TraceId("t"))
    told_of = Announcement(AccountId("a"), NOTICE.old, ConversationId("c"))
    name = f"of:{digest(ANN.key, ALIAS.key)}"
    rows = [
        Insert(Key("refusals", PARTITION, "03"), dump(refusal), (name,), Due("refusals", NOON)),
        Insert(
            Key("announcements", told_of.key[2:4], told_of.key),
            dump(AnnouncementDue(told_of, NOON)),
            due=Due("announcements", NOON),
        ),
    ]
    if mark is not None:
        rows.append(Insert(Key(MARKS, digest(mark.key)[:2], mark.key), dump(mark)))
    await desk.records.write(rows)


async def test_due_rows_of_the_former_release_leave_once_under_their_keys() -> None:
    desk = Desk()
    await former_rows(desk)
    notice = Announcement(AccountId("a"), NOTICE.old, ConversationId("c")).key
    assert [await desk.outbox().send_due(), await desk.outbox().send_due()] == [4, 0]
    await desk.later()
    assert sorted(desk.out.sent) == sorted([FORMER, notice])
    assert await desk.records.due("refusals", until=NOON + DAY, limit=9) == []
    assert await desk.records.due("announcements", until=NOON + DAY, limit=9) == []


@pytest.mark.parametrize("number", range(1, 30))
async def test_a_worker_that_dies_while_it_moves_them_moves_none_twice(number: int) -> None:
    desk = Desk()
    desk.guarantee, desk.out.remembers = Guarantee(FOR_EVER), True
    await former_rows(desk)
    faults = memory.Faults()
    faults.fail("records.write", memory.after("records"), times=1, skip=number)
    dying = evolve(desk.outbox(), rows=Outbox(records=memory.faulty.Records(desk.records, faults)))
    await asyncio.gather(dying.send_due(), return_exceptions=True)
    await desk.send()
    await desk.later()
    assert sorted(set(desk.out.sent)) == sorted(desk.out.sent)
    assert len(desk.out.sent) == 2


@pytest.mark.parametrize(
    ("state", "ends"), [(FormerState.SENT, SENT), (FormerState.UNCERTAIN, UNCERTAIN), (FormerState.TRYING, TRYING)]
)
async def test_what_the_former_release_may_have_sent_is_not_sent_again(
    state: FormerState, ends: list[SystemMailState]
) -> None:

    desk = Desk()
    await former_rows(desk, SystemMailTry(key=FORMER, state=state, first=NOON, at=NOON))
    await desk.send()
    (refusal,) = [mail for mail in await desk.mails() if mail.key == FORMER]
    assert [refusal.state] == ends
    await desk.later()
    assert FORMER not in desk.out.sent


async def test_a_worker_of_the_former_release_finds_a_moved_mail_sent() -> None:
    desk = Desk()
    await former_rows(desk)
    await desk.send()
    stored = await desk.records.get([Key(MARKS, digest(FORMER)[:2], FORMER)])
    (mark,) = [load(one.body, SystemMailTry) for one in stored.values()]
    assert (mark.state, mark.tries) == (FormerState.SENT, 0)


async def test_a_mark_that_went_while_it_was_looked_at_hides_nothing() -> None:
    class Gone(memory.Records):
        async def get(self, keys: Sequence[Key]) -> dict[Key, Stored]:
            return {}

    former = FormerMails(records=Gone())
    assert [await former.take_over("k", at=NOON), await former.take_over("k", at=NOON)] == [None, None]


async def test_a_row_of_the_former_release_that_cannot_be_read_is_put_aside() -> None:
    desk = Desk()
    await former_rows(desk)
    key = Key("refusals", PARTITION, "03")
    row = (await desk.records.get([key]))[key]
    await desk.records.write([Replace(key, row.version, {**row.body, "$": "refusal/9"}, row.due)])
    assert await desk.send() == SENT
    (letter,) = [one async for one in DeadLetters(records=desk.records).list(RECORDS)]
    assert "refusal/9" in letter.reason


# --- an adapter of the host that fails on one mail ----------------------------------------------------


FAULT = AdapterFailed("identity.get", "KeyError at app/people.py:3 in People.get")


class FailsOn(Written):
    """Letters of which some cannot be written: the directory fails on who is to get them."""

    def __init__(self, *keys: str) -> None:
        super().__init__()
        self.keys = keys

    async def written(self, mail: SystemMail) -> Outgoing | NotYet | NoMail:
        if mail.key in self.keys:
            raise FAULT
        return await super().written(mail)


def faulty_desk() -> Desk:
    desk = Desk()
    desk.letters = FailsOn("bad")
    return desk


async def letters_of(desk: Desk) -> list[str]:
    return [one.reason async for one in DeadLetters(records=desk.records).list(RECORDS)]


async def test_a_mail_on_which_the_host_fails_holds_up_no_other_of_its_kind_and_is_a_letter_after_a_day() -> None:
    desk = faulty_desk()
    worker = desk.outbox()
    await desk.enter(evolve(MAIL, key="bad"), evolve(MAIL, key="good"))
    await worker.send_due()
    assert desk.out.sent == ["good"]
    await worker.send_due()
    assert {mail.key: [mail.state] for mail in await desk.mails()} == {"bad": DUE, "good": SENT}
    for _ in range(2):
        assert await letters_of(desk) == []
        await desk.clock.advance(DAY / 2)
        await worker.send_due()
    assert await letters_of(desk) == [str(FAULT)]
    await desk.clock.advance(DAY)
    assert await worker.send_due() == 0


async def test_where_others_were_written_meanwhile_it_is_given_up_soon() -> None:
    desk = faulty_desk()
    worker = desk.outbox()
    await desk.enter(evolve(MAIL, key="bad"))
    await worker.send_due()
    for number in range(ALONE_TRIES):
        assert await letters_of(desk) == []
        await desk.clock.advance(timedelta(minutes=6))
        await desk.rows.enter([evolve(MAIL, key=f"a-good-one-{number}")], due=NOON, now=NOON)
        await worker.send_due()
        await desk.clock.advance(timedelta(minutes=6))
        await worker.send_due()
    assert await letters_of(desk) == [str(FAULT)]


async def test_what_the_host_failed_on_once_leaves_a_minute_later() -> None:
    desk = faulty_desk()
    worker = desk.outbox()
    await desk.enter(evolve(MAIL, key="bad"))
    await worker.send_due()
    desk.letters = Written()
    worker = evolve(worker, letters=desk.letters)
    await desk.clock.advance(timedelta(minutes=1))
    await worker.send_due()
    assert desk.out.sent == ["bad"]
