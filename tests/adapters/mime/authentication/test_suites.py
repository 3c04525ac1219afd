"""Suites of others: nothing passes here that must fail there, and each disagreement in the other direction is named."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import unittest
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dkim
import pytest
from attrs import frozen

from adapters.mime.authentication.signing import Zone
from adapters.mime.authentication.suites import beside, dkimpy, wycheproof
from convalias.adapters.mime.authentication.arc import vouched_for
from convalias.adapters.mime.authentication.canonical import SignedMail
from convalias.adapters.mime.authentication.dkim import Checked, read_signature, verify
from convalias.adapters.mime.authentication.ed25519 import ed25519_key
from convalias.adapters.mime.authentication.library import LibraryMathematics
from convalias.adapters.mime.authentication.lookups import Lookups
from convalias.adapters.mime.authentication.mathematics import OwnMathematics
from convalias.adapters.mime.authentication.rsa import rsa_key
from convalias.adapters.mime.fields import read_block
from convalias.adapters.mime.tags import read_tags
from convalias.ports.dns import DnsResolver, NoSuchName, TxtAnswer, TxtRecords

pytestmark = [pytest.mark.soak, pytest.mark.slow]
NOW = datetime(2017, 6, 1, tzinfo=UTC)
"""When the mails of these suites were young: some signatures have expired since."""


def taken_apart(raw: bytes) -> SignedMail:
    lines = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return SignedMail.of(lines, read_block(lines, 0, len(lines)).body)


def verdicts(raw: bytes, resolver: DnsResolver) -> list[Checked | None]:
    """Of each signature, from the top; None: it cannot be read."""
    mail = taken_apart(raw)

    async def all_of_them() -> list[Checked | None]:
        lookups = Lookups(resolver)
        read = [read_signature(one) for one in mail.all(b"dkim-signature")]
        return [None if one is None else await verify(one, mail, lookups, now=NOW) for one in read]

    return asyncio.run(all_of_them())


# --- keys ------------------------------------------------------------------------------------------------

RSA = [f"rsa_signature_{bits}_sha256_test.json" for bits in (2048, 3072, 4096, 8192)]
TOO_LONG = "rsa_signature_8192_sha256_test.json"
WITHOUT_NULL = {("rsa_signature_2048_sha256_test.json", 8), (RSA[1], 8), (RSA[2], 8)}
"""Wycheproof leaves it open: RFC 8017 wants the NULL that these leave out of the hash's parameters."""


@pytest.mark.parametrize("name", [*RSA, "ed25519_test.json"])
def test_wycheproof(name: str) -> None:
    disagreed = set[tuple[str, int]]()
    for group in json.loads(wycheproof(name).read_text(encoding="utf-8"))["testGroups"]:
        for case in group["tests"]:
            found = [_verified(name, group, case, maths) for maths in (OwnMathematics(), LibraryMathematics())]
            assert found[0] == found[1], case["tcId"]
            assert not (found[0] and case["result"] == "invalid"), case["tcId"]
            if not found[0] and case["result"] != "invalid" and name != TOO_LONG:
                disagreed.add((name, case["tcId"]))
            assert name != TOO_LONG or not found[0]  # keys over 4,096 bits are none
    assert disagreed <= WITHOUT_NULL


def _verified(name: str, group: Any, case: Any, maths: OwnMathematics | LibraryMathematics) -> bool:
    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
    if name.startswith("ed25519"):
        octets = ed25519_key(bytes.fromhex(group["publicKey"]["pk"]))
        return octets is not None and maths.ed25519_verifies(octets, signature, message)
    key = rsa_key(bytes.fromhex(group["publicKeyDer"]))
    return key is not None and maths.rsa_verifies(key, signature, hashlib.sha256(message).digest())


# --- mails -----------------------------------------------------------------------------------------------

OF_A_LIST = {"stalwart-arc-001.txt": [Checked.PASS, Checked.PASS, Checked.FAIL]}
"""The author's own signature is broken by the list's footer."""


def zone_and_mail(path: Path) -> tuple[Zone, bytes]:
    records, _, raw = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    return Zone(dict(line.split(" ", 1) for line in records.decode().splitlines())), raw


