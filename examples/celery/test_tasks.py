"""Real workers over a broker of files: a pool that forks, and one of threads."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PLACE = Path(tempfile.mkdtemp())
os.environ["CONVALIAS_DATA"] = str(PLACE / "data")
os.environ["QUEUE_FOLDER"] = str(PLACE / "queue")

import demo  # noqa: E402 - the folders are read when it is imported
import tasks  # noqa: E402

LIMIT = 60.0
"""Seconds until a test that waits for something fails."""


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


@contextmanager
def worker(pool: str, log: Path) -> Iterator[None]:
    """A worker with a schedule; it ends when it is told to, in bounded time."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--beat", "--schedule", str(PLACE / pool)]
    options = ["--pool", pool, "--concurrency", "2", "--loglevel", "INFO"]
    with log.open("wb") as written:
        process = subprocess.Popen([*command, *options], stdout=written, stderr=written)
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(LIMIT) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_mail_given_to_the_tasks_is_sent_once_and_chat_by_the_schedule(pool: str, tmp_path: Path) -> None:
    before = demo.sent()
    alias = demo.opened(pool)
    with worker(pool, tmp_path / "log"):
        for number in [1, 2, 3, 1]:
            demo.post(alias, number, f"Mail {number} {pool}")
        until(lambda: len(demo.sent()) == len(before) + 3)
        tasks.cv.messaging.send(pool, f"By chat {pool}", author="ann", key="k")  # no task follows: beat has one
        until(lambda: len(demo.sent()) == len(before) + 4)
    new = [line for line in demo.sent() if line not in before]
    assert new == [f"By chat {pool}", *(f"Mail {number} {pool}" for number in (1, 2, 3))]  # what came twice is one
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log, log
