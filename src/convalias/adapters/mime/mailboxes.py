"""Address fields of recipients: every address that is there, tolerantly, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import idna

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress

_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.?)*+"?'  # a quoted string; unclosed, it goes to the end
    r"|<[^<>]*+>?"  # an angle address
    r"|[,;]|:"
    r'|[^",;:<>]++'
    r"|>",
    re.DOTALL,
)
_PAREN: Final = re.compile(r'"(?:[^"\\]|\\.?)*+"?|\\.?|[()]|[^"()\\]++', re.DOTALL)
_JAPANESE: Final = re.compile(rb"\x1b\$[@B(][^\x1b]*+(?:\x1b\([BJ])?")
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.+=-]++@[A-Za-z0-9.-]++")
_EDGES: Final = "'\"<>[]() \t\r\n"
_DOMAIN: Final = 255  # RFC 5321 §4.5.3.1.2, and no work for idna beyond it


def text_of(value: bytes) -> str:
    """Field bytes as text in which addresses can be looked for: UTF-8, else one character per octet.

    Raw ISO-2022-JP becomes replacement characters: its octets look like quotes and brackets, and are neither.
    """
    if b"\x1b" in value:
        value = _JAPANESE.sub(b"\xef\xbf\xbd", value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def a_label(domain: str) -> str | None:
    """The domain as A-labels by IDNA 2008 (RFC 5891), A-Z lowered; None when it needs mapping beyond that."""
    lowered = domain if domain.isascii() else "".join(map(_lower_ascii, domain))
    if lowered.isascii():
        return lowered
    if len(lowered) > _DOMAIN:
        return None
    try:
        # Label by label: `idna.encode` would take full-width dots for dots.
        return b".".join(idna.alabel(label) if label else b"" for label in lowered.split(".")).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _lower_ascii(char: str) -> str:
    return char.lower() if char.isascii() else char


def parsed(text: str) -> EmailAddress | None:
    """Parse a bare address, its domain put into A-labels; None when it is none."""
    local, at, domain = text.rpartition("@")
    if not at:
        return None
    if not domain.isascii():
        mapped = a_label(domain)
        if mapped is None:
            return None
        domain = mapped
    try:
        address = EmailAddress.parse(f"{local}@{domain}")
    except InvalidAddress:
        return None
    return address if address.written == text else EmailAddress(address.key, text)


def recipients(values: Iterable[bytes]) -> tuple[EmailAddress, ...]:
    """Every address of those fields in order, each once. What is no address is passed over."""
    found: dict[EmailAddress, None] = {}
    for value in values:
        stripped = value.strip()
        if _PLAIN.fullmatch(stripped):
            candidates: Iterable[str] = (stripped.decode("ascii"),)
        else:
            candidates = _candidates(text_of(value))
        for text in candidates:
            address = parsed(text)
            if address is not None:
                found.setdefault(address)
    return tuple(found)


def _candidates(text: str) -> Iterator[str]:
    """What stands in angle brackets, or else the words of an item that hold an at sign."""
    if "(" in text:
        text = _without_comments(text)
    item: list[str] = []
    angle: str | None = None
    for token in _TOKEN.findall(text):
        if token in {",", ";", ":"}:  # RFC 5322 §3.4: a group's name ends with a colon, the group with a semicolon
            yield from _item(item, angle)
            item, angle = [], None
        elif token[0] == "<":
            angle = token if "@" in token or angle is None else angle
        else:
            item.append(token)
    yield from _item(item, angle)


def _item(pieces: list[str], angle: str | None) -> Iterator[str]:
    """The address of one item."""
    if angle is not None and "@" in angle:
        inner = angle.strip("<> \t\r\n'")
        yield inner.rpartition(":")[2] if inner.startswith("@") else inner
        return
    whole = "".join(pieces).strip()
    if "@" not in whole:
        return
    if whole.startswith('"') and whole.endswith('"'):
        yield whole.strip(_EDGES)
    elif whole.startswith('"'):
        yield whole
    else:
        yield from (word.strip(_EDGES) for word in whole.split() if "@" in word)


def _without_comments(text: str) -> str:
    """Text without its comments (RFC 5322 §3.2.2), however deep; quoted strings stay, what is unclosed goes."""
    pieces: list[str] = []
    depth = 0
    for piece in _PAREN.findall(text):
        if piece == "(":
            depth += 1
            pieces.append(" ")
        elif piece == ")" and depth:
            depth -= 1
        elif not depth:
            pieces.append(piece)
    return "".join(pieces)
