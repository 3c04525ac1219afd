"""The token that decides a v3 alias: its alphabet, its MAC, and how it is read back.

A token is 17 characters of Crockford's base32: 1 of key id, 10 of random id (50 bits), 6 of MAC (30 bits). The
arithmetic behind these widths, and behind the two older formats:

- v3, guess: N of the 2^80 pairs of id and MAC are alive, so with 10^9 aliases one guess succeeds with
  p = N / 2^80 = 8.3e-16, and a million guesses with 8.3e-10.
- v3, collision: a new id meets one of 10^9 living ones with p = N / 2^50 = 8.9e-7; it is then drawn again.
- v2, collision: 32 bits reach an even chance of one collision at sqrt(2 ln 2 x 2^32), about 77,000 aliases.
- v2, guess: among 10,000 living John Smiths a guess succeeds with p = 10,000 / 2^32 = 2.3e-6, so that misses have
  to be rate limited.

Draws that are thrown away for their looks (see `minting`) take about a fifth of the ids, and so raise the two
figures of v3 by a quarter at most. `guess_chance` and `collision_chance` are the formulas.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from typing import Final

from convalias.domain.aliases.alias import AliasKey, AliasKeys, Forged, Token

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, lower case: no i, l, o (read as digits) and no u."""
ID_LENGTH: Final = 10
MAC_LENGTH: Final = 6
TOKEN_LENGTH: Final = 1 + ID_LENGTH + MAC_LENGTH
BITS: Final = 5
"""Bits that one character carries."""

_READ: Final = str.maketrans("oil", "011")
_SHAPE: Final = re.compile(r"[0-9a-tv-z]{17}")
_MAC_DROP: Final = 32 - BITS * MAC_LENGTH
"""Bits of the digest's first four octets that the MAC leaves out."""
_V1: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_V2: Final = re.compile(r"[a-z0-9][a-z0-9-]*-[0-9a-f]{8}")


def base32(number: int, length: int) -> str:
    """The lowest `length` x 5 bits of a number, the highest first."""
    return "".join([ALPHABET[number >> BITS * place & 31] for place in range(length - 1, -1, -1)])


def mac(key: AliasKey, random_id: str, domain: str) -> str:
    """6 characters that nobody makes without the secret; bound to key id, random id and domain.

    `random_id` and `domain` in lower case, as canonical.
    """
    message = f"v3|{ALPHABET[key.id]}|{random_id}|{domain}".encode()
    digest = hmac.digest(key.secret, message, hashlib.sha256)
    return base32(int.from_bytes(digest[:4]) >> _MAC_DROP, MAC_LENGTH)


def seal(key: AliasKey, random_id: str, domain: str) -> str:
    """The whole token of that random id."""
    return ALPHABET[key.id] + random_id + mac(key, random_id, domain)


def token_text(local: str) -> str | None:
    """The token that a canonical local part ends with, as minted; None where it ends otherwise.

    The name before it is decoration, whatever it says, and may be missing. `o` reads as 0, `i` and `l` as 1.

    >>> token_text("john-smith-0l23456789abcdefg")
    '0123456789abcdefg'
    >>> token_text("john-smith-1ab131e2") is None
    True
    """
    tail = local[-TOKEN_LENGTH:]
    if not _SHAPE.fullmatch(tail) or (len(local) > TOKEN_LENGTH and local[-TOKEN_LENGTH - 1] != "-"):
        return None
    return tail.translate(_READ)


def read_v3(local: str, domain: str, keys: AliasKeys | None) -> Token | Forged | None:
    """Read a canonical local part at a canonical domain as a v3 alias; None if it is none.

    Without keys no MAC is checked. The comparison takes the same time wherever the two differ.
    """
    text = token_text(local)
    if text is None:
        return None
    if keys is None or _is_ours(text, domain, keys):
        return Token(text, domain)
    return Forged(text)


def _is_ours(text: str, domain: str, keys: AliasKeys) -> bool:
    key = keys.get(ALPHABET.index(text[0]))
    if key is None:
        return False
    expected = mac(key, text[1 : 1 + ID_LENGTH], domain)
    return hmac.compare_digest(expected, text[1 + ID_LENGTH :])


def is_v1(local: str) -> bool:
    """Whether a canonical local part is a bare UUID."""
    return _V1.fullmatch(local) is not None


def is_v2(local: str) -> bool:
    """Whether a canonical local part is a name and eight hex digits."""
    return _V2.fullmatch(local) is not None


def guess_chance(*, living: int, space_bits: int, guesses: int = 1) -> float:
    """The chance that one of so many guesses meets one of the living aliases; bounded by 1."""
    return min(1.0, living * guesses / (1 << space_bits))


def collision_chance(*, living: int, space_bits: int) -> float:
    """The chance that any two of so many random ids are one (birthday bound)."""
    return -math.expm1(-living * (living - 1) / (2 << space_bits))
