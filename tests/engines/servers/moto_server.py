"""moto's server, with one thing mended: what two threads do to a queue at once happens one after the other.

moto answers each request in a thread of its own. It looks whether a message is visible and hides it in two steps, and
it deletes a message by a new list of all that are left. So two consumers may hold one lease, a message that was deleted
may be there again, and one that was sent may be gone: what the tests over it exist to rule out.
"""

from __future__ import annotations

import threading
import time
from typing import Final
from unittest.mock import patch

from moto.server import main
from moto.sqs.models import Message, Queue, SQSBackend

_ONE_AT_A_TIME: Final = threading.RLock()
"""Held again by the same thread: a message that is received too often is added to the queue for dead letters."""
_receive: Final = SQSBackend.receive_message
_delete: Final = Queue.delete_message
_add: Final = Queue.add_message


def receive(
    backend: SQSBackend, queue: str, count: int, wait: int, visibility: int, attributes: list[str] | None = None
) -> list[Message]:
    """What moto's own does, waiting outside the lock."""
    end = time.monotonic() + wait
    while True:
        with _ONE_AT_A_TIME:
            found = _receive(backend, queue, count, 0, visibility, attributes)
        if found or time.monotonic() >= end:
            return found
        backend.get_queue(queue).wait_for_messages(1)


def delete(queue: Queue, receipt: str) -> None:
    """What moto's own does."""
    with _ONE_AT_A_TIME:
        _delete(queue, receipt)


def add(queue: Queue, message: Message) -> None:
    """What moto's own does."""
    with _ONE_AT_A_TIME:
        _add(queue, message)


if __name__ == "__main__":
    with (
        patch.object(SQSBackend, "receive_message", receive),
        patch.object(Queue, "delete_message", delete),
        patch.object(Queue, "add_message", add),
    ):
        main()
