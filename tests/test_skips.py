"""The summary of what did not run: short, and each line says what mends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines.servers.given import EngineMissing
from skips import summary

KAFKA = str(EngineMissing("kafka", "not in /cache", mend="`make engines-build` builds it"))
NO_JAVA = str(EngineMissing("kafka", "no java on the PATH", mend="install one"))
SQS = str(EngineMissing("elasticmq", "no java on the PATH", mend="install one"))


def test_each_engine_is_one_line_with_its_mend_and_the_count_of_its_tests() -> None:
    reasons = [f"Skipped: {KAFKA}", "all mutants: make soak", SQS, *["fifty seeds: make soak"] * 3, KAFKA, NO_JAVA]
    assert summary(reasons) == [
        "    3 tests: engine missing: kafka: not in /cache; `make engines-build` builds it",
        "    1 test: engine missing: elasticmq: no java on the PATH; install one",
        "    3 tests: fifty seeds: make soak",
        "    1 test: all mutants: make soak",
    ]


def test_nothing_is_said_where_all_ran() -> None:
    assert summary([]) == []


@pytest.mark.slow
def test_a_run_without_built_engines_has_one_line_for_each_of_them(tmp_path: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "CONVALIAS_"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-k",
            "killed or stopped",
            "tests/engines/test_servers.py",
        ],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env={**surroundings, "CONVALIAS_ENGINES_CACHE": str(tmp_path)},
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "engine missing" in line]
    assert sorted(line.split(": ")[2].partition("-")[0] for line in told) == ["elasticmq", "kafka", "versitygw"]
    assert all("`make engines-build` builds it" in line and str(tmp_path) in line for line in told)
    assert "SKIPPED [" not in done.stdout
