"""ARC (RFC 8617): whether servers that we listed vouch that a mail had passed before they changed it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from attrs import frozen

from convalias.adapters.mime.authentication.canonical import SignedField, SignedMail
from convalias.adapters.mime.authentication.dkim import (
    Checked,
    Signature,
    read_signature,
    signer_of,
    verified_by,
    verify,
)
from convalias.adapters.mime.authentication.keys import ALGORITHMS
from convalias.adapters.mime.authentication.lookups import Lookups
from convalias.adapters.mime.coverage import covers
from convalias.adapters.mime.mailboxes import text_of
from convalias.adapters.mime.results import Result, parts_of, results_in
from convalias.adapters.mime.tags import octets_of, read_tags

_MOST: Final = 10  # RFC 8617 §4.2.1 allows 50; nobody whom we list is behind ten others
_INSTANCE: Final = re.compile(rb"[ \t\r\n]*+i[ \t]*+=[ \t]*+(\d{1,2})[ \t\r\n]*+;")
_RESULT: Final = re.compile(r"([a-z0-9-]+)=([a-z]+)")


@frozen
class ArcSet:
    """A set of one instance: what a server found, its signature of the mail, and its seal over the chain."""

    results: SignedField
    signature: SignedField
    seal: SignedField
    tags: Mapping[str, str]
    """Of the seal."""

    @property
    def sealer(self) -> str:
        """The domain that sealed; empty when it names none."""
        names = signer_of(self.tags.get("d", ""), self.tags.get("s", ""))
        return "" if names is None else names[0]


Saw: TypeAlias = Callable[[Sequence[Result], str], bool]
"""Whether a server's results say that the domain had passed."""


def saw_dmarc(results: Sequence[Result], domain: str) -> bool:
    """Whether DMARC had passed for the domain, and for no other."""
    about = [one for one in results if one.method == "dmarc"]
    return bool(about) and all(_passed(one) and one.properties.get("header.from") == domain for one in about)


def saw_spf(results: Sequence[Result], domain: str) -> bool:
    """Whether SPF had passed for the domain or a parent of it."""
    about = [one for one in results if one.method == "spf"]
    return bool(about) and all(
        _passed(one) and covers(one.properties.get("smtp.mailfrom", ""), domain) for one in about
    )


def _passed(result: Result) -> bool:
    return result.result == "pass"


async def vouched_for(
    mail: SignedMail, domain: str, lookups: Lookups, *, sealers: Collection[str], now: datetime, saw: Saw
) -> bool:
    """Whether an intact chain, all of whose upper end we listed, says that the From domain had passed.

    From the newest seal down, each must be of a listed sealer until one says so: a server in between that nobody
    listed could have written the mail itself.
    """
    chain = arc_chain(mail) if sealers else ()
    if not chain or not _is_vouched_for(chain, domain, sealers, saw):
        return False
    newest = read_signature(chain[-1].signature, versioned=False)
    if newest is None or "arc-seal" in newest.signed:  # RFC 8617 §4.1.2
        return False
    if await verify(newest, mail, lookups, now=now) is not Checked.PASS:
        return False
    for count in range(len(chain), 0, -1):
        if not await _is_sealed(chain[:count], lookups):
            return False
    return True


def arc_chain(mail: SignedMail) -> tuple[ArcSet, ...]:
    """Return the sets by instance; none unless they are one to n, each whole and with its `cv` (§5.2)."""
    seals = {tags.get("i", ""): (one, tags) for one in mail.all(b"arc-seal") if (tags := read_tags(one.value))}
    signatures = {
        tags.get("i", ""): one for one in mail.all(b"arc-message-signature") if (tags := read_tags(one.value))
    }
    results = {
        found[1].decode(): one
        for one in mail.all(b"arc-authentication-results")
        if (found := _INSTANCE.match(one.value))
    }
    count = len(mail.all(b"arc-seal"))
    names = [str(number) for number in range(1, count + 1)]
    fields = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")
    if count > _MOST or any(len(mail.all(name)) != count for name in fields):
        return ()
    if any(set(names) != found.keys() for found in (seals, signatures, results)):
        return ()
    chain = tuple(ArcSet(results[name], signatures[name], *seals[name]) for name in names)
    sound = all(one.tags.get("cv") == ("pass" if number else "none") for number, one in enumerate(chain))
    return chain if sound else ()


def _is_vouched_for(chain: tuple[ArcSet, ...], domain: str, sealers: Collection[str], saw: Saw) -> bool:
    for one in reversed(chain):
        if one.sealer not in sealers:
            return False
        found = read_results(one.results.value)
        if saw(found, domain):
            return True
        if not any(one.method == "arc" and _passed(one) for one in found):
            return False
    return False


async def _is_sealed(chain: tuple[ArcSet, ...], lookups: Lookups) -> bool:
    """RFC 8617 §5.1.1: a seal is over all sets up to its own, in relaxed form, its own `b=` empty."""
    seal = chain[-1]
    names = signer_of(seal.tags.get("d", ""), seal.tags.get("s", ""))
    value, algorithm = octets_of(seal.tags.get("b", "")), seal.tags.get("a", "")
    if names is None or value is None or algorithm not in ALGORITHMS or "h" in seal.tags:
        return False
    digest = hashlib.sha256()
    for one in chain[:-1]:
        for field in (one.results, one.signature, one.seal):
            digest.update(field.canonical(relaxed=True) + b"\r\n")
    digest.update(seal.results.canonical(relaxed=True) + b"\r\n")
    digest.update(seal.signature.canonical(relaxed=True) + b"\r\n")
    digest.update(seal.seal.unsigned().canonical(relaxed=True))
    signature = Signature(
        field=seal.seal,
        algorithm=algorithm,
        domain=names[0],
        selector=names[1],
        identity=names[0],
        signed=(),
        relaxed_header=True,
        relaxed_body=True,
        body_hash=b"",
        value=value,
        expires=None,
    )
    return await verified_by(signature, digest.digest(), lookups) is Checked.PASS


def read_results(value: bytes) -> list[Result]:
    """The results of one set; comments and quoted strings say nothing. Empty when they cannot be read."""
    parts = parts_of(text_of(value))
    # Before them: the instance, and the name of the server (RFC 8617 §4.1.1).
    return [one for part in parts[2:] for one in results_in(part)]
