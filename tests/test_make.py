"""The targets of the Makefile that pages promise, and what continuous integration makes of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from copy import copy
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

PROJECT = Path(__file__).resolve().parents[1]
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
NAMED = re.compile(r"(?:^|`)make ([a-z-]+)\b", re.MULTILINE)
CLOSING = "==== 3 passed in 0.10s ===="

# A make that writes down what it was asked for, closes like pytest, and fails where it is told to.
STAND_IN = f"""#!/bin/sh
for target; do :; done
echo "$target" >> asked
case "$target" in test) echo "==== 2 passed in 0.05s ====" ;; full) echo "{CLOSING}" ;; esac
test "$target" != "$FAILING"
"""


def there(program: str) -> str:
    """Where a program of this machine is."""
    found = shutil.which(program)
    assert found is not None
    return found


def commands(*words: str) -> str:
    """What make would run, whatever is up to date, and whatever a make around this run was told."""
    path = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [there("make"), "-n", *words], capture_output=True, check=True, cwd=PROJECT, env=path, text=True
    )
    return done.stdout


def integrated(folder: Path, *, failing: str = "") -> tuple[int, str, list[str]]:
    """The exit status of `.ci/run` over a make that only notes its targets, its last line, and these targets."""
    (folder / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci" / "run", folder / ".ci" / "run")
    stand_in = folder / "make"
    stand_in.write_text(STAND_IN, encoding="utf-8")
    stand_in.chmod(0o755)
    done = subprocess.run(
        [there("bash"), ".ci/run"],
        capture_output=True,
        check=False,
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "FAILING": failing},
        text=True,
    )
    return done.returncode, done.stdout.splitlines()[-1], (folder / "asked").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/reference/engines.md", "pyproject.toml"])
def test_every_target_that_a_page_names_is_there(page: str) -> None:
    asked = set(NAMED.findall((PROJECT / page).read_text(encoding="utf-8")))
    assert asked
    assert asked - TARGETS == set()


def test_the_inner_loop_runs_the_rooms_that_need_no_port() -> None:
    asked = commands("quick")
    assert "tests/domain tests/stores tests/codec" in asked
    assert "--cov" not in asked


def test_the_two_commands_of_the_readme_need_no_engine_and_measure_no_coverage() -> None:
    asked = commands("test")
    assert '-m "not slow and not soak and not engine"' in asked
    assert "lint-imports" in asked
    assert "--cov" not in asked


def test_the_full_run_has_a_process_more_than_there_are_cores_or_as_many_as_somebody_wants() -> None:
    assert f"-m pytest -n {os.sysconf('SC_NPROCESSORS_ONLN') + 1} " in commands("full")
    assert "-m pytest -n 7 " in commands("full", "WORKERS=7")
    assert "-m pytest -n logical " in commands("test")


@pytest.mark.xdist_group("together")
def test_the_tests_of_a_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """The scheduler reads the group off the end of a test's name, where pytest-xdist writes it, as pytest lets it."""
    assert "--dist loadgroup" in commands("full")
    worker: Any = import_module("xdist.remote").WorkerInteractor  # publishes no types
    test = copy(cast("pytest.Item", request.node))
    config = SimpleNamespace(getvalue={"loadgroup": True}.__getitem__)
    worker.pytest_collection_modifyitems(None, config, [test])
    assert test.nodeid.endswith("@together")


def test_what_one_process_has_compiled_the_next_one_reads() -> None:
    assert re.search("^export PYTHONDONTWRITEBYTECODE :=$", MAKEFILE, re.MULTILINE)


def test_the_full_run_leaves_no_test_out_and_holds_the_coverage() -> None:
    asked = commands("full")
    pytests = [line for line in asked.splitlines() if "-m pytest" in line]
    assert len(pytests) == 1
    assert " -m " not in pytests[0].partition("-m pytest")[2]
    assert "--fail-under=100" in asked
    assert all(tool in asked for tool in ("ruff format --check", "ruff check", "mypy", "basedpyright", "lint-imports"))


def test_integration_begins_as_a_newcomer_does_and_ends_with_the_closing_line_over_all_tests(tmp_path: Path) -> None:
    assert integrated(tmp_path) == (0, CLOSING, ["demo", "test", "engines-build", "full"])


@pytest.mark.parametrize("failing", ["demo", "test", "full"])
def test_integration_fails_with_any_of_its_steps_and_still_runs_the_others(tmp_path: Path, failing: str) -> None:
    assert integrated(tmp_path, failing=failing) == (1, CLOSING, ["demo", "test", "engines-build", "full"])
