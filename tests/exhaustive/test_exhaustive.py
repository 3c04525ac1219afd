"""The rules against an independent model in every small case; a seeded slice of them, all with CONVALIAS_SOAK=1."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import chain, permutations
from random import Random

import pytest
from attrs import evolve

from convalias.domain.mail.envelope import MessageEnvelope
from convalias.domain.routing.decision import route
from exhaustive import margins, overlaps, senders
from exhaustive.judging import decided, differences
from exhaustive.mutants import MUTANTS, Mutant
from exhaustive.scene import Case
from exhaustive.scopes import Scope

WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
SEED = int(os.environ.get("CONVALIAS_SEED", "20260301"))
SLICE = 800
SCOPES = (*overlaps.scopes(), *senders.scopes(), *margins.scopes())


def sample(scope: Scope) -> list[Case]:
    return list(scope.slice(SLICE, SEED))


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name.replace(" ", "-"))
def test_the_rules_say_what_the_model_says(scope: Scope) -> None:
    checked = 0
    for case in scope.cases() if WHOLE else sample(scope):
        found = differences(case, case.wanted(), decided(case))
        assert not found, (found, case.letter, case.policy, case.standing)
        checked += 1
    before = f" ({scope.before:,} before symmetry)" if scope.before else ""
    print(f"{scope.name}: {checked:,} of {len(scope):,}{before}")  # noqa: T201 - for `make soak`


def test_all_classes_of_renamings_are_there_once() -> None:
    """Counted another way: of all patterns of three slots those whose conversations appear in order of first use."""
    kinds: list[overlaps.Slot] = [(kind, None) for kind in overlaps.FEW_NOWHERE]
    kinds += [(kind, number) for kind in overlaps.FEW_SOMEWHERE for number in range(3)]
    classes = set()
    for slots in ((a, b, c) for a in kinds for b in kinds for c in kinds):
        named = {number: place for place, number in enumerate(dict.fromkeys(n for _, n in slots if n is not None))}
        classes.add(tuple((kind, None if number is None else named[number]) for kind, number in slots))
    found = [slots for slots, _ in overlaps.patterns(3, situations=[("open", True)], stages=["parallel"])]
    assert len(found) == len(set(found)) == len(classes)
    assert set(found) == classes


def test_names_of_conversations_and_order_in_the_envelope_change_nothing() -> None:
    """What the reduction by symmetry rests on."""
    draw = Random(SEED)
    for scope in (one for one in SCOPES if one.name in ("places of 3", "voices to 3")):
        for case in draw.sample(sample(scope), 60):
            for order in permutations(("c1", "c2", "c3")):
                renamed = _renamed(case, dict(zip(("c1", "c2", "c3"), order, strict=True)))
                assert not differences(renamed, renamed.wanted(), decided(renamed)), renamed
            mail = case.letter.mail()
            shuffled = evolve(mail, recipients=tuple(draw.sample(mail.recipients * 2, len(mail.recipients) * 2)))
            if isinstance(shuffled, MessageEnvelope):
                shuffled = evolve(shuffled, to=shuffled.cc, cc=shuffled.to)
            again = route(shuffled, case.standing.context, case.policy.routing)
            assert not differences(case, case.wanted(), again), case


def _renamed(case: Case, names: dict[str, str]) -> Case:
    standing = case.standing
    return replace(
        case,
        standing=replace(
            standing,
            talks=tuple(replace(one, id=names[one.id]) for one in standing.talks),
            listings=tuple(replace(one, conversation=names.get(one.conversation or "")) for one in standing.listings),
            seen=tuple(replace(one, conversation=names.get(one.conversation, "c9")) for one in standing.seen),
        ),
    )


@pytest.mark.soak
@pytest.mark.slow
def test_the_slice_kills_every_mutant_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = list(chain.from_iterable(sample(scope) for scope in SCOPES))
    Random(SEED).shuffle(cases)
    wanted: dict[int, dict[str, object]] = {}
    alive: list[str] = []
    for mutant in MUTANTS:
        with monkeypatch.context() as patching:
            for where, what, replacement in mutant.patches:
                patching.setattr(where, what, replacement)
            if not _killed(mutant, cases, wanted):
                alive.append(mutant.name)
    print(f"mutants of the rules killed: {len(MUTANTS) - len(alive)}/{len(MUTANTS)}")  # noqa: T201 - the count is asked for
    assert len(MUTANTS) >= 30
    assert not alive


def _killed(mutant: Mutant, cases: list[Case], wanted: dict[int, dict[str, object]]) -> bool:
    for number, case in enumerate(cases):
        if number not in wanted:
            wanted[number] = case.wanted()
        if differences(case, wanted[number], decided(case, mutant.rules)):
            return True
    return False
