"""The oldest versions that the bounds of pyproject.toml allow: every module is imported and a part of the tests passes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import pytest

from setup.clean import CHECKOUT, marks, ran, succeeded, surroundings

pytestmark = [*marks, pytest.mark.xdist_group("oldest")]

UV: Final = Path(sys.executable).with_name("uv")
PARTS: Final = (
    "tests/codec/test_codec.py",
    "tests/codec/test_golden.py",
    "tests/codec/test_addresses.py",
    "tests/adapters/dns",
    "tests/adapters/kafka",
    "tests/adapters/lmtp",
    "tests/adapters/mongo",
    "tests/adapters/s3",
    "tests/adapters/sqs",
    "tests/adapters/asgi/test_app.py",
    "tests/cli/test_explain.py",
    "tests/cli/test_output.py",
)
"""Tests of each distribution that is asked for; they cost little."""
FAST: Final = ["-m", "not slow and not soak and not engine", "-p", "no:cacheprovider", "-p", "no:anyio", "-n0", "-q"]
IMPORTING: Final = """
import importlib, pkgutil, convalias
for module in pkgutil.walk_packages(convalias.__path__, "convalias."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a checkout's Python in which the oldest versions lie before those of the lock."""
    place = tmp_path_factory.mktemp("oldest")
    pins = place / "pins.txt"
    ask = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--all-extras", "--resolution", "lowest-direct"]
    succeeded([UV, *ask, "--python", sys.executable, CHECKOUT / "pyproject.toml", "--output-file", pins], place)
    text = pins.read_text(encoding="utf-8")
    # What the tests themselves ask of AWS goes with the botocore that aiobotocore chose.
    pins.write_text(text + "".join(f"boto3=={one}\n" for one in re.findall(r"^botocore==(\S+)", text, re.MULTILINE)))
    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", sys.executable]
    succeeded([UV, *install, "--target", place / "there", "--requirement", pins], place)
    return surroundings(PYTHONPATH=str(place / "there"), CONVALIAS_HYPOTHESIS_PROFILE="quick")


def test_every_module_is_imported_beside_the_oldest_versions(oldest: dict[str, str], tmp_path: Path) -> None:
    succeeded([sys.executable, "-c", IMPORTING], tmp_path, oldest)
    asked = "import attrs, click; print(attrs.__file__, click.__file__)"
    there = succeeded([sys.executable, "-c", asked], tmp_path, oldest)
    assert there.count(oldest["PYTHONPATH"]) == 2


def test_a_part_of_the_tests_passes_on_the_oldest_versions(oldest: dict[str, str]) -> None:
    done = ran([sys.executable, "-m", "pytest", *FAST, *PARTS], CHECKOUT, oldest)
    assert done.returncode == 0, done.stdout[-4_000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) > 200
