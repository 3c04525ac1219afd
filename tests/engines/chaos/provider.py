"""A mail provider that posts each mail once per recipient, tries again until it is answered 200, and journals it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

from convalias.domain.addresses.email_address import EmailAddress
from convalias.testing.simulator.journal import Journal, Mail, Post
from engines.chaos.recovered import seconds

SIGNING_KEY: Final = "key-of-the-provider-77b0"
_PATIENCE: Final = 15.0
"""Seconds for one answer."""
_PAUSE: Final = 0.2
_THREADS: Final = 4


class Provider:
    """Threads that post what is due. `posted` counts the posts that were begun."""

    def __init__(self, port: int, *, journal: Journal, seed: int) -> None:
        """Nothing is due."""
        self.posted = 0
        self.tries = 0
        self._port = port
        self._journal = journal
        self._draws = random.Random(seed)
        self._due: list[tuple[Mail, EmailAddress]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._gives_up = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = self._gives_up = True
            self._changed.notify_all()

    def deliver(self, mails: Sequence[Mail]) -> None:
        """Each to each of its recipients, on its own."""
        with self._changed:
            self._due += [(mail, recipient) for mail in mails for recipient in mail.recipients]
            self._draws.shuffle(self._due)
            self._changed.notify_all()

    def wait_until_due(self, *, at_most: int, within: float) -> None:
        """Until no more than so many posts have not begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._due) <= at_most, within), "nothing is posted any more"

    def finish(self, *, within: float) -> None:
        """Until everything was answered 200."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        until = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
            assert not thread.is_alive(), "a post is not answered 200, long after the last fault"

    def _work(self) -> None:
        while (due := self._next()) is not None:
            self._deliver(*due)

    def _next(self) -> tuple[Mail, EmailAddress] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._due or self._closed)
            if not self._due or self._gives_up:
                return None
            self.posted += 1
            self._changed.notify_all()
            return self._due.pop()

    def _deliver(self, mail: Mail, recipient: EmailAddress) -> None:
        at = datetime.now(UTC)
        with self._changed:
            token = f"token-{self.posted:06d}-{self._draws.getrandbits(64):016x}"
            twice = self._draws.random() < 0.1
            post = Post(mail=mail, recipients=(recipient,), token=token, begun=seconds(at), day=at, source="mailgun")
            self._journal.posts.append(post)
        body = _form(mail, recipient, token, at)
        while not self._gives_up:
            post.tries += 1
            status = _posted(self._port, body)
            if status == 200:
                post.accepted = post.accepted or seconds(datetime.now(UTC))
                if not twice:
                    return
                twice = False  # its answer was lost on the way: it posts once more
            elif status == 403:
                post.refused = post.given_up = True
                return
            else:
                time.sleep(_PAUSE)


def _form(mail: Mail, recipient: EmailAddress, token: str, at: datetime) -> bytes:
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(SIGNING_KEY.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    form: dict[str, str | bytes] = {
        "recipient": str(recipient),
        "sender": str(mail.sender),
        "timestamp": timestamp,
        "token": token,
        "signature": signature,
        "body-mime": mail.raw,
    }
    return urlencode(form).encode()


def _posted(port: int, body: bytes) -> int:
    """The HTTP status; 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/inbound/mailgun/mime", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
