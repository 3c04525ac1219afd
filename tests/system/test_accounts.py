"""The audit of the soak sees what it says it sees: each fault, made by hand, is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from convalias.app.facade import Convalias
from convalias.domain.ids import ConversationId
from convalias.ports.legacy import IndexCall
from system.accounts import audit
from system.machine import Machine
from system.provider import Mail
from system.town import Town

pytestmark = pytest.mark.slow

Fault = Callable[[Machine, Town, list[Mail]], object]


@pytest.fixture
def town() -> Town:
    return Town(conversations=2, seed=7)


@pytest.fixture
def mails(town: Town) -> list[Mail]:
    return [town.mail() for _ in range(3)]


@pytest.fixture
def machine(tmp_path: Path, town: Town, mails: Sequence[Mail]) -> Machine:
    """A machine on which all went well, without any server."""
    machine = Machine(tmp_path)
    machine.log.touch()
    machine.load(town.world())
    machine.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000")
    for number, mail in enumerate(mails):
        path = tmp_path / f"{number}.eml"
        path.write_bytes(mail.raw)
        machine.ask("ingest", str(path))
    for worker in ("inbound", "feed", "outbound"):
        machine.ask("worker", worker, "--once")
    return machine


def first_mail(machine: Machine) -> Path:
    return min((machine.data / "outbox").glob("*.eml"))


def lose_a_mail(machine: Machine, _: Town, __: list[Mail]) -> None:
    first_mail(machine).unlink()


def double_a_mail(machine: Machine, _: Town, __: list[Mail]) -> None:
    path = first_mail(machine)
    path.with_stem("another").write_bytes(path.read_bytes())


def tell_an_address(machine: Machine, town: Town, _: list[Mail]) -> None:
    everybody = [town.address(one, person) for one in town.conversations for person in ("ann", "bob", "eve")]
    for path in (machine.data / "outbox").glob("*.eml"):
        path.write_bytes(path.read_bytes() + "\r\n".join(everybody).encode())


def lose_an_event(_: Machine, town: Town, mails: list[Mail]) -> None:
    mails.append(town.mail())


def take_one_that_was_never_sent(_: Machine, __: Town, mails: list[Mail]) -> None:
    mails.pop()


def let_legacy_notify(machine: Machine, _: Town, __: list[Mail]) -> None:
    folder = machine.data / "legacy-outbox"
    folder.mkdir(exist_ok=True)
    (folder / "x.eml").write_bytes(b"")


def tell_legacy_once_more(machine: Machine, _: Town, __: list[Mail]) -> None:
    call = IndexCall(
        external_id="another",
        message_id="<x@y.example>",
        conversation=ConversationId("c0"),
        author="peripheral",
        alias=None,
        suppress_notification=True,
    )

    async def tell() -> None:
        async with Convalias.from_toml(machine.config, data=machine.data) as cv:
            assert cv.ports.legacy is not None
            await cv.ports.legacy.index(call)

    asyncio.run(tell())


def leave_a_job(machine: Machine, _: Town, mails: list[Mail]) -> None:
    path = machine.data.with_name("again.eml")
    path.write_bytes(mails[0].raw)
    machine.ask("ingest", str(path))


def log_an_address(machine: Machine, _: Town, mails: list[Mail]) -> None:
    machine.log.write_text(f"WARNING worker inbound: ValueError {mails[0].sender}\n")


def keep_an_event_unpublished(machine: Machine, _: Town, __: list[Mail]) -> None:
    machine.ask("read", "c0", "--as", "ann-c0", "--up-to", "1")


def test_a_machine_on_which_all_went_well_passes(machine: Machine, town: Town, mails: list[Mail]) -> None:
    audit(machine, town, mails)


@pytest.mark.parametrize(
    "fault",
    [
        lose_a_mail,
        double_a_mail,
        tell_an_address,
        lose_an_event,
        take_one_that_was_never_sent,
        let_legacy_notify,
        tell_legacy_once_more,
        leave_a_job,
        log_an_address,
        keep_an_event_unpublished,
    ],
)
def test_a_fault_is_found(machine: Machine, town: Town, mails: list[Mail], fault: Fault) -> None:
    fault(machine, town, mails)
    with pytest.raises(AssertionError):
        audit(machine, town, mails)
