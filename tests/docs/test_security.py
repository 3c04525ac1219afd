"""The threat model names tests that there are."""

from __future__ import annotations

import re

from docs.test_pages import EXPLANATION, rows, section

PAGE = (EXPLANATION / "security.md").read_text(encoding="utf-8")
TEST = re.compile(r"\[`(?P<name>test_\w+)`\]\((?P<file>[^)]+)\)")


def test_every_threat_names_a_test_that_exists() -> None:
    table = rows(section(PAGE, "Whoever writes mail")) + rows(section(PAGE, "Whoever reaches the doors"))
    assert len(table) > 20
    for who, can, stops, test in table:
        assert who, can
        assert stops, can
        found = TEST.fullmatch(test)
        assert found is not None, can
        source = (EXPLANATION / found["file"]).resolve().read_text(encoding="utf-8")
        assert f"def {found['name']}(" in source, found["name"]
