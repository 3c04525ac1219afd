"""Message-IDs from raw field bytes: opaque, never through a parser that rewrites them."""

from __future__ import annotations

import re
from typing import Final

from convalias.adapters.mime import limits
from convalias.domain.mail.dedup import MessageId

_OCTETS: Final = 998  # RFC 5322 §2.1.1: no line is longer, so no id that was sent by the rules is
_BRACKETED: Final = re.compile(rb"<([^<>]*+)>")


def canonical(value: bytes) -> MessageId | None:
    """Between the first `<` and the last `>`, or the whole value; white space removed. None when unusable.

    Nothing else is asked of it: ids without `@` and with brackets inside exist and must stay themselves.
    """
    first, last = value.find(b"<"), value.rfind(b">")
    inner = value[first + 1 : last] if 0 <= first < last else value
    octets = b"".join(inner.split())
    if not octets or octets == b"@" or len(octets) > _OCTETS:
        return None
    return MessageId(octets)


def synthetic(digest: str) -> MessageId:
    """The id of a mail that has none that serves: made of its canonical digest, so a retry has the same."""
    return MessageId(b"%b@synthetic.invalid" % digest[:40].encode("ascii"), synthetic=True)


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
    """What stands after the last `@` of an id, in lower case; empty when nothing does."""
    one = canonical(value)
    if one is None or b"@" not in one.value:
        return ""
    return one.value.rpartition(b"@")[2].decode("latin-1").lower().removesuffix(".")
