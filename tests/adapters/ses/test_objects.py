"""Objects in buckets: what is refused before any request, and what S3 refuses."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from convalias.adapters.ses import MailObjects
from convalias.adapters.ses import objects as objects_of_ses
from convalias.adapters.ses.objects import LARGE_AT_ONCE, SMALL, Denied, NotOurs, UnfetchableKey
from convalias.adapters.ses.place import buckets_in

NOWHERE = "s3://my-mail?region=eu-west-1&endpoint=http://127.0.0.1:1"


@pytest.mark.parametrize("key", ["", "/in/x", "in//x", "in/x/", "in/../x", "./x", "in/a\nb"])
async def test_a_key_that_the_client_changes_or_refuses_is_asked_of_nobody(key: str) -> None:
    with pytest.raises(UnfetchableKey):
        await MailObjects(buckets_in(NOWHERE)).get("my-mail", key, most=10, kept=10)


async def test_a_bucket_that_is_not_set_is_asked_for_no_key() -> None:
    for buckets in (NOWHERE, ""):
        with pytest.raises(NotOurs):
            await MailObjects(buckets_in(buckets)).get("of-somebody", "in//x", most=10, kept=10)


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path[-3:]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    """A server that answers with the number at the end of a key."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [401, 403])
async def test_what_our_credentials_may_not_read_is_no_outage(
    status: int, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    objects = MailObjects(buckets_in(f"s3://my-mail?region=eu-west-1&endpoint={server}"))
    with pytest.raises(Denied, match="my-mail, which our credentials may not read,"):
        await objects.get("my-mail", f"in/{status}", most=10, kept=10)


class Slow:
    """An answer of S3: its body comes when others had their turn, and those that come side by side are counted."""

    at_once: ClassVar[list[int]] = []
    open = 0

    def __init__(self, size: int) -> None:
        self.meta = {"size": size}

    async def bytes_async(self) -> Slow:
        Slow.open += 1
        for _ in range(10):
            await asyncio.sleep(0)
        Slow.at_once.append(Slow.open)
        Slow.open -= 1
        return self

    def to_bytes(self) -> bytes:
        return b"x"


@pytest.mark.parametrize(("size", "at_once"), [(SMALL + 1, LARGE_AT_ONCE), (SMALL, 6)])
async def test_of_large_mails_no_more_are_fetched_at_once_than_there_is_room_for(
    size: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get(*_: object) -> Slow:
        return Slow(size)

    monkeypatch.setattr(objects_of_ses.obstore, "get_async", get)
    Slow.at_once.clear()
    objects = MailObjects(buckets_in(NOWHERE))
    await asyncio.gather(*(objects.get("my-mail", f"in/{one}", most=2 * SMALL, kept=10) for one in range(6)))
    assert (len(Slow.at_once), max(Slow.at_once)) == (6, at_once)
