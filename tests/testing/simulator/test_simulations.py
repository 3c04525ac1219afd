"""Whatever goes wrong at whatever call: the invariants hold, and everything drains."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import count
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Final

import pytest
from attrs import asdict, define, field

from convalias.domain.mail.reasons import Reason, reason
from convalias.domain.routing import rules
from convalias.domain.routing.admission import FREE, STRICT
from convalias.domain.routing.policy import LoopGuard, RoutingPolicy
from convalias.domain.routing.rulebook import RelayCase, rule
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Hold, Ignore, Reject, RelayToConversation, Verdict
from convalias.testing.simulator.run import Plan, Report, simulate
from convalias.testing.simulator.weather import CALM
from testing.simulator.mutants import MUTANTS

# What the simulator covers of the product says little: everything runs, whatever it does.
pytestmark = pytest.mark.no_cover

SOAK: Final = os.environ.get("CONVALIAS_SOAK") == "1"
MAILS: Final = int(os.environ.get("CONVALIAS_SIMULATED_MAILS", "1000000" if SOAK else "240"))
"""In all, faults on."""
HOSTED_MAILS: Final = int(os.environ.get("CONVALIAS_SIMULATED_MAILS", "100000" if SOAK else "240"))
"""The same where a platform keeps the conversations."""
EACH: Final = 200 if SOAK else 60
"""Per seed: short runs see more mixtures of faults, and are slower: as much as they mail, they begin and drain. In long ones
each replay of everything is longer too."""
PORTION: Final = 20
"""Seeds that one process simulates in a soak."""
FIRST: Final = int(os.environ.get("CONVALIAS_SIMULATED_FROM", "10000"))
PROJECT: Final = Path(__file__).resolve().parents[3]


@define
class Tally:
    """What many runs come to."""

    seeds: int = 0
    mails: int = 0
    posts: int = 0
    calls: int = 0
    virtual_days: float = 0.0
    cpu_seconds: float = 0.0
    faults: Counter[str] = field(factory=Counter[str])
    states: Counter[str] = field(factory=Counter[str])
    violations: list[str] = field(factory=list[str])

    def add(self, report: Report) -> None:
        self.seeds += 1
        self.mails += report.mails
        self.posts += report.posts
        self.calls += report.calls
        self.virtual_days += report.virtual_seconds / 86_400
        self.faults.update(report.faults)
        self.states.update(report.states)
        self.violations += [f"seed {report.plan.seed}: {one.law} {one.what}" for one in report.violations[:3]]

    def join(self, other: Tally) -> None:
        self.seeds += other.seeds
        self.mails += other.mails
        self.posts += other.posts
        self.calls += other.calls
        self.virtual_days += other.virtual_days
        self.cpu_seconds += other.cpu_seconds
        self.faults.update(other.faults)
        self.states.update(other.states)
        self.violations += other.violations


def simulated(seeds: range, *, hosted: bool = False) -> Tally:
    tally, began = Tally(), time.process_time()
    for seed in seeds:
        tally.add(simulate(Plan(seed=seed, mails=EACH, hosted=hosted)))
    tally.cpu_seconds = time.process_time() - began
    return tally


simulated_over_a_host: Final = partial(simulated, hosted=True)


@define
class Ledger:
    """What a soak has simulated of this very source: one that is interrupted goes on where it stopped."""

    path: Path
    source: str = field(factory=lambda: digest_of(PROJECT / "src"))

    def kept(self) -> dict[int, Tally]:
        """By first seed. A line that was being written when the machine went away does not count."""
        tallies: dict[int, Tally] = {}
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else ():
            with suppress(ValueError):
                read = json.loads(line)
                if read.pop("source") == self.source and read.pop("each") == EACH:
                    first, faults, states = read.pop("first"), Counter(read.pop("faults")), Counter(read.pop("states"))
                    tallies[first] = Tally(**read, faults=faults, states=states)
        return tallies

    def keep(self, first: int, tally: Tally) -> None:
        """It need not be simulated again."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"source": self.source, "each": EACH, "first": first, **asdict(tally)}) + "\n")


