"""RSA signatures verified: PKCS #1 v1.5 with SHA-256 (RFC 8017 §8.2.2). Public numbers only, so no time is secret."""

from __future__ import annotations

import hmac
from typing import Final

from attrs import frozen

_LEAST_BITS: Final = 1024  # RFC 8301 §3.2: verifiers must not take shorter keys
_MOST_BITS: Final = 4096  # ... and must take these; longer ones cost more than they prove
_MOST_EXPONENT_BITS: Final = 32
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_BIT_STRING: Final = 0x03
# RFC 8017 §9.2 note 1: DigestInfo of SHA-256, before the digest.
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_RSA_ENCRYPTION: Final = bytes.fromhex("06092a864886f70d010101")
_LONG_FORM: Final = 0x80
_LENGTH_OCTETS: Final = 2


@frozen
class RsaKey:
    """A public key."""

    modulus: int
    exponent: int

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Whether that is the signature of a SHA-256 digest."""
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        info = _SHA256 + digest
        # RFC 8017 §9.2: the whole encoded message is compared, never parsed: padding is where forgeries hide.
        expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
        return hmac.compare_digest(pow(number, self.exponent, self.modulus).to_bytes(size, "big"), expected)


def rsa_key(octets: bytes) -> RsaKey | None:
    """A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) or a bare RSAPublicKey of 1,024 to 4,096 bits; None for all else."""
    inside = _whole(octets, _SEQUENCE)
    if inside is None:
        return None
    first = _element(inside)
    if first is not None and first[0] == _SEQUENCE:
        if not first[1].startswith(_RSA_ENCRYPTION):
            return None
        bits = _whole(first[2], _BIT_STRING)
        inside = None if bits is None else _whole(bits[1:], _SEQUENCE)
    modulus = _element(inside or b"")
    exponent = _element(modulus[2]) if modulus is not None else None
    if modulus is None or exponent is None or (modulus[0], exponent[0]) != (_INTEGER, _INTEGER):
        return None
    key = RsaKey(int.from_bytes(modulus[1], "big"), int.from_bytes(exponent[1], "big"))
    fits = _LEAST_BITS <= key.modulus.bit_length() <= _MOST_BITS and key.modulus % 2
    sound = key.exponent % 2 and key.exponent > 1 and key.exponent.bit_length() <= _MOST_EXPONENT_BITS
    return key if fits and sound else None


def _element(octets: bytes) -> tuple[int, bytes, bytes] | None:
    """The first DER element: tag, content, rest."""
    if len(octets) < 2:  # noqa: PLR2004 - a tag and a length
        return None
    length, at = octets[1], 2
    if length & _LONG_FORM:
        count = length & ~_LONG_FORM
        if not 1 <= count <= _LENGTH_OCTETS:
            return None
        length, at = int.from_bytes(octets[2 : 2 + count], "big"), 2 + count
    end = at + length
    return (octets[0], octets[at:end], octets[end:]) if end <= len(octets) else None


def _whole(octets: bytes, tag: int) -> bytes | None:
    """The content of the one element that is all of it."""
    found = _element(octets)
    return found[1] if found is not None and found[0] == tag and not found[2] else None
