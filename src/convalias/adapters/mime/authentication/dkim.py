"""A DKIM signature (RFC 6376): taken apart, and verified."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from enum import Enum
from typing import Final

from attrs import frozen

from convalias.adapters.mime.authentication.canonical import SignedField, SignedMail
from convalias.adapters.mime.authentication.keys import ALGORITHMS, public_key
from convalias.adapters.mime.authentication.lookups import Lookups
from convalias.adapters.mime.tags import octets_of, read_tags, words_of
from convalias.domain.addresses.email_address import InvalidAddress, canonical_domain
from convalias.ports.dns import TemporaryFailure, TxtRecords

_MOST_SIGNED: Final = 500
"""Names in `h=`: every one of them is looked for."""
_LONGEST_NUMBER: Final = 12
_MODES: Final = {"simple": False, "relaxed": True}


class Checked(Enum):
    """The result of checking a signature."""

    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    """Broken, forged, expired, of an unusable key, or one that proves less than it seems."""
    TEMPERROR = "temperror"


@frozen(kw_only=True)
class Signature:
    """A signature field, as far as it can be verified at all."""

    field: SignedField
    algorithm: str
    domain: str
    selector: str
    identity: str
    """The domain of `i=`, which is `d=` or below it."""
    signed: tuple[str, ...]
    relaxed_header: bool
    relaxed_body: bool
    body_hash: bytes
    value: bytes
    expires: int | None


def read_signature(field: SignedField, *, versioned: bool = True) -> Signature | None:
    """A DKIM-Signature, or (`versioned=False`) an ARC-Message-Signature, which is one but for `v=` (RFC 8617 §4.1.2).

    None for what RFC 6376 §6.1.1 calls an error, and for `l=`: whoever sees such a mail may write below the text.
    """
    tags = read_tags(field.value)
    if tags is None or "l" in tags or (versioned and tags.get("v") != "1") or tags.get("q", "dns/txt") != "dns/txt":
        return None
    algorithm = tags.get("a", "")
    modes = tags.get("c", "simple/simple").partition("/")
    value, body_hash = octets_of(tags.get("b", "")), octets_of(tags.get("bh", ""))
    signed = words_of(tags.get("h", ""))
    header, body = _MODES.get(modes[0]), _MODES.get(modes[2] or "simple")
    if algorithm not in ALGORITHMS or value is None or body_hash is None or header is None or body is None:
        return None
    names = signer_of(tags.get("d", ""), tags.get("s", ""))
    identity = tags.get("i", "@" + tags.get("d", "")) if versioned else "@" + tags.get("d", "")
    times = _times(tags.get("t"), tags.get("x"))
    if names is None or times is None or len(signed) > _MOST_SIGNED:
        return None
    below = identity.rpartition("@")[2].lower().rstrip(".")
    if below != names[0] and not below.endswith(f".{names[0]}"):
        return None
    return Signature(
        field=field,
        algorithm=algorithm,
        domain=names[0],
        selector=names[1],
        identity=below,
        signed=signed,
        relaxed_header=header,
        relaxed_body=body,
        body_hash=body_hash,
        value=value,
        expires=times[1],
    )


def signer_of(domain: str, selector: str) -> tuple[str, str] | None:
    """`d=` and `s=`, canonical, of at least two labels and one; None when they name nothing."""
    try:
        names = canonical_domain(domain), canonical_domain(selector)
    except InvalidAddress:
        return None
    return names if "." in names[0] and "[" not in names[0] + names[1] else None


def _times(made: str | None, expires: str | None) -> tuple[int | None, int | None] | None:
    """`t=` and `x=` (RFC 6376 §3.5): seconds, `x` later than `t`."""
    for text in (made, expires):
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
            return None
    numbers = (None if made is None else int(made)), (None if expires is None else int(expires))
    return None if numbers[0] is not None and numbers[1] is not None and numbers[1] <= numbers[0] else numbers


def covers_from(signature: Signature, mail: SignedMail) -> bool:
    """Return whether there is a From and each is signed: else another could be added above (RFC 6376 §8.15)."""
    return 1 <= len(mail.all(b"from")) <= signature.signed.count("from")


async def verify(signature: Signature, mail: SignedMail, lookups: Lookups, *, now: datetime) -> Checked:
    """Verify one signature as of that moment: everything that needs no look-up first. Raises `TimeoutError`."""
    if signature.expires is not None and now.timestamp() >= signature.expires:
        return Checked.FAIL
    if not covers_from(signature, mail):
        return Checked.FAIL
    if not hmac.compare_digest(await lookups.body_hash(mail, relaxed=signature.relaxed_body), signature.body_hash):
        return Checked.FAIL
    digest = hashlib.sha256()
    for one in mail.chosen(signature.signed):
        digest.update(one.canonical(relaxed=signature.relaxed_header) + b"\r\n")
    digest.update(signature.field.unsigned().canonical(relaxed=signature.relaxed_header))
    return await verified_by(signature, digest.digest(), lookups)


async def verified_by(signature: Signature, digest: bytes, lookups: Lookups) -> Checked:
    """Whether the published key made that signature over that digest. Raises `TimeoutError`."""
    answer = await lookups.txt(f"{signature.selector}._domainkey.{signature.domain}")
    if isinstance(answer, TemporaryFailure):
        return Checked.TEMPERROR
    key = public_key(answer.texts, signature.algorithm) if isinstance(answer, TxtRecords) else None
    if key is None or (key.exact and signature.identity != signature.domain):
        return Checked.FAIL
    return Checked.PASS if await lookups.keys.verifies(key, signature.value, digest) else Checked.FAIL
