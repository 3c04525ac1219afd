"""The whole way: a message leaves by mail, its answer becomes a message, also after a restart and once only."""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from chat import api, cv
from more import index

OUTBOX = Path("mail-data/outbox")
LOOKS = 1_500


@asynccontextmanager
async def running() -> AsyncIterator[httpx.AsyncClient]:
    """The service from its start to its end, with its workers."""
    transport = httpx.ASGITransport(api)
    async with (
        api.router.lifespan_context(api),
        httpx.AsyncClient(transport=transport, base_url="http://chat.example") as client,
    ):
        yield client


async def made(client: httpx.AsyncClient, path: str, **values: object) -> str:
    answer = await client.post(path, json=values)
    assert answer.status_code == 200, answer.text
    return str(answer.json())


async def texts(client: httpx.AsyncClient, talk: str) -> Sequence[tuple[str, str]]:
    return [(one["author"], one["text"]) for one in (await client.get(f"/talks/{talk}/messages")).json()]


def sent() -> list[str]:
    return [path.read_text() for path in OUTBOX.rglob("*.eml")]


async def until(is_so: Callable[[], bool]) -> bool:
    """Wait for what the workers do by themselves."""
    for _ in range(LOOKS):
        if is_so():
            return True
        await asyncio.sleep(0.02)
    return False


async def mails(count: int) -> list[str]:
    assert await until(lambda: len(sent()) >= count)
    return sent()


async def all_concluded() -> None:
    """Wait until each mail that came in has its outcome."""
    for _ in range(LOOKS):
        if not await cv.operations.waiting():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("a mail still waits")


def posted(alias: str, text: str) -> dict[str, str]:
    """What Mailgun posts for an answer of Bob, signed."""
    at, token = str(int(time.time())), hashlib.sha256(text.encode()).hexdigest()
    return {
        "recipient": alias,
        "sender": "bob@home.example",
        "timestamp": at,
        "token": token,
        "signature": hmac.new(b"example", (at + token).encode(), hashlib.sha256).hexdigest(),
        "body-mime": f"From: bob@home.example\nTo: {alias}\nMessage-ID: <{token}@home.example>\n\n{text}\n",
    }


async def a_day() -> None:
    async with running() as client:
        ann = await made(client, "/users", name="Ann", email="Ann@home.example")
        bob = await made(client, "/users", name="Bob", email="bob@home.example")
        talk = await made(client, "/talks", members=[ann, bob])
        await made(client, f"/talks/{talk}/messages", author=ann, text="Are you there?")
        (mail,) = await mails(1)
    assert "To: bob@home.example" in mail
    assert "Are you there?" in mail
    (alias,) = re.findall(r"^From: .*<(.+)>$", mail, re.MULTILINE)

    async with running() as client:  # a restart loses nothing, and tells nobody again
        for _ in range(2):  # a provider that heard no answer posts again
            answer = await client.post("/mail/inbound/mailgun/mime", data=posted(alias, "Yes!"))
            assert answer.status_code == 200, answer.text
        (to_ann,) = [one for one in await mails(2) if one != mail]
        assert "To: ann@home.example" in to_ann
        assert "Yes!" in to_ann
        assert await texts(client, talk) == [(ann, "Are you there?"), (bob, "Yes!")]
        assert (await client.get(f"/talks/{talk}/address", params={"of": ann})).json() == alias
        assert await until(lambda: "Yes!" in index.values())

        await client.post(f"/talks/{talk}/close")
        forged = posted(alias, "No!") | {"signature": "0" * 64}
        assert (await client.post("/mail/inbound/mailgun/mime", data=forged)).status_code == 401
        late = await client.post("/mail/inbound/mailgun/mime", data=posted(alias, "Too late!"))
        assert late.status_code == 200
        await all_concluded()
        assert len(await texts(client, talk)) == 2
    assert len(await mails(2)) == 2


def test_a_day_of_the_chat() -> None:
    asyncio.run(a_day())
