"""Decide how each attached file reaches those who have only mail: in the mail, or by a link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final

from attrs import frozen

from convalias.domain.conversations.events import HARMFUL, SPAM, UNCHECKED, UNVERIFIED, MessageAdded
from convalias.domain.conversations.participants import AccountAuthor, Standing
from convalias.domain.mail.envelope import Attachment

MOST_ENCODED: Final = 5_000_000
"""Octets of all files of one mail as base64: many servers take 10 MB, and each recipient gets a copy."""
LINKED_FOR: Final = timedelta(days=30)
"""How long a link to a file opens it, from the message on."""
_LINE: Final = 57
"""Octets in one line of base64, which takes 78 with its end (RFC 2045 §6.8)."""
_ENCODED_LINE: Final = 78
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_OPEN: Final = "application/vnd.oasis.opendocument"
_UNNAMED: Final = frozenset({"application/octet-stream", "application/x-download", "application/force-download"})
"""Types by which programs say that they do not know one: the ending tells more."""
LISTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "application/pdf": ("pdf",),
        "image/avif": ("avif",),
        "image/bmp": ("bmp",),
        "image/gif": ("gif",),
        "image/heic": ("heic",),
        "image/heif": ("heif",),
        "image/jpeg": ("jpg", "jpeg", "jpe"),
        "image/png": ("png",),
        "image/tiff": ("tif", "tiff"),
        "image/webp": ("webp",),
        "application/ics": ("ics",),
        "text/calendar": ("ics",),
        "text/csv": ("csv",),
        "text/markdown": ("md", "markdown"),
        "text/plain": ("txt", "log", "text", "md", "csv"),
        "text/rtf": ("rtf",),
        "application/rtf": ("rtf",),
        f"{_OFFICE}.wordprocessingml.document": ("docx",),
        f"{_OFFICE}.spreadsheetml.sheet": ("xlsx",),
        f"{_OFFICE}.presentationml.presentation": ("pptx",),
        f"{_OPEN}.text": ("odt",),
        f"{_OPEN}.spreadsheet": ("ods",),
        f"{_OPEN}.presentation": ("odp",),
    }
)
"""Media types that go along, and the endings of each. None of them runs: no page, no SVG, no macros, no archive."""
_TYPE_OF: Final = {ending: kind for kind, endings in reversed(tuple(LISTED.items())) for ending in endings}


class Passage(Enum):
    """The way by which an attached file reaches a recipient."""

    ALONG = "along"
    """In the mail."""
    LINK = "link"
    """By a link to a page of ours."""
    LEFT_OUT = "left_out"
    """Not by mail: it is in the conversation."""
    HARMFUL = "harmful"
    """Not at all: a check found something harmful in the message."""


@frozen(kw_only=True)
class LinkedFile:
    """An attached file as the page of its link shows it. Nothing in it names an address."""

    name: str
    size: int
    """Octets."""
    author: str
    """The name of who sent it."""
    until: datetime
    """When the link ends."""
    verified: bool = True
    """Whether it was proved who sent it."""


def encoded(size: int) -> int:
    """Octets of a file of `size` octets as base64 in a mail."""
    return -(-size // _LINE) * _ENCODED_LINE


def listed_type(attachment: Attachment) -> str | None:
    """Return the media type under which the file may go along, or None.

    Type and ending must agree: by the ending a computer chooses the program that opens it.
    """
    kind = attachment.media_type.lower()
    _, dot, ending = attachment.name.rpartition(".")
    if not dot:
        return kind if kind in LISTED else None
    if kind in _UNNAMED:
        return _TYPE_OF.get(ending.lower())
    return kind if ending.lower() in LISTED.get(kind, ()) else None


def passages(message: MessageAdded, *, links: bool) -> tuple[Passage, ...]:
    """Return the passage of each attachment, in their order.

    Files go along where a verified account wrote from a registered address, of listed kinds, while all that go fit in `MOST_ENCODED`. `links`:
    whether there is an address that a link can lead to.
    """
    if HARMFUL in message.flags:
        return (Passage.HARMFUL,) * len(message.attachments)
    otherwise = Passage.LINK if links else Passage.LEFT_OUT
    author = message.author
    is_vouched = (
        isinstance(author, AccountAuthor)
        and author.verified
        and author.standing is Standing.REGISTERED
        and not message.flags & {SPAM, UNVERIFIED, UNCHECKED}
    )
    found, left = list[Passage](), MOST_ENCODED
    for one in message.attachments:
        size = encoded(one.size)
        if is_vouched and size <= left and listed_type(one) is not None:
            left -= size
            found.append(Passage.ALONG)
        else:
            found.append(otherwise)
    return tuple(found)
