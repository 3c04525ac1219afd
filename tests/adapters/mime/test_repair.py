"""A From with broken syntax: clear where only one address can be read, each beside its look-alike that is not."""

from __future__ import annotations

import pytest
from attrs import evolve

from adapters.mime.expectations import read
from convalias.adapters.mime.evidence import read_evidence
from convalias.adapters.mime.fields import read_block
from convalias.adapters.mime.repair import repaired
from convalias.adapters.mime.sender import read_from
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, MessageEnvelope

ONE = {
    "nested": ("Ann <Ann <ann@home.example>>", "Ann Ann"),
    "doubled": ("<<ann@home.example>>", ""),
    "doubled, in other letters in the name": ("ann@home.example <<Ann@HOME.example>>", "ann@home.example"),
    "one bracket too many": ("Ann <ann@home.example>>", "Ann"),
    "bracket never closed": ("Ann <ann@home.example", "Ann"),
    "bracket never opened": ("Ann ann@home.example>", ""),
    "trailing semicolon": ("Ann <ann@home.example>;", "Ann"),
    "bare, trailing semicolon": ("ann@home.example;", ""),
    "quote never closed": ('"Ann Ray <ann@home.example>', "Ann Ray"),
    "quote never opened": ('Ann" <ann@home.example>', "Ann"),
    "quote inside the bracket": ('Ann <"ann@home.example>', "Ann"),
    "single quotes inside the bracket": ("Ann <'ann@home.example'>", "Ann"),
    "colon in the name": ("Ray & Co: Ann <ann@home.example>", "Ray & Co Ann"),
    "colon in a quoted name": ('"Co: Ann" <ann@home.example>;', "Co Ann"),
    "comma in a name with an unclosed quote": ('"Ray, Ann <ann@home.example>', "Ray, Ann"),
    "comment never closed": ("Ann (Ray <ann@home.example>", "Ann Ray"),
    "a comment behind doubled brackets": ("<<ann@home.example>> (Ann)", ""),
    "an encoded name": ("=?utf-8?q?=C3=84nn?= <<ann@home.example>>", "Änn"),
    "a raw Japanese name": ("\x1b$B;3ED\x1b(B <<ann@home.example>>", ""),
    "empty brackets besides": ("<> <<ann@home.example>>", ""),
}


@pytest.mark.parametrize(("value", "name"), ONE.values(), ids=ONE.keys())
def test_a_broken_from_with_one_address_is_clear_by_repair(value: str, name: str) -> None:
    mail = read(f"From: {value}\n\nYes.".encode())
    assert isinstance(mail, MessageEnvelope)
    assert isinstance(mail.sender, ClearFrom), mail.sender
    assert (mail.sender.address.key, mail.sender.repaired) == ("ann@home.example", True)
    assert mail.sender.display == name


