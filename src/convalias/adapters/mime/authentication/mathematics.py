"""The mathematics of public keys: what is asked of it, our own, and which one a process uses."""

from __future__ import annotations

from typing import Protocol

from convalias.adapters.mime.authentication.ed25519 import ed25519_verifies
from convalias.adapters.mime.authentication.rsa import RsaKey
from convalias.extras import MissingPackageError


class Mathematics(Protocol):
    """Verifies signatures of keys that `public_key` let through. Total over any octets; keeps nothing."""

    @property
    def takes_long(self) -> bool:
        """Whether one check takes milliseconds, so that the event loop must not wait for it."""
        ...

    def rsa_verifies(self, key: RsaKey, signature: bytes, digest: bytes) -> bool:
        """Whether that is the PKCS #1 v1.5 signature of a SHA-256 digest (RFC 8017 §8.2.2)."""
        ...

    def ed25519_verifies(self, key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether that is the Ed25519 signature of the message (RFC 8032 §5.1.7)."""
        ...


class OwnMathematics:
    """`Mathematics` with nothing but the standard library: up to twelve milliseconds a check."""

    @property
    def takes_long(self) -> bool:
        """Up to twelve milliseconds."""
        return True

    def rsa_verifies(self, key: RsaKey, signature: bytes, digest: bytes) -> bool:
        """Verify by one power modulo the key."""
        return key.verifies(signature, digest)

    def ed25519_verifies(self, key: bytes, signature: bytes, message: bytes) -> bool:
        """Verify by the formulas of the standard."""
        return ed25519_verifies(key, signature, message)


def best_mathematics() -> Mathematics:
    """Return that of the `cryptography` package if it is installed and can do both, else our own."""
    try:
        from convalias.adapters.mime.authentication.library import LibraryMathematics  # noqa: PLC0415 - if installed
    except MissingPackageError:
        return OwnMathematics()
    library = LibraryMathematics()
    return library if library.is_usable() else OwnMathematics()
