"""How questions of the bench are asked, and what their rows say; what they measure is for `make bench`."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1]
BENCH = PROJECT / "bench"
FIELDS = ["name", "ours", "rival", "rival_name", "ratio", "unit", "aim", "met"]
MET = """
from _measure import row, tell
tell(lambda: [row("calls", ours=3, rival=("before", 6), unit="a mail", aim="<= 3")])
"""
MISSED = MET.replace("<= 3", "ratio >= 2.5")
ABSENT = """
from _measure import tell
from engines.servers.given import EngineMissing
def question():
    raise EngineMissing("kafka", "no Java", mend="make engines-build")
tell(question)
"""


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the bench, which is no package."""
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location(f"bench_of_{name}", BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, made)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("_measure", monkeypatch)


def asked(folder: Path, *arguments: str, **questions: str) -> tuple[int, str, list[dict[str, object]]]:
    """Exit status, output and rows of a runner over these questions."""
    for name, text in questions.items():
        (folder / f"bench_{name}.py").write_text(f"import sys\nsys.path.insert(0, {str(BENCH)!r})\n{text}", "utf-8")
    written = folder / "build" / "bench.json"
    script = (
        f"import sys\nfrom pathlib import Path\nsys.path.insert(0, {str(BENCH)!r})\nfrom run import main\n"
        f"sys.exit(main({[*arguments]!r}, folder=Path({str(folder)!r}), written=Path({str(written)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)
    rows: list[dict[str, object]] = json.loads(written.read_text("utf-8")) if written.exists() else []
    return done.returncode, done.stdout + done.stderr, rows


def test_a_row_has_exactly_the_fields_that_are_promised(tmp_path: Path) -> None:
    status, said, rows = asked(tmp_path, one=MET)
    assert (status, [[*row] for row in rows]) == (0, [FIELDS])
    assert rows == [dict(zip(FIELDS, ["calls", 3, 6, "before", 2, "a mail", "<= 3", True], strict=True))]
    assert json.dumps(rows[0]) in said


def test_a_missed_aim_fails_only_where_that_is_asked(tmp_path: Path) -> None:
    assert asked(tmp_path, one=MISSED)[0] == 0
    status, said, rows = asked(tmp_path, "--strict", one=MISSED)
    assert (status, [row["met"] for row in rows]) == (1, [False])
    assert "aims missed: calls" in said
    assert asked(tmp_path, "--strict", one=MET)[0] == 0


def test_a_question_that_fails_is_named_after_all_others_were_asked(tmp_path: Path) -> None:
    status, said, rows = asked(tmp_path, a="raise SystemExit(3)", b=MET)
    assert (status, len(rows)) == (1, 1)
    assert said.endswith("questions that failed: a\n")


def test_questions_are_asked_by_name(tmp_path: Path) -> None:
    status, _, rows = asked(tmp_path, "met", met=MET, missed=MISSED)
    assert (status, [row["met"] for row in rows]) == (0, [True])
    status, said, _ = asked(tmp_path, "mett")
    assert (status, "no question is called mett; there are: met, missed" in said) == (2, True)


def test_a_missing_engine_is_one_line_and_no_failure(tmp_path: Path) -> None:
    status, said, rows = asked(tmp_path, "--strict", one=ABSENT)
    assert (status, rows) == (0, [])
    assert "  left out: what needs an engine: engine missing: kafka: no Java; make engines-build\n" in said


@pytest.mark.parametrize(
    ("aim", "met"),
    [(None, None), ("<= 3", True), ("<= 2.9", False), (">= 3", True), ("ratio >= 2", True), ("ratio >= 2.1", False)],
)
def test_an_aim_bounds_our_figure_or_the_ratio(measure: ModuleType, aim: str | None, met: object) -> None:
    assert measure.row("calls", ours=3, rival=("before", 6), unit="a mail", aim=aim).met is met


def test_a_ratio_above_one_is_better_whichever_way_the_unit_counts(measure: ModuleType) -> None:
    rate = measure.row("held", ours=60, rival=("before", 24), unit="mails/s", more_is_better=True)
    assert rate.ratio == 2.5
    none = measure.row("lost", ours=0, rival=("before", 2), unit="mails", aim="ratio >= 1")
    assert (none.ratio, none.met) == (None, True)
    assert measure.row("lost", ours=0, rival=("before", 0), unit="mails").ratio == 1


def test_an_aim_that_cannot_be_read_is_refused(measure: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"found 'about 5'"):
        measure.row("calls", ours=3, rival=("before", 6), unit="a mail", aim="about 5")


def test_every_question_hands_its_rows_to_a_runner() -> None:
    for path in BENCH.glob("bench_*.py"):
        assert "    tell(" in path.read_text(encoding="utf-8"), path.name


def test_the_written_file_is_no_part_of_a_checkout() -> None:
    assert "build/" in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    (clean,) = [
        line for line in (PROJECT / "Makefile").read_text(encoding="utf-8").splitlines() if "rm -rf $(V" in line
    ]
    assert " build " in clean


def pins(lock: str) -> dict[str, set[str]]:
    """The versions of each distribution in a lock; one may have several, by Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", (PROJECT / lock).read_text("utf-8"), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version)
    return found


def test_rivals_change_nothing_that_a_checkout_is_developed_with() -> None:
    developed, rivals = pins("requirements/dev.txt"), pins("requirements/bench.txt")
    assert {"huey", "mail-parser"} <= rivals.keys() - developed.keys()
    shared = rivals.keys() & developed.keys()
    assert {name: rivals[name] for name in shared} == {name: developed[name] for name in shared}


def test_no_user_installs_a_rival() -> None:
    asked = {canonicalize_name(Requirement(line).name) for line in requires("convalias") or ()}
    assert not asked & (pins("requirements/bench.txt").keys() - pins("requirements/dev.txt").keys())
