"""The page about versions agrees with the table of formats."""

from __future__ import annotations

import tomllib
from pathlib import Path

from convalias.codec.formats import FORMATS, PUBLISHED_EVENT
from docs.test_pages import rows, section

PROJECT = Path(__file__).resolve().parents[2]
STABILITY = (PROJECT / "docs" / "reference" / "stability.md").read_text(encoding="utf-8")


def test_the_page_lists_each_format_that_has_had_more_than_one_version() -> None:
    several = [one for one in sorted(FORMATS, key=lambda one: one.tag) if one.version > 1]
    expected = [[f"`{one.tag}`", str(one.version), ", ".join(map(str, one.readable))] for one in several]
    assert rows(section(STABILITY, "Record formats")) == expected
    assert f"`{PUBLISHED_EVENT.tag}`" in STABILITY


def test_every_version_from_the_first_on_is_read_as_the_page_says() -> None:
    assert [one.tag for one in FORMATS if one.readable != tuple(range(1, one.version + 1))] == []


def test_the_page_names_the_oldest_python_that_is_supported() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"from {project['requires-python'].removeprefix('>=')} on" in STABILITY
