"""The site of the documentation: its pages, links, diagrams, and what its reference of the API is made from.

The whole site is built in `tests/setup/test_site.py`, which installs what that takes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import convalias
from docs.sites import module_of_the_site

PROJECT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = "https://git.example/c"

site = module_of_the_site("pages")
api = module_of_the_site("api")


def project(folder: Path, **texts: str) -> Path:
    """A small project whose pages have these texts; `__` in a name stands for a slash."""
    pages = {"README.md": "# R\n", "CHANGELOG.md": "# C\n", "CONTRIBUTING.md": "# C\n", "SECURITY.md": "# S\n"}
    pages["pyproject.toml"] = f'[project.urls]\nSource = "{SOURCE}"\n'
    pages["docs/README.md"] = "# Home\n\n## Use it\n\n- [A page](how-to/a.md)\n"
    pages["docs/how-to/a.md"] = "# A page\n"
    pages["docs/reference/public-modules.md"] = "# Modules\n\n| module | for |\n|---|---|\n| `convalias` | All. |\n"
    pages["docs/explanation/pictures/one.png"] = ""
    for name, text in {**pages, **{f"{key.replace('__', '/')}.md": text for key, text in texts.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def staged(folder: Path, page: str, **texts: str) -> str:
    """A page of such a project as the site has it."""
    out = folder / "out"
    site.stage(project(folder / "project", **texts), out)
    text: str = (out / page).read_text(encoding="utf-8")
    return text


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("[b](../README.md#use-it)", "[b](../index.md#use-it)"),
        ("[b](../../SECURITY.md)", "[b](../project/security.md)"),
        ("[`b` and c](../reference/public-modules.md)", "[`b` and c](../reference/public-modules.md)"),
        (f"[b]({SOURCE}/blob/main/docs/how-to/a.md#x)", "[b](a.md#x)"),
        ("[b](../../pyproject.toml)", f"[b]({SOURCE}/blob/main/pyproject.toml)"),
        ("[b](../explanation)", f"[b]({SOURCE}/tree/main/docs/explanation)"),
        ("![b](../explanation/pictures/one.png)", "![b](../explanation/pictures/one.png)"),
        ("[b](https://other.example/x) [c](#here)", "[b](https://other.example/x) [c](#here)"),
        ("`[b](nowhere.md)`", "`[b](nowhere.md)`"),
        ("```python\nx = [b](nowhere.md)\n```", "```python\nx = [b](nowhere.md)\n```"),
    ],
)
def test_a_link_leads_to_a_page_of_the_site_or_to_the_git_host(tmp_path: Path, written: str, becomes: str) -> None:
    text = f"# A page\n\n{written}\n"
    assert staged(tmp_path, "how-to/a.md", **{"docs__how-to__a": text}).endswith(f"\n{becomes}\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[b](nowhere.md)", "docs/how-to/a.md: nowhere.md leads nowhere"),
        (f"[b]({SOURCE}/blob/main/nowhere.md)", f"docs/how-to/a.md: {SOURCE}/blob/main/nowhere.md leads nowhere"),
        ("```mermaid\nflowchart\n```", "docs/how-to/a.md: a diagram has no picture; make pictures draws it"),
    ],
)
def test_a_broken_link_or_an_undrawn_diagram_ends_the_build(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(site.BrokenPageError) as broken:
        staged(tmp_path, "how-to/a.md", **{"docs__how-to__a": f"# A page\n\n{text}\n"})
    assert broken.value.args == (fault,)


def test_the_side_bar_has_what_the_map_lists_below_each_heading(tmp_path: Path) -> None:
    home = staged(tmp_path, "index.md")
    assert home.endswith("\n```{toctree}\n:hidden:\n:caption: Use it\n\nhow-to/a\n```\n")


def test_each_public_module_is_a_page_below_their_list(tmp_path: Path) -> None:
    text = staged(tmp_path, "reference/public-modules.md")
    assert "| [`convalias`](api/convalias.rst) |" in text
    assert text.endswith("\n```{toctree}\n:hidden:\n\napi/convalias\n```\n")


def test_every_page_of_the_project_can_be_staged(tmp_path: Path) -> None:
    site.stage(PROJECT, tmp_path / "out")
    assert len([*(tmp_path / "out").rglob("*.md")]) == len([*site.found(PROJECT)])


def test_every_diagram_has_its_picture_and_every_picture_its_diagram() -> None:
    pages = [(PROJECT / page).read_text(encoding="utf-8") for page in site.found(PROJECT)]
    asked = {f"{site.digest(diagram)}.svg" for page in pages for diagram in site.diagrams(page)}
    assert asked == {path.name for path in (PROJECT / site.DIAGRAMS).iterdir()}
    assert asked


def test_every_public_name_says_what_it_is() -> None:
    assert api.undocumented(site.public_modules(PROJECT)) == []


def test_a_public_name_without_a_docstring_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convalias, "__all__", ["route", "bare", "NUMBER"])
    monkeypatch.setattr(convalias, "bare", lambda: None, raising=False)
    monkeypatch.setattr(convalias, "NUMBER", 1, raising=False)
    with pytest.raises(api.UndocumentedError) as missing:
        api.write(["convalias"], tmp_path)
    assert missing.value.args == ("convalias.bare has no docstring", "convalias.NUMBER has no docstring")


def test_a_name_of_two_modules_is_described_once(tmp_path: Path) -> None:
    api.write(["convalias", "convalias.domain"], tmp_path)
    first, second = ((tmp_path / f"{name}.rst").read_text() for name in ("convalias", "convalias.domain"))
    assert ".. autofunction:: convalias.route\n" in first
    assert "\n.. py:data:: convalias.Verdict\n" in first
    assert "- :py:obj:`convalias.route`\n" in second
    assert "autofunction:: convalias.domain.route" not in second
    assert api.canonical(["convalias"])["convalias.domain.routing.decision.route"] == "convalias.route"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a * b, c_ and |d|", r"a \* b, c\_ and \|d\|"),
        ("joined by `, ` and `*`", "joined by `,` and `*`"),
        ("See:\n\n    a * b\n", "See::\n\n    a * b\n"),
        ("See:\n\nthat", "See:\n\nthat"),
    ],
)
def test_a_docstring_is_prose_with_code_in_it(said: str, shown: str) -> None:
    assert "\n".join(api.prose(said.split("\n"))) == shown


@pytest.mark.parametrize("group", ["docs", "release"])
def test_the_lock_of_a_group_changes_nothing_that_a_checkout_is_developed_with(group: str) -> None:
    locks = {name: (PROJECT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in ("dev", group)}
    pins = {
        name: {tuple(pin) for pin in re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE)}
        for name, text in locks.items()
    }
    developed = {name for name, _ in pins["dev"]}
    assert {pin for pin in pins[group] if pin[0] in developed} <= pins["dev"]
    assert "--hash=sha256:" in locks[group]
