"""ARC lifts a failure only by an intact chain of servers that were listed."""

from __future__ import annotations

import asyncio

import pytest

from adapters.mime.authentication.signing import KEY, OTHER, PLAIN, POST, Zone, sealed, signed, zone
from convalias.adapters.mime.authentication import Authenticator, WithoutSpf
from convalias.adapters.mime.authentication.arc import read_results
from convalias.adapters.mime.results import Result
from convalias.domain.mail.authentication import Dmarc

LISTED = frozenset({"lists.example", "second.example"})
CHANGED = signed().replace(b"Subject: The   job", b"Subject: [team] The job")
"""What a list made of a signed mail."""


def result(raw: bytes, *, sealers: frozenset[str] = LISTED, names: Zone | None = None) -> Dmarc:
    authenticator = Authenticator(resolver=names or zone(), sealers=sealers, without_spf=WithoutSpf.FAIL)
    return asyncio.run(authenticator.evidence(raw, POST)).dmarc


def test_a_changed_mail_fails_and_a_listed_sealer_lifts_it() -> None:
    assert result(CHANGED) is Dmarc.FAIL
    assert result(sealed(CHANGED)) is Dmarc.PASS


def test_a_sealer_that_nobody_listed_lifts_nothing() -> None:
    assert result(sealed(CHANGED), sealers=frozenset()) is Dmarc.FAIL
    assert result(sealed(CHANGED), sealers=frozenset({"second.example"})) is Dmarc.FAIL
    assert result(sealed(CHANGED), sealers=frozenset({"example"})) is Dmarc.FAIL


def test_a_chain_of_two_listed_servers_lifts() -> None:
    two = sealed(sealed(CHANGED), domain="second.example", results="dmarc=fail; arc=pass", cv="pass", instance=2)
    assert result(two) is Dmarc.PASS
    assert result(two, sealers=frozenset({"lists.example"})) is Dmarc.FAIL
    assert result(two, sealers=frozenset({"second.example"})) is Dmarc.FAIL


def test_the_newest_listed_server_that_saw_a_pass_is_enough() -> None:
    first = sealed(PLAIN, domain="evil.example", results="dmarc=fail")
    two = sealed(first, results="dmarc=pass header.from=corp.example", cv="pass", instance=2)
    names = zone(arc___domainkey__evil__example=OTHER.record)
    assert result(two, names=names) is Dmarc.PASS


def test_what_a_stranger_sealed_below_counts_for_nothing() -> None:
    first = sealed(PLAIN, domain="evil.example", results="dmarc=pass header.from=corp.example")
    two = sealed(first, results="dmarc=fail; arc=pass", cv="pass", instance=2)
    names = zone(arc___domainkey__evil__example=OTHER.record)
    assert result(two, names=names) is Dmarc.FAIL


@pytest.mark.parametrize(
    "results",
    [
        "dmarc=fail header.from=corp.example",
        "dmarc=pass header.from=evil.example",
        "dmarc=pass",
        "dmarc=fail; arc=pass",
        "dmarc=pass header.from=corp.example; dmarc=fail header.from=corp.example",
        "spf=pass",
        'spf=fail reason="; dmarc=pass header.from=corp.example;"',
        "spf=fail (; dmarc=pass header.from=corp.example;)",
    ],
)
def test_the_server_must_have_seen_a_pass_for_this_domain(results: str) -> None:
    assert result(sealed(CHANGED, results=results)) is Dmarc.FAIL


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"[team] The job", b"[team] Send money"),
        (b"yes.", b"no."),
        (b"Bob <bob", b"Bob <eve"),
        (b"cv=none", b"cv=pass"),
        (b"cv=none", b"cv=fail"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=2"),
        (b"Results: i=1; mx.lists.example", b"Results: i=1; mx.lists.example; arc=pass"),
        (b"ARC-Authentication-Results: i=1", b"ARC-Authentication-Results: i=2"),
        (b"ARC-Authentication-Results: i=1", b"ARC-Authentication-Results: j=1"),
        (b"ARC-Message-Signature: i=1", b"ARC-Message-Signature: i=2"),
        (b"ARC-Message-Signature: i=1; ", b"ARC-Message-Signature: i=1; l=3; "),
        (b"ARC-Seal: i=1; ", b"ARC-Seal: i=1; h=from; "),
        (b"ARC-Seal: i=1; a=rsa-sha256", b"ARC-Seal: i=1; a=rsa-sha1"),
        (b"d=lists.example; s=arc; b=", b"d=lists.example; s=arc; b=!"),
        (b"d=lists.example; s=arc; b=", b"d=lists; s=arc; b="),
        (b"ARC-Seal: i=1; ", b"ARC-Seal: i=1; i=1; "),
    ],
)
def test_a_chain_that_was_touched_lifts_nothing(was: bytes, becomes: bytes) -> None:
    raw = sealed(CHANGED)
    assert was in raw
    assert result(raw.replace(was, becomes)) is Dmarc.FAIL


def test_a_second_set_of_one_instance_lifts_nothing() -> None:
    assert result(sealed(sealed(CHANGED))) is Dmarc.FAIL


def test_a_signature_over_the_seals_lifts_nothing() -> None:
    raw = sealed(CHANGED).replace(b"h=from:to", b"h=arc-seal:from:to")
    assert result(raw) is Dmarc.FAIL


def test_more_than_ten_instances_are_not_looked_at() -> None:
    raw = CHANGED
    for instance in range(1, 12):
        passed = "dmarc=pass header.from=corp.example"
        raw = sealed(raw, instance=instance, cv="none" if instance == 1 else "pass", results=passed)
    assert result(raw) is Dmarc.FAIL
    assert result(sealed(CHANGED), names=zone(arc___domainkey__lists__example=KEY.record)) is Dmarc.FAIL


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            b" i=1; mx; dmarc = pass (p=(x) reject) header.from = Corp.example",
            [Result("dmarc", "pass", {"header.from": "corp.example"}, ("p=(x) reject",))],
        ),
        (
            b" i=1; mx; dkim=pass header.i=bob@corp.example;;",
            [Result("dkim", "pass", {"header.i": "bob@corp.example"})],
        ),
        (b" i=1; mx; none", []),
        (b" i=1; mx); dmarc=pass", []),
        (b"(" * 20_000, []),
        (b"\\;" * 5_000, []),
    ],
)
def test_results_are_read(value: bytes, expected: list[Result]) -> None:
    assert read_results(value) == expected
