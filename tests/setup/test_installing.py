"""What users install: the lines of the README run its programs, and each extra alone imports what it is for."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from convalias.testing import conformance
from docs import chat
from setup.alone import linked
from setup.clean import CHECKOUT, VERSION, copied, finding, installed, locked, marks, ran, succeeded, surroundings, venv

pytestmark = [*marks, pytest.mark.xdist_group("installing")]

OURS: Final = "+checkout"
"""Of the version that is built here: an index has no such release, so none of its own is taken instead."""
README: Final = (CHECKOUT / "README.md").read_text(encoding="utf-8")
STEPS: Final = re.findall(r"```(console|python)\n(.*?)```", README, re.DOTALL)
MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "asgi": ("convalias.adapters.asgi",),
    "cli": ("convalias.cli.commands",),
    "dkim": ("convalias.adapters.mime.authentication.library",),
    "dns": ("convalias.adapters.dns",),
    "kafka": ("convalias.adapters.kafka",),
    "lmtp": ("convalias.adapters.lmtp",),
    "mailgun": ("convalias.adapters.mailgun",),
    "mime": ("convalias.adapters.mime", "convalias.app", "convalias.testing.simulator"),
    "mongo": ("convalias.adapters.mongo",),
    "s3": ("convalias.adapters.s3",),
    "ses": ("convalias.adapters.ses",),
    "smtp": ("convalias.adapters.smtp",),
    "speed": ("orjson", "uvloop"),
    "spf": ("convalias.adapters.spf",),
    "sqs": ("convalias.adapters.sqs",),
    "testing": ("convalias.testing.laws", "convalias.testing.strategies"),
}
IMPORTING: Final = """
import importlib, json, sys

said = {}
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        said[module] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which `pip install convalias` takes the wheel of this checkout, and locked versions beside it."""
    folder = tmp_path_factory.mktemp("shelf")
    checkout = copied(folder / "checkout")
    project = checkout / "pyproject.toml"
    version = f'version = "{VERSION}'
    project.write_text(project.read_text(encoding="utf-8").replace(version, f"{version}{OURS}", 1), encoding="utf-8")
    build = [venv(folder / "build"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    succeeded([*build, "-r", checkout / "requirements" / "build.txt"], checkout)
    succeeded([build[0], "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"], checkout)
    pins = [f"{name}=={version}\n" for name, version in locked(checkout, Path(build[0])).items()]
    constraints = folder / "constraints.txt"
    constraints.write_text("".join([*pins, f"convalias=={VERSION}{OURS}\n"]), encoding="utf-8")
    return surroundings(PIP_FIND_LINKS=finding(folder / "dist"), PIP_CONSTRAINT=str(constraints))


def test_the_programs_of_the_readme_run_after_its_own_install_lines(shelf: dict[str, str], tmp_path: Path) -> None:
    python = venv(tmp_path / "venv")
    steps = [(kind, text) for kind, text in STEPS if kind == "python" or text.startswith("pip install")]
    assert [kind for kind, _ in steps] == ["console", "python", "console", "python"]
    (_, core), (_, first), (_, extras), (_, second) = steps
    for name, text in (("first.py", first), ("second.py", second)):
        (tmp_path / name).write_text(text, encoding="utf-8")

    assert shlex.split(core) == ["pip", "install", "convalias"]
    succeeded([python, "-m", *shlex.split(core)], tmp_path, shelf)
    assert "relay to c1 as bob" in succeeded([python, "first.py"], tmp_path)

    too_early = ran([python, "second.py"], tmp_path)
    command, what = shlex.split(extras)[:2], shlex.split(extras)[2:]
    assert too_early.stderr.splitlines()[-1].endswith(f"; {shlex.join([*command, *what])} brings it")

    succeeded([python, "-m", *shlex.split(extras)], tmp_path, shelf)
    assert "\nHello Ann!\n" in succeeded([python, "second.py"], tmp_path)
    assert installed(python)["convalias"] == f"{VERSION}{OURS}"


def test_a_strangers_project_runs_the_suite_of_conversations_in_eight_lines(
    shelf: dict[str, str], tmp_path: Path
) -> None:
    python, project = venv(tmp_path / "venv"), tmp_path / "project"
    project.mkdir()
    chat.written(project)
    assert chat.INSTALL[:2] == ["pip", "install"]
    succeeded([python, "-m", *chat.INSTALL, "pytest"], tmp_path, shelf)
    said = succeeded([python, "-m", "pytest", "-q", "--rootdir", project, project], project)
    assert f"{len(conformance.CONVERSATIONS)} passed" in said
    assert installed(python)["convalias"] == f"{VERSION}{OURS}"


@pytest.mark.parametrize("extra", MODULES)
def test_each_extra_alone_imports_what_it_is_for(extra: str, site: Path, tmp_path: Path) -> None:
    """With nothing on the path but the wheel and what the extra requires, in the versions of this environment."""
    linked(tmp_path / "alone", f"convalias[{extra}]", site=site)
    python = [sys.executable, "-S"]
    alone = surroundings(PYTHONPATH=str(tmp_path / "alone"))
    said: dict[str, str] = json.loads(
        succeeded(
            [*python, "-c", IMPORTING, *(module for modules in MODULES.values() for module in modules)], tmp_path, alone
        )
    )
    assert {module: said.get(module) for module in MODULES[extra]} == dict.fromkeys(MODULES[extra])
    brings = r"\w+ is not installed; pip install 'convalias\[(\w+)\]' brings it"
    for other, modules in MODULES.items():
        for module in set(modules) & set(said) - {"convalias.cli.commands"}:  # its door is `convalias`, which says it
            if other == "speed":  # nothing of ours needs it
                continue
            told = re.fullmatch(brings, said[module])
            assert told, said[module]
            assert told[1] != extra
            assert told[1] in {other, "mime"}


def test_every_extra_is_tried() -> None:
    lines = (
        (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8").partition("\n[project.optional-dependencies]\n")[2]
    )
    extras = re.findall(r"^(\w+) = \[", lines.partition("\n[")[0], re.MULTILINE)
    assert {*extras} - {"all"} == {*MODULES}
