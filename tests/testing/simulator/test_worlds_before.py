"""Worlds that did not begin with this release: what was there before is told once and lost never, under every fault.

A row for each kind. Seeds are taken in their order as far as they are of that kind, so a row sees every mixture of the rest.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import Any, Final

import pytest
from attrs import Factory, evolve, field, frozen

from convalias.app.ports import Ports
from convalias.codec.formats import EVENT, FORMATS
from convalias.codec.stored import CODEC, Codec
from convalias.ports.records import Conflict, Insert, Replace, Write, Written
from convalias.testing.simulator.acts import drawn_acts
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.run import Plan, simulate
from convalias.testing.simulator.world import Shape, drawn_shape

# What the simulator covers of the product says little: everything runs, whatever it does.
pytestmark = pytest.mark.slow

SEEDS: Final = 30 if os.environ.get("CONVALIAS_SOAK") == "1" else 2
MAILS: Final = 30
FIRST: Final = 8_000
OLDEST: Final = {row.tag: row.writable[0] for row in FORMATS if len(row.writable) > 1}
"""The oldest format in which each record can still be written, where there is an older one."""


def _as_they_are(ports: Ports) -> Ports:
    return ports


@frozen
class Older:
    """Records of which an older release wrote some: by key, so that a record stays as old as it was."""

    port: Any
    share: float
    written: Counter[str]
    _codec: Codec = field(factory=lambda: Codec(OLDEST), init=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        given: Sequence[Written | Conflict] = await self.port.write([self._older(one) for one in writes])
        return given

    def _older(self, write: Write) -> Write:
        if not isinstance(write, Insert | Replace) or not self._is_old(write):
            return write
        tag = str(write.body["$"]).partition("/")[0]
        row = next(row for row in FORMATS if row.tag == tag)
        self.written[tag] += 1
        return evolve(write, body=self._codec.dump(CODEC.load(dict(write.body), row)))

    def _is_old(self, write: Insert | Replace) -> bool:
        tag = str(write.body.get("$", "")).partition("/")[0]
        if tag == "event" and EVENT.needs is not None and EVENT.needs(write.body) > OLDEST[tag]:
            return False  # no older release wrote that
        return tag in OLDEST and hashlib.sha256("/".join(write.key).encode()).digest()[0] < 256 * self.share


@frozen(kw_only=True)
class Before:
    """A kind of world."""

    name: str
    is_one: Callable[[Shape, Sequence[str]], bool] = lambda shape, acts: bool(shape and acts)
    """By its shape, and by what is done in it."""
    ports: Callable[[Ports], Ports] = _as_they_are
    older: Counter[str] = Factory(Counter[str])
    """What an older release wrote in it."""


def with_older(name: str, share: float) -> Before:
    older = Counter[str]()

    def ports(given: Ports) -> Ports:
        records: Any = Older(given.records, share, older)
        return given.but(records=records)

    return Before(name=name, ports=ports, older=older)


WORLDS: Final = (
    Before(name="begun before the migration, no aliases", is_one=lambda shape, _: shape.begun_before),
    Before(
        name="begun before, stages set axis by axis and back",
        is_one=lambda shape, acts: shape.begun_before and acts.count("flag") > 1,
    ),
    Before(name="legacy relay bound, aliases from the beginning", is_one=lambda shape, _: shape.legacy),
    with_older("half of the records in the oldest formats, work under way among them", 0.5),
    with_older("all records in the oldest formats that can be written", 1.0),
    Before(name="events of a newer release among them, then the upgrade", is_one=lambda shape, _: shape.upgrades),
    Before(name="restored from a backup", is_one=lambda shape, _: shape.restores),
    Before(
        name="begun before, and restored from a backup", is_one=lambda shape, _: shape.begun_before and shape.restores
    ),
    Before(
        name="begun before, and a newer release beside this one",
        is_one=lambda shape, _: shape.begun_before and shape.upgrades,
    ),
)


def seeds(world: Before) -> Iterator[int]:
    for seed in count(FIRST):
        draws = Draws(seed)
        if world.is_one(drawn_shape(draws), [act.kind for act in drawn_acts(draws, MAILS)]):
            yield seed


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_laws_hold_whatever_was_before(world: Before) -> None:
    states: Counter[str] = Counter()
    for seed in islice(seeds(world), SEEDS):
        report = simulate(Plan(seed=seed, mails=MAILS, ports=world.ports))
        assert list(report.violations) == [], f"seed {seed}"
        states.update(report.states)
    assert states["mail relayed"] + states["mail handedover"]
    assert bool(world.older) == (world.ports is not _as_they_are), "older records were written where they should be"


def test_the_table_of_worlds_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{len(WORLDS)} kinds of worlds before, {SEEDS} seeds of {MAILS} mails each")  # noqa: T201 - its count
    assert len({world.name for world in WORLDS}) == len(WORLDS)


def test_an_older_release_wrote_what_is_under_way_in_its_worlds() -> None:
    world = with_older("", 1.0)
    _ = simulate(Plan(seed=FIRST, mails=60, ports=world.ports))
    assert {"decision", "hold", "outcome_record", "sign_of_life"} <= {*world.older}
