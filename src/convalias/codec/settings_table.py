"""A table of settings read value by value; all that is wrong with it is remembered, and told together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias, TypeGuard

from convalias.codec.addresses import read_address
from convalias.domain.addresses.email_address import InvalidAddress

Toml: TypeAlias = Mapping[str, object]
_HTTPS: Final = re.compile(r"https://[a-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?")
_PAGE: Final = re.compile(r"https://[^\s<>\"]+")


class TableReader:
    """Reads one table and those in it. `problems` has what is wrong by its key, dotted below the top.

    A value that is missing is its default, and so is one that is wrong, once it is told. `shown` is the key to tell
    it by, where the table is not the top one.
    """

    def __init__(self, table: Toml) -> None:
        """Nothing is wrong yet."""
        self.table = table
        self.problems: dict[str, str] = {}

    def text(self, key: str, default: str) -> str:
        """Text; empty text too."""
        value = self.table.get(key, default)
        return value if isinstance(value, str) else self.wrong(key, value, "text", default)

    def name(self, key: str, default: str) -> str:
        """Read a printable line that is not blank."""
        value = self.text(key, default)
        return value if value.strip() and value.isprintable() else self.wrong(key, value, "one line of text", default)

    def https(self, key: str) -> str | None:
        """An address that others put a path behind; None where it is not given."""
        value = self.text(key, "").rstrip("/")
        if value and not _HTTPS.fullmatch(value):
            self.problem(key, value, "https:// and a host, such as https://mail.example")
        return value or None

    def page(self, key: str, placeholder: str) -> str | None:
        """The address of a page with a placeholder in it; None where it is not given."""
        value = self.text(key, "")
        if value and (placeholder not in value or not _PAGE.fullmatch(value)):
            self.problem(key, value, f"an https address with {placeholder} in it")
        return value or None

    def boolean(self, key: str) -> bool:
        """True or false; false where it is missing."""
        value = self.table.get(key, False)
        if isinstance(value, bool):
            return value
        self.problem(key, value, "true or false")
        return False

    def count(self, key: str, default: int) -> int:
        """A whole number above 0."""
        return self.whole(self.table, key, key, default, least=1)

    def number(self, key: str, default: int) -> int:
        """A whole number, 0 or more."""
        return self.whole(self.table, key, key, default, least=0)

    def whole(self, table: Toml, key: str, shown: str, default: int, *, least: int, most: int = 1_000_000_000) -> int:
        """A whole number between two bounds, both allowed."""
        value = table.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problem(shown, value, f"a whole number from {least} to {most}")
        return default

    def texts(self, key: str, table: Toml | None = None, shown: str | None = None) -> tuple[str, ...]:
        """A list of texts; empty where it is missing."""
        value = (self.table if table is None else table).get(key, ())
        if _is_list(value) and all(isinstance(one, str) for one in value):
            return tuple(str(one) for one in value)
        if value != ():
            self.problem(shown or key, value, 'a list of texts, such as ["reply.example"]')
        return ()

    def wholes(self, key: str, *, most: int) -> tuple[int, ...]:
        """A list of whole numbers from 0; empty where it is missing."""
        value = self.table.get(key, ())
        if _is_list(value):
            found = [one for one in value if isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= most]
            if len(found) == len(value):
                return tuple(found)
        if value != ():
            self.problem(key, value, f"a list of whole numbers from 0 to {most}, such as [0]")
        return ()

    def domains(self, key: str, table: Toml | None = None, shown: str | None = None) -> tuple[str, ...]:
        """A list of domains, as A-labels, each once."""
        found: list[str] = []
        for text in self.texts(key, table, shown):
            try:
                found.append(read_domain(text))
            except InvalidAddress as error:
                self.problems[shown or key] = str(error)
        return tuple(dict.fromkeys(found))

    def expect(self, table: Toml, where: str, keys: frozenset[str]) -> None:
        """Tell of every key that is none of these."""
        for key in sorted({*table} - keys):
            self.problems[f"{where}.{key}"] = f"unknown; expected one of {', '.join(sorted(keys))}"

    def sub(self, table: Toml, key: str, shown: str | None = None) -> Toml:
        """A table in it; empty where it is missing."""
        value = table.get(key, {})
        if _is_table(value):
            return value
        self.problem(shown or key, value, "a table")
        return {}

    def wrong(self, key: str, value: object, expected: str, default: str) -> str:
        """Tell of it; the default."""
        self.problem(key, value, expected)
        return default

    def problem(self, key: str, value: object, expected: str) -> None:
        """Remember that something else stands there than should."""
        self.problems[key] = f"found {value!r}, expected {expected}"


def read_domain(text: str) -> str:
    """A domain as A-labels. Raises `InvalidAddress`."""
    return read_address(f"x@{text}").domain


def is_domain(text: str) -> bool:
    """Whether `read_domain` reads it."""
    try:
        return bool(read_domain(text))
    except InvalidAddress:
        return False


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_table(value: object) -> TypeGuard[Toml]:
    return isinstance(value, dict)


def is_deeper(value: object, levels: int) -> bool:
    """Whether tables and lists lie in one another more often than that."""
    if _is_table(value):
        return levels == 0 or any(is_deeper(one, levels - 1) for one in value.values())
    return _is_list(value) and (levels == 0 or any(is_deeper(one, levels - 1) for one in value))
