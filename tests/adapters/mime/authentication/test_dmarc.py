"""Policies found by walking up the names, and what is aligned with a From domain."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mime.authentication.cases import CASES, beside
from adapters.mime.authentication.signing import KEY, PLAIN, POST, Zone, signed, zone
from convalias.adapters.mime.authentication import Authenticator
from convalias.adapters.mime.authentication.dmarc import (
    DmarcRecord,
    Published,
    aligned,
    organisation,
    published,
    read_record,
    steps,
)
from convalias.adapters.mime.authentication.lookups import Lookups
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.ports.dns import NoSuchName, TemporaryFailure, TxtRecords

REJECT, QUARANTINE, NONE = DmarcPolicy.REJECT, DmarcPolicy.QUARANTINE, DmarcPolicy.NONE


def policy(domain: str, records: dict[str, str]) -> Published | None:
    names = Zone({f"_dmarc.{name}": record for name, record in records.items()} | {domain: "exists"})
    return asyncio.run(published(domain, Lookups(names)))


def top(domain: str, records: dict[str, str]) -> str:
    return asyncio.run(organisation(domain, Lookups(Zone({f"_dmarc.{name}": text for name, text in records.items()}))))


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("v=DMARC1; p=reject", (REJECT, REJECT, REJECT, False, "u")),
        ("v=DMARC1;p=Quarantine;sp=none", (QUARANTINE, NONE, NONE, False, "u")),
        ("v=DMARC1; p=none; np=reject; adkim=s; psd=n;", (NONE, NONE, REJECT, True, "n")),
        ("v=DMARC1; p=reject; pct=0", (REJECT, REJECT, REJECT, False, "u")),
        ("v=DMARC1; p=reject; sp=quarantine; np=none; t=y", (QUARANTINE, NONE, NONE, False, "u")),
        ("v=DMARC1; p=what; rua=mailto:d@corp.example", (NONE, NONE, NONE, False, "u")),
        ("v=DMARC1; rua=mailto:d@corp.example", (NONE, NONE, NONE, False, "u")),
    ],
)
def test_a_record_is_read(text: str, record: tuple[DmarcPolicy, DmarcPolicy, DmarcPolicy, bool, str]) -> None:
    wanted = DmarcRecord(policy=record[0], below=record[1], absent=record[2], strict=record[3], psd=record[4])
    assert read_record([b"v=spf1 -all", text.encode()]) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "v=DMARC1; p=reject; ; rua=mailto:a@b.example",
        "v=DMARC1;; p=reject",
        "v=DMARC1; p=reject; rua",
        "v=DMARC1; p=reject; x-foo=1",
        "v=DMARC1; p=reject; 1=2",
        "v=DMARC1; p=reject; =2",
        "v=DMARC1; p=reject; rua=mailto:\N{LATIN SMALL LETTER E WITH ACUTE}@b.example",
        "v=DMARC1; p=reject; rua=mailto:a@b.example; rua=mailto:c@d.example",
        "v=DMARC1; p=reject; sp=what; adkim=x; np; psd=maybe; t=perhaps",
        "v=DMARC1; p=reject; p=none",
        "v = DMARC1; p = reject",
        " v=DMARC1 ;p=reject",
        "V=DMARC1; P=Reject",
        "v=DMARC1; \N{NO-BREAK SPACE}x=1; p=reject",
        "v=DMARC1; p=reject;" + "x=1;" * 60,
        "v=DMARC1; p=reject; x=" + "y" * 20_000,
        "v=DMARC1; p=reject; rua=mailto:a@b.example, ,mailto:; ruf=!; fo=; pct=1000; ri=-1",
    ],
)
def test_a_flawed_tag_falls_alone(text: str) -> None:
    wanted = DmarcRecord(policy=REJECT, below=REJECT, absent=REJECT, strict=False, psd="u")
    assert read_record([text.encode()]) == wanted


@beside
def test_the_shared_records_keep_their_policy() -> None:
    for case in json.loads((CASES / "dmarc-records.json").read_text("utf-8")):
        record = read_record([case["record"].encode()])
        assert record is not None, case
        assert record.policy.value == case["expected"], case


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [b"v=DMARC1"],
        [b"v=DMARC1; p=what"],
        [b"v=DMARC2; p=reject"],
        [b"v=dmarc1; p=reject"],
        [b"p=reject; v=DMARC1"],
        [b"v=DMARC1 p=reject"],
        [b"v=DMARC10; p=reject"],
        [b"v=DMARC1; p=reject", b"v=DMARC1; p=none"],
    ],
)
def test_what_is_no_single_record_is_none(texts: list[bytes]) -> None:
    assert read_record(texts) is None


@given(st.binary(max_size=80))
def test_any_text_is_a_record_or_none(text: bytes) -> None:
    read_record([text, b"v=DMARC1;" + text])


def test_the_walk_asks_eight_names_at_most() -> None:
    assert list(steps("a.mail.corp.example")) == ["a.mail.corp.example", "mail.corp.example", "corp.example", "example"]
    deep = list(steps("a.b.c.d.e.f.g.h.i.example"))
    assert (len(deep), deep[1]) == (8, "d.e.f.g.h.i.example")
    assert list(steps("example")) == ["example"]


def test_a_domain_of_its_own_policy() -> None:
    assert policy("corp.example", {"corp.example": "v=DMARC1; p=reject; sp=none; adkim=s"}) == Published(
        REJECT, strict=True
    )


def test_a_name_below_has_the_policy_for_names_below() -> None:
    records = {"corp.example": "v=DMARC1; p=reject; sp=quarantine"}
    assert policy("mail.corp.example", records) == Published(QUARANTINE, strict=False)


def test_a_name_that_does_not_exist_has_a_policy_of_its_own() -> None:
    names = Zone({"_dmarc.corp.example": "v=DMARC1; p=none; np=reject"})
    assert asyncio.run(published("no.corp.example", Lookups(names))) == Published(REJECT, strict=False)


def test_without_a_record_there_is_no_policy() -> None:
    assert policy("corp.example", {}) is None
    assert policy("corp.example", {"other.example": "v=DMARC1; p=reject"}) is None


@pytest.mark.parametrize(
    ("domain", "records", "expected"),
    [
        (
            "a.mail.corp.example",
            {"corp.example": "v=DMARC1; p=none", "mail.corp.example": "v=DMARC1; p=none"},
            "corp.example",
        ),
        (
            "a.corp.example",
            {"a.corp.example": "v=DMARC1; p=none; psd=n", "corp.example": "v=DMARC1; p=none"},
            "a.corp.example",
        ),
        ("a.corp.bank.example", {"bank.example": "v=DMARC1; p=reject; psd=y"}, "corp.bank.example"),
        ("bank.example", {"bank.example": "v=DMARC1; p=reject; psd=y"}, "bank.example"),
        ("a.corp.example", {}, "a.corp.example"),
    ],
)
def test_domains_say_where_an_organisation_begins(domain: str, records: dict[str, str], expected: str) -> None:
    assert top(domain, records) == expected


def test_the_policy_of_a_public_suffix_holds_where_nobody_has_one() -> None:
    assert policy("corp.bank.example", {"bank.example": "v=DMARC1; p=none; sp=reject; psd=y"}) == Published(
        REJECT, strict=False
    )


@pytest.mark.parametrize(
    ("signer", "domain", "records", "expected"),
    [
        ("corp.example", "corp.example", {}, True),
        ("corp.example", "mail.corp.example", {}, True),
        ("mail.corp.example", "corp.example", {}, False),
        ("mail.corp.example", "corp.example", {"corp.example": "v=DMARC1; p=none"}, True),
        ("a.corp.example", "b.corp.example", {"corp.example": "v=DMARC1; p=none"}, True),
        ("mail.corp.example", "corp.example", {"corp.example": "v=DMARC1; p=none; adkim=s"}, False),
        ("corp.example", "corp.example", {"corp.example": "v=DMARC1; p=none; adkim=s"}, True),
        ("evil.bank.example", "corp.bank.example", {"bank.example": "v=DMARC1; p=none; psd=y"}, False),
        ("bank.example", "corp.bank.example", {"bank.example": "v=DMARC1; p=none; psd=y"}, False),
        ("evil.example", "corp.example", {"corp.example": "v=DMARC1; p=none"}, False),
    ],
)
def test_alignment(signer: str, domain: str, records: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a column
    async def ask() -> bool:
        names = Zone({f"_dmarc.{name}": text for name, text in records.items()} | {domain: "x"})
        lookups = Lookups(names)
        return await aligned(signer, domain, await published(domain, lookups), lookups)

    assert asyncio.run(ask()) is expected


def found(raw: bytes, names: Zone) -> SenderEvidence:
    return asyncio.run(Authenticator(resolver=names).evidence(raw, POST))


def test_a_pass_needs_a_signature_of_the_organisation() -> None:
    names = zone(policy="v=DMARC1; p=reject")
    assert (found(signed(), names).dmarc, found(signed(), names).policy) == (Dmarc.PASS, REJECT)
    assert found(signed(domain="evil.example"), names).dmarc is Dmarc.PERMERROR


def test_a_signature_below_counts_unless_the_policy_is_strict() -> None:
    below = {"s1___domainkey__mail__corp__example": KEY.record}
    raw = signed(domain="mail.corp.example")
    assert found(raw, zone(policy="v=DMARC1; p=none", **below)).dmarc is Dmarc.PASS
    assert found(raw, zone(policy="v=DMARC1; p=none; adkim=s", **below)).dmarc is Dmarc.PERMERROR


@pytest.mark.parametrize(
    "broken",
    [
        {"_dmarc__corp__example": TemporaryFailure("SERVFAIL")},
        {"_dmarc__example": TemporaryFailure("SERVFAIL"), "_dmarc__corp__example": NoSuchName()},
        {"s1___domainkey__corp__example": TemporaryFailure("SERVFAIL")},
    ],
)
def test_no_answer_is_a_temporary_error(broken: dict[str, TemporaryFailure]) -> None:
    assert found(signed(), zone(**broken)).dmarc is Dmarc.TEMPERROR


def test_another_signature_makes_up_for_a_key_that_is_away() -> None:
    names = zone(away___domainkey__corp__example=TemporaryFailure("SERVFAIL"))
    assert found(signed(signed(), selector="away"), names).dmarc is Dmarc.PASS


def test_answers_of_other_types_are_none() -> None:
    assert found(PLAIN, zone(_dmarc__corp__example=TxtRecords())) == SenderEvidence()


def test_names_are_asked_once_and_not_without_end() -> None:
    names = zone()
    raw = PLAIN
    for number in range(30):
        raw = signed(raw, domain=f"a{number}.b.c.d.e.f.g.h.corp.example")
    found(raw, names)
    assert len(names.asked) == len(set(names.asked)) <= 60


def test_a_name_that_is_too_long_is_not_asked() -> None:
    names = zone()
    assert asyncio.run(Lookups(names).txt("a" * 254)) == NoSuchName()
    full = Lookups(names, answers={str(number): NoSuchName() for number in range(60)})
    assert asyncio.run(full.txt("s1._domainkey.corp.example")) == NoSuchName()
    assert names.asked == []
