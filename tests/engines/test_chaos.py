"""A deployment on the four engines while servers, connections and processes fail: nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from convalias.testing.simulator.checker import Violation, judged
from engines.chaos.backend import Backend, backend
from engines.chaos.deployment import SECRETS, Deployment
from engines.chaos.faults import Fault, Havoc, by_kind, drawn
from engines.chaos.provider import Provider
from engines.chaos.recovered import Places, Recovered, at_rest
from engines.chaos.writer import Writer
from engines.fixtures import or_skip

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("chaos")]

SEED = int(os.environ.get("CONVALIAS_SEED", "20260301"))
FAULTS = int(os.environ.get("CONVALIAS_FAULTS", "54"))
WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
MAILS_PER_FAULT = 8
ANSWERED_WITHIN = 300.0
AT_REST_WITHIN = 400.0
A_HANDFUL = (
    Fault("kill", "worker"),
    Fault("kill", "mongodb"),
    Fault("cut", "sqs"),
    Fault("kill", "s3"),
    Fault("stop", "kafka"),
)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with or_skip(backend(tmp_path_factory.mktemp("chaos"))) as servers:
        yield servers


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.soak
def test_faults_lose_nothing_and_double_nothing(engines: Backend, tmp_path: Path) -> None:
    """Each fault in its turn, in the middle of mail; then peace; then what the laws say."""
    faults = drawn(SEED, FAULTS) if WHOLE else A_HANDFUL
    engines.furnish("faults")
    writer = Writer(seed=SEED, conversations=4)
    with Deployment(tmp_path, engines.urls("faults"), workers=2) as deployment:
        deployment.open(writer)
        havoc = Havoc(engines, deployment, seed=SEED)
        with Provider(deployment.port, journal=writer.journal, seed=SEED) as provider:
            for number, fault in enumerate(faults):
                say(f"fault {number}: {fault}")
                provider.deliver([writer.mail() for _ in range(MAILS_PER_FAULT)])
                provider.deliver([writer.again()])
                provider.wait_until_due(at_most=MAILS_PER_FAULT // 2, within=ANSWERED_WITHIN)
                havoc.cause(fault)
                assert not deployment.fallen()
            provider.finish(within=ANSWERED_WITHIN)
        judge(Places(urls=engines.direct("faults"), folder=tmp_path, journal=writer.journal), faults)
        assert not deployment.fallen()


def test_a_rolling_restart_under_load_keeps_order_and_doubles_nothing(engines: Backend, tmp_path: Path) -> None:
    engines.furnish("rolling")
    writer = Writer(seed=SEED + 1, conversations=4)
    with Deployment(tmp_path, engines.urls("rolling"), workers=2) as deployment:
        deployment.open(writer)
        with Provider(deployment.port, journal=writer.journal, seed=SEED) as provider:
            for number, old in enumerate(list(deployment.workers)):
                provider.deliver([writer.mail() for _ in range(MAILS_PER_FAULT)])
                provider.wait_until_due(at_most=MAILS_PER_FAULT // 2, within=ANSWERED_WITHIN)
                deployment.workers[number] = deployment.new_worker()
                deployment.workers[number].launch()
                assert old.ask_to_end() == 0
                deployment.workers[number].wait()
            provider.finish(within=ANSWERED_WITHIN)
        judge(Places(urls=engines.direct("rolling"), folder=tmp_path, journal=writer.journal), ())
        assert not deployment.fallen()


def judge(places: Places, faults: Sequence[Fault]) -> None:
    asyncio.run(_judge(places, faults))


async def _judge(places: Places, faults: Sequence[Fault]) -> None:
    world, wrong = await at_rest(places, within=AT_REST_WITHIN)
    kinds = f" ({by_kind(faults)})" if faults else ""
    lost, doubled = counted(world, wrong)
    say(f"chaos: {len(faults)} faults{kinds}, {len(places.journal.mails)} mails, lost {lost}, doubled {doubled}")
    assert not wrong
    assert lost == doubled == 0
    await sees_what_is_lost_and_what_is_doubled(world)


async def sees_what_is_lost_and_what_is_doubled(world: Recovered) -> None:
    """The judge of a run is judged by it: with one telling less, and with one more, it must object."""
    sent = world.engines.hub.sent
    sent.append(sent[0])
    assert counted(world, await judged(world, drained=())) == (0, 1)
    del sent[-1], sent[0]
    assert counted(world, await judged(world, drained=())) == (1, 0)


def counted(world: Recovered, wrong: Sequence[Violation]) -> tuple[int, int]:
    """Counted anew, apart from the laws: accepted mails of participants without a message; messages, and tellings, beyond one."""
    lost = [one for one in wrong if "never" in one.what or "lost" in one.what]
    told = Counter((one.notification.event.id, one.notification.recipient) for one in world.engines.hub.sent)
    twice = [one for one in wrong if "messages of" in one.what]
    return len(lost), len(twice) + sum(count - 1 for count in told.values())


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for `make soak`
