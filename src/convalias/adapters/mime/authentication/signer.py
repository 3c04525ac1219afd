"""DKIM signatures of outgoing mail (RFC 6376). Needs `convalias[dkim]`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from convalias.adapters.mime.authentication.canonical import SignedField, SignedMail
from convalias.adapters.mime.authentication.dkim import signer_of
from convalias.adapters.mime.authentication.keys import public_key
from convalias.domain.errors import InvalidValue
from convalias.extras import brought_by
from convalias.ports.dns import DnsResolver, TemporaryFailure, TxtRecords
from convalias.ports.drafts import Compose, Draft

with brought_by("dkim"):
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

OVERSIGNED: Final = (
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
"""Signed once more than they are there, so that nobody adds one on the way (RFC 6376 §8.15; RFC 8058 §4 wants two)."""
_LEAST_BITS, _MOST_BITS = 2048, 4096
"""RFC 8301 §3.2: signers should use 2,048 bits; some verifiers take no more than 4,096."""
_EXPECTED: Final = "a private key in PEM without a password: RSA of 2,048 to 4,096 bits, or Ed25519"
_LINE: Final = 72


class Signer:
    """Signs by one key. The same mail gets the same signature. Keeps the key out of its repr."""

    def __init__(self, pem: bytes, *, selector: str, domain: str | None = None) -> None:
        """`domain`: signed for, and for mail from below it alone; None: the domain of each From.

        Raises `InvalidValue`, which never shows the key.
        """
        if signer_of(domain or "d.example", selector) is None:
            found = f"{selector}._domainkey.{domain or '...'}"
            raise InvalidValue("DKIM signer", found=found, expected="a selector and a domain, as they stand in DNS")
        self.selector: Final = selector.lower()
        self.domain: Final = None if domain is None else domain.lower()
        self._key: Final = _private_key(pem)

    @property
    def algorithm(self) -> str:
        """`rsa-sha256` or `ed25519-sha256`, as `a=` has it."""
        return f"{self._kind}-sha256"

    @property
    def record(self) -> str:
        """The TXT record that belongs into DNS."""
        encoding, form = (
            (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            if self._kind == "rsa"
            else (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        )
        octets = self._key.public_key().public_bytes(encoding, form)
        return f"v=DKIM1; k={self._kind}; p={base64.b64encode(octets).decode()}"

    def domain_for(self, sender: str) -> str | None:
        """Return `d=` for mail from that domain. None: it is not signed, as no signature of ours would be aligned."""
        if self.domain is None or sender == self.domain or sender.endswith(f".{self.domain}"):
            return self.domain or sender
        return None

    def name_for(self, sender: str) -> str | None:
        """Return where the key of that domain is published. None: its mail is not signed."""
        domain = self.domain_for(sender)
        return None if domain is None else f"{self.selector}._domainkey.{domain}"

    def sign(self, raw: bytes, *, sender: str) -> bytes:
        """Return the mail with a signature on top, relaxed in header and body, if that domain is signed for."""
        domain, body = self.domain_for(sender), raw.find(b"\r\n\r\n")
        if domain is None or body < 0:
            return raw
        mail = SignedMail.of(raw, body + 4)
        names = [*dict.fromkeys(one.name.decode("ascii") for one in mail.fields)]
        counted = [name for name in names for _ in mail.all(name.encode())] + [*OVERSIGNED]
        hashed = base64.b64encode(mail.body_hash(relaxed=True)).decode()
        head = f" v=1; a={self.algorithm}; c=relaxed/relaxed; d={domain};\r\n s={self.selector};"
        value = f"{head}\r\n h={_folded(counted)};\r\n bh={hashed};\r\n b="
        field = SignedField(b"dkim-signature", f"DKIM-Signature:{value}".encode(), len("DKIM-Signature:"))
        digest = hashlib.sha256()
        for one in mail.chosen(counted):
            digest.update(one.canonical(relaxed=True) + b"\r\n")
        digest.update(field.canonical(relaxed=True))
        text = base64.b64encode(self._signed(digest.digest())).decode()
        lines = "\r\n ".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
        return field.line + lines.encode() + b"\r\n" + raw

    @property
    def _kind(self) -> str:
        return "rsa" if isinstance(self._key, RSAPrivateKey) else "ed25519"

    def _signed(self, digest: bytes) -> bytes:
        """RFC 8463 §3: Ed25519 signs the SHA-256 digest, not the text."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)


def _private_key(pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidValue("DKIM key", found="something else", expected=_EXPECTED) from None
    match key:
        case RSAPrivateKey() if not _LEAST_BITS <= key.key_size <= _MOST_BITS:
            raise InvalidValue("DKIM key", found=f"RSA of {key.key_size} bits", expected=_EXPECTED)
        case RSAPrivateKey() | Ed25519PrivateKey():
            return key
        case _:
            raise InvalidValue("DKIM key", found="a key of another kind", expected=_EXPECTED)


def _folded(names: Sequence[str]) -> str:
    """`h=`, broken behind colons (RFC 6376 §3.5)."""
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) + 1 > _LINE:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n  ".join(lines).removesuffix(":")


@frozen
class Signing:
    """`ports.Compose`: writes a mail by another, and signs it. A retry makes the same bytes."""

    compose: Compose
    signer: Signer

    def __call__(self, draft: Draft) -> bytes:
        """Write and sign. `d=` is for the domain of From."""
        return self.signer.sign(self.compose(draft), sender=draft.sender.domain)


class Publication(Enum):
    """The state of a signer's key at the name servers."""

    MATCHES = "the published key is that of the signer"
    OTHER = "another key is published, or one that does not serve"
    MISSING = "no key is published"
    UNANSWERED = "no name server answers"


async def publication(signer: Signer, name: str, resolver: DnsResolver) -> Publication:
    """Look whether verifiers will find the key of that signer under that name."""
    answer = await resolver.txt(name)
    if isinstance(answer, TemporaryFailure):
        return Publication.UNANSWERED
    if not isinstance(answer, TxtRecords) or not answer.texts:
        return Publication.MISSING
    found = public_key(answer.texts, signer.algorithm)
    own = public_key([signer.record.encode()], signer.algorithm)
    return Publication.MATCHES if found is not None and own is not None and found.key == own.key else Publication.OTHER
