"""The style of a new alias: of a use case and a region the stricter holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias.domain.aliases.alias import AliasFormat
from convalias.domain.aliases.naming import NamePolicy
from convalias.domain.aliases.styles import FOR_EVER, AliasStyle, AliasStyles, StyleWish
from convalias.domain.ids import UseCase

APPLY, SOURCING = UseCase("apply"), UseCase("sourcing")
DAY = timedelta(days=1)
STYLES = AliasStyles(
    default=AliasStyle(lives=9 * DAY),
    by_use_case={
        APPLY: StyleWish(names=NamePolicy.FIRST_AND_INITIAL, format=AliasFormat.V2, lives=3 * DAY),
        SOURCING: StyleWish(lives=FOR_EVER),
    },
    by_region={
        "DE": StyleWish(names=NamePolicy.NONE, lives=FOR_EVER),
        "us": StyleWish(names=NamePolicy.FULL, format=AliasFormat.V3, lives=2 * DAY),
    },
)


@pytest.mark.parametrize(
    ("use_case", "region", "names", "form", "lives"),
    [
        ("other", None, NamePolicy.FULL, AliasFormat.V3, 9 * DAY),
        ("other", "fr", NamePolicy.FULL, AliasFormat.V3, 9 * DAY),
        ("other", "de", NamePolicy.NONE, AliasFormat.V3, None),
        (APPLY, None, NamePolicy.FIRST_AND_INITIAL, AliasFormat.V2, 3 * DAY),
        (APPLY, "de", NamePolicy.NONE, AliasFormat.V2, 3 * DAY),
        (APPLY, "US", NamePolicy.FIRST_AND_INITIAL, AliasFormat.V3, 2 * DAY),
        (SOURCING, None, NamePolicy.FULL, AliasFormat.V3, None),
        (SOURCING, "de", NamePolicy.NONE, AliasFormat.V3, None),
    ],
)
def test_the_stricter_of_use_case_and_region_holds(
    use_case: str, region: str | None, names: NamePolicy, form: AliasFormat, lives: timedelta | None
) -> None:
    assert STYLES.of(UseCase(use_case), region) == AliasStyle(names=names, format=form, lives=lives)


def test_nothing_set_is_a_full_name_in_the_newest_format_for_ever() -> None:
    assert AliasStyles().of(APPLY, "de") == AliasStyle(names=NamePolicy.FULL, format=AliasFormat.V3, lives=None)
