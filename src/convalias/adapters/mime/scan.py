"""The pre-scan: fields and tree of the raw bytes under the limits, and the structure that parsers disagree on."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from convalias.adapters.mime import limits
from convalias.adapters.mime.fields import Block, read_block, unfolded
from convalias.adapters.mime.limits import OverLimit
from convalias.adapters.mime.structure import Part, Tree
from convalias.domain.mail.envelope import Oddity

_ADDRESS_FIELDS: Final = (
    b"from",
    b"sender",
    b"reply-to",
    b"to",
    b"cc",
    b"bcc",
    b"delivered-to",
    b"x-original-to",
    b"envelope-to",
)
_RULED: Final = frozenset({b"to", b"cc", b"date", b"subject", b"message-id", b"auto-submitted"})
"""Fields that rules read: what is odd in them is a reason to ask a person."""
_ONCE: Final = _RULED - {b"message-id"}
"""RFC 5322 §3.6: at most one of each. Two Message-IDs are none: the mail gets a synthetic one."""
_NO_ODDITIES: Final[frozenset[Oddity]] = frozenset()


@frozen
class Scanned:
    """A mail taken apart, not yet decoded."""

    block: Block
    root: Part | None
    oddities: frozenset[Oddity]
    over: OverLimit | None = None
    """The first limit passed; then there is no tree."""


def scan(raw: bytes) -> Scanned:
    """Take a mail apart. Total and linear; never looks at more than the limits allow."""
    block = read_block(raw, _start(raw), len(raw))
    over = OverLimit("size", len(raw)) if len(raw) > limits.SIZE else block.over or _too_many_addresses(block)
    if over is not None:
        return Scanned(block, None, _NO_ODDITIES, over)
    tree = Tree(raw)
    try:
        root = tree.entity(block, len(raw), 1)
    except OverLimit as reached:
        return Scanned(block, None, _NO_ODDITIES, reached)
    return Scanned(block, root, _oddities(block, odd=tree.odd or not (tree.binary or _is_intact(raw, block))))


# `From : john@corp` is no such line, but the field in obsolete syntax (RFC 5322 §4.5.3), and ambiguous.
_MBOX: Final = re.compile(rb">?From (?![ \t]*:)")


def _start(raw: bytes) -> int:
    """Where the first field begins: behind an mbox's `From ` line."""
    if _MBOX.match(raw):
        return raw.find(b"\n") + 1 or len(raw)
    return 0


def _too_many_addresses(block: Block) -> OverLimit | None:
    """Comma-separated items over all address fields."""
    items = sum(value.count(b",") + 1 for name in _ADDRESS_FIELDS for value in block.all(name))
    return OverLimit("addresses", items) if items > limits.ADDRESSES else None


def _oddities(block: Block, *, odd: bool) -> frozenset[Oddity]:
    """What parsers disagree about: in the fields that rules read, and elsewhere."""
    found: set[Oddity] = set()
    if block.bare & _RULED or any(_differ(block.all(name)) for name in _ONCE):
        found.add(Oddity.HEADER)
    if odd or block.odd or block.bare - _RULED:
        found.add(Oddity.BODY)
    return frozenset(found) if found else _NO_ODDITIES


def _differ(values: list[bytes]) -> bool:
    """Whether a field stands there twice and can be read in two ways: gateways and ERP systems repeat it as it was."""
    return len(values) > 1 and len(set(map(unfolded, values))) > 1


def _is_intact(raw: bytes, block: Block) -> bool:
    """No bare CR and no NUL in the body (RFC 5322 §2.3)."""
    start = block.body
    return raw.find(b"\0", start) < 0 and raw.count(b"\r", start) == raw.count(b"\r\n", start)
