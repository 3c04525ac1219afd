"""The core's public names load with their modules, at their first use."""

import convalias.domain


def test_names_are_listed_whether_or_not_they_were_loaded() -> None:
    assert {"route", "EmailAddress"} <= {*dir(convalias.domain)}
