"""Records to JSON documents and back, through the table of formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeGuard, TypeVar

from attrs import field, frozen
from cattrs import Converter

from convalias.codec.converter import build, member
from convalias.codec.errors import BrokenRecord, UnknownFormat
from convalias.codec.formats import FORMATS, SPARED, TAGS, Format
from convalias.codec.json_text import JSON
from convalias.domain.errors import InvalidValue
from convalias.ports.records import Body

T = TypeVar("T")
MARK: Final = "$"
"""The field that says what a body is: `<tag>/<version>`."""


def _no_settings() -> Mapping[str, int]:
    return {}


@frozen
class Codec:
    """Writes the newest versions, or those that `write_format` names; reads every version there ever was.

    To upgrade a fleet without a stop: release the new readers with `write_format = {tag: old}`, and take the
    setting away when all processes run them. `InvalidValue` for a tag or version that cannot be written.
    """

    write_format: Mapping[str, int] = field(factory=_no_settings)
    formats: tuple[Format[object], ...] = FORMATS
    tags: Mapping[type[object], str] = field(default=TAGS, repr=False)
    _converter: Converter = field(init=False, repr=False, eq=False)
    _by_class: Mapping[type[object], Format[object]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the tables, and refuse settings that no row can follow."""
        rows = {row.tag: row for row in self.formats}
        for tag, version in self.write_format.items():
            if tag not in rows or version not in rows[tag].writable:
                writable = rows[tag].writable if tag in rows else sorted(rows)
                raise InvalidValue(f"write_format of {tag}", found=version, expected=f"one of {writable}")
        object.__setattr__(self, "_converter", build(self.tags, SPARED))
        object.__setattr__(self, "_by_class", {kind: row for row in self.formats for kind in row.classes})

    def dump(self, record: object) -> Body:
        """A JSON document with `"$": "<tag>/<version>"`. TypeError for a class without a row in the table."""
        row = self._row(type(record))
        body: Body = self._converter.unstructure(record)
        version, wanted = row.version, self.write_format.get(row.tag, row.version)
        if row.needs is not None:
            wanted = min(wanted, row.needs(body))
        while version > wanted:
            version -= 1
            body = row.downgrades[version](body)
        return {MARK: row.mark if version == row.version else f"{row.tag}/{version}", **body}

    def load(self, body: Body, expected: type[T] | Format[T]) -> T:
        """The record in a body of any version. Raises `UnknownFormat`, `BrokenRecord`."""
        row = self._format(expected)
        fields = _upgraded(body, row)
        try:
            kind = row.classes[0]
            if len(row.classes) > 1:
                kind = member(row.classes, fields, self.tags)
            loaded: Any = self._converter.structure(fields, kind)
        except UnknownFormat:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever a damaged document makes a constructor raise
            raise BrokenRecord(row.tag, type(fault).__name__) from None  # its text may quote personal data
        typed: T = loaded
        return typed

    def dumps(self, record: object) -> bytes:
        """The same as octets: ASCII JSON."""
        return JSON.ascii(self.dump(record))

    def loads(self, octets: bytes, expected: type[T] | Format[T]) -> T:
        """The record in octets. Raises `UnknownFormat`, `BrokenRecord`."""
        try:
            body = JSON.loads(octets)
        except ValueError as fault:
            raise BrokenRecord(self._format(expected).tag, type(fault).__name__) from None
        if not _is_object(body):
            raise BrokenRecord(self._format(expected).tag, "no object")
        return self.load(body, expected)

    def _format(self, expected: type[T] | Format[T]) -> Format[Any]:
        return expected if isinstance(expected, Format) else self._row(expected)

    def _row(self, kind: type[object]) -> Format[Any]:
        row = self._by_class.get(kind)
        if row is None:
            raise TypeError(f"{kind.__name__} has no row in codec.formats.FORMATS")
        return row


def _is_object(value: Any) -> TypeGuard[Body]:
    return isinstance(value, dict)


def _upgraded(body: Body, row: Format[Any]) -> Body:
    """The fields as the newest version has them; the mark may stand among them, no class has such a field."""
    mark = body.get(MARK)
    if mark == row.mark:
        return body
    tag, _, number = mark.partition("/") if isinstance(mark, str) else ("", "", "")
    if not (tag and number.isascii() and number.isdigit()):  # no release writes such a mark
        raise BrokenRecord(row.tag, "no format")
    version = int(number)
    if tag != row.tag or version not in row.readable:
        raise UnknownFormat(row.tag, mark, [f"{row.tag}/{one}" for one in row.readable])
    fields: Body = {name: value for name, value in body.items() if name != MARK}
    for old in range(version, row.version):
        fields = row.upgrades[old](fields)
    return fields


CODEC: Final = Codec()
"""Writes the newest version of everything."""


def dump(record: object) -> Body:
    """A JSON document with `"$": "<tag>/<version>"`, of the newest version."""
    return CODEC.dump(record)


def load(body: Body, expected: type[T] | Format[T]) -> T:
    """The record in a body of any version; `expected` is its class, or the row of a union (`OUTCOME`)."""
    return CODEC.load(body, expected)


def dumps(record: object) -> bytes:
    """The same as octets."""
    return CODEC.dumps(record)


def loads(octets: bytes, expected: type[T] | Format[T]) -> T:
    """The record in octets."""
    return CODEC.loads(octets, expected)
