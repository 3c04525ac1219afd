"""Check at run time what type checkers check, where a host builds values of its own."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import cache
from inspect import Parameter, Signature, isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from attrs import Attribute, fields, frozen

from convalias.domain.errors import InvalidValue

T = TypeVar("T")
Holds: TypeAlias = Callable[[Any], bool]
_WAITS: Final[Sequence[Callable[[object], bool]]] = (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction)
_WORDS: Final[Mapping[object, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    bytes: "octets",
    datetime: "a time with a zone",
    timedelta: "a timedelta",
    NoneType: "None",
}


def expect(what: str, found: object, *kinds: type, expected: str) -> None:
    """Raise `InvalidValue` unless the value is of one of these classes. A bool is no int.

    >>> expect("market", 7, str, expected="text")
    Traceback (most recent call last):
    convalias.domain.errors.InvalidValue: market: found 7, expected text
    """
    if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
        raise InvalidValue(what, found=found, expected=expected)


def expect_function(what: str, found: object, *, of: str) -> None:
    """Raise `InvalidValue` unless this can be called with one value, and answers at once. `of`: the value in words.

    >>> expect_function("rule 'x'", lambda case, *, limit: None, of="MailCase")
    Traceback (most recent call last):
    convalias.domain.errors.InvalidValue: rule 'x': found 'a function of (case, *, limit)', expected a function of one MailCase
    """
    expected = f"a function of one {of}"
    if not callable(found):
        raise InvalidValue(what, found=found, expected=expected)
    if any(waits(one) for one in (found, getattr(found, "__call__", None)) for waits in _WAITS):  # noqa: B004 - an object with one
        raise InvalidValue(what, found=f"async or a generator: {found!r}", expected=f"a plain function of one {of}")
    try:
        takes = signature(found, follow_wrapped=False)  # what a decorator calls it with is the decorator's affair
    except (TypeError, ValueError):
        return  # some that are not written in Python do not tell
    try:
        takes.bind(object())
    except TypeError as error:
        names = [one.replace(annotation=Parameter.empty) for one in takes.parameters.values()]
        told = takes.replace(parameters=names, return_annotation=Signature.empty)
        raise InvalidValue(what, found=f"a function of {told}", expected=expected) from error


def check_time(what: str, found: object) -> None:
    """Raise `InvalidValue` unless this is a time with a zone."""
    if not _is_aware(found):
        raise InvalidValue(what, found=found, expected=_WORDS[datetime])


def check_fields(value: object) -> None:
    """Raise `InvalidValue` for a field that its annotation does not allow."""
    # For `__attrs_post_init__` of attrs classes: text as an address, a time without a zone, a list as a tuple. Most
    # fields cost one look at a set. Types that no check is known for are passed over.
    kind: Any = type(value)
    for name, plain, holds, expected in _checks(kind):
        found = getattr(value, name)
        if type(found) not in plain and not holds(found):
            raise InvalidValue(f"{kind.__name__}.{name}", found=found, expected=expected)


def each(what: str, found: Iterable[T], *kinds: type, expected: str) -> tuple[T, ...]:
    """Return several values as a tuple, each of one of these classes. A single text is refused: it is many letters.

    Raises `InvalidValue`.
    """
    if isinstance(found, str | bytes):
        raise InvalidValue(what, found=found, expected=expected)
    expect(what, found, Iterable, expected=expected)
    values = tuple(found)
    for one in values:
        expect(what, one, *kinds, expected=expected)
    return values


def whole_number(*, least: int, most: int | None = None) -> Callable[[object, Attribute[int], int], None]:
    """Return a validator of attrs: a whole number within these bounds. It raises `InvalidValue`."""
    bound = f"at least {least}" if most is None else f"between {least} and {most:_}"

    def check(instance: object, attribute: Attribute[int], value: int) -> None:
        what, wanted = f"{type(instance).__name__}.{attribute.name}", f"a whole number, {bound}"
        expect(what, value, int, expected=wanted)
        if value < least or (most is not None and value > most):
            raise InvalidValue(what, found=value, expected=wanted)

    return check


@frozen
class _Type:
    """A type as it is checked."""

    plain: frozenset[type]
    """Classes whose instances hold without a further look."""
    holds: Holds
    words: str


@cache
def _checks(kind: type[Any]) -> tuple[tuple[str, frozenset[type], Holds, str], ...]:
    """Field by field; found out when the first of its class is made."""
    hints = get_type_hints(kind)
    described: Sequence[Attribute[Any]] = fields(kind)
    known = [(one.name, _type(hints[one.name])) for one in described if one.init]
    return tuple((name, one.plain, one.holds, one.words) for name, one in known)


def _type(hint: Any) -> _Type:  # noqa: ANN401 - any annotation
    hint = getattr(hint, "__supertype__", hint)  # a NewType
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _Type(frozenset(), lambda value: value in inner, f"one of {', '.join(map(repr, inner))}")
    if origin in {Union, UnionType}:
        return _one_of([_type(one) for one in inner])
    if origin is None and isinstance(hint, type) and hint is not object:
        return _instance(hint)
    if origin is tuple and inner[1:] == (...,):
        return _many(tuple, [_type(inner[0])], "a tuple of {}")
    if origin in {frozenset, AbstractSet}:
        return _many(origin, [_type(inner[0])], "a frozenset of {}")
    if origin in {Mapping, dict}:
        return _pairs(_type(inner[0]), _type(inner[1]))
    if origin is Callable:
        return _Type(frozenset(), callable, "a function")
    named: Any = origin
    if isinstance(named, type) and named not in {Container, Iterable}:
        return _instance(named)
    return _Type(frozenset(), lambda _: True, "anything")


def _instance(kind: type[Any]) -> _Type:
    if kind is datetime:
        return _Type(frozenset(), _is_aware, _WORDS[kind])
    if kind is float:
        return _Type(frozenset({float, int}), _nothing, _WORDS[kind])
    if kind is int:
        return _Type(frozenset({int}), _is_whole, _WORDS[kind])
    return _Type(frozenset({kind}), lambda value: isinstance(value, kind), _words(kind))


def _nothing(_value: object) -> bool:
    return False


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _words(kind: type) -> str:
    name = kind.__name__
    article = "an" if name[0] in "AEIOU" else "a"
    makes = f" ({name}.parse makes one)" if hasattr(kind, "parse") else ""
    return _WORDS.get(kind) or f"{article} {name}{makes}"


def _one_of(types: Sequence[_Type]) -> _Type:
    plain = frozenset(kind for one in types for kind in one.plain)
    return _Type(plain, lambda value: any(_is(one, value) for one in types), " or ".join(one.words for one in types))


def _is(one: _Type, value: object) -> bool:
    return type(value) in one.plain or one.holds(value)


def _many(kind: type[Any], inner: Sequence[_Type], words: str) -> _Type:
    (one,) = inner

    def holds(given: Any) -> bool:  # noqa: ANN401 - whatever a host gave
        return issubclass(type(given), kind) and all(type(each) in one.plain or one.holds(each) for each in given)

    return _Type(frozenset(), holds, words.format(one.words.removeprefix("a ").removeprefix("an ")))


def _pairs(key: _Type, value: _Type) -> _Type:
    def holds(given: Any) -> bool:  # noqa: ANN401 - whatever a host gave
        return issubclass(type(given), Mapping) and all(_is(key, one) and _is(value, given[one]) for one in given)

    return _Type(frozenset(), holds, f"a mapping of {key.words} to {value.words}")
