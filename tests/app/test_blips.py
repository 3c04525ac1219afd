"""One call of one port of a host fails once, anywhere on the whole path: afterwards all is as if it had not.

Fails: before or after the work was done, by an exception that no port names, by never answering, by `CancelledError`
from inside. But for one thing: what a port may have sent and does not remember is sent by nobody again, and is shown
as uncertain. Those are `hub.send`, `mail.send`, `system_mail.send` and the `send` of a channel; and over such ports a
`records.write` that kept the mark before a send, and lost its answer: nobody can tell it from the mark of a dead worker.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from functools import cache
from typing import Final

import pytest
from attrs import evolve

from app.blips import Blip, Call, Failure, Outcome, walked
from convalias.app.capabilities import CAPABILITIES, methods_of
from convalias.app.guards import AMBIGUOUS

WHOLE: Final = os.environ.get("CONVALIAS_SOAK") == "1"
HOSTS: Final = {"its own conversations": True, "our events": False}
SURELY_DONE: Final = frozenset({Failure.AFTER, Failure.CANCELLED_AFTER})
STORING: Final = frozenset({"records", "blobs", "queue", "events"})
"""Ports whose calls are many: of each method a sample is tried."""
TRIED: Final = 12
"""Calls of each method of those."""
SAMPLE: Final = 8
SOURCE: Final = random.Random("blips")


@cache
def undisturbed(host: str) -> tuple[Outcome, tuple[Call, ...]]:
    """What comes of the walk, and every call that it makes."""
    blip = Blip()
    outcome = walked(blip, talks=HOSTS[host])
    calls = (Call(*name, number) for name, times in sorted(blip.counts.items()) for number in range(1, times + 1))
    return outcome, tuple(calls)


def objection(host: str, call: Call, failure: Failure) -> str | None:
    """How what came of it differs from what may; None: it does not."""
    expected, _ = undisturbed(host)
    blip = Blip(call, failure)
    came = walked(blip, talks=HOSTS[host])
    if not blip.failed:
        return f"{call} was not made again"
    lost = sent(expected) - sent(came)
    is_mark = (call.port, call.method) == ("records", "write") and failure in SURELY_DONE
    if is_mark and lost.total() == came.uncertain and not sent(came) - sent(expected):
        came = evolve(came, mailed=expected.mailed, texted=expected.texted, told=expected.told, uncertain=0, letters=[])
    if not is_ambiguous(call):
        return None if came == expected else f"{call}, {failure.value}: {came}"
    if sent(came) - sent(expected):
        return f"{call}, {failure.value}: sent twice: {came}"
    if failure in SURELY_DONE and lost:
        return f"{call}, {failure.value}: lost: {came}"
    # Before the call was made or not: nobody can tell, one of them may be missing, and it is shown.
    alike = evolve(
        came,
        mailed=expected.mailed,
        texted=expected.texted,
        told=expected.told,
        uncertain=0,
        letters=[],
        raised=expected.raised,
    )
    if (
        len(came.letters) > 1
        or alike != expected
        or lost.total() > 1
        or came.uncertain != 1
        or {*came.raised} - {"CancelledError"}
    ):
        return f"{call}, {failure.value}: {came}"
    return None


def is_ambiguous(call: Call) -> bool:
    return ("hub" if call.port.startswith("channels.") else call.port, call.method) in AMBIGUOUS


def sent(outcome: Outcome) -> Counter[tuple[str, str]]:
    """All that left by a way that remembers nothing."""
    return Counter(outcome.mailed) + Counter(outcome.texted) + Counter(outcome.told)


def chosen(host: str) -> list[tuple[Call, Failure]]:
    """Every call of every port, each failing in every way; of those that store, a sample by seed."""
    _, calls = undisturbed(host)
    many: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        many.setdefault((call.port, call.method), []).append(call)
    tried = [
        call
        for (port, _), listed in many.items()
        for call in (SOURCE.sample(listed, min(TRIED, len(listed))) if port in STORING else listed)
    ]
    return [(call, failure) for call in tried for failure in Failure]


@pytest.mark.parametrize("host", HOSTS)
def test_the_walk_calls_all_that_a_host_may_bring(host: str) -> None:
    outcome, calls = undisturbed(host)
    called = {(call.port, call.method) for call in calls}
    assert outcome.letters == outcome.raised == []
    assert (outcome.waiting, outcome.untold, outcome.uncertain) == (0, 0, 0)
    assert {*sent(outcome).values()} == {1}
    if HOSTS[host]:
        assert {name for port, name in called if port == "conversations"} == {
            *("thread", "post", "find", "untold", "told"),
            *(name for one in CAPABILITIES["conversations"] for name in methods_of(one)),
        }
    assert called >= {
        *(("identity", name) for name in ("at", "authenticated", "get")),
        *(("legacy", name) for name in ("aliases", "tenures", "process", "index")),
        *(("channels.sms", name) for name in ("channels", "send")),
        *((port, "of") for port in ("channel_choice", "endpoints")),
        *(("flags", "read"), ("system_mail", "send"), ("reader", "read"), ("check", "check")),
        *(("authenticator", "evidence"), ("events", "take"), ("mail" if HOSTS[host] else "hub", "send")),
    }


@pytest.mark.parametrize("number", range(SAMPLE))
@pytest.mark.parametrize("host", HOSTS)
def test_one_call_that_fails_once_changes_nothing(host: str, number: int) -> None:
    """A sample by seed, of every way to fail."""
    thin = [call for call in undisturbed(host)[1] if call.port not in STORING]
    call = random.Random(f"{host} {number}").choice(thin)
    assert objection(host, call, [*Failure][number % len(Failure)]) is None


@pytest.mark.slow
@pytest.mark.parametrize("host", HOSTS)
def test_the_first_call_of_each_method_that_fails_once_changes_nothing(host: str) -> None:
    first = [call for call in undisturbed(host)[1] if call.number == 1]
    tried = [(call, [*Failure][number % len(Failure)]) for number, call in enumerate(first)]
    assert [told for call, failure in tried if (told := objection(host, call, failure)) is not None] == []


@pytest.mark.soak
@pytest.mark.parametrize("host", HOSTS)
def test_each_call_that_fails_once_changes_nothing(host: str) -> None:
    every = chosen(host)
    tried = every if WHOLE else random.Random(host).sample(every, 40)
    assert [told for call, failure in tried if (told := objection(host, call, failure)) is not None] == []
    print(f"\n{len(tried)} failures of {len(every)}")  # noqa: T201 - its count
