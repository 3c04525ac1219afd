"""The Received field that our border wrote: which client handed the mail over."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from attrs import frozen

_PIECE: Final = re.compile(r"[()]|[^()\s]++|\s++")
_ADDRESS: Final = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]")
_LONGEST: Final = 2000


@frozen
class Client:
    """The host that spoke SMTP to the border."""

    address: str
    helo: str
    """What it called itself."""


def client_of(value: str, borders: Collection[str]) -> Client | None:
    """The client in the topmost Received (RFC 5321 §4.4), if a border wrote it and it reads in one way.

    `from NAME (anything [ADDRESS]) by BORDER ...`. The name is the client's own text, and some servers take spaces in
    it: so a second `by` outside comments, or a second address in brackets, makes the whole field worthless.
    """
    if len(value) > _LONGEST:
        return None
    found = _ADDRESS.findall(value)
    words = _outside_comments(value)
    if len(found) != 1 or value.count("[") != 1 or words is None or [word.lower() for word in words].count("by") != 1:
        return None
    match words:
        case [first, helo, by, border, *_] if (first.lower(), by.lower()) == ("from", "by"):
            if border.lower().rstrip(".;") not in borders:
                return None
        case _:
            return None
    try:
        address = ip_address(found[0])
    except ValueError:
        return None
    return Client(str(address), helo.strip("[]")) if address.is_global else None


def _outside_comments(value: str) -> list[str] | None:
    """The words that stand in no comment; None when brackets do not match."""
    words: list[str] = []
    depth = 0
    for piece in _PIECE.findall(value):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth -= 1
            if depth < 0:
                return None
        elif not depth and not piece.isspace():
            words.append(piece)
    return words if depth == 0 else None
