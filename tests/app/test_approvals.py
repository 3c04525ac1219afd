"""A held mail from its receipt to the conversation, through the page of its link, on memory and on files."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest

from convalias import RULES, Convalias, Hold, IncomingMail, Participant, Reason, RelayToConversation, Verdict, rule
from convalias.adapters import asgi, memory
from convalias.domain import RelayCase, rules
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.links import Allow
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits, HeldMail
from convalias.domain.system_mail.approval_texts import TEXTS
from convalias.services.conversations.messaging import introduce

ANN = EmailAddress.parse("ann@home.example")


def on_memory(_: Path) -> Convalias:
    return Convalias.in_memory(alias_domain="reply.example")


def on_files(folder: Path) -> Convalias:
    settings = folder / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\nbase_url = "https://mail.example"\n')
    return Convalias.from_toml(
        settings, data=folder / "data", environ={}, clock=memory.Clock(), system_mail=memory.Outbox()
    )


async def mail(cv: Convalias, alias: EmailAddress) -> None:
    raw = f"From: eve@other.example\nTo: {alias}\nMessage-ID: <1@other>\n\nHello Ann!\n"
    await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[alias]))


async def pass_by(cv: Convalias, time: timedelta) -> None:
    assert isinstance(cv.ports.clock, memory.Clock)
    await cv.run_until_idle()
    await cv.ports.clock.advance(time)
    await cv.run_until_idle()


def link(cv: Convalias) -> str:
    """Of the newest approval mail to Ann."""
    assert isinstance(cv.ports.system_mail, memory.Outbox)
    body = message_from_bytes(cv.ports.system_mail.mailbox(ANN)[-1].raw).get_payload(decode=True)
    assert isinstance(body, bytes)
    found = re.search(rb"https://[^/]+(/approvals/\S+)", body)
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize("world", [on_memory, on_files])
async def test_a_held_mail_is_let_in_by_the_posted_form_and_added_once(
    world: Callable[[Path], Convalias], tmp_path: Path
) -> None:
    async with world(tmp_path) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        alias = (await cv.open_conversation("c1", use_case="hiring", participants=people))[AccountId("ann")]
        await mail(cv, alias)
        await pass_by(cv, timedelta(minutes=2))
        path = link(cv)
        transport = httpx.ASGITransport(asgi.app(lambda: asgi.Doors(approvals=cv.approvals, checks={})))
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as http:
            assert "It waits for an answer." in (await http.get(path)).text
            await pass_by(cv, timedelta(minutes=1))
            assert [one.state.value for one in await held(cv)] == ["held"]
            assert "It was let in." in (await http.post(path, content="answer=approve&admit=mail")).text
            assert "It was let in." in (await http.post(path, content="answer=reject")).text
            assert (await http.get(path[:-1] + "x")).status_code == 404
        await mail(cv, alias)
        await pass_by(cv, timedelta(minutes=2))
        events = await cv.messaging.events("c1")
        texts = [text for one in events if (text := getattr(one.happening, "text", None)) is not None]
        assert [text.strip() for text in texts] == ["Hello Ann!"]


@rule(9)
def somebody_looks_first(case: RelayCase) -> Verdict | None:
    """Whatever would be relayed waits."""
    if not isinstance(case.verdict, RelayToConversation):
        return None
    return Hold(Reason.NEEDS_APPROVAL, case.verdict.author, case.verdict.dedup_key)


async def test_what_a_rule_of_the_hosts_own_held_is_let_in_too() -> None:
    book = RULES.before(rules.empty, somebody_looks_first)
    async with Convalias.in_memory(alias_domain="reply.example", rules=book) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        alias = (await cv.open_conversation("c1", use_case="hiring", participants=people))[AccountId("ann")]
        raw = f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@home>\n\nHello Ann!\n"
        await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[alias]))
        await pass_by(cv, timedelta(minutes=2))
        assert [one.state.value for one in await held(cv)] == ["held"]
        await cv.approvals.decide(link(cv).rpartition("/")[2], Allow(Admits.THIS_MAIL))
        await pass_by(cv, timedelta(minutes=1))
        events = await cv.messaging.events("c1")
        assert [one.happening.text.strip() for one in events if isinstance(one.happening, MessageAdded)] == [
            "Hello Ann!"
        ]


async def held(cv: Convalias) -> list[HeldMail]:
    return list(await cv.services.stores.holds.waiting((await cv.messaging.thread("c1")).id))


async def test_who_is_asked_is_asked_in_the_language_of_the_conversation() -> None:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        people = [Participant.of("ann", addresses=["ann@home.example"])]
        await cv.messaging.create("hiring", people, conversation="c1", market="fr-CA")
        await introduce(cv.services.stores.directory, people[0])
        (alias,) = await cv.services.stores.aliases.of(ConversationId("c1"))
        await mail(cv, alias.address)
        await pass_by(cv, timedelta(minutes=2))
        assert isinstance(cv.ports.system_mail, memory.Outbox)
        (asked,) = cv.ports.system_mail.mailbox(ANN)
        assert message_from_bytes(asked.raw, policy=policy.default)["Subject"] == TEXTS["fr"].subject
