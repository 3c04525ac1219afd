"""Lists of Message-IDs from raw field bytes: opaque, never through a parser that rewrites them."""

from __future__ import annotations

import re
from typing import Final

from convalias.adapters.mime import limits
from convalias.domain.mail.message_id import MessageId, canonical

_BRACKETED: Final = re.compile(rb"<([^<>]*+)>")


def listed(values: list[bytes]) -> tuple[MessageId, ...]:
    """The ids of References or In-Reply-To, in order, at most the last hundred."""
    if not values:
        return ()
    found: list[MessageId] = []
    for value in values:
        tokens: list[bytes] = _BRACKETED.findall(value) if b"<" in value else value.split()
        found += [one for token in tokens[-limits.REFERENCES :] if (one := canonical(token)) is not None]
    return tuple(found[-limits.REFERENCES :])


def right_side(value: bytes) -> str:
    """Return what follows the last `@` of an id, in lower case; empty when nothing does."""
    one = canonical(value)
    if one is None or b"@" not in one.value:
        return ""
    return one.value.rpartition(b"@")[2].decode("latin-1").lower().removesuffix(".")
