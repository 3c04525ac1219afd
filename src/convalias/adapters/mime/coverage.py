"""Fields that a passing signature covers: whoever sends a signed mail on may change all others (RFC 6376 §5.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from convalias.adapters.mime.fields import Block
from convalias.adapters.mime.results import Result
from convalias.adapters.mime.tags import read_tags, words_of

_MOST: Final = 50
"""Signature fields that are looked at."""
_FROM_ALONE: Final = frozenset({"from"})
_LABELS: Final = 2


def covered(names: Iterable[str], present: Mapping[bytes, int]) -> frozenset[str]:
    """Return the names in `h=` that stand there as often as the field is present, or more often.

    RFC 6376 §5.4.2: the lowest instances are signed, so one more on top of them is anybody's. A name that is signed
    and not present says that there was no such field.
    """
    return frozenset(name for name, times in Counter(names).items() if times >= present.get(name.encode(), 0))


def signed_fields(block: Block, results: Sequence[Result], domain: str) -> frozenset[str] | None:
    """The fields that the signatures cover which a trusted server found to pass; None when it found none.

    The results carry no `h=`, so a signature of the mail speaks for the result that names its domain (and selector,
    and the beginning of its value). Of several that fit one result what all of them cover counts: others than the
    server saw may have been added. What any of several results covers is covered.
    """
    present = {name: len(values) for name, values in block.named.items()}
    found = [signature for value in block.all(b"dkim-signature")[:_MOST] if (signature := read_tags(value.strip()))]
    passed = [one for one in results if one.method == "dkim" and one.result == "pass"]
    own = [_of_result(one, found, present) for one in passed if covers(_signer(one), domain)]
    if own:
        return frozenset[str]().union(*own)
    # Aligned only by an organisational domain that the server knows: of all that may be meant, what each covers.
    akin = [_of_result(one, found, present) for one in passed if _are_akin(_signer(one), domain)]
    return akin[0].intersection(*akin) if akin else None


def signs_list(block: Block, results: Iterable[Result], list_id: str) -> bool:
    """Whether a trusted server found a signature of the list's domain, or of one above it, that covers List-Id.

    Without that anybody who gets signed mail by one list of a domain could pass it for mail of another.
    """
    present = {name: len(values) for name, values in block.named.items()}
    found = [signature for value in block.all(b"dkim-signature")[:_MOST] if (signature := read_tags(value.strip()))]
    passed = [one for one in results if one.method == "dkim" and one.result == "pass" and covers(_signer(one), list_id)]
    return any("list-id" in _of_result(one, found, present) for one in passed)


def covers(identity: str, domain: str) -> bool:
    """Whether an identity (`d=`, `i=` or a return path) is of that domain or of a parent of it."""
    signer = identity.rpartition("@")[2].rstrip(".")
    return "." in signer and (domain == signer or domain.endswith(f".{signer}"))


def _signer(result: Result) -> str:
    named = result.properties.get("header.d", "") or result.properties.get("header.i", "")
    return named.rpartition("@")[2].rstrip(".")


def _are_akin(signer: str, domain: str) -> bool:
    return "." in signer and signer.split(".")[-_LABELS:] == domain.split(".")[-_LABELS:]


def _of_result(result: Result, signatures: Iterable[Mapping[str, str]], present: Mapping[bytes, int]) -> frozenset[str]:
    fitting = [_of_signature(one, present) for one in signatures if _fits(result, one)]
    return fitting[0].intersection(*fitting) if fitting else _FROM_ALONE


def _of_signature(tags: Mapping[str, str], present: Mapping[bytes, int]) -> frozenset[str]:
    """RFC 6376 §8.2: below a part of the body that `l=` ends, anybody may have written."""
    if "l" in tags:
        return frozenset()
    return covered(words_of(tags.get("h", "")), present)


def _fits(result: Result, tags: Mapping[str, str]) -> bool:
    said, domain = result.properties, tags.get("d", "").lower().rstrip(".")
    selector, value = said.get("header.s", ""), said.get("header.b", "")
    named = domain == _signer(result) if said.get("header.d") else covers(domain, _signer(result))
    return (
        named
        and selector in {"", tags.get("s", "").lower()}
        and "".join(tags.get("b", "").split()).lower().startswith(value)
    )