def digest_of(folder: Path) -> str:
    """Of what runs of its modules, comments and docstrings not."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                node.value = ast.Constant(...)
        digest.update(f"{path.relative_to(folder)}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()


def portions(work: Callable[[range], Tally], name: str) -> Generator[Tally]:
    """Tallies of a few seeds each, for ever, in the order of their seeds. A soak keeps them in a ledger of that name."""
    if not SOAK:
        yield from map(work, (range(seed, seed + 4) for seed in count(FIRST, 4)))
        return
    folder = Path(os.environ.get("CONVALIAS_SIMULATED_LEDGERS", PROJECT / "var" / "soak"))
    with closing(side_by_side(work, FIRST, Ledger(folder / f"{name}.jsonl"))) as tallies:
        yield from tallies


def side_by_side(work: Callable[[range], Tally], start: int, ledger: Ledger) -> Generator[Tally]:
    """What the ledger lacks is worked out on all cores. Closed, it waits for the portions under way."""
    kept = ledger.kept()
    # A fresh process for each portion: no run can lean on what another left behind.
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1)
    under_way = deque[tuple[int, Future[Tally]]]()
    try:
        for seed in count(start, PORTION):
            if (tally := kept.get(seed)) is not None:
                yield tally
                continue
            under_way.append((seed, pool.submit(work, range(seed, seed + PORTION))))
            if len(under_way) > 2 * (os.cpu_count() or 1):
                first, oldest = under_way.popleft()
                tally = oldest.result()
                ledger.keep(first, tally)
                yield tally
    finally:
        # Not waited for, a pool that renews its processes never ends: a queued portion finds none, and exit waits for it.
        pool.shutdown(wait=True, cancel_futures=True)


@pytest.mark.soak
def test_days_of_traffic_under_every_mixture_of_faults() -> None:
    total = simulated_days(simulated, "simulated", mails=MAILS)
    assert not total.violations, "\n".join(total.violations)


@pytest.mark.soak
def test_hosted_days_of_traffic_under_every_mixture_of_faults() -> None:
    total = simulated_days(simulated_over_a_host, "simulated-over-a-host", mails=HOSTED_MAILS)
    assert not total.violations, "\n".join(total.violations)


def simulated_days(work: Callable[[range], Tally], name: str, *, mails: int) -> Tally:
    """Seed after seed, until so many mails were simulated. What came of it is printed, also of what is interrupted."""
    total, began = Tally(), time.monotonic()
    try:
        with closing(portions(work, name)) as tallies:
            for tally in tallies:
                total.join(tally)
                if SOAK:
                    print(f"{total.mails:,} mails", *tally.violations, sep="\n", flush=True)  # noqa: T201 - it takes hours
                if total.mails >= mails:
                    break
    finally:
        print(  # noqa: T201 - for `make soak`
            f"\n{name}: {total.mails:,} mails in {total.posts:,} posts, {total.seeds:,} seeds, "
            f"{total.virtual_days:,.1f} virtual days, {total.calls:,} port calls, {sum(total.faults.values()):,} faults, "
            f"{len(total.violations)} violations, {total.mails / max(total.cpu_seconds, 0.01):.0f} mails per CPU second, "
            f"{time.monotonic() - began:.0f} s\n  faults: {dict(total.faults)}\n  states: {dict(total.states)}",
            flush=True,
        )
    return total


def test_an_interrupted_soak_goes_on_with_the_same_source(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "soak" / "kept.jsonl", source="one")
    assert ledger.kept() == {}
    tally = simulated(range(2, 3))
    ledger.keep(2, tally)
    ledger.keep(3, Tally(seeds=1, violations=["seed 3: I1"]))
    Ledger(ledger.path, source="another").keep(4, tally)
    with ledger.path.open("a") as file:
        file.write('{"source": "one", "ea')
    assert Ledger(ledger.path, source="one").kept() == {2: tally, 3: Tally(seeds=1, violations=["seed 3: I1"])}


def counted(seeds: range) -> Tally:
    return Tally(seeds=len(seeds))


@pytest.mark.slow
def test_a_soak_that_has_enough_leaves_no_process_behind(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "kept.jsonl", source="one")
    with closing(side_by_side(counted, 0, ledger)) as tallies:
        assert [next(tallies).seeds, next(tallies).seeds] == [PORTION, PORTION]
    assert not active_children()
    assert set(ledger.kept()) == {0, PORTION}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "mails"),
    [(200013, 400), (31, 60), (10087, 200), (10309, 200), (10348, 200)],
    ids=[
        "told before he came, by the clock that wrote it",
        "handed over under a Message-ID that it had borrowed",
        "threaded with a mail from an address that had passed to its recipient",
        "told after a return that a restore took away",
        "replayed and answered for behind a restore, begun before it",
    ],
)
def test_what_once_looked_like_a_violation_is_none(seed: int, mails: int) -> None:
    """Seeds at which the checker was wrong."""
    assert not simulate(Plan(seed=seed, mails=mails)).violations


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy",
    [
        RoutingPolicy(admission=FREE),
        RoutingPolicy(admission=STRICT),
        RoutingPolicy(loop_guard=LoopGuard()),
    ],
    ids=["free", "strict", "loop guard"],
)
def test_other_policies_hold_the_invariants_too(policy: RoutingPolicy) -> None:
    report = simulate(Plan(seed=3, mails=25, policy=policy))
    assert not report.violations


QUOTA = reason("QUOTA", refusal="Enough for today.", retryable=True)
QUIET = reason("QUIET")


def _nth(case: RelayCase) -> int:
    """A number of a mail that is the same at each try."""
    return sum(case.mail.message_id.value)


@rule(9)
def kept_by_the_host(case: RelayCase) -> Verdict | None:
    """Of what would be relayed, some is refused, some ignored and some looked at first."""
    match case.verdict:
        case RelayToConversation() if _nth(case) % 3 == 0:
            return Reject(QUOTA)
        case RelayToConversation() if _nth(case) % 5 == 0:
            return Ignore(QUIET)
        case RelayToConversation(author=author, dedup_key=key) if _nth(case) % 7 == 0:
            return Hold(Reason.NEEDS_APPROVAL, author, key)
        case _:
            return None


@rule(9)
def raises_on_some(case: RelayCase) -> Verdict | None:
    """Takes something for granted."""
    if _nth(case) % 17 == 0:
        raise KeyError(case.mail.content.subject)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("hosted", [False, True])
def test_rules_of_a_hosts_own_hold_the_invariants_too(*, hosted: bool) -> None:
    book, states = RULES.before(rules.empty, kept_by_the_host), Counter[str]()
    for seed in (1, 4, 11):
        report = simulate(Plan(seed=seed, mails=40, rules=book, hosted=hosted))
        assert list(report.violations) == [], f"seed {seed}"
        states.update(report.states)
    assert min(states[f"mail {one}"] for one in ("relayed", "refused", "ignored", "held")) > 0
    assert states["hold approved"] > 0


def test_rules_that_know_of_no_closed_conversation_lose_no_mail() -> None:
    """The messages that they order could not be added: each such mail was given up after three tries."""
    report = simulate(Plan(seed=6, mails=20, rules=RULES.without(rules.closed_conversation)))
    assert list(report.violations) == []
    assert report.states["mail refused"] > 0


@rule(9)
def says_nothing(_case: RelayCase) -> Verdict | None:
    """Never speaks."""


def test_what_is_lost_is_seen_whoever_wrote_the_rules() -> None:
    book, slip = RULES.before(rules.empty, says_nothing), MUTANTS["job-before-mail"]
    report = simulate(Plan(seed=2, mails=12, rules=book, mutant=slip, weather=slip.weather))
    assert any("never became a message" in one.what for one in report.violations)


def test_a_rule_that_raises_is_told_with_its_place() -> None:
    report = simulate(Plan(seed=1, mails=30, rules=RULES.before(rules.empty, raises_on_some)))
    told = [one.what for one in report.violations if one.law == "I1"]
    assert told
    assert all("rules.raises-on-some of the host: KeyError at " in one for one in told)


@pytest.mark.parametrize("seed", [4, 16])
def test_nothing_goes_wrong_on_a_calm_day(seed: int) -> None:
    report = simulate(Plan(seed=seed, mails=40, weather=CALM))
    assert not report.faults
    assert not report.violations
    assert report.states["mail relayed"] > 0
    assert "hub uncertain" not in report.states, "nobody is left in doubt without a reason"


@pytest.mark.slow
def test_a_run_sees_most_of_what_can_happen() -> None:
    """Sight is worth something only where things happen: of five seeds, each of these was reached."""
    seen: Counter[str] = Counter()
    for seed in range(23, 28):
        report = simulate(Plan(seed=seed, mails=60))
        seen.update(report.states)
        seen.update(f"mail {mail.kind.value}" for mail in report.journal.mails.values())
    for state in (
        "mail borrowed",
        "mail relayed",
        "mail handedover",
        "mail skipped",
        "mail held",
        "mail refused",
        "hub sent",
        "legacy sent",
    ):
        assert seen[state], f"no {state} in five seeds"


def test_what_does_not_run_makes_no_other_source(tmp_path: Path) -> None:
    module = tmp_path / "one.py"

    def source(text: str) -> str:
        module.write_text(text)
        return digest_of(tmp_path)

    plain = source('"""Old."""\nX = "a"\n')
    assert source('"""New."""\n\n# Why.\nX = "a"\n"""Said."""\n') != plain  # a docstring more is a statement more
    assert source('"""New."""\n\n# Why.\nX = "a"\n') == plain
    assert source('"""Old."""\nX = "b"\n') != plain
