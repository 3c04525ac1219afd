"""Fragments of the changelog are well-formed, and become entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from changelog.fragments import PROJECT, Fragment, assembled, faults, fragments, main

CHANGELOG = """# Changelog

## [Unreleased]

### Changed

- One.

### Fixed

- Two
  lines.

## [0.1.0]

### Fixed

- Old.
"""


def test_every_fragment_of_the_project_is_well_formed() -> None:
    assert {
        fragment.name: faults(fragment) for fragment in fragments(PROJECT / "changelog.d") if faults(fragment)
    } == {}


def test_the_changelog_of_the_project_can_take_fragments_and_without_any_stays_as_it_is() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert assembled(changelog, []) == changelog
    assert "\n- Faster.\n" in assembled(changelog, [Fragment("speed.changed.md", "Faster.\n")])


@pytest.mark.parametrize("kind", ["added", "changed", "deprecated", "removed", "fixed", "security"])
def test_a_fragment_of_each_kind_is_well_formed(kind: str) -> None:
    assert faults(Fragment(f"two-words.{kind}.md", "`make` is\nfaster.\n")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("speed.md", "Faster.\n"),
        ("speed.bettered.md", "Faster.\n"),
        ("Speed.fixed.md", "Faster.\n"),
        ("speed.fixed.txt", "Faster.\n"),
        ("speed.fixed.md", ""),
        ("speed.fixed.md", "- Faster.\n"),
        ("speed.fixed.md", "# Faster.\n"),
        ("speed.fixed.md", " Faster.\n"),
        ("speed.fixed.md", "Faster\n"),
        ("speed.fixed.md", "Faster."),
        ("speed.fixed.md", "Faster.\n\nSmaller.\n"),
        ("speed.fixed.md", f"{'Faster ' * 20}.\n"),
    ],
)
def test_a_fragment_that_is_not_well_formed_is_told_and_not_taken(name: str, text: str) -> None:
    assert len(faults(Fragment(name, text))) >= 1
    with pytest.raises(ValueError, match="not well-formed"):
        assembled(CHANGELOG, [Fragment(name, text)])


def test_entries_go_to_the_end_of_their_sections_and_a_section_that_lacks_is_made() -> None:
    added = [
        Fragment("gone.removed.md", "Gone.\n"),
        Fragment("three.fixed.md", "Three\nlines.\n"),
        Fragment("more.fixed.md", "More.\n"),
    ]
    assert assembled(CHANGELOG, added) == (
        "# Changelog\n\n## [Unreleased]\n\n### Changed\n\n- One.\n\n"
        "### Fixed\n\n- Two\n  lines.\n- Three\n  lines.\n- More.\n\n### Removed\n\n- Gone.\n\n"
        "## [0.1.0]\n\n### Fixed\n\n- Old.\n"
    )


def test_the_first_entry_after_a_release_makes_its_section() -> None:
    empty = "## [Unreleased]\n\n## [0.1.0]\n\n- Old.\n"
    assert assembled(empty, [Fragment("speed.added.md", "Faster.\n")]) == (
        "## [Unreleased]\n\n### Added\n\n- Faster.\n\n## [0.1.0]\n\n- Old.\n"
    )


def test_a_changelog_without_a_place_for_what_is_unreleased_takes_none() -> None:
    with pytest.raises(ValueError, match="has no line"):
        assembled("# Changelog\n", [])


def test_moving_removes_the_fragments_and_keeps_the_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    folder = tmp_path / "changelog.d"
    folder.mkdir()
    (folder / "README.md").write_text("How.\n", encoding="utf-8")
    (folder / "speed.changed.md").write_text("Faster.\n", encoding="utf-8")
    assert main(tmp_path) == 0
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    assert "- One.\n- Faster.\n" in (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == "1 entries moved into CHANGELOG.md\n"
