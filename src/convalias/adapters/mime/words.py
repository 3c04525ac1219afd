"""Encoded words (RFC 2047): text for display, decoded only after a field was taken apart."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from convalias.adapters.mime.charsets import decode, guess
from convalias.domain.printable import one_line

_WORD: Final = re.compile(rb"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,32})?\?([bBqQ])\?([^?]*+)\?=")
_GAP: Final = re.compile(rb"[ \t\r\n]++")


def decoded(value: bytes) -> str:
    """Text of an unstructured field for display: one line, no controls, no bidi marks. Total."""
    if b"=?" not in value:
        return one_line(guess(value))
    return one_line("".join(_pieces(value)))


def spelled_out(value: bytes) -> str:
    """Text of a field with its encoded words decoded, controls and all: to look for what hides in it."""
    return "".join(_pieces(value)) if b"=?" in value else guess(value)


def _pieces(value: bytes) -> Iterator[str]:
    """Plain stretches and encoded words in turn. White space between two words counts for nothing (§6.2)."""
    at = 0
    pending, charset = b"", ""
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        label = found[1].decode("latin-1").lower()
        adjacent = at > 0 and not between.strip()
        if pending and not (adjacent and label == charset):
            # Words of one charset are joined before they are decoded: senders cut characters in two.
            yield decode(pending, charset)
            pending = b""
        if not adjacent:
            yield guess(between)
        pending, charset = pending + _octets(found[2], found[3]), label
        at = found.end()
    if pending:
        yield decode(pending, charset)
    yield guess(value[at:])


def _octets(encoding: bytes, text: bytes) -> bytes:
    """The bytes of one word (§4.1, §4.2)."""
    if encoding in b"qQ":
        return binascii.a2b_qp(text, header=True)
    text = _GAP.sub(b"", text).rstrip(b"=")
    if len(text) % 4 == 1:
        text = text[:-1]
    try:
        return binascii.a2b_base64(text + b"==")
    except binascii.Error:
        return b""
