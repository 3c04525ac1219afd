"""Content-Transfer-Encoding undone: bytes to bytes, never an exception, linear."""

from __future__ import annotations

import binascii
import re
from typing import Final

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OTHERS: Final = bytes(octet for octet in range(256) if octet not in _ALPHABET + b"=")
_STRETCHES: Final = 1_000


def undone(octets: bytes, encoding: str) -> bytes:
    """The content behind the encoding `base64`, `quoted-printable` or none."""
    match encoding:
        case "base64":
            return _base64(octets)
        case "quoted-printable":
            return binascii.a2b_qp(octets)
        case _:
            return octets


def goes_on_after_padding(octets: bytes) -> bool:
    """Base64 that goes on behind its padding: some parsers stop there, some do not (RFC 2045 §6.8)."""
    return b"=" in octets.rstrip(b"= \t\r\n")


def _base64(octets: bytes) -> bytes:
    """Tolerant: foreign characters are passed over, what was concatenated is read on, a torn end is dropped."""
    if not goes_on_after_padding(octets):
        return _stretch(octets.rstrip(b"= \t\r\n") + b"==")
    stretches = re.split(rb"=++", octets, maxsplit=_STRETCHES)
    return b"".join(_stretch(stretch + b"==") for stretch in stretches[:_STRETCHES])


def _stretch(octets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        kept = octets.translate(None, _OTHERS + b"=")
        if len(kept) % 4 == 1:
            kept = kept[:-1]
        return binascii.a2b_base64(kept + b"==")
