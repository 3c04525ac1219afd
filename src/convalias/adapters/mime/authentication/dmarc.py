"""DMARC policies found by walking up the tree of names (RFC 9989 §4.10), and what is aligned with a domain.

The walk replaces the public suffix list of RFC 7489 §3.2: the domains themselves say where an organisation begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from convalias.adapters.mime.authentication.lookups import Lookups
from convalias.adapters.mime.tags import readable_tags
from convalias.domain.mail.authentication import DmarcPolicy
from convalias.ports.dns import NoSuchName, TemporaryFailure, TxtRecords

_DEEPEST: Final = 8  # RFC 9989 §4.10: a name of more labels is asked for itself, then from its last seven on
_POLICIES: Final = {policy.value: policy for policy in DmarcPolicy}
# RFC 9989 §4.7, tag t: a domain that is testing asks for one step less.
_TESTING: Final = {
    DmarcPolicy.REJECT: DmarcPolicy.QUARANTINE,
    DmarcPolicy.QUARANTINE: DmarcPolicy.NONE,
    DmarcPolicy.NONE: DmarcPolicy.NONE,
}


# RFC 7489 §6.4: dmarc-version, and what is no other version's name.
_VERSION: Final = re.compile(rb"[ \t\r\n]*+[vV][ \t]*+=[ \t]*+DMARC1[ \t\r\n]*+(?:;|\Z)")


class PolicyUnknown(Exception):
    """The domain name system did not answer; never leaves this package."""


@frozen(kw_only=True)
class DmarcRecord:
    """A policy record. The percentage of RFC 7489 is not read: RFC 9989 §4.7 took it back."""

    policy: DmarcPolicy
    below: DmarcPolicy
    """`sp`: for names below the organisation's."""
    absent: DmarcPolicy
    """`np`: for names that do not exist."""
    strict: bool
    """`adkim=s`: the signer must be the From domain itself."""
    psd: str
    """`y`: a public suffix, `n`: an organisation, `u`: not said."""
    strict_spf: bool = False
    """`aspf=s`: the envelope sender must be at the From domain itself."""


@frozen
class Published:
    """The policy that holds for a From domain."""

    policy: DmarcPolicy
    strict: bool
    strict_spf: bool = False


def read_record(texts: Sequence[bytes]) -> DmarcRecord | None:
    """The policy record among a name's texts. RFC 7489 §6.6.3: none where there are several."""
    records = [text for text in texts if _VERSION.match(text)]
    if len(records) != 1:
        return None
    record = readable_tags(records[0])
    policy = _POLICIES.get(record.get("p", "").lower())
    if policy is None:
        # RFC 7489 §6.6.3 (6): who wants reports only, is taken to say `none`.
        if "mailto:" not in record.get("rua", "").lower():
            return None
        policy = DmarcPolicy.NONE
    below = _POLICIES.get(record.get("sp", "").lower(), policy)
    absent = _POLICIES.get(record.get("np", "").lower(), below)
    if record.get("t", "n").lower() == "y":
        policy, below, absent = _TESTING[policy], _TESTING[below], _TESTING[absent]
    psd = record.get("psd", "").lower()
    return DmarcRecord(
        policy=policy,
        below=below,
        absent=absent,
        strict=record.get("adkim", "r").lower() == "s",
        strict_spf=record.get("aspf", "r").lower() == "s",
        psd=psd if psd in {"y", "n"} else "u",
    )


def steps(domain: str) -> Iterator[str]:
    """The names to ask, from the domain up to its last label; eight at most."""
    yield domain
    labels = domain.split(".")
    for count in range(min(len(labels) - 1, _DEEPEST - 1), 0, -1):
        yield ".".join(labels[-count:])


async def walk(domain: str, lookups: Lookups) -> list[tuple[str, DmarcRecord]]:
    """The records on the way up; ends at one that says what it is. Raises `PolicyUnknown`."""
    found: list[tuple[str, DmarcRecord]] = []
    for name in steps(domain):
        answer = await lookups.txt(f"_dmarc.{name}")
        if isinstance(answer, TemporaryFailure):
            raise PolicyUnknown(name)
        record = read_record(answer.texts) if isinstance(answer, TxtRecords) else None
        if record is not None:
            found.append((name, record))
            if record.psd in {"y", "n"}:
                break
    return found


async def organisation(domain: str, lookups: Lookups) -> str:
    """The organisational domain (RFC 9989 §4.10.2). Raises `PolicyUnknown`."""
    found = await walk(domain, lookups)
    if not found:
        return domain
    top, record = found[-1]
    if record.psd == "y" and top != domain:
        return ".".join(domain.split(".")[-top.count(".") - 2 :])
    return top


async def published(domain: str, lookups: Lookups) -> Published | None:
    """The policy for a From domain: its own, or its organisation's, or its public suffix's. Raises `PolicyUnknown`."""
    found = await walk(domain, lookups)
    if not found:
        return None
    own = dict(found).get(domain)
    if own is not None:
        return Published(own.policy, own.strict, own.strict_spf)
    by_name = dict(found)
    name = await organisation(domain, lookups)
    record = by_name.get(name, found[-1][1])
    if isinstance(await lookups.txt(domain), NoSuchName):
        return Published(record.absent, record.strict, record.strict_spf)
    return Published(record.below, record.strict, record.strict_spf)


async def aligned(signer: str, domain: str, policy: Published | None, lookups: Lookups) -> bool:
    """Whether a signature of that domain speaks for a From domain (RFC 7489 §3.1.1). Raises `PolicyUnknown`.

    Where nobody publishes a policy, a name above the From domain speaks for it: whoever has the parent has the child.
    """
    return await _speaks_for(signer, domain, lookups, strict=None if policy is None else policy.strict)


async def aligned_by_spf(sender: str, domain: str, policy: Published | None, lookups: Lookups) -> bool:
    """Whether an envelope sender of that domain speaks for a From domain (RFC 7489 §3.1.2). Raises `PolicyUnknown`."""
    return await _speaks_for(sender, domain, lookups, strict=None if policy is None else policy.strict_spf)


async def _speaks_for(name: str, domain: str, lookups: Lookups, *, strict: bool | None) -> bool:
    """`strict`: as the policy says; None: there is none."""
    if name == domain:
        return True
    if strict is None:
        return domain.endswith(f".{name}")
    return not strict and await organisation(name, lookups) == await organisation(domain, lookups)
