"""An exception is told by its class and the line that raised it, never by its message."""

from __future__ import annotations

import asyncio
import importlib
import json

import pytest
from attrs import frozen

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.errors import Unavailable
from convalias.services.running.places import NOWHERE, place_of, told_of


@frozen
class Directory:
    """A host's adapter, with bugs."""

    names: dict[str, str]

    async def of_itself(self) -> str:
        return self.names["bob@corp.example"]

    async def in_python(self) -> object:
        return json.loads("bob@corp.example")

    async def in_ours(self) -> object:
        return EmailAddress.parse("bob")

    async def in_frozen(self) -> object:
        return importlib.import_module("no_such_module_of_bobs")

    async def slow(self) -> object:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
        return None


def raised(method: str) -> Exception:
    with pytest.raises(Exception) as failed:  # noqa: PT011 - each of another class
        asyncio.run(getattr(Directory({}), method)())
    return failed.value


@pytest.mark.parametrize("method", ["of_itself", "in_python", "in_ours", "in_frozen", "slow"])
def test_the_hosts_own_line_is_told_whatever_it_called(method: str) -> None:
    error = raised(method)
    told = told_of(error)
    assert told.startswith(f"{type(error).__name__} at running/test_places.py:")
    assert told.endswith(f" in Directory.{method}")
    assert "bob" not in told


def test_of_a_group_the_first_is_told() -> None:
    group = ExceptionGroup("bob@corp.example", [ExceptionGroup("a", [raised("of_itself")]), OSError()])
    assert told_of(group).startswith("KeyError at running/test_places.py:")


def test_a_bug_of_ours_is_told_by_our_line() -> None:
    faults = memory.Faults()
    faults.fail("queue.depth", memory.before("job queue"), times=1)
    queue = memory.faulty.JobQueue(memory.JobQueue(memory.Clock()), faults)
    with pytest.raises(Unavailable) as failed:
        asyncio.run(queue.depth())
    frames = failed.value.with_traceback(failed.value.__traceback__ and failed.value.__traceback__.tb_next)
    while frames.__traceback__ is not None and "convalias" not in frames.__traceback__.tb_frame.f_code.co_filename:
        frames = frames.with_traceback(frames.__traceback__.tb_next)
    assert place_of(frames).startswith("memory/faults.py:")


def test_a_client_library_that_our_adapter_called_is_told_by_our_line() -> None:
    client: dict[str, object] = {"__name__": "pymongo.pool"}
    lines = "def receive():\n    raise OSError('bob')\n"
    exec(compile(lines, "/x/site-packages/pymongo/pool.py", "exec"), client)  # noqa: S102 - a library to fail in
    names: dict[str, object] = {"__name__": "convalias.adapters.mongo.records", "client": client["receive"]}
    exec(compile("def get():\n    client()\n", "/x/mongo/records.py", "exec"), names)  # noqa: S102 - a module to fail in
    call = names["get"]
    assert callable(call)
    with pytest.raises(OSError) as failed:  # noqa: PT011 - its message is what must not be told
        call()
    trace = failed.value.__traceback__
    assert place_of(failed.value.with_traceback(trace and trace.tb_next)) == "mongo/records.py:2 in get"


def test_what_python_alone_raised_is_told_by_its_line() -> None:
    with pytest.raises(json.JSONDecodeError) as failed:
        json.loads("x")
    trace = failed.value.__traceback__
    assert place_of(failed.value.with_traceback(trace and trace.tb_next)).startswith("json/")


def test_what_was_never_raised_was_raised_nowhere() -> None:
    assert place_of(KeyError("bob")) == NOWHERE
    assert told_of(KeyError("bob")) == "KeyError"
