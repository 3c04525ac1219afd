"""The whole site, built as `make docs` builds it, by the locked versions: complete, closed in itself, strict."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest

from docs.sites import SITE, module_of_the_site
from setup.clean import CHECKOUT, marks, ran, succeeded, surroundings

pytestmark = [*marks, pytest.mark.xdist_group("site")]

LOCK: Final = CHECKOUT / "requirements" / "docs.txt"
FETCHED: Final = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("source", "srcset")}
"""Where a browser fetches something by itself; `link` too, but for what only names a page."""
NAMES_A_PAGE: Final = {"author", "canonical", "genindex", "index", "next", "prev", "search"}
STYLED: Final = re.compile(r"(?:@import\s+|url\()\s*[\"']?([^\"')\s]+)")
STRICT: Final = "import sys; from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"


class Page(HTMLParser):
    """What a page fetches, where it leads, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched, self.links, self.ids = list[str](), list[str](), set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        self.fetched += [value for name, value in found.items() if (tag, name) in FETCHED]
        if tag == "link" and found.get("rel") not in NAMES_A_PAGE:
            self.fetched.append(found.get("href", ""))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has what the site is built with, beside what a checkout has."""
    place = tmp_path_factory.mktemp("tools")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", place, "-r", LOCK]
    succeeded([sys.executable, *install], place)
    return surroundings(PYTHONPATH=str(place))


@pytest.fixture(scope="module")
def built(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, of which Sphinx had nothing to say."""
    out = tmp_path_factory.mktemp("built") / "site"
    done = ran([sys.executable, SITE / "build.py", out], CHECKOUT, tools)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(built.rglob("*.html"))}


def test_every_page_and_every_public_module_is_on_the_site(built: Path) -> None:
    site = module_of_the_site("pages")
    asked = [str(site.staged(page).with_suffix(".html")) for page in site.found(CHECKOUT)]
    asked += [f"reference/api/{module}.html" for module in site.public_modules(CHECKOUT)]
    assert [name for name in asked if not (built / name).is_file()] == []
    assert len(asked) > 100


def test_every_public_name_has_a_place_in_the_reference(built: Path, pages: dict[Path, Page]) -> None:
    site, api = module_of_the_site("pages"), module_of_the_site("api")
    ids = {place for page in pages.values() for place in page.ids}
    described = set(api.canonical(site.public_modules(CHECKOUT)).values())
    assert described - ids == set()
    assert "convalias.Convalias.from_toml" in ids
    assert built


def test_every_link_between_pages_and_into_them_leads_somewhere(built: Path, pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(target)
            if known is None or (parts.fragment and unquote(parts.fragment) not in known.ids):
                lost.append(f"{path.relative_to(built)}: {link}")
    assert lost == []


def test_nothing_is_fetched_from_another_host(built: Path, pages: dict[Path, Page]) -> None:
    fetched = {(path, one) for path, page in pages.items() for one in page.fetched}
    fetched |= {(path, one) for path in built.rglob("*.css") for one in STYLED.findall(path.read_text("utf-8"))}
    assert len(fetched) > len(pages)
    assert {one for _, one in fetched if urlsplit(one).scheme not in {"", "data"} or one.startswith("//")} == set()
    files = {
        (path.parent / unquote(urlsplit(one).path)).resolve() for path, one in fetched if not one.startswith("data")
    }
    assert {file for file in files if not file.is_file()} == set()


def test_the_search_knows_words_of_pages_and_names_of_the_api(built: Path) -> None:
    text = (built / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    assert "how-to/behind-postfix" in index["docnames"]
    assert {"postfix", "shadow"} <= index["terms"].keys()
    assert "convalias" in index["objects"]


BROKEN: Final = {
    "index.md": "# Home\n\n```{toctree}\nnamed\n```\n",
    "named.md": "# Named\n\n[a](other.md#nowhere)\n",
    "other.md": "# Other\n",
}


def test_a_page_that_nothing_names_and_a_place_that_is_not_there_end_the_build(
    tools: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "pages"
    source.mkdir()
    for name, text in BROKEN.items():
        (source / name).write_text(text, encoding="utf-8")
    strictly = re.findall(r'sphinx\(\[(.*?), "-c"', (SITE / "build.py").read_text(encoding="utf-8"))[0]
    command = [sys.executable, "-c", STRICT, *json.loads(f"[{strictly}]"), "-c", SITE, source, tmp_path / "out"]
    done = ran(command, tmp_path, tools)
    assert done.returncode != 0
    assert "other.md: WARNING: document isn't included in any toctree" in done.stderr
    assert "named.md:3: WARNING: local id not found in doc 'other': 'nowhere'" in done.stderr
