"""Keep the start of a long text in its message; the whole text lies in a blob of its own."""

from __future__ import annotations

import hashlib
from typing import Final

from attrs import evolve, frozen

from convalias.domain.conversations.events import ConversationEvent, LongText, MessageAdded
from convalias.domain.ids import ConversationId, EventId

LONG: Final = 65_536
"""Octets of UTF-8: a message with a longer text keeps only the start of it."""
START: Final = 1_000
"""Characters of that start."""
_WIDEST: Final = 4
"""Octets of a character at most (RFC 3629 §3)."""


@frozen
class MessageTexts:
    """Both texts of a message, whole: what lies in its blob."""

    text: str
    full_text: str | None = None
    """None: the same as `text`, as where nothing is quoted."""


@frozen
class TextRow:
    """A long text that was written, and the event that is to refer to it."""

    conversation: ConversationId
    event: EventId
    name: str
    """The key of its blob."""


def is_long(message: MessageAdded) -> bool:
    """Return whether one of the texts of a message is longer than `LONG`."""
    return _is_long(message.text) or _is_long(message.full_text)


def texts_of(message: MessageAdded) -> MessageTexts:
    """Return both texts of a message that keeps them itself."""
    return MessageTexts(message.text, None if message.full_text == message.text else message.full_text)


def cut(message: MessageAdded, name: str) -> MessageAdded:
    """Return the message with the start of its texts, and with the name of the blob that holds them."""
    long = LongText(name, _digest(message.text, message.full_text))
    return evolve(message, text=message.text[:START], full_text=message.full_text[:START], long=long)


def whole(message: MessageAdded, texts: MessageTexts) -> MessageAdded | None:
    """Return the message with these texts in the place of their start. None: they are not those that were cut."""
    full_text = texts.text if texts.full_text is None else texts.full_text
    if message.long is None or message.long.digest != _digest(texts.text, full_text):
        return None
    return evolve(message, text=texts.text, full_text=full_text, long=None)


def has_same_text(standing: MessageAdded, message: MessageAdded) -> bool:
    """Return whether a message that was kept has the text of another, which is whole. Its blob is not needed."""
    if standing.long is None:
        return standing.text == message.text
    return standing.long.digest == _digest(message.text, message.full_text)


def is_cut(event: ConversationEvent) -> bool:
    """Return whether the event is a message that keeps only the start of its text."""
    return isinstance(event.happening, MessageAdded) and event.happening.long is not None


def _is_long(text: str) -> bool:
    return len(text) * _WIDEST > LONG and len(text.encode("utf-8", "surrogatepass")) > LONG


def _digest(text: str, full_text: str) -> str:
    """SHA-256 over both, length-prefixed; 64 hex digits."""
    sha = hashlib.sha256()
    for one in (text, full_text):
        octets = one.encode("utf-8", "surrogatepass")
        sha.update(b"%d:" % len(octets) + octets)
    return sha.hexdigest()
