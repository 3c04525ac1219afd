"""Attacks from outside: by links, by a provider's events and by bounces, with what a stranger or a recipient has."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from attrs import evolve

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import asgi, mailgun, memory
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import StatusNoted
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.delivery import DeliveryState
from convalias.domain.outbound.reports import DeliveryEvent, EventAnswer
from convalias.ports.drafts import AttachedFile
from convalias.ports.mail import Outgoing
from convalias.stores.catalogue import NAMES

OTHER = Keyring((RootKey(0, b"o" * 32),))
KEY = "key-of-the-provider"
HARD: dict[str, Any] = {
    "event": "failed",
    "severity": "permanent",
    "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no such user"},
}


class Town:
    """Ann, Bob and Eve in one conversation; a web server in front of it, and a provider that posts events."""

    def __init__(self, cv: Convalias, http: httpx.AsyncClient) -> None:
        self.cv = cv
        self.http = http
        self.said = 0
        self.posted = 0

    async def says(self, **more: Any) -> None:
        """Ann says something."""
        self.said += 1
        await self.cv.messaging.send("c1", f"Hello {self.said}", author="ann", key=str(self.said), **more)
        await self.cv.run_until_idle()

    def box(self, name: str) -> list[Outgoing]:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        return list(self.cv.ports.mail.mailbox(EmailAddress.parse(f"{name}@home.example")))

    async def is_mailed(self, name: str) -> bool:
        """Whether the next message reaches that mailbox."""
        before = len(self.box(name))
        await self.says()
        return len(self.box(name)) > before

    def link(self, name: str, kind: str) -> str:
        """The path of a link in the last mail to somebody."""
        raw = self.box(name)[-1].raw
        if kind == "approvals":
            assert isinstance(self.cv.ports.system_mail, memory.Outbox)
            raw = self.cv.ports.system_mail.mailbox(EmailAddress.parse(f"{name}@home.example"))[-1].raw
        body = message_from_bytes(raw, policy=policy.default).get_body(("plain",))  # type: ignore[union-attr]
        assert body is not None
        found = re.search(rf"https://[^/\s]+(/{kind}/\S+)", body.get_content())
        assert found is not None
        return found[1]

    def event(self, name: str = "bob", **more: Any) -> dict[str, Any]:
        """What the provider tells about the last mail to somebody."""
        self.posted += 1
        return {
            "id": f"event-{self.posted}",
            "timestamp": self.cv.ports.clock.now().timestamp(),
            "recipient": f"{name}@home.example",
            "user-variables": {"convalias": self.box(name)[-1].receipt_token},
            **more,
        }

    async def posts(self, event: dict[str, Any], *, key: str = KEY, token: str = "") -> int:
        """Post an event; the status of the answer."""
        self.posted += 1
        stamp, token = str(int(self.cv.ports.clock.now().timestamp())), token or f"token-{self.posted}"
        signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
        signed = {"timestamp": stamp, "token": token, "signature": signature}
        answer = await self.http.post("/events/mailgun", json={"signature": signed, "event-data": event})
        return answer.status_code

    async def suppressed(self) -> list[str]:
        listed = await self.cv.services.stores.suppressions.listed()
        return [one.address.key for one in listed.addresses] + [f"{one.account} mutes" for one in listed.muted]

    async def noted(self) -> list[str]:
        events = await self.cv.messaging.events("c1")
        found = (one.happening for one in events)
        return sorted(f"{one.account} {one.status}" for one in found if isinstance(one, StatusNoted))

    async def stranger_writes(self) -> None:
        """A mail that waits for an approval, and the mails that ask for it."""
        (alias, *_) = await self.cv.services.stores.aliases.of(ConversationId("c1"))
        raw = f"From: mallory@x.example\nTo: {alias.address}\nMessage-ID: <1@x>\n\nLet me in!\n".encode()
        await self.cv.receiver.accept(IncomingMail(raw, recipients=[str(alias.address)], sender="mallory@x.example"))
        await self.passes(timedelta(minutes=2))

    async def passes(self, time: timedelta) -> None:
        assert isinstance(self.cv.ports.clock, memory.Clock)
        await self.cv.run_until_idle()
        await self.cv.ports.clock.advance(time)
        await self.cv.run_until_idle()

    async def rows(self) -> list[str]:
        """All that the store holds, by table and id."""
        assert isinstance(self.cv.ports.records, memory.Records)
        records = self.cv.ports.records
        return [
            f"{table} {row.key.id}"
            for table in sorted(NAMES)
            for partition in await records.partitions(table, after="", limit=100_000)
            for row in await records.range(table, partition, after="", limit=100_000)
        ]


@asynccontextmanager
async def town(keys: Keyring | None = None) -> AsyncGenerator[Town]:
    wiring = evolve(memory_wiring("reply.example", None, None), base_url="https://app.example")
    wiring = evolve(wiring, keyring=keys or wiring.keyring)
    async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob", "eve")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)

        async def take(event: DeliveryEvent) -> EventAnswer:
            return await cv.services.delivery_events.take(event)

        events = mailgun.Events(
            take=take, keys=mailgun.SigningKeys.parse(KEY), clock=cv.ports.clock, telemetry=cv.ports.telemetry
        )
        doors = asgi.Doors(
            events={"mailgun": events},
            approvals=cv.approvals,
            unsubscribing=cv.unsubscribing,
            attachments=cv.attachment_links,
            checks={},
        )
        transport = httpx.ASGITransport(asgi.app(lambda: doors, events=("mailgun",)))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            here = Town(cv, http)
            await here.says(attachments=[AttachedFile("a.zip", "application/zip", b"PK secret")])
            await here.stranger_writes()
            yield here


KINDS = ("unsubscribe", "approvals", "attachments")


def forgeries(token: str, others: list[str]) -> Iterator[str]:
    """What a stranger tries who has a link: other characters, other parts, other lengths."""
    for at in range(len(token)):
        yield token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    parts = token.split(".")
    for other in others:
        yield other
        for number, part in enumerate(other.split(".")):
            if parts[number : number + 1] not in ([], [part]):
                yield ".".join([*parts[:number], part, *parts[number + 1 :]])
    for cut in (1, 5, len(token) // 2):
        yield token[:-cut]
        yield token[cut:]
    yield from (
        f"{token}A",
        f"{token}.{token}",
        f"{token}=",
        f"{token}%00",
        f"%20{token}",
        token.swapcase(),
        ".",
        "0" * 5_000,
    )
    yield from (f"{token}%0d%0aX: y", "..%2f..%2fhealthz", "%ff%fe", "\u0661" * 30)


async def test_no_forged_link_opens_or_changes_anything_and_all_of_them_look_alike() -> None:
    async with town() as here, town(OTHER) as elsewhere:
        tokens = {kind: here.link("bob", kind).rpartition("/")[2] for kind in KINDS}
        eves = {kind: here.link("eve", kind).rpartition("/")[2] for kind in KINDS}
        before = await here.rows()
        for kind, token in tokens.items():
            others = [eves[kind], *(one for name, one in tokens.items() if name != kind)]
            others.append(elsewhere.link("bob", kind).rpartition("/")[2])
            shown = {(await here.http.get(f"/{kind}/none")).text}
            tried = set(forgeries(token, others)) - {token, eves[kind]}
            for forged in tried:
                for method in ("GET", "POST"):
                    answer = await here.http.request(
                        method, f"/{kind}/{forged}", content="answer=approve&admit=address"
                    )
                    assert answer.status_code in {404, 405}, (kind, forged)
                    if answer.status_code == 404 and "<h1>" in answer.text:
                        shown.add(answer.text)
                if forged == tokens["attachments"]:
                    continue  # no link of this page, and what it is on its own
                file = await here.http.get(f"/attachments/{forged}/file")
                assert file.status_code == 404
                assert b"secret" not in file.content
            assert len(shown) == 1
        assert await here.rows() == before
        assert await here.is_mailed("bob")


async def test_each_link_works_for_whom_it_was_made() -> None:
    async with town() as here:
        for kind in KINDS:
            assert (await here.http.get(here.link("bob", kind))).status_code == 200
        assert (await here.http.get(here.link("bob", "attachments") + "/file")).content == b"PK secret"


async def test_a_scanner_that_opens_every_link_decides_nothing() -> None:
    async with town() as here:
        before = await here.rows()
        for kind in KINDS:
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
                await here.http.request(
                    method, here.link("bob", kind), params={"answer": "approve", "admit": "address"}
                )
        assert await here.rows() == before
        assert await here.is_mailed("bob")


async def test_who_shares_the_providers_account_silences_nobody_with_the_proof_of_a_mail_that_he_got() -> None:
    async with town() as here:
        for victim in ("ann", "eve", "postmaster"):
            assert await here.posts(here.event("bob", **HARD, recipient=f"{victim}@home.example")) == 200
        assert await here.suppressed() == []
        assert await here.is_mailed("eve")


@pytest.mark.parametrize("event", [HARD, {"event": "complained"}, {"event": "unsubscribed"}, {"event": "delivered"}])
async def test_an_event_without_a_proof_of_ours_does_nothing(event: dict[str, Any]) -> None:
    async with town() as here:
        own = here.event("bob", **event)
        token = own["user-variables"]["convalias"]
        for proof in ("", token[:-1], token.upper(), token[::-1], f"{token} ", "\u0130", 7, None, [token], {"": token}):
            await here.posts({**own, "id": f"{proof}"[:200] or "x", "user-variables": {"convalias": proof}})
            await here.posts({**own, "id": f"v{proof}", "user-variables": proof})
        assert await here.posts(own, key="another key") == 401
        assert await here.suppressed() == []
        assert await here.noted() == []


async def test_a_token_of_another_event_is_refused_and_the_first_counts() -> None:
    async with town() as here:
        assert await here.posts(here.event("bob", event="opened"), token="seen") == 200
        assert await here.posts(here.event("bob", **HARD), token="seen") == 403
        assert await here.posts(here.event("eve", event="complained"), token="seen") == 403
        assert await here.suppressed() == []


async def test_events_say_the_same_in_every_order_and_however_often_they_come() -> None:
    told: set[str] = set()
    kinds = ({"event": "delivered"}, HARD, {"event": "complained"}, {"event": "unsubscribed"})
    for order in itertools.permutations(kinds):
        async with town() as here:
            events = [here.event("bob", **one) for one in order]
            for event in (*events, *reversed(events)):
                assert await here.posts(event) == 200
            told.add(json.dumps([await here.suppressed(), await here.noted()]))
    assert told == {json.dumps([["bob@home.example", "bob mutes"], ["bob bounce", "bob complaint"]])}


@pytest.mark.parametrize(
    ("event", "state", "suppressed"),
    [
        ({"event": "delivered"}, DeliveryState.DELIVERED, []),
        (HARD, DeliveryState.FAILED, ["bob@home.example"]),
        ({"event": "complained"}, DeliveryState.SENT, ["bob mutes"]),
    ],
)
async def test_an_event_that_is_posted_before_the_mail_is_said_to_be_sent_counts(
    event: dict[str, Any], state: DeliveryState, suppressed: list[str]
) -> None:
    async with town() as here:
        assert isinstance(here.cv.ports.mail, memory.Outbox)
        send, posted = here.cv.ports.mail.send, list[int]()

        async def sent_and_told(mail: Outgoing) -> None:
            await send(mail)
            if mail.to.key == "bob@home.example":
                posted.append(await here.posts(here.event("bob", **event)))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(here.cv.ports.mail, "send", sent_and_told)
            await here.says()
        assert posted == [200]
        *_, latest = [one async for one in here.cv.services.stores.ledger.of(ConversationId("c1"))]
        assert [row.state for row in latest.deliveries if row.recipient == "bob"] == [state]
        assert await here.suppressed() == suppressed
        assert len(here.box("bob")) == 2


async def test_a_flood_of_events_that_nobody_signed_leaves_nothing() -> None:
    async with town() as here:
        before = await here.rows()
        event = here.event("bob", **HARD)
        for number in range(300):
            assert await here.posts({**event, "id": str(number)}, key=f"guess {number}") == 401
        assert await here.rows() == before


async def test_a_flood_of_signed_events_is_noted_once_and_its_rows_end() -> None:
    async with town() as here:
        await here.posts(here.event("bob", **HARD))
        await here.passes(timedelta(days=6))
        before, notes = await here.rows(), await here.noted()
        for _ in range(300):
            assert await here.posts(here.event("bob", **HARD)) == 200
            assert await here.posts(here.event("eve", event="opened")) == 200
        assert await here.noted() == notes == ["bob bounce"]
        assert len(await here.rows()) >= len(before) + 600
        await here.passes(timedelta(days=6))
        assert not {*await here.rows()} - {*before}


async def test_a_flood_of_bounces_to_one_return_path_is_noted_once() -> None:
    async with town() as here:
        path = here.box("bob")[-1].return_path
        for number in range(50):
            raw = (
                f"From: MAILER-DAEMON@x.example\nTo: {path}\nMessage-ID: <b{number}@x>\nMIME-Version: 1.0\n"
                'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
                "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
                f"Final-Recipient: rfc822; victim{number}@home.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
            )
            await here.cv.receiver.accept(IncomingMail(raw.encode(), recipients=[path], sender=""))
        await here.cv.run_until_idle()
        assert await here.noted() == ["bob bounce"]
        assert await here.suppressed() == ["bob@home.example"]
