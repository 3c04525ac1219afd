"""The public key that a domain publishes for a signature (RFC 6376 §3.6.1, RFC 8463)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from convalias.adapters.mime.authentication.ed25519 import ed25519_key
from convalias.adapters.mime.authentication.rsa import RsaKey, rsa_key
from convalias.adapters.mime.tags import octets_of, read_tags, words_of

_KINDS: Final = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
ALGORITHMS: Final = frozenset(_KINDS)
"""RFC 8301 §3.1: rsa-sha1 is no signature any more."""


@frozen
class PublicKey:
    """A key, and what its owner says about its use."""

    key: RsaKey | bytes
    exact: bool
    """`t=s`: `i=` must be at the domain itself, not below it."""


def public_key(texts: Sequence[bytes], algorithm: str) -> PublicKey | None:
    """The one usable key for that algorithm; None when there is none, it was revoked, or there are several.

    A valid signature proves as much while a domain says that it is testing (`t=y`): the flag asks to overlook failures.
    """
    tags = [found for text in texts if (found := read_tags(text)) is not None and "p" in found]
    if len(tags) != 1:
        return None
    (record,) = tags
    first = next(iter(record))
    usable = (
        ("v" not in record or (first == "v" and record["v"] == "DKIM1"))
        and record.get("k", "rsa") == _KINDS[algorithm]
        and "sha256" in words_of(record.get("h", "sha256"))
        and not {"*", "email"}.isdisjoint(words_of(record.get("s", "*")))
    )
    octets = octets_of(record["p"]) if usable else None
    if octets is None:  # RFC 6376 §3.6.1: an empty p= is a revoked key
        return None
    key = rsa_key(octets) if _KINDS[algorithm] == "rsa" else ed25519_key(octets)
    return None if key is None else PublicKey(key, "s" in words_of(record.get("t", "")))
