import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from convalias.adapters import system

SAY_NAME = "from convalias.adapters.system import Incarnation; print(Incarnation().name, flush=True); input()"


def living_process(code: str = SAY_NAME) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_living_process_is_not_gone_and_a_killed_one_is() -> None:
    me = system.Incarnation()
    process, name = living_process()
    try:
        assert not me.is_gone(name)
    finally:
        end(process)
    assert me.is_gone(name)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only /proc tells a zombie from a living process")
def test_a_killed_process_that_nobody_has_waited_for_is_gone() -> None:
    process, name = living_process()
    process.kill()
    until = time.monotonic() + 10
    while not system.Incarnation().is_gone(name):
        assert time.monotonic() < until, "the zombie still counts as living"
    process.communicate()


def test_this_process_is_never_gone_and_has_one_name() -> None:
    me, also_me = system.Incarnation(), system.Incarnation()
    assert me.name.isascii()
    assert me.name.isprintable()
    assert not me.is_gone(me.name)
    assert not also_me.is_gone(me.name)


def test_a_process_of_another_boot_machine_or_pid_space_may_be_living() -> None:
    me = system.Incarnation()
    scope, pid, start = me.name.split(".")
    assert not me.is_gone(f"{scope}x.999999999.{start}")
    assert not me.is_gone(f"other.{pid}.1")
    assert not me.is_gone("worker-1")
    assert not me.is_gone("")


def test_a_pid_that_is_used_again_does_not_keep_the_old_process_alive() -> None:
    me = system.Incarnation()
    scope, pid, _ = me.name.split(".")
    if scope.startswith("host-"):
        pytest.skip("without /proc a used pid may be anybody's")
    assert me.is_gone(f"{scope}.{pid}.1")


def test_without_proc_only_a_free_pid_is_gone(tmp_path: Path) -> None:
    me = system.Incarnation(proc=tmp_path)
    scope = me.name.split(".")[0]
    assert scope.startswith("host-")
    process, _ = living_process()
    try:
        assert not me.is_gone(f"{scope}.{process.pid}.1")
        assert not me.is_gone(f"{scope}.{os.getppid()}.1")
    finally:
        end(process)
    assert me.is_gone(f"{scope}.{process.pid}.1")
    assert not me.is_gone(me.name)


def test_ids_ascend_even_within_a_microsecond() -> None:
    clock = system.Clock()
    ids = [clock.new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    assert all(len(one) == 26 and one.isalnum() and one == one.lower() for one in ids)


def test_the_clock_shows_utc_and_entropy_has_the_length_asked() -> None:
    clock = system.Clock()
    assert clock.now().tzinfo is UTC
    assert len(clock.entropy(16)) == 16
    assert clock.entropy(16) != clock.entropy(16)


def test_a_sleep_of_no_time_ends() -> None:
    asyncio.run(system.Clock().sleep(timedelta(seconds=-1)))
