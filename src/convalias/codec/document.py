"""Reading a JSON document that a person wrote: every fault is told, with the key where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

from attrs import define, field, frozen

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress, canonical_domain
from convalias.domain.aliases.unwrapping import bare

T = TypeVar("T")

_SHOWN: Final = 60
"""Characters of a wrong value that are quoted."""
_REMEMBERED: Final = 4096
"""Addresses that need not be read again: documents repeat theirs, and a batch repeats them in every line."""
_TIME: Final = re.compile(
    # RFC 3339 §5.6; a space for the T is its note on readability, and letters may be of either case.
    r"(?a:(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d))"
)
_LEAP: Final = "60"


class Absent(Enum):
    """A key that is not in the document, told apart from null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""As `json.loads` gives it."""


@frozen
class Problem:
    """A problem in a document: where it is, what was found, what would be right."""

    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.key}: {self.found}, expected {self.expected}"


@define(eq=False)  # not frozen: a document makes hundreds, and a frozen one takes twice as long to make
class Node:
    """A value in a document, and the way to it. What is wrong with it goes to `problems`, shared by all nodes."""

    value: Json | Absent
    problems: list[Problem] = field(repr=False)
    name: str | int = ""
    parent: Node | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """`conversations[0].participants[1].account`; `$` for the whole document."""
        steps: list[str] = []
        node: Node = self
        while node.parent is not None:
            steps.append(f"[{node.name}]" if isinstance(node.name, int) else f".{node.name}")
            node = node.parent
        return "".join(reversed(steps)).removeprefix(".") or "$"

    @property
    def missing(self) -> bool:
        """No such key, or null."""
        return self.value is ABSENT or self.value is None

    @property
    def absent(self) -> bool:
        """No such key."""
        return self.value is ABSENT

    def or_absent(self) -> Node:
        """The same, null counting as no such key."""
        return self.but(ABSENT) if self.value is None else self

    def but(self, value: Json | Absent) -> Node:
        """Another value in the same place."""
        return Node(value, self.problems, self.name, self.parent)

    def wrong(self, expected: str, *, found: str | None = None) -> None:
        """Tell that this value is not what it should be."""
        self.problems.append(Problem(self.key, shown(self.value) if found is None else found, expected))

    def get(self, name: str) -> Node:
        """The value under that key of an object; absent when there is none."""
        value = self.value
        return Node(value.get(name, ABSENT) if isinstance(value, dict) else ABSENT, self.problems, name, self)

    def is_object(self) -> bool:
        """Whether keys can be looked up; tells when not."""
        if isinstance(self.value, dict):
            return True
        self.wrong("an object")
        return False

    def section(self, name: str) -> Node:
        """An object that may be missing: it is then empty."""
        node = self.get(name)
        if not node.missing:
            node.is_object()
        return node

    def each(self, name: str) -> Iterator[Node]:
        """The members of a list that may be missing: it is then empty."""
        node = self.get(name)
        if node.missing:
            return
        if not isinstance(node.value, list):
            node.wrong("a list")
            return
        for index, value in enumerate(node.value):
            yield Node(value, self.problems, index, node)

    def objects(self, name: str) -> Iterator[Node]:
        """The members of such a list that are objects; tells of the others."""
        return (node for node in self.each(name) if node.is_object())

    def text(self, expected: str = "text") -> str | None:
        """Text that must be there and not be empty; None (told) when it is not."""
        if isinstance(self.value, str) and self.value:
            return self.value
        self.wrong(expected)
        return None

    def optional_text(self, default: str = "") -> str:
        """Text that may be missing."""
        if isinstance(self.value, str):
            return self.value
        if not self.missing:
            self.wrong("text")
        return default

    def flag(self) -> bool:
        """True or false; false when missing."""
        if isinstance(self.value, bool):
            return self.value
        if not self.missing:
            self.wrong("true or false")
        return False

    def number(self, *, default: int, least: int, most: int | None = None) -> int:
        """A whole number within bounds; the default when the key is absent."""
        if self.absent:
            return default
        value = self.value
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and least <= value
            and (most is None or value <= most)
        ):
            return value
        self.wrong(f"a whole number of {least} or more" if most is None else f"a whole number from {least} to {most}")
        return default

    def one_of(self, table: Mapping[str, T], default: T) -> T:
        """Return the meaning of a listed word; the default if the key is absent."""
        if self.absent:
            return default
        if isinstance(self.value, str) and self.value in table:
            return table[self.value]
        self.wrong(f"one of {', '.join(table)}")
        return default

    def time(self) -> datetime | None:
        """A time by RFC 3339, as UTC; None (told) when it is not."""
        moment = _time(self.value) if isinstance(self.value, str) else None
        if moment is None:
            self.wrong("a time by RFC 3339, such as 2026-03-01T12:00:00Z")
        return moment

    def optional_time(self) -> datetime | None:
        """A time, or null."""
        return None if self.missing else self.time()

    def address(self) -> EmailAddress | None:
        """An e-mail address, brackets or quotes around it aside; None (told) when it is not."""
        if isinstance(self.value, str):
            try:
                return read_bare(self.value)
            except InvalidAddress as fault:
                self.wrong(f"an e-mail address ({fault.expected})")
                return None
        self.wrong("an e-mail address")
        return None

    def domain(self) -> str | None:
        """A domain, as its A-label; None (told) when it is not."""
        if isinstance(self.value, str):
            try:
                return read_domain(self.value)
            except InvalidAddress as fault:
                self.wrong(f"a domain ({fault.expected})")
                return None
        self.wrong("a domain, such as reply.example")
        return None


def shown(value: Json | Absent) -> str:
    """A wrong value as JSON, cut."""
    if value is ABSENT:
        return "missing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _time(text: str) -> datetime | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, minute, second, fraction, zone = match.groups(default="")
    leap = second == _LEAP  # RFC 3339 §5.7: a leap second is a time; here it is the first second of the next minute
    written = f"{day}T{minute}:{'59' if leap else second}{fraction[:7] or '.0'}{zone.upper()}"
    try:
        return (datetime.fromisoformat(written) + timedelta(seconds=int(leap))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=_REMEMBERED)
def read_bare(text: str) -> EmailAddress:
    """An address as people and sources write it, its domain in any script. Raises `InvalidAddress`."""
    address = text.strip().strip("<>")
    if address.rpartition("@")[2].isascii():
        return bare(text)
    from convalias.codec.addresses import read_address  # noqa: PLC0415 - IDNA tables are big, and seldom needed

    return read_address(address)


@lru_cache(maxsize=_REMEMBERED)
def read_domain(text: str) -> str:
    """A domain in any script as its A-label. Raises `InvalidAddress`."""
    return canonical_domain(text) if text.isascii() else read_bare(f"x@{text}").domain
