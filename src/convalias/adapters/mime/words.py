"""Encoded words (RFC 2047): text for display, decoded only after a field was taken apart."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from convalias.adapters.mime.charsets import decode, guess

_WORD: Final = re.compile(rb"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,32})?\?([bBqQ])\?([^?]*+)\?=")
_GAP: Final = re.compile(rb"[ \t\r\n]++")
# Controls never reach a screen or a header of ours; bidi marks turn `gpj.exe` into a picture (Unicode TR 36 §3).
_UNSEEN: Final = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " "),
    **dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF), None),
}


def decoded(value: bytes) -> str:
    """Text of an unstructured field for display: one line, no controls, no bidi marks. Total."""
    if b"=?" not in value:
        return one_line(guess(value))
    return one_line("".join(_pieces(value)))


def spelled_out(value: bytes) -> str:
    """Text of a field with its encoded words decoded, controls and all: to look for what hides in it."""
    return "".join(_pieces(value)) if b"=?" in value else guess(value)


def one_line(text: str) -> str:
    """Text without controls and bidi marks; white space is one space, none outside."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(text.translate(_UNSEEN).split())


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
