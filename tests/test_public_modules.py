"""Which modules are public: the page lists them, and the programs of README and docs use those alone, well typed."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import convalias
import convalias.domain
import convalias.ports
from docs.test_docs import PROJECT, blocks, pages

LIST = PROJECT / "docs" / "reference" / "public-modules.md"
PUBLIC = re.findall(r"^\| `(convalias[a-z0-9.]*)` \|", LIST.read_text(encoding="utf-8"), re.MULTILINE)


def programs(page: Path) -> Mapping[str, str]:
    """Each block of the README is a program; those of another page are one. Each line is where it is on the page."""
    name = page.stem.replace("-", "_").lower()
    found = blocks(page.read_text(encoding="utf-8"))
    if page.stem == "README":
        return {f"{name}_{block.line}": "\n" * (block.line - 1) + block.code for block in found}
    text = ""
    for block in found:
        text += "\n" * (block.line - 1 - text.count("\n")) + block.code
    return {name: text}


def imported(source: str) -> Iterator[tuple[str, str]]:
    """The modules of ours that a program imports, each with a name that it takes from there, or none."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((one.name, "") for one in names if one.name.partition(".")[0] == "convalias")
            case ast.ImportFrom(module=str(module), names=names) if module.partition(".")[0] == "convalias":
                yield from ((module, one.name) for one in names)
            case _:
                pass


def private(source: str) -> list[str]:
    """What a program imports of ours that is not public."""
    return [
        f"{module}.{name}" if name else module
        for module, name in imported(source)
        if f"{module}.{name}" not in PUBLIC
        if module not in PUBLIC or (name and name not in import_module(module).__all__)
    ]


def sorted_as_the_linter_sorts(names: list[str]) -> list[str]:
    return sorted(
        names, key=lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name)
    )


def test_the_list_is_sorted_and_has_every_adapter() -> None:
    adapters = Path(convalias.__file__).parent / "adapters"
    there = {path.stem for path in adapters.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    there = {name for name in there if not name.startswith("_")}
    assert [one for one in PUBLIC if one.startswith("convalias.adapters.")] == [
        f"convalias.adapters.{name}" for name in sorted(there)
    ]
    assert len(set(PUBLIC)) == len(PUBLIC) > 20


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_lists_its_names_sorted_and_has_them_all(name: str) -> None:
    module = import_module(name)
    assert module.__all__ == sorted_as_the_linter_sorts(module.__all__)
    assert [one for one in module.__all__ if not hasattr(module, one)] == []


def ports() -> Mapping[str, type]:
    of_ours = {name: getattr(convalias.ports, name) for name in convalias.ports.__all__}
    return {name: one for name, one in of_ours.items() if isclass(one) and getattr(one, "_is_protocol", False)}


def of_ours(hint: object) -> Iterator[str]:
    """The names of our classes in an annotation."""
    if isinstance(hint, list | tuple):
        for one in hint:
            yield from of_ours(one)
    for one in get_args(hint):
        yield from of_ours(one)
    what = typing.get_origin(hint) or hint
    if getattr(what, "__module__", "").startswith("convalias.") and hasattr(what, "__name__"):
        yield what.__name__


@pytest.mark.parametrize("port", ports())
def test_what_stands_in_the_signatures_of_a_port_is_public(port: str) -> None:
    methods = [one.fget if isinstance(one, property) else one for one in vars(ports()[port]).values()]
    hints = [get_type_hints(one) for one in methods if isfunction(one) and not one.__name__.startswith("_")]
    named = {name for every in hints for hint in every.values() for name in of_ours(hint)}
    assert named - {*convalias.__all__, *convalias.ports.__all__} == set()


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.name)
def test_a_page_uses_public_modules_alone(page: Path) -> None:
    assert [name for source in programs(page).values() for name in private(source)] == []


def test_what_is_not_public_is_found() -> None:
    source = "import convalias.codec\nfrom convalias.ports import Sent, _HOMES\nfrom convalias.testing import laws\n"
    source += "from convalias.domain.routing import rules\nimport os\n"
    assert private(source) == ["convalias.codec", "convalias.ports._HOMES", "convalias.domain.routing.rules"]


def mypy(folder: Path) -> str:
    return output("mypy", "--no-error-summary", "--config-file", str(PROJECT / "pyproject.toml"), str(folder / "pages"))


def pyright(folder: Path) -> str:
    how = {
        "include": [str(folder / "pages")],
        "extraPaths": [str(PROJECT / "src")],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name,
    }
    configuration = folder / "pyrightconfig.json"
    configuration.write_text(json.dumps(how))
    return output("basedpyright", "--project", str(configuration))


def output(checker: str, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name(checker)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=300)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda checker: checker.__name__)
def test_the_programs_of_all_pages_pass_the_checkers(checker: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    for page in pages():
        for name, source in programs(page).items():
            (tmp_path / "pages" / f"{name}.py").write_text(source)
    assert checker(tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda checker: checker.__name__)
def test_a_program_that_is_badly_typed_is_told(checker: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "slip.py").write_text("from convalias import EmailAddress\n\nEmailAddress.parse(1)\n")
    assert "slip.py:3" in checker(tmp_path)
