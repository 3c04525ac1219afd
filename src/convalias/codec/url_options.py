"""Read the options of an engine's URL: `?timeout=5&connections=8`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import isfinite
from typing import TypeVar
from urllib.parse import parse_qsl

from attrs import AttrsInstance, evolve, fields_dict

Limits = TypeVar("Limits", bound=AttrsInstance)


def options_of(query: str, known: Collection[str], *, wrong: Callable[[str], Exception]) -> dict[str, str]:
    """Return the options in the query of a URL. Raises `wrong(problem)` for one that is not known."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not {*options} <= {*known}:
        raise wrong(f"the URL has an unknown option; expected some of {', '.join(known)}")
    return options


def limited(limits: Limits, name: str, value: str, *, wrong: Callable[[str], Exception]) -> Limits:
    """Return these limits with one of their fields read from text.

    The field's type says whether the number must be whole, and its validator has the bounds; it is finite in any case.
    Raises `wrong(expected)` with what would be right: `a whole number above 0`. The text itself is never shown.
    """
    is_whole = fields_dict(type(limits))[name].type in {int, "int"}
    try:
        number = int(value) if is_whole else float(value)
        if isfinite(number):
            return _replaced(limits, name, number)
    except (ValueError, OverflowError):
        pass
    noun = "a whole number" if is_whole else "a number"
    raise wrong(f"{noun}, 0 or more" if _may_be_zero(limits, name) else f"{noun} above 0")


def _replaced(limits: Limits, name: str, number: float) -> Limits:
    return evolve(limits, **{name: number})  # type: ignore[misc]  # mypy's plugin takes a class, no variable of one


def _may_be_zero(limits: AttrsInstance, name: str) -> bool:
    try:
        _replaced(limits, name, 0)
    except ValueError:
        return False
    return True
