"""Asks `convalias explain` about a batch of cases and lists where its plans differ from the model's."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doors.naive import Plan, expected
from doors.naive_mail import read
from doors.worlds import Case

ALWAYS = ("recipient", "outcome", "reason", "conversation", "source")
OF_AUTHORS = ("author", "author_kind", "verified", "rule")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one case in which the product and the model say different things."""

    case: str
    field: str
    wanted: object
    got: object

    @property
    def kind(self) -> str:
        """What differences are counted under."""
        return self.field if self.field in ("message_id", "dedup_key") else f"{self.field}: {self.wanted} -> {self.got}"


def asked(cases: Sequence[Case], command: Sequence[str]) -> list[Plan]:
    """The product's plans for these cases, in one batch."""
    done = subprocess.run(
        [*command, "explain", "--batch", "-", "--json"],
        input="".join(f"{json.dumps(_line(case, number))}\n" for number, case in enumerate(cases)).encode(),
        capture_output=True,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    if done.returncode != 0 or len(lines) != len(cases):
        told = done.stderr.decode(errors="replace")[-2000:]
        raise RuntimeError(f"exit {done.returncode}, {len(lines)} lines for {len(cases)} cases\n{told}")
    return [json.loads(line) for line in lines]


def _line(case: Case, number: int) -> dict[str, Any]:
    if number % 3 == 0:
        return {"mail_base64": base64.b64encode(case.mail).decode(), "world": case.world}
    return {"mail": case.mail.decode(), "world": case.world}


def differences(cases: Sequence[Case], plans: Sequence[Plan], wanted: Sequence[Plan] | None = None) -> list[Difference]:
    """Where the plans differ from what is wanted (from the model, unless given)."""
    found: list[Difference] = []
    for number, (case, plan) in enumerate(zip(cases, plans, strict=True)):
        want = expected(case.mail, case.world, case.facts) if wanted is None else wanted[number]
        found += [Difference(case.name, *one) for one in _of_plan(want, plan)]
    return found + list(_of_keys(cases, plans))


def _of_plan(want: Plan, got: Plan) -> Iterator[tuple[str, object, object]]:
    if "error" in got:
        yield "error", None, got["error"]
        return
    for name in ("retry", "tell_sender", "automation", "message_id"):
        if name in want and want[name] != got.get(name):
            yield name, want[name], got.get(name)
    if want["retry"] or got.get("retry"):
        if got.get("verdicts") and got.get("retry"):
            yield "verdicts of a retry", [], len(got["verdicts"])
        return
    here = [verdict["recipient"] for verdict in want["verdicts"]]
    there = [verdict.get("recipient") for verdict in got.get("verdicts", [])]
    if here != there:
        yield "recipients", here, there
        return
    for wanted, given in zip(want["verdicts"], got["verdicts"], strict=True):
        yield from _of_verdict(wanted, given)


def _of_verdict(want: dict[str, Any], got: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    context = f"{want['outcome']} {want['reason']}"
    if (want["outcome"], want["reason"]) != (got.get("outcome"), got.get("reason")):
        yield "outcome", context, f"{got.get('outcome')} {got.get('reason')}"
        return
    for name in (*ALWAYS, *OF_AUTHORS):
        if name in want and want[name] != got.get(name):
            yield f"{name} of {context}", want[name], got.get(name)
    for flag, there in (want.get("flags") or {}).items():
        if there is not None and there != (flag in got.get("flags", [])):
            yield f"flag {flag} of {context}", there, not there
    if "author" in want and (want["author"] is None) != (got.get("dedup_key") is None):
        yield f"dedup_key of {context}", want["author"] is not None, got.get("dedup_key")


def _of_keys(cases: Sequence[Case], plans: Sequence[Plan]) -> Iterator[Difference]:
    """Dedup keys are equal exactly when conversation, sender and Message-ID are."""
    key_of: dict[tuple[str | None, ...], str] = {}
    owner_of: dict[str, tuple[str | None, ...]] = {}
    for case, plan in zip(cases, plans, strict=True):
        if case.facts.message_id is None or case.facts.id_left_open:
            continue
        for verdict in plan.get("verdicts") or []:
            if (key := verdict.get("dedup_key")) is None:
                continue
            owner = (verdict.get("conversation"), case.facts.sender, case.facts.message_id)
            if key_of.setdefault(owner, key) != key or owner_of.setdefault(key, owner) != owner:
                yield Difference(case.name, "dedup_key", owner, owner_of.get(key))


def from_scenarios(path: Path) -> tuple[list[Case], list[Plan]]:
    """Cases with their stated plans from a file of scenarios."""
    cases: list[Case] = []
    plans: list[Plan] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        scenario = json.loads(line)
        mail = scenario["mail"].encode()
        cases.append(Case(scenario["name"], mail, scenario["world"], read(mail)))
        plans.append({"verdicts": [], **scenario["expected"]})
    return cases, plans


def by_kind(found: Iterable[Difference]) -> list[tuple[str, list[Difference]]]:
    """The differences, those of the most frequent kind first."""
    kinds: dict[str, list[Difference]] = {}
    for difference in found:
        kinds.setdefault(difference.kind, []).append(difference)
    return sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
