"""Compares `convalias explain` with the model over many generated cases, or a file of scenarios, and prints where they differ.

python tests/doors/compare.py --count 5000 --seed 1
python tests/doors/compare.py --scenarios tests/doors/scenarios.jsonl
python tests/doors/compare.py --show seed-1-42          the mail, the world, both plans
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run by path, not by the test runner that knows it

from doors.agreement import Difference, asked, by_kind, differences, from_scenarios
from doors.naive import expected
from doors.worlds import case, cases

EXAMPLES = 3


def main() -> int:
    """Exit 0 when everything agrees, 1 otherwise."""
    options = _options()
    command = shlex.split(options.command)
    if options.show is not None:
        return _show(options.show, command)
    if options.scenarios is not None:
        batch, wanted = from_scenarios(options.scenarios)
        found = differences(batch, asked(batch, command), wanted)
        return _report(found, len(batch), reproduce="")
    found = []
    for first in range(options.first, options.first + options.count, options.batch):
        batch = list(cases(options.seed, min(options.batch, options.first + options.count - first), first))
        found += differences(batch, asked(batch, command))
    return _report(found, options.count, reproduce=f"python {sys.argv[0]} --show ")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="compare convalias explain with the model")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--batch", type=int, default=2000, help="cases a process is asked about at once")
    parser.add_argument("--scenarios", type=Path)
    parser.add_argument("--show", metavar="seed-S-N", help="one case whole")
    parser.add_argument("--command", default=str(Path(sys.executable).parent / "convalias"))
    return parser.parse_args()


def _report(found: list[Difference], count: int, *, reproduce: str) -> int:
    differing = {difference.case for difference in found}
    print(f"{count} cases, {len(differing)} differ, {len(found)} differences")
    for kind, examples in by_kind(found):
        print(f"\n{len(examples):5}  {kind[:300]}")
        for example in examples[:EXAMPLES]:
            more = f"  {example.wanted} -> {example.got}"[:200] if kind == example.field else ""
            print(f"       {reproduce}{example.case}{more}")
    return 1 if found else 0


def _show(name: str, command: list[str]) -> int:
    _, seed, number = name.split("-")
    shown = case(int(seed), int(number))
    sys.stdout.write(f"{shown.mail[:6000].decode(errors='replace')!r}\n".replace("\\n", "\n"))
    print(json.dumps(shown.world, indent=1, ensure_ascii=False))
    print(shown.facts)
    wanted, (got,) = expected(shown.mail, shown.world, shown.facts), asked([shown], command)
    got.pop("record", None)
    for title, plan in (("expected", wanted), ("got", got)):
        verdicts = plan.get("verdicts") or []
        print(f"\n{title}: { {key: value for key, value in plan.items() if key != 'verdicts'} }")
        for verdict in verdicts:
            print(f"  {verdict}")
    found = differences([shown], [got])
    return _report(found, 1, reproduce="")


if __name__ == "__main__":
    sys.exit(main())
