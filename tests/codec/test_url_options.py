"""Numbers in an engine's URL: whole or not as the field is, finite, and within the bounds of its validator."""

from __future__ import annotations

import pytest
from attrs import evolve, field, frozen, validators

from convalias.codec.url_options import limited


@frozen(kw_only=True)
class Limits:
    timeout: float = field(default=5.0, validator=validators.gt(0.0))
    idle: float = field(default=5.0, validator=validators.ge(0.0))
    connections: int = field(default=4, validator=validators.gt(0))
    retries: int = field(default=2, validator=validators.ge(0))
    poll: int = field(default=5, validator=[validators.gt(0), validators.le(20)])


class Wrong(Exception):
    pass


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("timeout", "2.5", 2.5),
        ("timeout", "3", 3.0),
        ("idle", "0", 0.0),
        ("connections", "8", 8),
        ("retries", "0", 0),
        ("poll", "20", 20),
    ],
)
@pytest.mark.parametrize("given", [Limits(), Limits(timeout=1, idle=1)], ids=["defaults", "whole ones given in code"])
def test_a_number_within_its_bounds_is_taken(given: Limits, name: str, value: str, number: float) -> None:
    found = limited(given, name, value, wrong=Wrong)
    assert found == evolve(given, **{name: number})
    assert isinstance(getattr(found, name), type(number))


@pytest.mark.parametrize(
    ("name", "values", "right"),
    [
        ("timeout", ["0", "-1", "", "x", "inf", "-inf", "nan", "1e999"], "a number above 0"),
        ("idle", ["-0.1", "inf"], "a number, 0 or more"),
        ("connections", ["0", "1.5", "", "9" * 5_000, "1e3"], "a whole number above 0"),
        ("connections", ["-" + "9" * 400], "a whole number above 0"),
        ("retries", ["-1", "two"], "a whole number, 0 or more"),
        ("poll", ["21", "0"], "a whole number above 0"),
    ],
)
def test_what_is_no_number_or_out_of_bounds_is_refused_with_what_would_be_right(
    name: str, values: list[str], right: str
) -> None:
    for value in values:
        with pytest.raises(Wrong) as raised:
            limited(Limits(), name, value, wrong=Wrong)
        assert str(raised.value) == right
        assert raised.value.__context__ is None
