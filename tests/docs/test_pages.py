"""The pages agree with the code and with one another: rooms, files, links, decisions, the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "src" / "convalias"
EXPLANATION = PROJECT / "docs" / "explanation"
ARCHITECTURE = (EXPLANATION / "architecture.md").read_text(encoding="utf-8")
DECISIONS = EXPLANATION / "decisions"

MOST_FILES = 3
SECTIONS = ["Context", "Decision", "Consequences", "Rejected"]
STATUS = re.compile(r"Status: (?:accepted|replaced by \d{4})\. Date: \d{4}-\d\d-\d\d\.")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s#:]+)(?:#[^)]*)?\)")
FENCED = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    """What stands under a heading of the second level."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in a text, headings left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for place, row in enumerate(cells) if not is_rule(row) and not is_rule(cells[(place + 1) % len(cells)])]


def is_rule(cells: list[str]) -> bool:
    """Whether a row is the line between a table's heading and its body."""
    return set("".join(cells)) <= set("-|: ")


def rooms(layer: str) -> set[str]:
    """The folders of a layer that hold modules."""
    return {f"{layer}/{folder.name}" for folder in (PACKAGE / layer).iterdir() if (folder / "__init__.py").exists()}


def pages() -> Iterator[Path]:
    yield from sorted(PROJECT.glob("*.md"))
    yield PROJECT / "changelog.d" / "README.md"
    yield from sorted((PROJECT / "docs").rglob("*.md"))
    yield from sorted((PROJECT / "examples").rglob("*.md"))


def named(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("layer", ["domain", "services", "stores"])
def test_the_architecture_names_every_room_of_a_layer_and_no_other(layer: str) -> None:
    told = [row[0].strip("`") for row in rows(section(ARCHITECTURE, "Rooms"))]
    assert sorted(room for room in told if room.startswith(f"{layer}/")) == sorted(rooms(layer))


def test_the_architecture_names_every_layer() -> None:
    told = {row[0].strip("`") for row in rows(section(ARCHITECTURE, "Layers"))}
    layers = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    # `blocking` is a façade over `app`, not a layer.
    assert told == layers - {"blocking"}


def test_each_room_is_described_by_one_sentence() -> None:
    sentences = [row[1] for row in rows(section(ARCHITECTURE, "Rooms"))]
    assert [text for text in sentences if text.count(". ") or not text.endswith(".")] == []


def test_the_pictures_name_modules_that_exist() -> None:
    pictures = section(ARCHITECTURE, "The way of a mail") + section(ARCHITECTURE, "The way of a notification")
    places = re.findall(r"(?:adapters|domain|services|stores)/[a-z_]+(?:/[a-z_]+)?", pictures)
    assert places
    assert [place for place in places if not any((PACKAGE / f"{place}{end}").exists() for end in ("", ".py"))] == []


def test_each_question_is_answered_by_at_most_three_files_that_exist() -> None:
    answers = {row[0]: re.findall(r"`([^`]+)`", row[2]) for row in rows(section(ARCHITECTURE, "Where is it?"))}
    assert len(answers) >= 6
    assert {asked: files for asked, files in answers.items() if not 1 <= len(files) <= MOST_FILES} == {}
    assert [name for files in answers.values() for name in files if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize("page", list(pages()), ids=named)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    assert [target for target in LINK.findall(text) if not (page.parent / target).exists()] == []


def test_the_map_of_the_pages_leads_to_each_of_them() -> None:
    """`docs/README.md` is what a person finds a page by, on a git host and on the site."""
    home = PROJECT / "docs"
    links = {(home / target).resolve() for target in LINK.findall((home / "README.md").read_text(encoding="utf-8"))}
    asked = {page for page in home.rglob("*.md") if page.parent != DECISIONS or page.name == "README.md"}
    assert sorted(named(page) for page in asked - links - {home / "README.md"}) == []


def decisions() -> list[Path]:
    return sorted(DECISIONS.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem)
def test_a_decision_has_status_date_and_four_sections(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    title, _, status, *_ = text.splitlines()
    assert title.startswith(f"# {page.name[:4]} ")
    assert STATUS.fullmatch(status)
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == SECTIONS
    assert [name for name in SECTIONS if not section(text, name).strip()] == []


def test_the_index_of_decisions_has_every_one_in_order_with_its_title_status_and_date() -> None:
    index = rows((DECISIONS / "README.md").read_text(encoding="utf-8"))
    expected = []
    for page in decisions():
        title, _, status, *_ = page.read_text(encoding="utf-8").splitlines()
        state, date = re.findall(r"Status: (.*)\. Date: (.*)\.", status)[0]
        expected.append([page.name[:4], f"[{title[7:]}]({page.name})", state, date])
    assert index == expected


def test_no_number_is_given_to_two_decisions() -> None:
    numbers = [page.name[:4] for page in decisions()]
    assert sorted(set(numbers)) == numbers


def glossary() -> list[str]:
    return [row[0] for row in rows((EXPLANATION / "glossary.md").read_text(encoding="utf-8"))]


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    words = glossary()
    assert words == sorted(set(words), key=lambda word: word.replace("ç", "c").casefold())


def test_every_name_of_code_in_the_glossary_is_in_the_code() -> None:
    names = set(re.findall(r"`([A-Za-z_]+)`", (EXPLANATION / "glossary.md").read_text(encoding="utf-8")))
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert {"Account", "IN_FLIGHT"} <= names
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()


def test_the_words_that_the_architecture_sets_in_italics_are_in_the_glossary() -> None:
    words = {word.casefold() for word in re.findall(r"(?<!\*)\*([A-Za-z ]+)\*(?!\*)", ARCHITECTURE)}
    known = {word.casefold() for word in glossary()}
    assert {word for word in words if not {word, word.removesuffix("s")} & known} - {"italics"} == set()


def test_a_table_is_read_without_its_heading() -> None:
    assert rows("text\n| a | b |\n|---|---|\n| `c` | d |\n| e | f \\| g |\n") == [["`c`", "d"], ["e", r"f \| g"]]
