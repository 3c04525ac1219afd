"""Check at run time what type checkers check, where a host builds values of its own."""

from __future__ import annotations

from convalias.domain.errors import InvalidValue


def expect(what: str, found: object, *kinds: type, expected: str) -> None:
    """Raise `InvalidValue` unless the value is of one of these classes. A bool is no int.

    >>> expect("market", 7, str, expected="text")
    Traceback (most recent call last):
    convalias.domain.errors.InvalidValue: market: found 7, expected text
    """
    if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
        raise InvalidValue(what, found=found, expected=expected)
