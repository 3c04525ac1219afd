"""Whatever optional package is missing, every module that needs it names the package and the narrowest extra."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from convalias.extras import MissingPackageError, brought_by
from test_house import SOURCE, imported_packages, modules

HIDING = """
import sys

class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hiding())
"""
IMPORTING = """
import importlib, json, pkgutil, convalias

failed = {{}}
for module in pkgutil.walk_packages(convalias.__path__, "convalias.", onerror=lambda name: None):
    if module.name.endswith("__main__") or module.name.startswith({leave_out!r}):
        continue
    try:
        importlib.import_module(module.name)
    except Exception as error:
        failed[module.name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(failed))
"""
WITHOUT_NOTICE = ("orjson", "uvloop")
"""What is done more slowly without them; nothing fails."""
OF_COMMANDS = ("click", "rich", "uvicorn")
NARROWEST = {
    "aiohttp": "sqs",
    "aiobotocore": "sqs",
    "aiosmtpd": "lmtp",
    "aiosmtplib": "smtp",
    "authres": "mime",
    "botocore": "sqs",
    "bson": "mongo",
    "click": "cli",
    "confluent_kafka": "kafka",
    "cryptography": "dkim",
    "dns": "dns",
    "httpx": "mailgun",
    "hypothesis": "testing",
    "nh3": "mime",
    "obstore": "s3",
    "orjson": "speed",
    "pymongo": "mongo",
    "python_multipart": "mailgun",
    "rich": "cli",
    "spf": "spf",
    "starlette": "asgi",
    "uvicorn": "asgi",
    "uvloop": "speed",
}
"""The extra of each optional package: written down, because each process that collects tests would read all modules."""


def requirements(distribution: str, *extras: str) -> set[str]:
    """The distributions that it asks for by itself, or for its extras."""
    found = [Requirement(line) for line in requires(distribution) or ()]
    return {
        canonicalize_name(one.name)
        for one in found
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras or ("",))
    }


def closure(asked: set[str]) -> set[str]:
    """These, and all that they bring."""
    whole: set[str] = set()
    while asked:
        whole |= asked
        asked = set().union(*(requirements(one) for one in asked)) - whole
    return whole


def narrowest() -> dict[str, str]:
    """The extra for each optional package that a module of ours imports, from the metadata of what is installed."""
    lines = [Requirement(line) for line in requires("convalias") or ()]
    extras = {name for line in lines for name in re.findall(r"extra == [\"'](\w+)[\"']", str(line.marker))} - {"all"}
    core = closure(requirements("convalias"))
    named = {extra: requirements("convalias", extra) - requirements("convalias") for extra in sorted(extras)}
    brought = {extra: closure(distributions) - core for extra, distributions in named.items()}
    imported = set[str]().union(*(imported_packages(text) for text in modules(SOURCE).values()))
    installed = packages_distributions()
    found: dict[str, str] = {}
    for package in imported - sys.stdlib_module_names - {"convalias"}:
        distributions = {canonicalize_name(one) for one in installed[package]}
        # An extra that asks for it by name stands before one that brings it by the way: uvicorn brings click.
        bringing = [extra for extra, whole in brought.items() if distributions & whole & named[extra]] or [
            extra for extra, whole in brought.items() if distributions & whole
        ]
        if bringing:
            found[package] = min(bringing, key=lambda extra: len(brought[extra]))
    # email-validator brings dnspython as well; the extra holds it to a release without a known hole.
    return {**found, "dns": "dns"}


def line(package: str, extra: str) -> str:
    return f"{package} is not installed; pip install 'convalias[{extra}]' brings it"


def without(package: str, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-c", HIDING.format(package=package) + script],
        capture_output=True,
        check=False,
        cwd=folder,
        env=surroundings,
        text=True,
        timeout=600,
    )


def test_the_metadata_knows_an_extra_for_each_optional_package() -> None:
    assert narrowest() == NARROWEST


@pytest.mark.slow
@pytest.mark.parametrize("package", sorted(NARROWEST))
def test_each_module_without_its_package_names_the_narrowest_extra(package: str, tmp_path: Path) -> None:
    # Without click the one door is `main`, which says it; see below.
    leave_out = "convalias.cli." if package == "click" else "-"
    ran = without(package, IMPORTING.format(leave_out=leave_out), tmp_path)
    assert ran.returncode == 0, ran.stderr
    failed: dict[str, str] = json.loads(ran.stdout)
    # uvicorn cannot be imported without click: the extra that a module of its server needs is uvicorn's.
    extras = {NARROWEST[package]} | ({NARROWEST["uvicorn"]} if package == "click" else set())
    # The extra of a provider brings all that it needs: nobody has to put it together.
    extras |= {"ses"} if package in {"cryptography", "obstore"} else set()
    assert set(failed.values()) - {f"MissingPackageError: {line(package, extra)}" for extra in extras} == set()
    assert failed or package in {"click", "rich", *WITHOUT_NOTICE}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "command"),
    [("click", ["--version"]), ("uvicorn", ["run", "--help"]), ("uvicorn", ["serve"]), ("rich", ["doctor"])],
)
def test_a_command_without_its_package_says_so_in_one_line(
    package: str, command: Sequence[str], tmp_path: Path
) -> None:
    script = f"from convalias.cli import main; sys.exit(main({[*command]!r}))"
    ran = without(package, script, tmp_path)
    assert (ran.returncode, ran.stderr) == (69, f"convalias: {line(package, NARROWEST[package])}\n")


def test_a_module_of_ours_that_is_missing_is_no_missing_package() -> None:
    with pytest.raises(ModuleNotFoundError) as raised, brought_by("kafka"):
        import convalias.nowhere  # type: ignore[import-not-found]  # noqa: F401, PLC0415
    assert not isinstance(raised.value, MissingPackageError)


def test_the_innermost_extra_is_named() -> None:
    with pytest.raises(MissingPackageError, match=re.escape(line("absent_package", "mime"))) as raised:  # noqa: SIM117
        with brought_by("asgi"), brought_by("mime"):
            import absent_package.inner  # noqa: F401, PLC0415
    assert (raised.value.name, raised.value.extra) == ("absent_package", "mime")
