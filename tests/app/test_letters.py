"""Mail that leaves, on its whole way: its thread, its subject, who is named in it, and nobody's address."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import pairwise
from typing import Any

import pytest

from convalias import IncomingMail
from convalias.app import Convalias
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.suppressions import Muted, Subscription

PEOPLE = ("ann", "bob", "cho")


async def opened(cv: Convalias) -> dict[str, str]:
    people = [Participant.of(one, name=one.title(), addresses=[f"{one}@home.example"]) for one in PEOPLE]
    aliases = await cv.open_conversation("c1", use_case="hiring", participants=people)
    return {one: str(aliases[AccountId(one)]) for one in PEOPLE}


async def arrives(
    cv: Convalias, who: str, to: str, number: int, text: str, *, subject: str = "", more: str = ""
) -> None:
    mail = (
        f"From: {who}@home.example\nTo: {to}\nSubject: {subject}\nMessage-ID: <m{number}@home.example>\n"
        f"Date: Sun, 01 Mar 2026 12:00:0{number} +0000\n{more}\n{text}\n"
    )
    await cv.receiver.accept(IncomingMail(mail.replace("\n", "\r\n").encode(), recipients=[to]))
    await cv.run_until_idle()


async def says(cv: Convalias, who: str, text: str, **more: str) -> None:
    await cv.messaging.send("c1", text, author=who, key=text, **more)
    await cv.run_until_idle()


def box(cv: Convalias, who: str) -> list[EmailMessage]:
    mails = [message_from_bytes(raw, policy=policy.default) for raw in cv.mailbox(f"{who}@home.example")]
    assert all(isinstance(one, EmailMessage) for one in mails)
    return mails  # type: ignore[return-value]


def plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


async def test_an_answer_is_threaded_to_the_mail_that_it_answers() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        to = await opened(cv)
        await arrives(cv, "bob", to["ann"], 1, "Could we meet?", subject="Interview on Tuesday?")
        (got,) = box(cv, "ann")
        assert plain(got).startswith("Interview on Tuesday?\n\nCould we meet?\n")
        assert got["In-Reply-To"] is None
        more = f"In-Reply-To: {got['Message-ID']}\nReferences: {got['Message-ID']}\n"
        await arrives(cv, "ann", to["bob"], 2, "Yes.", subject=f"Re: {got['Subject']}", more=more)
        (back,) = box(cv, "bob")
        assert back["Subject"] == "Re: Interview on Tuesday?"
        assert back["In-Reply-To"] == "<m1@home.example>"
        assert "<m1@home.example>" in back["References"]
        assert plain(back).startswith("Yes.\n")
        await says(cv, "cho", "Good.")
        assert box(cv, "bob")[1]["Subject"] == back["Subject"]
        assert back["Message-ID"] in box(cv, "bob")[1]["References"]
        assert box(cv, "bob")[1]["In-Reply-To"] == back["Message-ID"]
        mail_of_cho = box(cv, "cho")[0]
        assert "m1@home.example" not in str(mail_of_cho["References"])


async def test_each_mail_of_a_conversation_names_those_before_it() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        for number, who in enumerate(("bob", "bob", "cho", "bob")):
            await says(cv, who, f"m{number}")
        mails = box(cv, "ann")
        for before, mail in pairwise(mails):
            assert before["Message-ID"] in mail["References"]
            assert mail["In-Reply-To"] == before["Message-ID"]
            assert mail["Subject"] == before["Subject"]


async def test_a_long_conversation_is_read_at_its_beginning_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.stores.conversations.access.FIRST", 3)
    monkeypatch.setattr("convalias.stores.conversations.access.LAST", 2)
    monkeypatch.setattr("convalias.stores.conversations.own.SHORT", 0)

    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        to = await opened(cv)
        first = (await cv.messaging.events("c1"))[-1].seq
        await arrives(cv, "bob", to["ann"], 1, "Could we meet?", subject="Interview on Tuesday?")
        for number in range(6):
            await says(cv, "ann", f"m{number}")
        mails = box(cv, "bob")
        assert mails[5]["In-Reply-To"] == mails[4]["Message-ID"]
        assert mails[3]["Message-ID"] in mails[5]["References"]
        assert mails[1]["Message-ID"] not in mails[5]["References"]
        assert first <= 4


async def test_nobody_reads_the_address_of_another() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        to = await opened(cv)
        await cv.services.stores.directory.upsert(
            Account(AccountId("ann"), _addresses("ann@home.example", "ann@new.example"), name="Ann")
        )
        text = (
            "Fine, ask me at ANN@new.example, not at bob@home.example.\n\n"
            "---------- Forwarded message ---------\nFrom: Zoe <zoe@private.example>\nTo: ann@home.example\n\nold\n\n"
            "-- \nAnn\nann@home.example"
        )
        await arrives(cv, "ann", to["bob"], 1, text, subject="From ann@home.example")
        raw = b"".join(one.as_bytes() for one in box(cv, "cho")).lower()
        for address in (b"ann@home", b"ann@new", b"bob@home", b"zoe@private"):
            assert address not in raw
        assert "Fine, ask me at [\u2026@\u2026], not at [\u2026@\u2026]." in plain(box(cv, "cho")[0])
        events = [one.happening for one in await cv.messaging.events("c1")]
        (stored,) = (one for one in events if isinstance(one, MessageAdded))
        assert "ANN@new.example" in stored.text  # the conversation keeps what was written


def _addresses(*texts: str) -> tuple[Any, ...]:
    return Participant.of("x", addresses=texts).addresses


async def test_a_mail_names_who_reads_an_answer_and_a_closed_conversation_asks_for_none() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        await says(cv, "cho", "hello")
        assert "Your answer goes to Cho, Bob." in plain(box(cv, "ann")[0])
        await cv.messaging.send("c1", "the last", author="cho", key="2")
        await cv.messaging.close("c1")
        await cv.run_until_idle()
        last = plain(box(cv, "ann")[-1])
        assert last.startswith("the last")
        assert "This conversation is closed" in last
        assert "Answer this e-mail" not in last


async def test_a_mailbox_gets_each_message_once_and_never_its_authors_own() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        homes = {"ann": ["ann@home.example"], "bob": ["bob@home.example", "b@work.example"]}
        homes |= {"team": ["bob@home.example"], "desk": ["b@work.example"]}
        people = [Participant.of(one, name=one.title(), addresses=where) for one, where in homes.items()]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        await says(cv, "bob", "hello")
        assert [len(box(cv, one)) for one in ("ann", "bob")] == [1, 0]
        assert cv.mailbox("b@work.example") == []
        await says(cv, "ann", "and you?")
        assert len(box(cv, "bob")) == 1
        assert [one async for one in cv.services.stores.dead_letters.list("deliveries")] == []
        muted = Muted(account=AccountId("bob"), conversation=ConversationId("c1"), at=cv.ports.clock.now())
        await cv.services.stores.suppressions.mute(muted)
        await says(cv, "ann", "still there?")
        assert len(box(cv, "bob")) == 2  # for the team, which has muted nothing


async def test_mail_is_stopped_by_one_click_and_begun_again_by_the_person() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        await opened(cv)
        await says(cv, "bob", "one")
        (got,) = box(cv, "ann")
        link = got["List-Unsubscribe"].strip("<> ")
        assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert link in plain(got)
        token = link.rpartition("/")[2]
        desk = cv.unsubscribing
        assert await desk.show(token) is Subscription.MAILED
        assert await desk.resume(token) is Subscription.MAILED
        assert await desk.stop(token) is Subscription.MUTED
        assert await desk.stop(token) is Subscription.MUTED
        assert await desk.show(token) is Subscription.MUTED
        await says(cv, "bob", "two")
        assert len(box(cv, "ann")) == 1
        assert len(box(cv, "cho")) == 2
        assert await desk.resume(token) is Subscription.MAILED
        await says(cv, "bob", "three")
        assert len(box(cv, "ann")) == 2
        for act in (desk.show, desk.stop, desk.resume):
            assert await act("b.c.d") is Subscription.NO_LINK