LIKE = {
    "a substring": "<xmary@corp.example>; mary@corp.example",
    "two mailboxes": "ann@home.example, ann@home.example",
    "two mailboxes, semicolon": "ann@home.example; ann@home.example",
    "two brackets": "<ann@home.example> <ann@home.example>",
    "a mailbox and a bracket": "ann@home.example; <ann@home.example>",
    "two, one bracket": "ann@home.example> ann@home.example",
    "a comma too many": "Ann <ann@home.example>,",
    "missing brackets": "Ann ann@home.example",
    "missing brackets, colon": "Ann: ann@home.example",
    "text behind": "Ann <ann@home.example> Ray",
    "text behind doubled brackets": "<<ann@home.example>> Ray",
    "another behind": "<<ann@home.example>> eve@evil.example",
    "text inside the bracket": "<ann@home.example Ann>;",
    "another bracket": "<Ann> <<ann@home.example>>",
    "a scheme": "<mailto:ann@home.example>",
    "a colon that touches it": "Ann:ann@home.example>",
    "a route": "<@evil.example:ann@home.example>",
    "a closed group": "Team: ann@home.example;",
    "a closed group with brackets": "Team: Ann <ann@home.example>;",
    "a blank beside the at sign": "<<ann @home.example>>",
    "a comment beside the at sign": "<<ann(x)@home.example>>",
    "a full-width at sign": "<<ann@home.example>> \uff20",
    "a small at sign": "<<ann\ufe6bhome.example>>",
    "a percent-encoded one": "ann%40home.example <<ann@home.example>>",
    "another in an encoded word": "=?utf-8?q?eve=40evil.example?= <<ann@home.example>>",
    "a control": "<<ann@home.example>>\x01",
    "a control in an encoded word": "=?utf-8?q?a=0Ab?= <<ann@home.example>>",
    "a bidi mark": "\u202eAnn <<ann@home.example>>",
    "a width of nothing": "An\u200bn <<ann@home.example>>",
    "0x40 in a Japanese section": "\x1b$B;@ED\x1b(B <<ann@home.example>>",
    "the address in a comment": "(ann@home.example)",
    "the bracket in a comment": "Ann (<ann@home.example>)",
    "square brackets": "[ann@home.example];",
    "the whole mailbox in an encoded word": "=?utf-8?q?Ann_=3Cann=40home=2Eexample=3E?=",
    "two at signs": "<<ann@home.example@evil.example>>",
    "a quoted local part": '<<"a b"@home.example>>',
    "a domain that needs mapping": "<<ann@H\u00d6ME.example>>",
    "very long": "<<ann@home.example>>" + " " * 2_000 + ";",
    "nobody": "Ann <>;",
}


@pytest.mark.parametrize("value", LIKE.values(), ids=LIKE.keys())
def test_a_look_alike_of_a_repaired_from_stays_ambiguous(value: str) -> None:
    assert repaired(value.encode()) is None
    mail = read(f"From: {value}\n\nYes.".encode())
    assert isinstance(mail, MessageEnvelope)
    assert isinstance(mail.sender, AmbiguousFrom)


@pytest.mark.parametrize(
    "fields",
    [
        "From: <<ann@home.example>>\nFrom: <<ann@home.example>>\n",
        "From : <<ann@home.example>>\n",
        "From: <<ann@home.example>>\nX: y\rFrom: eve@evil.example\n",
    ],
)
def test_a_from_that_parsers_find_elsewhere_is_never_repaired(fields: str) -> None:
    mail = read(f"{fields}\nYes.".encode())
    assert isinstance(mail, MessageEnvelope)
    assert isinstance(mail.sender, AmbiguousFrom)


@pytest.mark.parametrize("value", ["Ann <ann@home.example>", "ann@home.example", "Ray, Ann <ann@home.example>"])
def test_a_from_in_order_is_not_repaired(value: str) -> None:
    mail = read(f"From: {value}\n\nYes.".encode())
    assert isinstance(mail, MessageEnvelope)
    assert isinstance(mail.sender, ClearFrom)
    assert not mail.sender.repaired


@pytest.mark.parametrize(
    ("result", "evidence"),
    [
        ("dmarc=pass header.from=home.example", SenderEvidence(Dmarc.PASS)),
        ("dmarc=pass header.from=evil.example", SenderEvidence()),
        ("dmarc=pass", SenderEvidence()),
        ("spf=pass smtp.mailfrom=home.example", SenderEvidence()),
        ("dmarc=none header.from=home.example; spf=pass smtp.mailfrom=home.example", SenderEvidence(spf_aligned=True)),
        ("dmarc=fail header.from=evil.example", SenderEvidence(Dmarc.FAIL)),
    ],
)
def test_only_results_about_exactly_its_domain_prove_a_repaired_from(result: str, evidence: SenderEvidence) -> None:
    raw = f"Authentication-Results: mx.example; {result}\nReceived: x\nFrom: <<ann@home.example>>\n\n".encode()
    block = read_block(raw, 0, len(raw))
    found = read_evidence(block, read_from(block), frozenset({"mx.example"}))
    assert evolve(found, spf_known=True) == evidence
