"""Authentication-Results fields taken apart: who stamped the field, and each result (RFC 8601 §2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import authres
from attrs import field, frozen

from convalias.adapters.mime.mailboxes import a_label

# The parser is recursive on comments and takes the text apart with slices; half of such a field is the sender's.
_LONGEST: Final = 8_192
_DEEPEST: Final = 8
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|\\.|[();"]|[^"\\();]++', re.DOTALL)
_NAME: Final = re.compile(r'\s*+"?([^\s";]++)"?\s*+(?:\d+\s*+)?+')
_METHOD: Final = re.compile(r"\s*+([A-Za-z0-9_-]++)\s*+(?:/\s*+\d+\s*+)?+=\s*+")
_KEYWORD: Final = re.compile(r"[A-Za-z0-9_-]++(?!\S)")
_PROPERTY: Final = re.compile(
    r"(?<!\S)([A-Za-z0-9_-]++)\s*+\.\s*+([A-Za-z0-9_-]++)\s*+=\s*+" r'("(?:[^"\\]|\\.)*+"(?!\S)|\S*+)', re.DOTALL
)
_ODD: Final = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]")
_METHODS: Final = frozenset({"dmarc", "dkim", "spf", "arc"})
"""What is read; of other methods nothing needs to be understood."""


@frozen
class Result:
    """A result of one method, and the properties it was found for; all in lower case, domains as A-labels."""

    method: str
    result: str
    properties: Mapping[str, str] = field(factory=dict[str, str])
    comments: tuple[str, ...] = ()
    """What stood in parentheses."""


UNREADABLE: Final = Result("dmarc", "permerror")
"""What is said of a result that cannot be read: it may be a failure, and is no pass."""


class _Property(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str | None: ...


class _ParsedResult(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def properties(self) -> Sequence[_Property]: ...


class _ParsedField(Protocol):
    @property
    def results(self) -> Sequence[_ParsedResult]: ...


def _parsed(text: str) -> _ParsedField:
    """The library publishes no types: this function says what is used of it."""
    parsed: _ParsedField = authres.AuthenticationResultsHeader.parse(text)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportAssignmentType]
    return parsed


def server_name(text: str) -> str:
    """An authserv-id as compared: A-labels in lower case, without the root's dot; empty when it is no name."""
    return (a_label(text) or "").lower().removesuffix(".")


def results_of(text: str, trusted: frozenset[str]) -> list[Result]:
    """The results of one field, if a server of that list (`server_name`) stamped it. What cannot be read is `UNREADABLE`.

    A comment may stand before the server's name. Where what stands there cannot be read, the field counts as that of
    a server which it names: else a failure could be hidden behind a parenthesis.
    """
    parts = parts_of(text)
    name = _NAME.fullmatch(parts[0].text) if parts else None
    if name is None:
        lowered = text.lower()
        return [UNREADABLE] if any(one in lowered for one in trusted) else []
    if server_name(name[1]) not in trusted:
        return []
    return [one for part in parts[1:] for one in results_in(part)]


@frozen
class Part:
    """The text between two semicolons."""

    text: str
    """Without its comments."""
    comments: tuple[str, ...] = ()


def parts_of(text: str) -> list[Part]:
    """The field at its semicolons, of which quoted strings and comments hold none; empty when it cannot be read."""
    found = list[Part]()
    kept, comments, comment = list[str](), list[str](), list[str]()
    depth = 0
    for token in _TOKEN.findall(text if len(text) <= _LONGEST else "("):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == '"' or not 0 <= depth <= _DEEPEST:  # noqa: S105 - a quote that is not closed
            return []
        if depth:
            comment.append(token)
        elif comment:
            comments.append("".join(comment[1:]))
            comment.clear()
            kept.append(" ")
        elif token == ";":  # noqa: S105 - a separator
            found.append(Part("".join(kept), tuple(comments)))
            kept, comments = [], []
        else:
            kept.append(token)
    return [] if depth else [*found, Part("".join(kept), tuple(comments))]


def results_in(part: Part) -> list[Result]:
    """The result in one part, by the parser.

    RFC 8601 §2.2 has no semicolon at the end and no two of them, and wants IPv6 addresses, links and U-labels in
    quotes. Servers do not care, and the parser drops properties beside a value in quotes: so it gets the method, the
    result, and each property with a value that needs none.
    """
    text = part.text.strip()
    if not text or text.lower() == "none":
        return []
    method = _METHOD.match(text)
    if method is None:
        return [UNREADABLE]
    if method[1].lower() not in _METHODS:
        return []
    keyword = _KEYWORD.match(text, method.end())
    if keyword is None:
        return [UNREADABLE]
    said = (f"{kind}.{name}={_plain(value)}" for kind, name, value in _PROPERTY.findall(text, keyword.end()))
    try:
        parsed = _parsed(" ".join((f"Authentication-Results: x; {method[1]}={keyword[0]}", *said))).results
    except (authres.AuthResError, AttributeError, IndexError, RecursionError, TypeError, ValueError):
        return [UNREADABLE]
    return [
        Result(
            one.method.lower(),
            one.result.lower(),
            {f"{prop.type}.{prop.name}".lower(): str(prop.value).lower() for prop in one.properties},
            part.comments,
        )
        for one in parsed
    ]


def _plain(value: str) -> str:
    """A value that needs no quotes: its domain as A-labels, `?` for each character that would need them."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    local, at, domain = value.rpartition("@")
    return _ODD.sub("?", f"{local}{at}{a_label(domain) or domain}")
