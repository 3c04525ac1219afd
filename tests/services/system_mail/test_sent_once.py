"""System mail by a way out of the host's own: never twice for want of a note, never lost where it can be known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.system_mail import SystemMailState, SystemMailTry
from convalias.ports.errors import Unavailable
from convalias.ports.hub import Answer, Guarantee, NotSent, Sent, Unknown
from convalias.ports.mail import Outgoing
from convalias.ports.records import Conflict, Key, Stored, Write, Written
from convalias.services.outbound.calls import Ambiguity
from convalias.services.system_mail.sent_once import MayHaveLeft, SentOnce
from convalias.stores.system_mail.marks import SystemMails

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL = Outgoing(key="refusal-1", raw=b"x", to=EmailAddress.parse("ann@home.example"))
DAY = timedelta(days=1)


class WayOut:
    """Remembers nothing, unless told. `then`: what each call does behind its effect, in turn."""

    def __init__(self, clock: memory.Clock, *then: BaseException | None, effect: bool = True) -> None:
        self.sent: list[str] = []
        self.calls = 0
        self.then = list(then)
        self.effect = effect
        self.remembers = timedelta(0)
        self._clock = clock

    async def send(self, mail: Outgoing) -> None:
        self.calls += 1
        failed = self.then.pop(0) if self.then else None
        known = self.remembers and mail.key in self.sent
        if not known and not isinstance(failed, Unavailable) and (self.effect or failed is None):
            self.sent.append(mail.key)
        if failed is not None:
            raise failed

    async def ask(self, key: str) -> Answer:
        return Sent() if key in self.sent else NotSent()


class Desk:
    def __init__(self, *then: BaseException | None, effect: bool = True, **how: object) -> None:
        self.clock = memory.Clock(NOON)
        self.out = WayOut(self.clock, *then, effect=effect)
        self.telemetry = memory.Telemetry()
        self.records = memory.Records()
        self.how = how
        self.guarantee = Guarantee()

    def mail(self) -> SentOnce:
        """Another process."""
        return SentOnce(
            outgoing=self.out,
            guarantee=self.guarantee,
            marks=SystemMails(records=self.records),
            clock=self.clock,
            telemetry=self.telemetry,
            **self.how,  # type: ignore[arg-type]
        )

    async def send(self) -> str:
        try:
            await self.mail().send(MAIL)
        except Unavailable:
            return "later"
        except MayHaveLeft:
            return "may have left"
        return "sent"

    async def later(self) -> str:
        await self.clock.advance(timedelta(minutes=2))
        return await self.send()


def told(desk: Desk, story: Callable[[], Awaitable[None]]) -> None:
    async def tell() -> None:
        await story()

    asyncio.run(tell())


def test_what_left_is_not_sent_again_whoever_asks() -> None:
    desk = Desk()

    async def story() -> None:
        assert [await desk.send(), await desk.send(), await desk.later()] == ["sent"] * 3
        assert desk.out.calls == 1

    told(desk, story)


def test_what_surely_did_not_leave_is_sent_by_the_next_try() -> None:
    desk = Desk(Unavailable("smtp"))

    async def story() -> None:
        assert [await desk.send(), await desk.send()] == ["later", "sent"]
        assert desk.out.sent == [MAIL.key]

    told(desk, story)


def test_a_lost_answer_ends_uncertain_where_nobody_can_tell() -> None:
    desk = Desk(TimeoutError())

    async def story() -> None:
        assert [await desk.send(), await desk.send(), await desk.later()] == ["may have left"] * 3
        assert desk.out.sent == [MAIL.key]
        assert desk.telemetry.total("icer.system_mail.uncertain") == 1

    told(desk, story)


async def died(desk: Desk) -> None:
    """A worker that was killed in its call."""
    called = asyncio.Event()

    async def never(mail: Outgoing) -> None:
        desk.out.sent.append(mail.key)
        called.set()
        await asyncio.Event().wait()

    desk.out.send, kept = never, desk.out.send  # type: ignore[method-assign]
    task = asyncio.create_task(desk.mail().send(MAIL))
    await called.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    desk.out.send = kept  # type: ignore[method-assign]


def test_a_worker_that_died_over_it_leaves_it_uncertain_and_nobody_sends_it_twice() -> None:
    desk = Desk()

    async def story() -> None:
        await died(desk)
        assert await desk.send() == "later"  # its call may still arrive
        assert [await desk.later(), await desk.later()] == ["may have left"] * 2
        assert desk.out.sent == [MAIL.key]

    told(desk, story)


def test_where_policy_is_to_resend_it_is_sent_again_a_few_times() -> None:
    desk = Desk(TimeoutError(), TimeoutError(), TimeoutError(), TimeoutError(), ambiguity=Ambiguity.RESEND)

    async def story() -> None:
        assert await desk.send() == "later"
        assert [await desk.later(), await desk.later(), await desk.later()] == ["later", "later", "may have left"]
        assert desk.out.calls == 3

    told(desk, story)


@pytest.mark.parametrize("left", [True, False])
def test_who_can_be_asked_is_asked_and_believed(*, left: bool) -> None:
    desk = Desk(TimeoutError(), effect=left)
    desk.guarantee = Guarantee(ask=desk.out.ask)

    async def story() -> None:
        assert [await desk.send(), await desk.later(), await desk.send()] == ["later", "sent", "sent"]
        assert desk.out.sent == [MAIL.key]
        assert desk.out.calls == (1 if left else 2)

    told(desk, story)


def test_who_cannot_tell_though_asked_leaves_it_uncertain() -> None:
    desk = Desk(TimeoutError())

    async def shrugs(key: str) -> Answer:
        return Unknown()

    desk.guarantee = Guarantee(ask=shrugs)

    async def story() -> None:
        assert [await desk.send(), await desk.later()] == ["later", "may have left"]

    told(desk, story)


def test_a_mail_that_never_leaves_is_given_up_after_a_few_tries() -> None:
    desk = Desk(*[ZeroDivisionError()] * 9, effect=False)
    desk.guarantee = Guarantee(ask=desk.out.ask)

    async def story() -> None:
        assert [await desk.send(), await desk.later(), await desk.later(), await desk.later()] == [
            "later",
            "later",
            "later",
            "may have left",
        ]
        assert desk.out.calls == 3

    told(desk, story)


def test_while_the_key_is_remembered_it_is_sent_again_under_it() -> None:
    desk = Desk(TimeoutError())
    desk.guarantee = Guarantee(DAY)
    desk.out.remembers = DAY

    async def story() -> None:
        assert [await desk.send(), await desk.later()] == ["later", "sent"]
        assert (desk.out.sent, desk.out.calls) == ([MAIL.key], 2)

    told(desk, story)


def test_past_the_memory_of_keys_it_is_not_sent_again() -> None:
    desk = Desk(TimeoutError(), Unavailable("smtp"))
    desk.guarantee = Guarantee(timedelta(minutes=3))

    async def story() -> None:
        assert [await desk.send(), await desk.later()] == ["later", "later"]  # doubtful still: the second did nothing
        assert await desk.later() == "may have left"
        assert desk.out.sent == [MAIL.key]

    told(desk, story)


def test_of_two_processes_at_once_one_sends() -> None:
    desk = Desk()

    async def story() -> None:
        kept, others = desk.out.send, list[str]()

        async def beside(mail: Outgoing) -> None:
            others.append(await desk.send())
            await kept(mail)

        desk.out.send = beside  # type: ignore[method-assign]
        assert await desk.send() == "sent"
        assert (others, desk.out.calls) == (["later"], 1)
        mark = SystemMailTry(key="another", state=SystemMailState.TRYING, first=NOON, at=NOON)
        marks = SystemMails(records=desk.records)
        assert [await marks.put(mark, over=None), await marks.put(mark, over=None)] == [True, False]

    told(desk, story)


def test_whoever_loses_the_race_for_the_mark_makes_no_call() -> None:
    desk = Desk()

    async def story() -> None:
        faster = desk.mail()

        class Raced(memory.Records):
            async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
                found = await desk.records.get(keys)
                if not desk.out.calls:
                    await faster.send(MAIL)
                return found

            async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
                return await desk.records.write(writes)

        slower = evolve(faster, marks=SystemMails(records=Raced()))
        with pytest.raises(Unavailable):
            await slower.send(MAIL)
        assert desk.out.calls == 1

    told(desk, story)


def test_a_mark_that_is_gone_meanwhile_is_not_written_again() -> None:
    desk = Desk()

    async def story() -> None:
        marks = SystemMails(records=desk.records)
        await marks.drop(MAIL.key)
        kept = desk.out.send

        async def dropping(mail: Outgoing) -> None:
            await kept(mail)
            await marks.drop(mail.key)

        desk.out.send = dropping  # type: ignore[method-assign]
        assert await desk.send() == "sent"
        assert await marks.get(MAIL.key) is None

    told(desk, story)
