"""The mathematics of public keys by the `cryptography` package. Needs `convalias[dkim]`."""

from __future__ import annotations

from typing import Final

from convalias.adapters.mime.authentication.rsa import RsaKey
from convalias.extras import brought_by

with brought_by("dkim"):
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

_SHA256: Final = Prehashed(SHA256())
# RFC 8032 §7.1, test 1: an empty message.
_KEY: Final = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
_SIGNATURE: Final = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


class LibraryMathematics:
    """`Mathematics` by OpenSSL, or by what the package was built with: a tenth of a millisecond a check."""

    @property
    def takes_long(self) -> bool:
        """A tenth of a millisecond."""
        return False

    def is_usable(self) -> bool:
        """Whether it can do what is asked: a build that is certified for other uses may lack Ed25519."""
        try:
            return self.ed25519_verifies(_KEY, _SIGNATURE, b"")
        except UnsupportedAlgorithm:
            return False

    def rsa_verifies(self, key: RsaKey, signature: bytes, digest: bytes) -> bool:
        """A key or a signature that the library refuses to look at verifies nothing."""
        try:
            public = RSAPublicNumbers(key.exponent, key.modulus).public_key()
            public.verify(signature, digest, PKCS1v15(), _SHA256)
        except (InvalidSignature, ValueError):
            return False
        return True

    def ed25519_verifies(self, key: bytes, signature: bytes, message: bytes) -> bool:
        """A key or a signature that the library refuses to look at verifies nothing."""
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True
