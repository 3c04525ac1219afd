"""A stand-in for the mail provider: signed posts, one per recipient, repeated until they are answered 200."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import secrets
import time
from typing import Final
from urllib.parse import urlencode

from attrs import field, frozen

from convalias.cli.demo.script import Letter

PATIENCE: Final = 60.0
PAUSE: Final = 0.05
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@frozen
class Post:
    """A signed form; a retry is the same to the octet."""

    body: bytes = field(repr=False)


def signed(letter: Letter, recipient: str, *, key: str) -> Post:
    """Sign as Mailgun does: HMAC-SHA256 over timestamp and token."""
    timestamp, token = str(int(time.time())), secrets.token_hex(25)
    signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    form = {
        "recipient": recipient,
        "sender": letter.sender,
        "timestamp": timestamp,
        "token": token,
        "signature": signature,
        "body-mime": letter.raw,
    }
    return Post(urlencode(form).encode())


async def deliver(port: int, post: Post) -> int:
    """Until it is answered 200; how many posts that took."""
    async with asyncio.timeout(PATIENCE):
        tries = 1
        while await once(port, post) != http.HTTPStatus.OK:
            tries += 1
            await asyncio.sleep(PAUSE)
        return tries


async def once(port: int, post: Post) -> int:
    """The status; 0 where there was no answer."""
    try:
        return await asyncio.to_thread(_posted, port, post)
    except (OSError, http.client.HTTPException):
        return 0


def _posted(port: int, post: Post) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/inbound/mailgun/mime", post.body, _FORM)
        return connection.getresponse().status
    finally:
        connection.close()
