"""Lists of `tag=value;` as DKIM, ARC and DMARC write them (RFC 6376 §3.2), under bounds."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

_LONGEST: Final = 16 * 1024
_MOST: Final = 50
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_BLANKS: Final = " \t\r\n"


def read_tags(octets: bytes) -> Mapping[str, str] | None:
    """The tags in order, white space around names and values taken off; None when it is no such list.

    RFC 6376 §3.2: a tag that comes twice makes the whole list invalid.
    """
    if len(octets) > _LONGEST or not octets.isascii():
        return None
    parts = octets.decode("ascii").split(";")
    if not parts[-1].strip():
        parts.pop()
    if not parts or len(parts) > _MOST:
        return None
    tags: dict[str, str] = {}
    for part in parts:
        name, equals, value = (one.strip() for one in part.partition("="))
        if not equals or not _NAME.fullmatch(name) or name in tags:
            return None
        tags[name] = value
    return tags


def readable_tags(octets: bytes) -> Mapping[str, str]:
    """The tags of a DMARC record in order, names in lower case, without those that are flawed.

    RFC 7489 §6.3: errors in the remainder of a record are discarded or ignored, and never drop the rest. Of a tag
    that comes twice the first counts. §6.4: names are those of an ABNF grammar, so their letter case says nothing.
    """
    tags: dict[str, str] = {}
    for part in octets[:_LONGEST].decode("latin-1").split(";"):
        name, equals, value = (one.strip(_BLANKS) for one in part.partition("="))
        if equals and part.isascii() and _NAME.fullmatch(name):
            tags.setdefault(name.lower(), value)
    return tags


def octets_of(value: str) -> bytes | None:
    """Base64 with white space anywhere in it; None when it is none, or empty."""
    try:
        return base64.b64decode("".join(value.split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def words_of(value: str) -> tuple[str, ...]:
    """A list between colons, in lower case."""
    return tuple(word.strip().lower() for word in value.split(":"))
