"""SenderEvidence from the Authentication-Results fields of our own border (RFC 8601), and from no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import authres
from attrs import field, frozen

from convalias.adapters.mime.fields import Block, unfolded
from convalias.adapters.mime.mailboxes import text_of
from convalias.adapters.mime.sender import readings_of
from convalias.domain.envelope import From
from convalias.domain.evidence import Dmarc, DmarcPolicy, SenderEvidence

_NOTHING: Final = SenderEvidence()
# The parser is recursive on comments and takes the text apart with slices; half of such a field is the sender's.
_LONGEST: Final = 8_192
_DEEPEST: Final = 8
_AUTHSERV_ID: Final = re.compile(r'\s*+"?([A-Za-z0-9._-]++)"?[\s;]')
_POLICY: Final = re.compile(r"\bdmarc\s{0,4}=\s{0,4}\w{1,20}\s{0,4}\(([^()]{0,400})\)", re.IGNORECASE)
_P: Final = re.compile(r"\b(s?p)=(none|quarantine|reject)\b", re.IGNORECASE)
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


@frozen
class _Result:
    """One result of one method, and the properties it was found for."""

    method: str
    result: str
    properties: Mapping[str, str] = field(factory=dict[str, str])


class _Unreadable(Exception):
    """A field of a trusted server that cannot be read."""


class _Property(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str | None: ...


class _ParsedResult(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def properties(self) -> Sequence[_Property]: ...


class _ParsedField(Protocol):
    @property
    def results(self) -> Sequence[_ParsedResult]: ...


def _parsed(text: str) -> _ParsedField:
    """The library publishes no types: this function says what is used of it."""
    parsed: _ParsedField = authres.AuthenticationResultsHeader.parse(text)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportAssignmentType]
    return parsed


def read_evidence(block: Block, sender: From, trusted: frozenset[str]) -> SenderEvidence:
    """What trusted servers found. Of several results for one method the worst counts.

    Only fields above the first Received count: our border wrote both, everything below came with the mail. A trusted
    field that cannot be read is a permanent error, not nothing: else a sender could hide a failure by breaking it.
    """
    if not trusted or b"received" not in block.named:
        return _NOTHING
    names = frozenset(name.lower() for name in trusted)
    texts = [
        text for text in _above_received(block) if (found := _AUTHSERV_ID.match(text)) and found[1].lower() in names
    ]
    if not texts:
        return _NOTHING
    try:
        results = [result for text in texts for result in _results(text)]
    except _Unreadable:
        return SenderEvidence(Dmarc.PERMERROR)
    domains = frozenset(reading.domain for reading in readings_of(sender))
    return SenderEvidence(
        _dmarc(results, domains),
        _policy(texts, results, domains),
        spf_aligned=_aligned(results, "spf", ("smtp.mailfrom",), domains),
        dkim_aligned=_aligned(results, "dkim", ("header.d", "header.i"), domains),
    )


def _above_received(block: Block) -> Iterator[str]:
    for name, value in block.fields:
        if name == b"received":
            return
        if name == b"authentication-results":
            yield text_of(unfolded(value))


def _results(text: str) -> list[_Result]:
    """The results of one field, by the parser, under limits. `_Unreadable` for anything it does not read."""
    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        raise _Unreadable
    try:
        results = _parsed(f"Authentication-Results: {text}").results
        return [
            _Result(
                one.method.lower(),
                one.result.lower(),
                {f"{prop.type}.{prop.name}".lower(): str(prop.value).lower() for prop in one.properties},
            )
            for one in results
        ]
    except (authres.AuthResError, AttributeError, IndexError, RecursionError, TypeError, ValueError) as error:
        raise _Unreadable from error


def _depth(text: str) -> int:
    """The deepest nesting of parentheses, at least."""
    now = most = 0
    for char in text:
        if char == "(":
            now += 1
            most = max(most, now)
        elif char == ")":
            now -= 1
    return most


def _dmarc(results: Iterable[_Result], domains: frozenset[str]) -> Dmarc:
    """The worst result; a pass only if it is about the domain in From (RFC 7489 §3.1)."""
    found = {
        _DMARC.get(one.result, Dmarc.PERMERROR)
        for one in results
        if one.method == "dmarc" and (one.result != "pass" or one.properties.get("header.from", "") in {"", *domains})
    }
    return next((kind for kind in _WORST_FIRST if kind in found), Dmarc.NONE)


def _policy(texts: Iterable[str], results: Iterable[_Result], domains: frozenset[str]) -> DmarcPolicy | None:
    """The published policy, the strictest that is named: `policy.dmarc`, or `p=` in the comment that many write."""
    named = {one.properties.get("policy.dmarc", "") for one in results if one.method == "dmarc"}
    sub = any(domain.count(".") >= _ORGANISATIONAL_LABELS for domain in domains)
    for text in texts:
        for comment in _POLICY.findall(text):
            named |= {value.lower() for kind, value in _P.findall(comment) if sub or kind.lower() == "p"}
    return next((policy for policy in _STRICTEST_FIRST if policy.value in named), None)


def _aligned(results: Iterable[_Result], method: str, keys: Sequence[str], domains: frozenset[str]) -> bool:
    """Whether that method passed, every time, and at least once for the From domain or a parent of it.

    RFC 7489 §3.1 aligns by organisational domain, which needs the public suffix list; a parent that signs or sends
    is never a public suffix, so this is the part of it that needs no list.
    """
    own = [one for one in results if one.method == method and one.result != "none"]
    if not own or any(one.result != "pass" for one in own) or len(domains) != 1:
        return False
    (domain,) = domains
    return any(_covers(one.properties.get(key, ""), domain) for one in own for key in keys)


def _covers(identity: str, domain: str) -> bool:
    """Whether an identity (`d=`, `i=` or a return path) is of that domain or of a parent of it."""
    signer = identity.rpartition("@")[2].rstrip(".")
    return "." in signer and (domain == signer or domain.endswith(f".{signer}"))
