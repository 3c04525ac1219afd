"""What `serve` tells of its sockets, and how many it takes."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket

import pytest

from convalias.adapters import asgi
from convalias.adapters.asgi.failures import Wall
from convalias.cli.serving import bounds_of, told_of_sockets
from convalias.services.running.log_lines import LogLines
from convalias.settings import Http


def test_that_no_connection_can_be_taken_is_one_line_however_often_it_is_tried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        full = OSError(errno.EMFILE, "Too many open files")
        with told_of_sockets(LogLines(asgi.log, Wall())), socket.socket() as taken:
            for _ in range(500):
                loop.call_exception_handler({"message": "socket.accept() out of", "exception": full, "socket": taken})
            loop.call_exception_handler({"message": "something else", "exception": ValueError("x")})
        assert loop.get_exception_handler() is before

    asyncio.run(story())
    assert [record.getMessage().splitlines()[0] for record in caplog.records] == [
        "HTTP connections: none can be taken (EMFILE)",
        "something else",
    ]


def test_the_bounds_are_those_of_the_settings_as_far_as_files_may_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, total in ((128, 64), (100_000, 512), (resource.RLIM_INFINITY, 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert bounds_of(Http()).total == total
