"""The README works where it is read: in a checkout, on a git host, and on a package index, which knows no other file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from docs.test_docs import BLOCK

PROJECT: Final = Path(__file__).resolve().parents[2]
README: Final = (PROJECT / "README.md").read_text(encoding="utf-8")
URLS: Final = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
PAGES: Final = f"{URLS['Source']}/blob/main/"
PICTURES: Final = f"{URLS['Source'].replace('//github.com/', '//raw.githubusercontent.com/')}/main/"
LINK: Final = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
FIRST_LINES: Final = 20
MOST_LINES: Final = 120


def missing(text: str) -> list[str]:
    """The links of a README that lead nowhere for somebody who has that page alone."""
    found = []
    for shown, target in LINK.findall(text):
        base = PICTURES if shown else PAGES
        place = target.removeprefix(base).partition("#")[0]
        if not target.startswith(base) or not (PROJECT / place).is_file():
            found.append(target)
    return found


def test_every_link_is_absolute_and_leads_to_a_file_of_the_project() -> None:
    assert len(LINK.findall(README)) > 10
    assert missing(README) == []


def test_a_link_that_only_works_in_a_checkout_is_told() -> None:
    assert missing("[a](docs/README.md) [b](https://other.example/docs/README.md)") == [
        "docs/README.md",
        "https://other.example/docs/README.md",
    ]
    assert missing(f"[a]({PAGES}docs/nowhere.md) ![b]({PAGES}README.md)") == [
        f"{PAGES}docs/nowhere.md",
        f"{PAGES}README.md",
    ]


def test_the_urls_of_the_project_lead_to_files_that_exist() -> None:
    assert {"Changelog", "Documentation", "Issues", "Security", "Source"} == {*URLS}
    places = [url.removeprefix(PAGES) for name, url in URLS.items() if name not in {"Source", "Issues"}]
    assert [place for place in places if not (PROJECT / place).is_file()] == []


def test_it_leads_a_newcomer_to_every_page_that_they_need() -> None:
    assert {target.removeprefix(PAGES) for _, target in LINK.findall(README)} >= {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/explanation/architecture.md",
        "docs/explanation/decisions/README.md",
        "docs/explanation/glossary.md",
        "docs/reference/stability.md",
    }


def test_it_says_what_it_is_shows_code_early_and_stays_short() -> None:
    lines = README.splitlines()
    first = BLOCK.search(README)
    assert first
    assert README.count("\n", 0, first.start()) < FIRST_LINES
    assert len(lines) < MOST_LINES
    # No index and no mail client draws it.
    assert "```mermaid" not in README
