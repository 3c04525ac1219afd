"""Ed25519 signatures verified (RFC 8032 §5.1.7), for DKIM keys of RFC 8463. Public numbers only; some milliseconds each."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT: Final = pow(2, (_P - 1) // 4, _P)
_KEY: Final = 32
_SIGNATURE: Final = 64
_Point: TypeAlias = tuple[int, int, int, int]
"""Extended homogeneous coordinates (X, Y, Z, T), x = X/Z, y = Y/Z, x*y = T/Z (RFC 8032 §5.1.4)."""


_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL: Final = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})
"""y of the eight points whose order divides eight."""


def ed25519_key(octets: bytes) -> bytes | None:
    """Return the octets if they are a key: 32, written canonically, and not one that anybody can sign for.

    With a key of small order the secret number hardly matters: signatures made without it pass. Implementations differ
    about these keys, and about the ones that are written in a second way.
    """
    y = int.from_bytes(octets, "little") & (2**255 - 1)
    return octets if len(octets) == _KEY and y < _P and y not in _SMALL else None


def ed25519_verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the owner of that key signed the message. Total over any octets."""
    if len(key) != _KEY or len(signature) != _SIGNATURE:
        return False
    public, commitment = _point(key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or scalar >= _ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _ORDER
    left = _times(scalar, _BASE)
    return _same(left, _sum(commitment, _times(challenge, public)))


def _sum(one: _Point, two: _Point) -> _Point:
    """RFC 8032 §5.1.4."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _sum(result, point)
        point = _sum(point, point)
        scalar >>= 1
    return result


def _same(one: _Point, two: _Point) -> bool:
    return (one[0] * two[2] - two[0] * one[2]) % _P == 0 and (one[1] * two[2] - two[1] * one[2]) % _P == 0


def _point(octets: bytes) -> _Point | None:
    """RFC 8032 §5.1.3: the point of that encoding, or None."""
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _ROOT % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _base() -> _Point:
    found = _point((4 * pow(5, -1, _P) % _P).to_bytes(_KEY, "little"))
    return (0, 1, 1, 0) if found is None else found


_BASE: Final = _base()
"""B of RFC 8032 §5.1: y is 4/5, x is even."""
