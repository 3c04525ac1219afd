"""The signs of automatic mail, collected from fields and structure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from convalias.adapters.mime.fields import Block, unfolded
from convalias.adapters.mime.message_id import listed, right_side
from convalias.adapters.mime.sender import readings_of
from convalias.adapters.mime.structure import Part
from convalias.domain.mail.automation import (
    AUTO_REPLY_CLAIMS,
    AUTO_REPLY_FIELDS,
    AUTO_REPLY_VALUES,
    EXCHANGE_FIELDS,
    NO,
    Signs,
)
from convalias.domain.mail.envelope import From

_AUTO_REPLY_VALUES: Final = {name.encode(): value for name, value in AUTO_REPLY_VALUES.items()}
_EXCHANGE: Final = frozenset(name.encode() for name in EXCHANGE_FIELDS)
_AUTO_REPLY: Final = frozenset(name.encode() for name in AUTO_REPLY_FIELDS - AUTO_REPLY_CLAIMS)
_CLAIMS: Final = frozenset(name.encode() for name in AUTO_REPLY_CLAIMS)
# RFC 3834 §5: an optional comment, the token, then comments or parameters.
_TOKEN: Final = re.compile(rb"\s*+(?:\([^()]*+\)\s*+)*+([^\s();]++)")


def collect(block: Block, root: Part | None, sender: From, *, subject: str, null_return_path: bool) -> Signs:
    """Collect what the fields of a mail and its tree tell about who, or what, sent it."""
    named = block.named
    return Signs(
        from_domains=frozenset(reading.domain for reading in readings_of(sender)),
        message_id_domains=frozenset(map(right_side, block.all(b"message-id"))) - {""},
        marked=b"x-convalias-id" in named,
        hops=len(block.all(b"received")),
        report=None if root is None else _report(root),
        failed_recipients=b"x-failed-recipients" in named,
        auto_submitted=_tokens(block, b"auto-submitted"),
        auto_reply_field=not _AUTO_REPLY.isdisjoint(named)
        or any(not _denied(block, name) for name in _CLAIMS & named.keys())
        or any(value in _tokens(block, name) for name, value in _AUTO_REPLY_VALUES.items() if name in named),
        precedence=_tokens(block, b"precedence"),
        null_return_path=null_return_path,
        subject=subject,
        list_field=any(name.startswith(b"list-") for name in named),
        looped=b"x-loop" in named,
        answers_domains=frozenset(_answered(block)),
        exchange_rule=not _EXCHANGE.isdisjoint(named),
        leaf_types=frozenset() if root is None else frozenset(leaf.media_type for leaf in root.leaves()),
    )


def _answered(block: Block) -> Iterator[str]:
    """The right sides of the ids that it answers."""
    for name in (b"in-reply-to", b"references"):
        for one in listed(block.all(name)):
            yield one.value.rpartition(b"@")[2].decode("latin-1").lower().removesuffix(".")


def _tokens(block: Block, name: bytes) -> frozenset[str]:
    """The first token of each such field, in lower case."""
    values = block.all(name)
    if not values:
        return frozenset()
    found = (_TOKEN.match(unfolded(value)) for value in values)
    return frozenset(one[1].decode("latin-1").lower() for one in found if one is not None)


def _denied(block: Block, name: bytes) -> bool:
    """Whether each such field says no. One that says nothing is there for a reason."""
    said = _tokens(block, name)
    return bool(said) and said <= NO


def _report(root: Part) -> str | None:
    """RFC 6522 §3: what a multipart/report reports; by its parameter, or else by the type of its parts."""
    if root.labels.value != "multipart/report":
        return None
    named = root.labels.text("report-type").lower()
    if named:
        return named
    kinds = (child.media_type for child in root.children)
    return next((kind.removeprefix("message/") for kind in kinds if kind in _REPORT_PARTS), None)


_REPORT_PARTS: Final = frozenset(
    f"message/{kind}"
    for kind in (
        "feedback-report",
        "disposition-notification",
        "global-disposition-notification",
        "delivery-status",
        "global-delivery-status",
    )
)
