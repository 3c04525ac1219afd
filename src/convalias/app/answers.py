"""Check that a port of the host answered as its signature promises, and blame wrong answers on the port."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final, TypeGuard, Union, get_args, get_origin, get_type_hints

_MODULE: Final = re.compile(r"\b(?:\w+\.)+(?=\w)")
_WHOLE: Final = frozenset({("identity", "at"), ("legacy", "tenures")})
"""Calls whose answer has every key that was asked for."""


class WrongAnswer(TypeError):
    """An answer that is not of its port: what was found, and what was expected. Never its value."""


def refuse_answer(port: str, name: str, asked: Callable[..., object], answer: object, given: Sequence[object]) -> None:
    """Raise `WrongAnswer` where a call's answer does not fit its signature, or not what was asked."""
    hint = _answers(asked)
    if hint is not type(None) and not fits(answer, hint):
        raise WrongAnswer(f"found {_found(answer)}, expected {_expected(hint)}")
    if not given or not _is_sized(given[0]):
        return
    if (port, name) == ("records", "write") and _is_sized(answer) and len(answer) != len(given[0]):
        raise WrongAnswer(f"found {len(answer)} answers to {len(given[0])} writes")
    if (port, name) in _WHOLE and isinstance(answer, Mapping) and not all(key in answer for key in given[0]):
        raise WrongAnswer("found an answer without one of the keys that were asked for")


def fits(value: object, hint: object) -> bool:
    """Whether a value is of that type, with all that a container holds; True where that cannot be told."""
    origin, of = get_origin(hint), get_args(hint)
    if hint is None or hint is type(None):
        return value is None
    if origin is Union or origin is types.UnionType:
        return any(fits(value, one) for one in of)
    if origin is not None:
        return _fits_generic(value, origin, of)
    hint = getattr(hint, "__supertype__", hint)  # of a NewType
    if not isinstance(hint, type) or hint is Any:
        return True
    return value is not None if getattr(hint, "_is_protocol", False) else isinstance(value, hint)


def _fits_generic(value: object, origin: object, of: tuple[Any, ...]) -> bool:
    if not isinstance(origin, type):
        return True
    if issubclass(origin, Mapping):
        return _is_mapping(value) and _all(value, of[0]) and _all(value.values(), of[1])
    if issubclass(origin, AbstractSet):
        return _is_set(value) and _all(value, of[0])
    if issubclass(origin, Sequence):
        return _is_sequence(value) and _all(value, of[0])
    return value is not None


def _all(values: Iterable[Any], hint: object) -> bool:
    return all(fits(one, hint) for one in values)


@cache
def _answers(asked: Callable[..., object]) -> object:
    return get_type_hints(asked).get("return", object)


def _is_sized(value: object) -> TypeGuard[Sequence[object] | AbstractSet[object] | Mapping[object, object]]:
    return isinstance(value, Sequence | AbstractSet | Mapping) and not isinstance(value, str | bytes)


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_set(value: object) -> TypeGuard[AbstractSet[Any]]:
    return isinstance(value, AbstractSet)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _found(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _expected(hint: object) -> str:
    """The same without its modules."""
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else _MODULE.sub("", str(hint))
