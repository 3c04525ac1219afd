"""Two machines that answer one another stop; people who repeat themselves are heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory

PEOPLE = ("ann", "bob")
LONG = "Thank you for your message number {number}. I shall answer it on {number} March 2026.\n\n{who}"


async def opened(cv: Convalias, conversation: str = "c1", people: Sequence[str] = PEOPLE) -> None:
    participants = [Participant.of(one, name=one.title(), addresses=[f"{one}@home.example"]) for one in people]
    await cv.open_conversation(conversation, use_case="hiring", participants=participants)


async def advance(cv: Convalias, by: timedelta) -> None:
    assert isinstance(cv.ports.clock, memory.Clock)
    await cv.ports.clock.advance(by)


async def answer(cv: Convalias, who: str, mail: EmailMessage, text: str, *, number: int, names_it: bool = True) -> None:
    alias = mail["From"].addresses[0].addr_spec
    named = f"In-Reply-To: {mail['Message-ID']}\n" if names_it else ""
    raw = (
        f"From: {who}@home.example\nTo: {alias}\nSubject: Re: {mail['Subject']}\nMessage-ID: <{number}@{who}>\n"
        f"Date: Sun, 01 Mar 2026 12:00:00 +0000\n{named}\n{text}\n"
    )
    await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[alias], sender=f"{who}@home.example"))
    await cv.run_until_idle()


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


@pytest.mark.parametrize("names_it", [True, False])
@pytest.mark.parametrize("text", [LONG, "Got it, {who}"])
async def test_two_responders_without_marks_come_to_an_end(text: str, *, names_it: bool) -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        await cv.messaging.send("c1", "Hello both", author="bob", key="1")
        await cv.run_until_idle()
        answered, number = dict.fromkeys(PEOPLE, 0), 0
        for _ in range(20):
            for who in PEOPLE:
                box = cv.mailbox(f"{who}@home.example")
                for raw in box[answered[who] :]:
                    number += 1
                    said = text.format(who=who, number=number)
                    await answer(cv, who, read(raw), said, number=number, names_it=names_it)
                answered[who] = len(box)
            await advance(cv, timedelta(seconds=30))
        assert number <= 6


async def test_three_short_answers_of_a_person_within_an_hour_are_all_heard() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        for number in range(3):
            await cv.messaging.send("c1", f"Question {number}", author="bob", key=f"{number}")
            await cv.run_until_idle()
            await advance(cv, timedelta(minutes=10))
            await answer(cv, "ann", read(cv.mailbox("ann@home.example")[-1]), "Yes.", number=number)
        assert len(cv.mailbox("bob@home.example")) == 3


async def test_one_text_to_several_conversations_is_no_loop() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        for number in range(4):
            await opened(cv, f"c{number}", ("ann", f"p{number}"))
            await cv.messaging.send(f"c{number}", "I apply", author=f"p{number}", key="1")
            await cv.run_until_idle()
            text = "Thank you for your application. We are sorry that the place is taken."
            await answer(cv, "ann", read(cv.mailbox("ann@home.example")[-1]), text, number=number)
            assert len(cv.mailbox(f"p{number}@home.example")) == 1
