"""Classes to JSON values and back: the only module that knows cattrs, and the rules every format shares.

Addresses are text, times RFC 3339 in microsecond UTC, enums their values, octets base64, sets sorted lists,
mappings lists of pairs (a key may hold what a store forbids in names), members of a union tagged by `is`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, EnumType
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from attrs import has
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from convalias.codec.errors import UnknownFormat
from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.mail.envelope import NULL_RETURN_PATH, NullReturnPath, ReturnPath
from convalias.domain.mail.reasons import AnyReason, OwnReason, Reason, Severity, own_reason, unknown_reason

TAG: Final = "is"
"""The field that names the member of a union."""
_PAIR: Final = 2
_REMEMBERED: Final = 4096
"""Addresses read last: a mail's few addresses stand in every record about it. One is about 300 octets."""


_NOTHING_SPARED: Final[Mapping[type[object], Collection[str]]] = {}


def build(
    tags: Mapping[type[object], str], spared: Mapping[type[object], Collection[str]] = _NOTHING_SPARED
) -> Converter:
    """A converter in which the classes of `tags` carry their stable names wherever they stand.

    The fields of a class that `spared` names are not written while they hold their default.
    """
    converter = Converter(detailed_validation=False, prefer_attrib_converters=False)
    _scalars(converter)
    _containers(converter)
    _unions(converter, tags, spared)
    return converter


def _scalars(converter: Converter) -> None:
    for kind in (str, int, bool):  # cattrs would make "None" of None and 1 of "1": a damaged record must not pass
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(float, _number)
    converter.register_unstructure_hook(EmailAddress, _address_text)
    converter.register_structure_hook(EmailAddress, lambda text, _: _address(_text(text)))
    converter.register_unstructure_hook(datetime, time_text)
    converter.register_structure_hook(datetime, lambda text, _: read_time(_text(text)))
    converter.register_unstructure_hook(timedelta, timedelta.total_seconds)
    converter.register_structure_hook(timedelta, lambda seconds, _: timedelta(seconds=_number(seconds, float)))
    converter.register_unstructure_hook(bytes, lambda octets: b64encode(octets).decode())
    converter.register_structure_hook(bytes, lambda text, _: b64decode(_text(text), validate=True))
    converter.register_structure_hook_factory(_is_enum, _member_of)


def _exactly(kind: type[object]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(kind.__name__)
        return value

    return structure


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, EnumType)


def _member_of(kind: type[Enum]) -> Callable[[Any, Any], Any]:
    """By one look at a table: a record holds several, and `Enum.__call__` costs more than all else about them."""
    members = {member.value: member for member in kind}

    def structure(value: Any, _: Any) -> Any:
        found = members.get(value)
        return kind(value) if found is None else found

    return structure


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("str")
    return value


_address: Final = lru_cache(maxsize=_REMEMBERED)(EmailAddress.parse)


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("float")
    return float(value)


def _address_text(address: EmailAddress) -> str:
    """As written, where that leads back to the same address; else the canonical key (which always does).

    An internationalised address is written with letters that only the edge, not the domain, turns into A-labels.
    """
    if address.written == address.key:
        return address.key
    try:
        same = _address(address.written) == address
    except InvalidAddress:
        same = False
    return address.written if same else address.key


