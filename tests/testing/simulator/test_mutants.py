"""The checker sees every slip: each mutant breaks the law that it is said to break, where the same run without it does not."""

import inspect
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from convalias.testing.simulator.hunting import killed
from testing.simulator import pinned
from testing.simulator.mutants import MUTANTS, Mutant
from testing.simulator.pinned import expect_seen

# Slow enough without coverage; and what a mutant covers says nothing.
pytestmark = pytest.mark.no_cover

Place = tuple[Mapping[str, object], str, object]
"""What holds a name, the name, and what it meant at first."""

SOAK = os.environ.get("CONVALIAS_SOAK") == "1"
AT_ONCE = (
    "acknowledge-before-store",
    "delete-before-process",
    "token-saved-first",
    "address-in-the-job",
    "reception-in-the-key",
    "shown-by-arrival",
    "shown-to-anybody",
    "now-on-a-lost-position",
)
"""Seen by few mails, so that each push can afford to look at them."""
SEEDS = 100


@pytest.mark.slow
@pytest.mark.parametrize("name", AT_ONCE)
def test_a_slip_is_seen(name: str) -> None:
    expect_seen(name)


@pytest.mark.slow
def test_what_may_have_been_sent_and_is_sent_again_is_seen() -> None:
    """It takes a channel that forgets, and answers of it that are lost: one seed in ten shows both."""
    expect_seen("uncertain-is-sent-again")


def test_a_seed_that_sees_its_slip_no_more_says_how_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "MUTANTS", {"mended": Mutant(name="mended", slip="None.", breaks="I1")})
    monkeypatch.setattr(pinned, "SEEN_BY", {"mended": (3, 1)})
    with pytest.raises(AssertionError, match="convalias simulate --mutant mended --mails 1 --seeds 100 --no-shrink"):
        expect_seen("mended")


def hunted(name: str) -> int | None:
    """After how many seeds it is seen."""
    kill = killed(MUTANTS[name], range(SEEDS))
    return None if kill is None else kill.seeds


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="all mutants, until each is seen: make soak")
def test_every_slip_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    kills: dict[str, int | None] = {}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool, capsys.disabled():
        for name, kill in zip(MUTANTS, pool.map(hunted, MUTANTS), strict=True):
            kills[name] = kill
            print(f"{name}: {'not seen' if kill is None else kill}", flush=True)  # noqa: T201 - it takes a while
    seen = [kill for kill in kills.values() if kill is not None]
    with capsys.disabled():
        print(  # noqa: T201
            f"\nmutants {len(seen)}/{len(kills)}, seeds to kill: median {statistics.median(seen):.0f}, worst {max(seen)}"
        )
    assert [name for name, kill in kills.items() if kill is None] == []


def test_there_are_enough_of_them_and_each_says_what_is_wrong() -> None:
    assert len(MUTANTS) >= 80
    for name, mutant in MUTANTS.items():
        assert mutant.name == name
        assert mutant.breaks in {f"I{number}" for number in range(1, 9)}
        assert mutant.slip.endswith(".")
        assert "\n" not in mutant.slip


def test_a_slip_is_gone_when_its_run_is_over(before: list[Place]) -> None:
    for mutant in MUTANTS.values():
        with mutant.patched():
            pass
    assert _replaced(before) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_slip_is_called_as_what_it_replaces(name: str, before: list[Place]) -> None:
    """Else each call fails: that breaks many laws, and shows nothing."""
    with MUTANTS[name].patched():
        replaced = _replaced(before)
    for plain, slip in replaced:
        if inspect.isroutine(plain) and inspect.isroutine(slip):
            inspect.signature(slip).bind(*_positional(plain), **_by_name(plain))


def _positional(plain: Callable[..., object]) -> list[str]:
    named = inspect.signature(plain).parameters.values()
    return [one.name for one in named if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]


def _by_name(plain: Callable[..., object]) -> dict[str, str]:
    named = inspect.signature(plain).parameters.values()
    return {one.name: one.name for one in named if one.kind is one.KEYWORD_ONLY}


@pytest.fixture(scope="module")
def before() -> list[Place]:
    """What the product's modules and their classes hold, before a mutant has replaced anything."""
    found: list[Place] = []
    for module_name, module in sorted(sys.modules.items()):
        if not module_name.startswith("convalias.") or ".mutants" in module_name:
            continue
        for name, value in list(vars(module).items()):
            if name.startswith("__"):
                continue
            found.append((vars(module), name, value))
            if isinstance(value, type) and value.__module__.startswith("convalias."):
                found += [(vars(value), one, of) for one, of in vars(value).items()]
    return found


def _replaced(before: list[Place]) -> list[tuple[object, object]]:
    """What stands elsewhere now, with what stands there."""
    now = ((plain, holder.get(name, plain)) for holder, name, plain in before)
    return [(plain, found) for plain, found in now if found is not plain]
