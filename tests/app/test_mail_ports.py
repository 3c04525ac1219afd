"""A mail port of the host's own is held to what it states, and to nothing else: by default it remembers nothing."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from attrs import evolve

from convalias.app import Convalias
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.outbound.tries import Ambiguity
from convalias.ports.errors import Unavailable
from convalias.ports.hub import FOR_EVER, Answer, Guarantee, NotSent, Sent
from convalias.ports.mail import Outgoing, guarantee_of

C1 = ConversationId("c1")
LOST = TimeoutError("lost answer after DATA")


class Smtp:
    """As somebody writes it first: `send`, and nothing else. Loses the first answers."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[Outgoing] = []
        self.failures = list(failures)

    async def send(self, mail: Outgoing) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if not isinstance(failure, Unavailable):
            self.sent.append(mail)
        if failure is not None:
            raise failure


class Remembers(Smtp):
    guarantee = Guarantee(timedelta(days=1))

    async def send(self, mail: Outgoing) -> None:
        known = mail.key in {one.key for one in self.sent}
        try:
            await super().send(mail)
        finally:
            if known:
                self.sent.pop()


class Asked(Smtp):
    @property
    def guarantee(self) -> Guarantee:
        return Guarantee(ask=self._ask)

    async def _ask(self, key: str) -> Answer:
        return Sent() if key in {one.key for one in self.sent} else NotSent()


def over(out: object, *, system: object | None = None, ambiguity: Ambiguity = Ambiguity.LEAVE) -> Convalias:
    ports = memory_ports(legacy=False).but(mail=out)  # type: ignore[typeddict-item]
    wiring = evolve(memory_wiring("reply.example", None, None), on_uncertain=ambiguity)
    return Convalias.over(ports if system is None else ports.but(system_mail=system), wiring)  # type: ignore[typeddict-item]


async def worked(cv: Convalias, hours: int = 6) -> list[str]:
    """The states of what was to be delivered, after so long."""
    for _ in range(hours):
        await cv.run_until_idle()
        await cv.ports.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    decisions = [one async for one in cv.services.stores.ledger.of(C1)]
    return [row.state.value for decision in decisions for row in decision.deliveries]


async def said(cv: Convalias) -> None:
    people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
    await cv.open_conversation("c1", use_case="hiring", participants=people)
    await cv.messaging.send("c1", "once", author="bob", key="1")


@pytest.mark.parametrize(
    ("out", "state", "sent"),
    [
        (Smtp(), "sent", 1),
        (Smtp(LOST), "uncertain", 1),
        (Smtp(ZeroDivisionError()), "uncertain", 1),
        (Smtp(Unavailable("smtp")), "sent", 1),
        (Smtp(Unavailable("smtp"), LOST), "uncertain", 1),
        (Remembers(LOST, LOST), "sent", 1),
        (Asked(LOST), "sent", 1),
    ],
)
async def test_a_lost_answer_is_what_the_port_makes_of_it(out: Smtp, state: str, sent: int) -> None:
    async with over(out) as cv:
        await said(cv)
        assert await worked(cv) == [state]
        assert len(out.sent) == sent


async def test_where_the_policy_is_to_resend_the_same_mail_goes_again() -> None:
    out = Smtp(LOST, LOST)

    async with over(out, ambiguity=Ambiguity.RESEND) as cv:
        await said(cv)
        assert await worked(cv) == ["sent"]
        assert len(out.sent) == 3
        assert len({(mail.key, mail.raw, mail.return_path) for mail in out.sent}) == 1


def dated(out: Smtp) -> list[datetime]:
    return [parsedate_to_datetime(message_from_bytes(one.raw)["Date"]) for one in out.sent]


async def test_what_surely_did_not_leave_has_the_date_of_the_attempt_that_sent_it() -> None:
    out = Smtp(*[Unavailable("smtp")] * 9)
    async with over(out) as cv:
        began = cv.ports.clock.now()
        await said(cv)
        assert await worked(cv, hours=12) == ["sent"]
    (date,) = dated(out)
    assert date - began > timedelta(minutes=5)
    assert b"Message-ID" in out.sent[0].raw


async def test_what_may_have_left_is_repeated_with_the_same_date_and_bytes() -> None:
    out = Smtp(Unavailable("smtp"), LOST, LOST)
    async with over(out, ambiguity=Ambiguity.RESEND) as cv:
        await said(cv)
        assert await worked(cv, hours=12) == ["sent"]
    assert len(out.sent) == 3
    assert len({one.raw for one in out.sent}) == 1


async def test_a_worker_that_dies_in_the_call_leaves_it_uncertain() -> None:
    class Killed(Smtp):
        async def send(self, mail: Outgoing) -> None:
            await super().send(mail)
            raise asyncio.CancelledError

    out = Killed()

    async with over(out) as cv:
        await said(cv)
        await cv.run_until_idle("feed")
        with contextlib.suppress(asyncio.CancelledError):
            await cv.run_until_idle("outbound")
        assert await worked(cv) == ["uncertain"]
        assert len(out.sent) == 1


@pytest.mark.parametrize("failures", [[], [LOST], [Unavailable("smtp")], [Unavailable("smtp"), LOST]])
async def test_a_refusal_by_a_port_that_remembers_nothing_leaves_once(failures: list[Exception]) -> None:
    out = Smtp(*failures)

    async with over(Smtp(), system=out) as cv:
        await said(cv)
        raw = b"From: eve@home.example\r\nTo: no-one@reply.example\r\nMessage-ID: <1@h>\r\n\r\nhello\r\n"
        await cv.receiver.accept(
            IncomingMail(
                raw,
                recipients=["no-one@reply.example"],
                sender="eve@home.example",
                evidence=SenderEvidence(Dmarc.PASS),
            )
        )
        for _ in range(4):
            await cv.ports.clock.advance(timedelta(minutes=2))  # type: ignore[attr-defined]
            with contextlib.suppress(Unavailable):
                await cv.run_until_idle()
        assert [mail.to for mail in out.sent] == [EmailAddress.parse("eve@home.example")]


async def test_what_states_something_else_is_refused_at_the_start() -> None:
    class Odd(Smtp):
        guarantee = timedelta(days=1)

    with pytest.raises(TypeError, match=r"guarantee of .*Odd: found a timedelta, expected a .*Guarantee or none"):
        async with over(Odd()):
            pass


async def test_our_own_say_what_they_do(tmp_path: Path) -> None:
    async with Convalias.from_toml(data=tmp_path, environ={}) as cv:
        for port in (cv.ports.mail, cv.ports.system_mail):
            stated = guarantee_of(port)
            assert stated.remembers_keys_for == FOR_EVER
            assert stated.ask is not None
            assert isinstance(await stated.ask("never"), NotSent)


async def test_the_settings_say_what_is_done_about_the_uncertain(tmp_path: Path) -> None:
    file = tmp_path / "convalias.toml"
    file.write_text('on_uncertain = "resend"\nmail_what_was_read = true\nalias_domains = ["reply.example"]\n')
    out = Smtp(LOST)

    async with Convalias.from_toml(file, data=tmp_path / "data", environ={}, mail=out) as cv:
        calls = cv.services.outbound.sending.calls
        assert calls.persistence.ambiguity is Ambiguity.RESEND
        assert calls.rules.tell_readers
        assert dict(calls.hub.channels).popitem()[1] == Guarantee()
