"""Addresses as the model of the rules sees them: one canonical text, and how a recipient is peeled down to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import string
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
LOOKALIKES = str.maketrans("oil", "011")
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

# The model knows the A-labels of the few names that its generator writes; it has no IDNA tables.
A_LABELS = {"bücher": "xn--bcher-kva", "faß": "xn--fa-hia"}

BATV = re.compile(r"(?:prvs=[^=]+=|btv1==[^=]+==)(?P<rest>.+)", re.DOTALL)
SRS0 = re.compile(r"srs0[=+-][^=]+=[^=]+=(?P<host>[^=]+)=(?P<local>.+)", re.DOTALL)
SRS1 = re.compile(r"srs1[=+-][^=]+=[^=]+=(?P<srs0>[=+-].+)", re.DOTALL)
V3 = re.compile(r"(?:.*-)?(?P<token>[0-9a-tv-z]{17})", re.DOTALL)


@lru_cache(maxsize=4096)
def canonical(written: str) -> str:
    """The canonical key of an address: no brackets, no quotes, ASCII case folded and nothing else."""
    text = written.strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1].strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):  # the whole address quoted
        text = text[1:-1]
    local, _, domain = text.rpartition("@")
    if len(local) > 1 and local.startswith('"') and local.endswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    local = local.translate(LOWER)
    composed = unicodedata.normalize("NFC", local)
    if _ascii_letters(composed) <= _ascii_letters(local):
        local = composed
    labels = domain.removesuffix(".").translate(LOWER).split(".")
    return f"{local}@{'.'.join(A_LABELS.get(label, label) for label in labels)}"


def _ascii_letters(text: str) -> int:
    return sum(character in string.ascii_letters for character in text)


def domain_of(address: str) -> str:
    """What stands right of the last at sign."""
    return address.rpartition("@")[2]


def peeled(address: str, ours: Collection[str]) -> str | None:
    """The address with one layer less, None if nothing can be taken off that leaves an address of ours."""
    local, _, domain = address.rpartition("@")
    # What was put around the whole address comes off before a tag that may be a part of it.
    if domain in ours and (batv := BATV.fullmatch(local)):
        return f"{batv['rest']}@{domain}"
    srs1 = SRS1.fullmatch(local)
    srs0 = SRS0.fullmatch(f"srs0{srs1['srs0']}" if srs1 else local)
    if srs0 and srs0["host"] in ours:
        return f"{srs0['local']}@{srs0['host']}"
    untagged, plus, _ = local.rpartition("+")
    return f"{untagged}@{domain}" if domain in ours and plus and untagged else None


def decoded(written: str, listed: Collection[str], ours: Collection[str]) -> str:
    """The recipient that was meant: a listed address as soon as one shows, else whatever is left in the end."""
    address = canonical(written)
    while address not in listed:
        inner = peeled(address, ours)
        if inner is None:
            break
        address = inner
    return by_token(address, listed)


def by_token(address: str, listed: Collection[str]) -> str:
    """A v3 address with another name is the listed one with the same token at the same domain."""
    token = token_of(address)
    if address in listed or token is None:
        return address
    same = [a for a in sorted(listed) if token_of(a) == token and domain_of(a) == domain_of(address)]
    return same[0] if same else address


def token_of(address: str) -> str | None:
    """The normalised token of a v3-shaped address, else None."""
    shape = V3.fullmatch(address.rpartition("@")[0])
    return shape["token"].translate(LOOKALIKES) if shape else None


def mac_of(secret: bytes, key_and_id: str, domain: str) -> str:
    """The six characters that close a token: the first 30 bits of the HMAC, five at a time."""
    text = f"v3|{key_and_id[0]}|{key_and_id[1:]}|{domain}"
    digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    bits = int.from_bytes(digest[:4], "big") >> 2
    return "".join(CROCKFORD[bits >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))


def forged(address: str, keys: Mapping[int, str]) -> bool:
    """Whether a v3-shaped address carries a MAC that none of the known keys made; without keys nothing is."""
    token = token_of(address)
    if token is None or not keys:
        return False
    secret = keys.get(CROCKFORD.index(token[0]))
    if secret is None:
        return True
    return mac_of(base64.b64decode(secret), token[:11], domain_of(address)) != token[11:]
