"""Generated mails in generated worlds through the reader and `route`, in process, against the model."""

from __future__ import annotations

import os

import pytest

from convalias.adapters.mime import Reader
from convalias.codec.doors import read_world, write_plan
from convalias.domain.routing.decision import route
from doors.agreement import differences
from doors.naive import Plan
from doors.worlds import Case, cases

WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
COUNT = int(os.environ.get("CONVALIAS_WORLDS", "30000" if WHOLE else "300"))
SEED = int(os.environ.get("CONVALIAS_SEED", "11"))
BATCH = 500


@pytest.mark.soak
@pytest.mark.slow
def test_reader_and_rules_say_what_the_model_says_in_generated_worlds() -> None:
    verdicts = 0
    for first in range(0, COUNT, BATCH):
        batch = list(cases(SEED, min(BATCH, COUNT - first), first))
        plans = [_plan(case) for case in batch]
        found = differences(batch, plans)
        assert not found, [(one.case, one.field, one.wanted, one.got) for one in found[:3]]
        verdicts += sum(len(plan["verdicts"]) for plan in plans)
    print(f"generated worlds: {COUNT:,} mails, {verdicts:,} verdicts, 0 differences")  # noqa: T201 - for `make soak`


def _plan(case: Case) -> Plan:
    world = read_world(case.world)
    reader = Reader(alias_domains=world.context.domains.alias)
    return dict(write_plan(route(reader.read_now(case.mail, world.post).mail, world.context, world.policy)))
