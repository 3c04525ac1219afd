"""Root secrets, newest first; each use derives a key of its own from them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from attrs import field, frozen

from convalias.domain.aliases.alias import KEY_IDS, AliasKey, AliasKeys, InvalidKey
from convalias.domain.errors import InvalidValue

SECRET_OCTETS: Final = 32
LEAST_OCTETS: Final = 16
"""RFC 2104 §3: shorter than the hash's output is weaker; half of it is the least that is taken."""
_FINGERPRINT: Final = 32
"""Hex digits: 128 bits."""
_ID: Final = re.compile(r"[0-9]{1,2}")


@frozen
class RootKey:
    """A root secret and its id, 0 to 31: the id is one character of every alias minted with it."""

    id: int
    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Return 32 hex digits that tell this secret from another and reveal nothing of it."""
        return _derive(self.secret, "fingerprint").hex()[:_FINGERPRINT]


@frozen
class KeyUse:
    """Aliases were made with the key of this id: a store keeps one for each such key. `at` is aware."""

    id: int
    fingerprint: str
    """Of the secret that made them; empty where nobody had it when this was noted."""
    at: datetime


@frozen
class Keyring:
    """The root secrets of one deployment, newest first: the first makes, all verify. Never shown."""

    keys: tuple[RootKey, ...]

    def __attrs_post_init__(self) -> None:
        """Refuse two keys of one id: which of them made something could not be told."""
        if len({key.id for key in self.keys}) != len(self.keys):
            raise InvalidKey("keys", found=[key.id for key in self.keys], expected="each id once")

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read `id:base64,id:base64`, newest first, as CONVALIAS_KEYS holds it. Raises `InvalidValue`, quoting no secret."""
        keys = tuple(_key(part.strip()) for part in text.split(",") if part.strip())
        if not keys:
            raise InvalidValue("keys", found="none", expected="id:base64, such as `convalias keys new` prints")
        return cls(keys)

    def render(self) -> str:
        """The text that `parse` reads. Secret."""
        return ",".join(f"{key.id}:{base64.b64encode(key.secret).decode()}" for key in self.keys)

    def with_new(self, secret: bytes, *, used: Iterable[int] = ()) -> Keyring:
        """Return a copy with one more key in front, under the next free id.

        Raises `InvalidKey` when all 32 ids are taken.

        `used`: ids of keys that are not here and made aliases all the same.
        """
        taken = {*(key.id for key in self.keys), *used}
        free = next((number for number in range(KEY_IDS) if number not in taken), None)
        if free is None:
            raise InvalidKey("keys", found=f"{KEY_IDS} ids in use", expected="a retired one to be removed first")
        return Keyring((RootKey(free, secret), *self.keys))

    def get(self, number: int) -> RootKey | None:
        """The key of that id, or None."""
        return next((key for key in self.keys if key.id == number), None)

    def clashes(self, other: Keyring) -> tuple[int, ...]:
        """Ids under which the two hold different secrets, ascending."""
        mine = {key.id: key.secret for key in self.keys}
        return tuple(sorted(key.id for key in other.keys if mine.get(key.id, key.secret) != key.secret))

    def joined(self, other: Keyring) -> Keyring:
        """Return a copy with the other's keys behind these, each id once. Raises `InvalidKey` when the two clash."""
        if clashes := self.clashes(other):
            raise InvalidKey("keys", found=f"two secrets under id {clashes[0]}", expected="one secret for each id")
        held = {key.id for key in self.keys}
        return Keyring((*self.keys, *(key for key in other.keys if key.id not in held)))

    def lacks(self, uses: Iterable[KeyUse]) -> tuple[KeyUse, ...]:
        """Return the uses whose secret is not here: no key of that id, or another secret under it."""
        here = {key.id: key.fingerprint for key in self.keys}
        return tuple(use for use in uses if here.get(use.id) != use.fingerprint)

    def derived(self, use: str) -> bytes:
        """The newest key of one use (`links`, `return-path`, `message-id`): 32 octets. Another use, another key."""
        return _derive(self.keys[0].secret, use)

    def each(self, use: str) -> tuple[tuple[int, bytes], ...]:
        """Return the key of a use for every root secret by id, newest first: older ones still verify."""
        return tuple((key.id, _derive(key.secret, use)) for key in self.keys)

    def alias_keys(self) -> AliasKeys:
        """The keys of alias MACs, one per root secret, newest first."""
        return AliasKeys(AliasKey(key.id, _derive(key.secret, "alias")) for key in self.keys)


def _key(part: str) -> RootKey:
    number, colon, encoded = part.partition(":")
    if not colon or not _ID.fullmatch(number) or int(number) >= KEY_IDS:
        raise InvalidValue("keys", found="an entry without a usable id", expected=f"id:base64, id 0 to {KEY_IDS - 1}")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except ValueError:  # `binascii.Error` is one, and so is a letter beyond ASCII
        secret = b""
    if len(secret) < LEAST_OCTETS:
        raise InvalidValue(
            f"key {number}", found="no base64, or too short", expected=f"at least {LEAST_OCTETS} octets in base64"
        )
    return RootKey(int(number), secret)


def _derive(secret: bytes, use: str) -> bytes:
    """HKDF-Expand with one block (RFC 5869 §2.3); the root secrets are uniformly random, so nothing to extract."""
    return hmac.new(secret, b"convalias/" + use.encode() + b"\x01", hashlib.sha256).digest()
