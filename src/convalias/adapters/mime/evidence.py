"""SenderEvidence from the Authentication-Results fields of our own border (RFC 8601), and from no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from convalias.adapters.mime.coverage import covers, signed_fields, signs_list
from convalias.adapters.mime.fields import Block, unfolded
from convalias.adapters.mime.lists import list_id
from convalias.adapters.mime.mailboxes import text_of
from convalias.adapters.mime.results import Result, results_of, server_name
from convalias.adapters.mime.sender import readings_of
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import ClearFrom, From

_NOTHING: Final = SenderEvidence()
_P: Final = re.compile(r"\b(sp|p|policy)\s*+=\s*+(none|quarantine|reject)\b", re.IGNORECASE)
_DMARC: Final = {
    "pass": Dmarc.PASS,
    "none": Dmarc.NONE,
    "bestguesspass": Dmarc.NONE,  # Exchange Online: there is no record
    "fail": Dmarc.FAIL,
    "hardfail": Dmarc.FAIL,
    "permerror": Dmarc.PERMERROR,
    "temperror": Dmarc.TEMPERROR,
}
_WORST_FIRST: Final = (Dmarc.FAIL, Dmarc.PERMERROR, Dmarc.TEMPERROR, Dmarc.NONE, Dmarc.PASS)
_STRICTEST_FIRST: Final = (DmarcPolicy.REJECT, DmarcPolicy.QUARANTINE, DmarcPolicy.NONE)
_ORGANISATIONAL_LABELS: Final = 2


def read_evidence(block: Block, sender: From, trusted: frozenset[str]) -> SenderEvidence:
    """Return what trusted servers found. Of several results for one method the worst counts.

    Only fields above the first Received count: our border wrote both, everything below came with the mail. A trusted
    field that cannot be read is a permanent error, not nothing: else a sender could hide a failure by breaking it.
    """
    if not trusted or b"received" not in block.named:
        return _NOTHING
    names = frozenset(map(server_name, trusted)) - {""}
    results = [result for text in _above_received(block) for result in results_of(text, names)]
    domains = frozenset(reading.domain for reading in readings_of(sender))
    if isinstance(sender, ClearFrom) and sender.repaired:
        results = _about_exactly(results, domains)
    dmarc = _dmarc(results, domains)
    spf = _aligned(results, "spf", ("smtp.mailfrom",), domains)
    dkim = _aligned(results, "dkim", ("header.d", "header.i"), domains)
    signed = signed_fields(block, results, *domains) if len(domains) == 1 else None
    if signed is not None and dmarc is Dmarc.PASS and not spf:
        # RFC 7489 §4.2: one of the two passed. A broken signature that somebody added says nothing about another.
        dkim = True
    listed = list_id(block)
    return SenderEvidence(
        dmarc,
        _policy(results, domains),
        spf_aligned=spf,
        dkim_aligned=dkim,
        dkim_signed=signed if dkim else None,
        spf_known=not results or any(one.method == "spf" for one in results),
        via_list=listed if listed is not None and signs_list(block, results, listed) else None,
    )


def _about_exactly(results: Sequence[Result], domains: frozenset[str]) -> list[Result]:
    """What counts for a From that was repaired: servers read broken syntax in different ways.

    A result that names exactly its domain is about it, and proves that the others are; without one only failures count.
    """
    named = any(one.method == "dmarc" and one.properties.get("header.from") in domains for one in results)
    return [
        one
        for one in results
        if (one.properties.get("header.from") in domains or one.result != "pass" if one.method == "dmarc" else named)
    ]


def _above_received(block: Block) -> Iterator[str]:
    for name, value in block.fields:
        if name == b"received":
            return
        if name == b"authentication-results":
            yield text_of(unfolded(value))


def _dmarc(results: Iterable[Result], domains: frozenset[str]) -> Dmarc:
    """The worst result; a pass only if it is about the domain in From (RFC 7489 §3.1)."""
    found = {
        _DMARC.get(one.result, Dmarc.PERMERROR)
        for one in results
        if one.method == "dmarc" and (one.result != "pass" or one.properties.get("header.from", "") in {"", *domains})
    }
    return next((kind for kind in _WORST_FIRST if kind in found), Dmarc.NONE)


def _policy(results: Sequence[Result], domains: frozenset[str]) -> DmarcPolicy | None:
    """The published policy, the strictest that is named: `policy.dmarc`, or `p=` in the comment that many write."""
    about = [one for one in results if one.method == "dmarc"]
    named = {one.properties.get("policy.dmarc", "") for one in about}
    sub = any(domain.count(".") >= _ORGANISATIONAL_LABELS for domain in domains)
    comments = (comment for one in about for comment in one.comments)
    said = (found for comment in comments for found in _P.findall(comment))
    named |= {value.lower() for kind, value in said if sub or kind.lower() != "sp"}
    return next((policy for policy in _STRICTEST_FIRST if policy.value in named), None)


def _aligned(results: Iterable[Result], method: str, keys: Sequence[str], domains: frozenset[str]) -> bool:
    """Whether that method passed, every time, and at least once for the From domain or a parent of it.

    RFC 7489 §3.1 aligns by organisational domain, which needs the public suffix list; a parent that signs or sends
    is never a public suffix, so this is the part of it that needs no list.
    """
    own = [one for one in results if one.method == method and one.result != "none"]
    if not own or any(one.result != "pass" for one in own) or len(domains) != 1:
        return False
    (domain,) = domains
    return any(covers(one.properties.get(key, ""), domain) for one in own for key in keys)
