"""`import convalias` stays light: it loads neither what is optional nor what is slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

MEANT_TO_BE_LOADED_LATER = frozenset({
    "anyio",
    "asyncio",
    "authres",
    "cattrs",
    "click",
    "dkim",
    "dns",
    "email_validator",
    "httpx",
    "hypothesis",
    "idna",
    "jsonschema",
    "mailparser_reply",
    "multipart",
    "nh3",
    "orjson",
    "python_multipart",
    "rich",
    "sqlite3",
    "starlette",
    "uvicorn",
    "uvloop",
})  # fmt: skip

TO_THE_IMPORT = """
import json, sys, time
bare = set(sys.modules)
before = time.process_time()
{statement}
print(json.dumps({{"seconds": time.process_time() - before, "loaded": sorted(set(sys.modules) - bare)}}))
"""


def imported(statement: str, *, folder: Path) -> tuple[float, set[str]]:
    """CPU seconds that the statement takes in a fresh interpreter, and the packages it loads there."""
    # What measures the tests must not load anything into the interpreter that is looked at.
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-c", TO_THE_IMPORT.format(statement=statement)],
        capture_output=True,
        check=True,
        cwd=folder,
        env=surroundings,
        text=True,
        timeout=600,
    )
    answer = json.loads(done.stdout)
    return answer["seconds"], {name.partition(".")[0] for name in answer["loaded"]}


def test_the_import_loads_no_optional_package_no_asyncio_and_no_cattrs(tmp_path: Path) -> None:
    _, loaded = imported("import convalias", folder=tmp_path)
    assert "convalias" in loaded
    assert loaded & MEANT_TO_BE_LOADED_LATER == set()


def test_the_core_loads_no_optional_package_no_asyncio_and_no_cattrs(tmp_path: Path) -> None:
    _, loaded = imported("import convalias.domain", folder=tmp_path)
    assert loaded & MEANT_TO_BE_LOADED_LATER == set()


def test_a_package_that_is_loaded_is_noticed(tmp_path: Path) -> None:
    _, loaded = imported("import convalias, asyncio, cattrs", folder=tmp_path)
    assert loaded & MEANT_TO_BE_LOADED_LATER >= {"asyncio", "cattrs"}


def test_the_import_costs_less_than_a_tenth_of_a_second_of_cpu(tmp_path: Path) -> None:
    # The quickest of five: the first compiles, and a busy machine only ever adds.
    assert min(imported("import convalias", folder=tmp_path)[0] for _ in range(5)) < 0.1