def test_the_signed_mails_of_stalwart_pass_and_changed_ones_do_not() -> None:
    for path in beside("stalwart-*.txt"):
        zone, raw = zone_and_mail(path)
        found = verdicts(raw, zone)
        assert found == OF_A_LIST.get(path.name, [Checked.PASS] * len(found)), path.name
        assert found
        _, sep, body = raw.partition(b"\n\n")
        for changed in (
            raw.replace(sep + body, sep + b"Pay now.\n" + body, 1),
            raw.replace(b"\nFrom: ", b"\nFrom: x", 1),
        ):
            assert Checked.PASS not in verdicts(changed, zone), path.name


def is_vouched_for(raw: bytes, records: Mapping[str, str]) -> bool:
    """Whether the chain is intact, whoever sealed it and whatever was seen."""
    mail = taken_apart(raw)
    sealers = {(read_tags(one.value) or {}).get("d", "") for one in mail.all(b"arc-seal")}
    found = vouched_for(mail, "x.example", Lookups(Zone(records)), sealers=sealers, now=NOW, saw=lambda *_: True)
    return asyncio.run(found)


STRICTER = {
    "ams_fields_c_na": "without c= a signature is simple (RFC 6376 §3.5), and this one was made over the relaxed form",
    "ams_fields_h_empty": "a signature that does not cover From proves nothing",
}


def test_the_chains_of_the_arc_suite() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not here, which reads arc-validation.yml")
    (path,) = beside("arc-validation.yml")
    disagreed = set[str]()
    for scenario in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        for name, case in scenario["tests"].items():
            found = is_vouched_for(case["message"].encode(), scenario.get("txt-records", {}))
            assert not (found and case["cv"] != "Pass"), name
            if case["cv"] == "Pass" and not found:
                disagreed.add(name)
    assert disagreed == {*STRICTER}


def test_the_chains_of_stalwart_are_intact() -> None:
    for path in beside("stalwart-arc-*.txt"):
        zone, raw = zone_and_mail(path)
        assert is_vouched_for(raw, {name: str(text) for name, text in zone.records.items()}), path.name


# --- dkimpy's own tests ----------------------------------------------------------------------------------


@frozen
class Answers:
    """A resolver that asks what a test of dkimpy answers with."""

    dnsfunc: Callable[..., bytes | None]

    async def txt(self, name: str) -> TxtAnswer:
        found = self.dnsfunc(f"{name}.".encode())
        return NoSuchName() if found is None else TxtRecords((found,))


LOOSER = {
    "test_l_verify": "l= lets anybody write below the text",
    "test_add_body_length": "l= lets anybody write below the text",
}
"""What dkimpy takes and we do not."""
WITHOUT_NACL = {"test_verify_third_party": "Ed25519, which dkimpy knows by PyNaCl alone"}


@pytest.mark.parametrize("module", ["test_dkim", "test_dkim_ed25519", "test_dkim_rsavariants", "test_dkim_tlsrpt"])
def test_nothing_passes_here_that_dkimpy_refuses_in_its_own_tests(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dkim, "__path__", [*dkim.__path__, str(dkimpy().parents[1])])
    tests = importlib.import_module(f"dkim.tests.{module}")
    asked: list[tuple[str, bool, bool]] = []
    running: list[str] = []
    original = dkim.verify

    def both(message: bytes, *rest: Any, **named: Any) -> bool:
        theirs = bool(original(message, *rest, **named))
        if named.get("tlsrpt"):
            return theirs  # another question: whether a key serves reports about TLS
        found = verdicts(message, Answers(named["dnsfunc"]))
        asked.append((running[-1], theirs, bool(found) and found[0] is Checked.PASS))
        return theirs

    class Result(unittest.TestResult):
        def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - as unittest calls it
            running.append(test.id().rpartition(".")[2])
            super().startTest(test)

    monkeypatch.setattr(dkim, "verify", both)
    unittest.defaultTestLoader.loadTestsFromModule(tests).run(Result())
    assert asked
    unknown_there = {} if importlib.util.find_spec("nacl") else WITHOUT_NACL
    assert {name for name, theirs, ours in asked if ours and not theirs} - {*unknown_there} == set()
    assert {name for name, theirs, ours in asked if theirs and not ours} - {*LOOSER} == set()
