"""Mails of our own shapes: everything the tables say about them is read so."""

from __future__ import annotations

import pytest

from adapters.mime.expectations import MAILS, differences, table

EXPECTED = table("expected.json")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_mail_of_ours_is_read_as_the_table_says(name: str) -> None:
    assert differences((MAILS / name).read_bytes(), EXPECTED[name]) == []


def test_the_table_has_a_row_for_every_mail() -> None:
    assert {path.name for path in MAILS.glob("*.eml")} == set(EXPECTED)
