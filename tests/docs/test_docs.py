"""Every Python block of README.md and of docs/ runs: a page is a program, its blocks in order, its tests run at the end."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from attrs import frozen
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^(?P<indent> *)```python[^\n]*\n(?P<code>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL)


@frozen
class Block:
    """The code between two fences, and the line of the page that it begins in."""

    line: int
    code: str


def blocks(text: str) -> list[Block]:
    """Those marked `python`; what is marked `console`, `text` or `json`, or not at all, is no program."""
    return [
        Block(text.count("\n", 0, found.start("code")) + 1, textwrap.dedent(found["code"]))
        for found in BLOCK.finditer(text)
    ]


def pages() -> Iterator[Path]:
    for page in (PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))):
        if blocks(page.read_text(encoding="utf-8")):
            yield page


def run(page: Path) -> ModuleType:
    """All blocks in one module, under the page's own name and lines; then what a test runner would collect."""
    module = ModuleType(f"page_{page.stem.replace('-', '_')}")
    module.__file__ = str(page)
    sys.modules[module.__name__] = module  # classes look their module up
    try:
        for block in blocks(page.read_text(encoding="utf-8")):
            # In the place it has on the page, so that an error names the line there.
            source = "\n" * (block.line - 1) + block.code
            exec(compile(source, str(page), "exec", dont_inherit=True), vars(module))  # noqa: S102 - our own pages
        run_tests(module)
    finally:
        del sys.modules[module.__name__]
    return module


def run_tests(module: ModuleType) -> None:
    for name, found in list(vars(module).items()):
        if name.startswith("test_"):
            found()
        elif name.startswith("Test") and isinstance(found, type):
            for test in dir(found):
                if test.startswith("test_"):
                    getattr(found(), test)()


@pytest.mark.slow
@pytest.mark.parametrize("page", list(pages()), ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # That a page's property tests run is shown by few examples; the laws they show are tested with many elsewhere.
    usual = settings.get_current_profile_name()
    settings.load_profile("quick")
    try:
        run(page)
    finally:
        settings.load_profile(usual)


def lacking(text: str) -> list[str]:
    """The install lines of a page that uses the façade and does not bring what it reads mail with."""
    lines = re.findall(r"^pip install .*$", text, re.MULTILINE)
    uses = any(re.search(r"^from convalias import .*\bConvalias\b", block.code, re.MULTILINE) for block in blocks(text))
    return [] if not uses or any("mime" in line for line in lines) else lines


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.name)
def test_the_install_line_of_a_page_brings_what_its_programs_use(page: Path) -> None:
    assert lacking(page.read_text(encoding="utf-8")) == []


def test_an_install_line_that_brings_too_little_is_told() -> None:
    program = "```console\npip install convalias\n```\n```python\nfrom convalias import Convalias\n```\n"
    assert lacking(program) == ["pip install convalias"]
    assert lacking(program.replace("install convalias", "install 'convalias[mime]'")) == []
    assert lacking(program.replace("import Convalias", "import AccountId")) == []


PAGE = """\
# A page

```python
first = 1
```

```console
make first
```

1. In a list:

   ```python
   second = first + 1
   ```

```python
def test_sum():
    assert first + second == {total}


class TestOfAClass:
    def test_order(self):
        assert first < second
```
"""


def test_blocks_of_a_page_share_one_namespace_and_its_tests_are_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(total=3))
    assert [block.line for block in blocks(page.read_text())] == [4, 14, 18]
    assert vars(run(page))["second"] == 2


def test_a_page_whose_test_fails_fails_and_names_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(total=4))
    with pytest.raises(AssertionError) as failed:
        run(page)
    last = failed.traceback[-1]
    assert (str(last.path), last.lineno + 1) == (str(page), 19)
