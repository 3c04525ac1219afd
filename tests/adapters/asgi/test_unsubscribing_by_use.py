"""The unsubscribe link of a mail in use: by its recipient, by a scanner of links, and by somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest
from attrs import evolve

from convalias import Convalias, Participant
from convalias.adapters import asgi, memory
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.delivery import DeliveryState
from convalias.domain.system_mail.unsubscribe_texts import TEXTS

ONE_CLICK = "List-Unsubscribe=One-Click"


class Platform:
    """Ann writes to Bob and Eve, who get mail with a link."""

    def __init__(self, cv: Convalias, http: httpx.AsyncClient) -> None:
        self.cv = cv
        self.http = http
        self.said = 0

    async def mails(self, name: str) -> int:
        """Ann says something; how many mails Bob or Eve has then."""
        self.said += 1
        await self.cv.messaging.send("c1", f"Hello {self.said}", author="ann", key=str(self.said))
        await self.cv.run_until_idle()
        return len(self._box(name))

    def _box(self, name: str) -> list[bytes]:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        return [one.raw for one in self.cv.ports.mail.mailbox(EmailAddress.parse(f"{name}@home.example"))]

    def link(self, name: str) -> str:
        head = message_from_bytes(self._box(name)[0], policy=policy.default)
        assert head["List-Unsubscribe-Post"] == ONE_CLICK
        return str(head["List-Unsubscribe"]).strip(" <>").removeprefix("https://app.example")


def told(story: Callable[[Platform], Awaitable[None]]) -> None:
    async def tell() -> None:
        wiring = evolve(memory_wiring("reply.example", None, None), base_url="https://app.example")
        async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
            people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob", "eve")]
            await cv.open_conversation("c1", use_case="hiring", participants=people)
            app = asgi.app(lambda: asgi.Doors(unsubscribing=cv.unsubscribing, checks={}))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
                platform = Platform(cv, http)
                await platform.mails("bob")
                await story(platform)

    asyncio.run(tell())


def test_one_click_stops_mail_at_once_and_the_person_takes_it_back_on_the_page() -> None:
    async def story(platform: Platform) -> None:
        link = platform.link("bob")
        assert (await platform.http.post(link, content=ONE_CLICK)).status_code == 200
        assert await platform.mails("bob") == 1
        assert await platform.mails("eve") == 3
        states = [
            row.state
            async for one in platform.cv.services.stores.ledger.of("c1")  # type: ignore[arg-type]
            for row in one.deliveries
        ]
        assert states.count(DeliveryState.CANCELLED) == 2
        assert DeliveryState.FAILED not in states
        assert [one async for one in platform.cv.services.stores.dead_letters.list("deliveries")] == []
        page = (await platform.http.get(link)).text
        assert 'value="resume"' in page
        await platform.http.post(link, data={"answer": "resume"})
        assert await platform.mails("bob") == 2

    told(story)


def test_a_scanner_that_follows_the_link_stops_nothing() -> None:
    async def story(platform: Platform) -> None:
        link = platform.link("bob")
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            await platform.http.request(method, link, headers={"Purpose": "prefetch"})
        await platform.http.get(link, params={"answer": "stop", "List-Unsubscribe": "One-Click"})
        assert await platform.mails("bob") == 2

    told(story)


def test_a_token_acts_for_its_own_account_and_conversation_alone() -> None:
    async def story(platform: Platform) -> None:
        path, bobs = platform.link("bob").rsplit("/", 1)
        eves = platform.link("eve").rsplit("/", 1)[1]
        (where, bob, mac), (_, eve, other) = bobs.split("."), eves.split(".")
        forged = [
            f"{where}.{eve}.{mac}",
            f"{where}.{bob}.{other}",
            f"{where}.{bob}.{mac[:-1]}",
            f"{where}.{bob}.{mac}.{mac}",
            f"{where}.{bob}.",
            f"YzI.{bob}.{mac}",
            mac,
            "..",
            "%00",
        ]
        for token in forged:
            for method in ("GET", "POST"):
                answer = await platform.http.request(method, f"{path}/{token}")
                assert answer.status_code in {404, 307}, token
        assert await platform.mails("bob") == 2
        assert await platform.mails("eve") == 3

    told(story)


def test_a_token_that_is_posted_again_and_again_changes_nothing_more() -> None:
    async def story(platform: Platform) -> None:
        link = platform.link("bob")
        for _ in range(3):
            assert (await platform.http.post(link, content=ONE_CLICK)).status_code == 200
        await platform.http.post(link, data={"answer": "resume"})
        assert await platform.mails("bob") == 2

    told(story)


class Reading(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("language", TEXTS)
def test_the_page_is_written_in_the_language_of_the_browser_and_can_be_heard(language: str) -> None:
    async def story(platform: Platform) -> None:
        link = platform.link("bob")
        asked = {"Accept-Language": f"{language}, xx;q=0.5"}
        texts = TEXTS[language]
        shown = await platform.http.get(link, headers=asked)
        stopped = await platform.http.post(link, headers=asked, content=ONE_CLICK)
        nowhere = await platform.http.get("/unsubscribe/none", headers=asked)
        for page, title in (
            (shown, texts.mailed_title),
            (stopped, texts.muted_title),
            (nowhere, texts.no_link_title),
        ):
            reading = Reading()
            reading.feed(page.text)
            tags = [tag for tag, _ in reading.seen]
            assert dict(reading.seen)["html"] == {"lang": language}
            assert (tags.count("h1"), tags.count("main"), tags.count("title")) == (1, 1, 1)
            assert not {"script", "img", "link", "iframe"} & {*tags}
            assert page.headers["content-language"] == language
            assert unescape(page.text).count(f">{title}<") == 2
        assert texts.stop in unescape(shown.text)
        assert texts.resume in unescape(stopped.text)

    told(story)
