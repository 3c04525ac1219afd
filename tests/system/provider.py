"""A mail provider that posts each mail once per recipient, and tries again until it is answered 200."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import random
import threading
import time
from urllib.parse import urlencode

from attrs import field, frozen

PATIENCE = 120.0
"""Seconds until a post that is never taken fails the test."""
PAUSE = 0.03
AT_ONCE = 10.0


@frozen
class Mail:
    """A mail as a mail server hands it over."""

    message_id: str
    conversation: str
    author: str
    sender: str
    recipients: tuple[str, ...]
    text: str
    raw: bytes = field(repr=False)


@frozen
class Post:
    """One signed form. A retry is the same form to the byte."""

    body: bytes = field(repr=False)

    @classmethod
    def of(cls, mail: Mail, recipient: str, *, key: str, token: str, at: int | None = None) -> Post:
        timestamp = str(int(time.time()) if at is None else at)
        signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
        form = {
            "recipient": recipient,
            "sender": mail.sender,
            "timestamp": timestamp,
            "token": token,
            "signature": signature,
            "body-mime": mail.raw,
        }
        return cls(urlencode(form).encode())


def send(port: int, post: Post) -> int:
    """The HTTP status. Raises `OSError` or `http.client.HTTPException` where there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=AT_ONCE)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/inbound/mailgun/mime", post.body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


class Provider:
    """Threads that post what is due. `post` makes a mail due; `answered` are those that were all answered 200."""

    def __init__(self, port: int, *, key: str, seed: int, at_once: int = 3) -> None:
        self._port = port
        self._key = key
        self._draws = random.Random(seed)
        self._due: list[tuple[Mail, str]] = []
        self._waits = threading.Condition()
        self._closed = False
        self._tokens = 0
        self.accepted: list[tuple[Mail, str]] = []
        self.posts = 0
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(at_once)]
        for thread in self._threads:
            thread.start()

    def deliver(self, mail: Mail) -> None:
        """Post it to each recipient, whenever its turn comes."""
        with self._waits:
            self._due += [(mail, recipient) for recipient in mail.recipients]
            self._draws.shuffle(self._due)
            self._waits.notify_all()

    def finish(self) -> None:
        """Until everything was answered 200."""
        with self._waits:
            self._closed = True
            self._waits.notify_all()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a post was never answered 200"

    def _work(self) -> None:
        while (due := self._next()) is not None:
            mail, recipient = due
            self._until_taken(Post.of(mail, recipient, key=self._key, token=self._token()))
            with self._waits:
                self.accepted.append(due)

    def _next(self) -> tuple[Mail, str] | None:
        with self._waits:
            while not self._due and not self._closed:
                self._waits.wait(1.0)
            if not self._due:
                return None
            pause = self._draws.random() * PAUSE
            self._waits.wait(pause)  # spread, so that a kill finds posts under way
            return self._due.pop() if self._due else None

    def _token(self) -> str:
        with self._waits:
            self._tokens += 1
            return f"token-{self._tokens:06d}-{self._draws.getrandbits(64):016x}"

    def _until_taken(self, post: Post) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with self._waits:
                self.posts += 1
            try:
                status = send(self._port, post)
            except (OSError, http.client.HTTPException):
                status = 0
            if status == 200:
                # now and then the answer is lost on the way: the provider cannot know, and posts once more
                with self._waits:
                    lost = self._draws.random() < 0.1
                if not lost:
                    return
            time.sleep(PAUSE)
