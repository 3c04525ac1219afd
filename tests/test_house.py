"""What is said about the house as a whole: the docstrings of its modules, what no file may name."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = PROJECT / "src"

# The import contracts forbid the domain what is known; this allows it what is named, and nothing else.
DOMAIN_MAY_IMPORT = frozenset({"attr", "attrs", "convalias", "typing_extensions"}) | sys.stdlib_module_names

# Written so that this file does not find itself.
MUST_NOT_BE_NAMED: Mapping[str, re.Pattern[str]] = {
    "the host of a package index": re.compile(
        r"pythonhosted\.[o]rg|pypi\.[o]rg|\b(?:artifactory|jfrog|nexus|devpi)\.|registry\.[a-z]+\.[a-z]+"
    ),
    "the address of a package index": re.compile(r"[-]-(?:extra-)?index-url(?![\w-])|[-]-trusted-host|[-]-find-links"),
    "a folder of one machine": re.compile(r"(?<![\w.])/(?:[w]ork|[r]oot|[h]ome/\w+)/"),
}
WRITTEN_BY_HAND = (".ci", "bench", "changelog.d", "deploy", "docs", "examples", "requirements", "src", "tests")
TEXTS = frozenset(
    {"", ".cfg", ".html", ".in", ".ini", ".json", ".jsonl", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
)


AT_THE_TOP = frozenset(
    (
        ".ci .editorconfig .gitattributes .gitignore CHANGELOG.md CONTRIBUTING.md LICENSE Makefile README.md SECURITY.md"
        " bench changelog.d compose.yaml deploy docs examples pyproject.toml requirements src tests"
    ).split()
)


def modules(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}


def without_docstring(sources: Mapping[str, str]) -> list[str]:
    return [name for name, text in sources.items() if not (ast.get_docstring(ast.parse(text)) or "").strip()]


def imported_packages(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module)
            case _:
                pass
    return {name.partition(".")[0] for name in names}


def project_files(project: Path) -> Iterator[Path]:
    texts = [path for path in project.iterdir() if not path.name.startswith(".")]
    for folder in WRITTEN_BY_HAND:
        texts += (project / folder).rglob("*")
    # What is read out of mails is theirs to say.
    quoted = project / "tests" / "mails"
    yield from (
        path
        for path in texts
        if path.is_file() and path.suffix in TEXTS and not (path.suffix == ".json" and path.parent == quoted)
    )


def named(text: str) -> list[str]:
    return [what for what, pattern in MUST_NOT_BE_NAMED.items() if pattern.search(text)]


def is_try_star(node: ast.AST) -> bool:
    return isinstance(node, ast.TryStar)


def test_nothing_lies_at_the_top_of_the_checkout_but_what_belongs_there() -> None:
    """A trial in the checkout leaves a data directory, and a commit of everything takes it along."""
    if not (PROJECT / ".git").exists() or (git := shutil.which("git")) is None:
        pytest.skip("what is committed is known in a git checkout alone")
    said = subprocess.run([git, "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert {name.partition("/")[0] for name in said.stdout.split("\0") if name} == AT_THE_TOP


def test_every_module_says_its_one_reason_in_its_docstring() -> None:
    assert without_docstring(modules(SOURCE)) == []


def test_the_domain_imports_the_standard_library_attrs_and_typing_extensions_alone() -> None:
    imports = {name: imported_packages(text) for name, text in modules(SOURCE / "convalias" / "domain").items()}
    assert {name: found - DOMAIN_MAY_IMPORT for name, found in imports.items() if found - DOMAIN_MAY_IMPORT} == {}


def test_no_failure_leaves_a_block_of_which_pythons_disagree_what_it_raises() -> None:
    """What is raised in an `except*` comes out as itself or in a group, as the release of Python has it."""
    assert [name for name, text in modules(SOURCE).items() if any(map(is_try_star, ast.walk(ast.parse(text))))] == []
    assert any(map(is_try_star, ast.walk(ast.parse("try: f()\nexcept* OSError: pass"))))


def test_no_file_of_the_project_names_a_package_index_or_a_folder_of_one_machine() -> None:
    found = {path: named(path.read_text(encoding="utf-8", errors="replace")) for path in project_files(PROJECT)}
    assert {str(path.relative_to(PROJECT)): what for path, what in found.items() if what} == {}


# Without `spam`, `harmful` and `peripheral`, which name other things as well.
FLAGS = frozenset(
    {"restored", "unverified", "unchecked", "mime_ambiguous", "message_id_synthetic", "message_id_reused"}
)


def test_flags_of_messages_are_named_in_one_place() -> None:
    found = {
        name.removeprefix("convalias/"): named
        for name, text in modules(SOURCE).items()
        if (named := FLAGS & {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)})
    }
    assert found == {
        "domain/conversations/events.py": FLAGS,
        "domain/outbound/pacing.py": {"unverified"},  # a group of authors
    }


def test_a_module_without_docstring_is_found() -> None:
    assert without_docstring({"none.py": "x = 1\n", "blank.py": '""" """\n', "has.py": '"""Say."""\n'}) == [
        "none.py",
        "blank.py",
    ]


def test_every_import_of_a_module_is_seen_those_inside_functions_too() -> None:
    text = "import os.path, re\nfrom attrs import frozen\nfrom . import ids\ndef late():\n    import idna.core\n"
    assert imported_packages(text) == {"attrs", "idna", "os", "re"}


@pytest.mark.parametrize(
    "text",
    [
        "https://files.pythonhosted" + ".org/packages",
        "https://pypi" + ".org/simple",
        "https://artifactory" + ".corp.example/api",
        "-" + "-index-url https://x.example",
        "-" + "-extra-index-url=https://x.example",
        "cd /" + "work/main",
        "HOME=/" + "root/x",
        '"/' + 'home/somebody/checkout"',
    ],
)
def test_a_file_that_names_an_index_or_a_machine_is_found(text: str) -> None:
    assert named(text) != []


@pytest.mark.parametrize("text", ["uv pip compile --no-emit-index-url", "docs/work/flow.md", "the root/leaf of a tree"])
def test_what_only_looks_alike_is_let_through(text: str) -> None:
    assert named(text) == []
