"""Several processes on one data directory: side by side, and one after another's death."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from system.accounts import audit
from system.machine import SIGNING_KEY, Machine
from system.provider import Provider
from system.town import PEOPLE, Town

pytestmark = pytest.mark.slow

MAILS = 40
ONE_MAIL_EACH = len(PEOPLE) - 1


@pytest.fixture
def town() -> Town:
    return Town(conversations=2, seed=11)


@pytest.fixture
def machine(tmp_path: Path, town: Town) -> Iterator[Machine]:
    with Machine(tmp_path) as machine:
        machine.load(town.world())
        machine.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000")
        yield machine


def test_two_at_once_share_the_work(machine: Machine, town: Town) -> None:
    mails = [town.mail() for _ in range(MAILS)]
    with Machine(machine.data.parent) as other:
        for one in (machine, other):
            one.spawn()
            one.wait_until_ready()
        providers = [Provider(one.port, key=SIGNING_KEY, seed=one.port) for one in (machine, other)]
        for number, mail in enumerate(mails):
            providers[number % 2].deliver(mail)
        for provider in providers:
            provider.finish()
        machine.settle(within=60, notifications=MAILS * ONE_MAIL_EACH)
        assert [one.stop() for one in (machine, other)] == [0, 0]
    audit(machine, town, mails)


def test_what_a_dead_process_held_is_done_at_once_by_workers_that_run_once(machine: Machine, town: Town) -> None:
    mails = [town.mail() for _ in range(MAILS)]
    machine.spawn()
    machine.wait_until_ready()
    provider = Provider(machine.port, key=SIGNING_KEY, seed=5)
    for mail in mails:
        provider.deliver(mail)
    provider.finish()
    machine.kill()
    for worker in ("inbound", "feed", "outbound"):
        machine.ask("worker", worker, "--once")
    audit(machine, town, mails)


@pytest.mark.parametrize("worker", ["inbound", "feed", "outbound"])
def test_a_worker_ends_gracefully_when_it_is_asked_to(tmp_path: Path, town: Town, worker: str) -> None:
    with Machine(tmp_path, "worker") as machine:
        machine.load(town.world())
        machine.spawn_worker(worker)
        assert machine.stop() == 0
        assert machine.log.read_text(encoding="utf-8") == ""
