"""A disk without space: the provider hears of an outage and tries again, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

import pytest

from system.accounts import audit
from system.machine import SIGNING_KEY, Machine
from system.provider import Mail, Post, Provider, send
from system.town import PEOPLE, Town

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")]

MAILS = 12
REFUSED_POSTS = 10
PATIENCE = 120.0


class Disk(Protocol):
    """Where the machine keeps its data."""

    folder: Path

    def fill(self, machine: Machine) -> None:
        """From now on nothing more can be written."""
        ...

    def free(self, machine: Machine) -> None:
        """There is space again."""
        ...


class Quota:
    """The kernel lets that process make no file longer than it is (RLIMIT_FSIZE): each write fails, at any offset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, machine: Machine) -> None:
        self._limit(machine, 0)

    def free(self, machine: Machine) -> None:
        self._limit(machine, resource.RLIM_INFINITY)

    def _limit(self, machine: Machine, octets: int) -> None:
        _, hard = resource.prlimit(machine.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(machine.pid, resource.RLIMIT_FSIZE, (octets, hard))


class SmallDisk:
    """A file system of its own, with ballast on it until no octet fits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self, machine: Machine) -> None:
        with self.ballast.open("ab", buffering=0) as file:
            for size in (65_536, 4_096, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self, machine: Machine) -> None:
        self.ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        pytest.skip("only root mounts a small file system; the quota shows the same")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system may not be mounted here; the quota shows the same")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run([unmount, "-l", folder], check=True)


@pytest.fixture(params=["quota", "small disk"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "quota":
        yield Quota(tmp_path)
        return
    with small_disk(tmp_path) as mounted:
        yield mounted


def test_a_full_disk_is_an_outage_that_ends_by_itself(disk: Disk) -> None:
    town = Town(conversations=2, seed=7)
    mails = [town.mail() for _ in range(3 * MAILS)]
    with Machine(disk.folder) as machine:
        machine.load(town.world())
        machine.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000")
        machine.log.unlink(missing_ok=True)
        machine.spawn()
        machine.wait_until_ready()
        provider = Provider(machine.port, key=SIGNING_KEY, seed=7)
        deliver(provider, mails[:MAILS])
        disk.fill(machine)
        assert answered(machine.port, Post.of(mails[-1], mails[-1].recipients[0], key=SIGNING_KEY, token="full")) >= 500
        deliver(provider, mails[MAILS : 2 * MAILS])
        wait_for_posts(provider, provider.posts + REFUSED_POSTS)
        disk.free(machine)
        deliver(provider, mails[2 * MAILS :])
        provider.finish()
        machine.settle(within=PATIENCE, notifications=len(mails) * (len(PEOPLE) - 1))
        assert machine.stop() == 0
        audit(machine, town, mails)


def answered(port: int, post: Post) -> int:
    """The status of an answer; a busy machine may take longer than a provider waits."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return send(port, post)
        except (OSError, HTTPException):
            assert time.monotonic() < until, "the door answers nothing while the disk is full"


def deliver(provider: Provider, mails: list[Mail]) -> None:
    for mail in mails:
        provider.deliver(mail)


def wait_for_posts(provider: Provider, count: int) -> None:
    """Until the provider has posted so often: whatever was answered, it came to an answer."""
    until = time.monotonic() + PATIENCE
    while provider.posts < count:
        assert time.monotonic() < until, "the door answers nothing while the disk is full"
        time.sleep(0.05)
