"""JSON bodies as BSON documents that an operator can read, and back without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Final, TypeAlias

from convalias.ports.records import Body, Json

Bson: TypeAlias = "str | int | float | bool | list[Bson] | dict[str, Bson] | None"

_INT64: Final = range(-(2**63), 2**63)
_FORMAT: Final = "$"
_FORMAT_HERE: Final = "@"
"""`$` names a body's format. A field name that starts with `$` cannot be queried, so here it is `@`."""
_ODD: Final = re.compile(r"[%.\x00\ud800-\udfff]|^\$|^@\Z")
_ESCAPED: Final = re.compile(r"%([0-9A-F]{4})")
_INTEGER: Final = "%int"
_TEXT: Final = "%text"
"""No field name of a body is one of these: in those each `%` is followed by four digits."""


def to_bson(body: Body) -> dict[str, Bson]:
    """A document of it. Raises `ValueError` for what JSON has not: NaN and infinities."""
    return {_name(name): _value(value) for name, value in body.items()}


def from_bson(document: Mapping[str, Bson]) -> Body:
    """The body that `to_bson` was given; nobody else holds a part of it."""
    return {_original(name): _read(value) for name, value in document.items()}


def _value(value: Json) -> Bson:
    if isinstance(value, str):
        return value if value.isascii() else _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value in _INT64 else {_INTEGER: str(value)}
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, Mapping):
        return {_name(name): _value(one) for name, one in value.items()}
    return [_value(one) for one in value]


def _finite(value: float) -> float:
    if not isfinite(value):
        raise ValueError(f"body: found {value}, expected a number that JSON has")
    return value


def _text(value: str) -> Bson:
    """BSON text is UTF-8, which has no lone surrogates: broken mail has."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return {_TEXT: json.dumps(value)}
    return value


def _read(value: Bson) -> Json:
    if isinstance(value, dict):
        return _read_document(value)
    if isinstance(value, list):
        return [_read(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # the driver marks those of 64 bits by a class of its own
    return value


def _read_document(value: dict[str, Bson]) -> Json:
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name == _INTEGER and isinstance(inner, str):
            return int(inner)
        if name == _TEXT and isinstance(inner, str):
            text: str = json.loads(inner)
            return text
    return {_original(name): _read(one) for name, one in value.items()}


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    """A field name: dots are paths in queries, NUL ends a name in BSON, and `$` begins an operator."""
    if name == _FORMAT:
        return _FORMAT_HERE
    return _ODD.sub(lambda odd: f"%{ord(odd[0]):04X}", name)


@lru_cache(maxsize=4096)
def _original(name: str) -> str:
    if name == _FORMAT_HERE:
        return _FORMAT
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), name) if "%" in name else name
