"""moto's server, with one thing mended: two threads that receive at once never get the same message.

moto looks whether a message is visible and hides it in two steps, and answers each request in a thread of its own. A
lease that two consumers hold is what the tests over it exist to rule out, so the two steps are made one here.
"""

from __future__ import annotations

import threading
import time
from typing import Final
from unittest.mock import patch

from moto.server import main
from moto.sqs.models import Message, SQSBackend

_ONE_AT_A_TIME: Final = threading.Lock()
_receive: Final = SQSBackend.receive_message


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


if __name__ == "__main__":
    with patch.object(SQSBackend, "receive_message", receive):
        main()