def time_text(moment: datetime) -> str:
    """RFC 3339 §5.6, always `YYYY-MM-DDTHH:MM:SS.ffffffZ`, so that texts sort as times do. `moment` is aware."""
    if moment.tzinfo is None:
        raise ValueError("time without a zone")
    if moment.tzinfo is not UTC:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:  # a sender's Date in year 1 or 9999, in a zone that leads out of the calendar
            moment = moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def read_time(text: str) -> datetime:
    """Read any RFC 3339 time, as UTC. `ValueError` for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("time without a zone")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _containers(converter: Converter) -> None:
    """What is inside is looked up by its declared class once, when a hook is made, not for every value."""
    converter.register_structure_hook_factory(_is_optional, _optional)
    converter.register_structure_hook_factory(_is_collection, _collection)
    converter.register_unstructure_hook_func(
        lambda kind: _origin(kind) is frozenset,
        lambda values: sorted(converter.unstructure(value) for value in values),
    )
    converter.register_unstructure_hook_func(
        lambda kind: _origin(kind) in {tuple, list},
        lambda values: [converter.unstructure(value) for value in values],
    )
    converter.register_unstructure_hook_func(
        lambda kind: _origin(kind) in {Mapping, dict},
        lambda values: sorted([converter.unstructure(key), converter.unstructure(values[key])] for key in values),
    )
    converter.register_structure_hook_func(
        lambda kind: _origin(kind) in {Mapping, dict},
        lambda pairs, kind: {
            converter.structure(key, get_args(kind)[0]): converter.structure(value, get_args(kind)[1])
            for key, value in pairs
        },
    )


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _is_optional(kind: Any) -> bool:
    """One class or None."""
    return _origin(kind) in {Union, UnionType} and NoneType in get_args(kind) and len(get_args(kind)) == _PAIR


def _is_collection(kind: Any) -> bool:
    """A set, or a tuple of any length."""
    return _origin(kind) is frozenset or (_origin(kind) is tuple and get_args(kind)[1:] == (...,))


def _optional(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    (inner,) = set(get_args(kind)) - {NoneType}
    structure = converter.get_structure_hook(inner)
    return lambda value, _: None if value is None else structure(value, inner)


def _collection(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    collect, inner = get_origin(kind), get_args(kind)[0]
    structure = converter.get_structure_hook(inner)
    return lambda values, _: collect([structure(value, inner) for value in values])


def _unions(
    converter: Converter, tags: Mapping[type[object], str], spared: Mapping[type[object], Collection[str]]
) -> None:
    def tagged(kind: type[object]) -> Callable[[Any], Any]:
        left_out: Any = {name: override(omit_if_default=True) for name in spared.get(kind, ())}
        plain: Callable[[Any], Any] = make_dict_unstructure_fn(kind, converter, **left_out)
        return plain if kind not in tags else lambda value: {TAG: tags[kind], **plain(value)}

    converter.register_unstructure_hook_factory(lambda kind: has(kind) and (kind in tags or kind in spared), tagged)

    def one_of(kind: Any) -> Callable[[Any, Any], Any]:
        members = get_args(kind)
        hooks: dict[Any, Callable[[Any, Any], Any]] = {}

        def structure(value: Any, _: Any) -> Any:
            if value is None:
                return None
            found = member(members, value, tags)
            hook = hooks.get(found)
            if hook is None:
                hook = hooks[found] = converter.get_structure_hook(found)
            return hook(value, found)

        return structure

    converter.register_structure_hook_factory(lambda kind: _is_union(kind) and kind not in _UNTAGGED, one_of)
    # ReturnPath: null is "not known", the empty text the null return path (RFC 5321 §4.5.5), else an address.
    converter.register_structure_hook_func(
        lambda kind: kind == ReturnPath,
        lambda value, _: None if value is None else _return_path(_text(value)),
    )
    # A reason of ours is its name; one of the host's own is written whole, so that whoever reads it need not know it.
    converter.register_unstructure_hook(OwnReason, _own_reason)
    converter.register_structure_hook_func(lambda kind: kind == AnyReason, lambda value, _: _reason(value))


_UNTAGGED: Final = (ReturnPath, AnyReason)


def _own_reason(own: OwnReason) -> dict[str, Any]:
    return {
        "own": own.name,
        "severity": own.consequence.severity.value,
        "retryable": own.consequence.retryable,
        "refusals": dict(own.refusals),
        "advice": own.advice,
    }


def _reason(value: Any) -> AnyReason:
    """One of ours by name, or one of a host's own, whole. A name that nobody knows here stays readable as such."""
    if isinstance(value, str):
        return Reason.__members__.get(value) or unknown_reason(value)
    name, texts = _text(value["own"]), value["refusals"]
    return own_reason(
        unknown_reason(name).name,
        refusals={_text(language): _text(text) for language, text in texts.items()},
        severity=Severity(value["severity"]),
        retryable=bool(value["retryable"]),
        advice=_text(value["advice"]),
    )


def _return_path(text: str) -> EmailAddress | NullReturnPath:
    return _address(text) if text else NULL_RETURN_PATH


def _is_union(kind: Any) -> bool:
    """More than one class and, perhaps, None; `X | None` is left to cattrs."""
    return _origin(kind) in {Union, UnionType} and len(set(get_args(kind)) - {NoneType}) > 1


def member(members: Collection[type[object]], value: Mapping[str, Any], tags: Mapping[type[object], str]) -> Any:
    """The one of `members` that `value` is tagged as. `UnknownFormat` when none of them has that tag."""
    found = value[TAG]
    for one in members:
        if one is not NoneType and tags[one] == found:
            return one
    expected = sorted(tags[one] for one in members if one is not NoneType)
    raise UnknownFormat("|".join(expected), found, expected)
