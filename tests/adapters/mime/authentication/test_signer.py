"""Signatures of our own mail: other programs verify them, and what is added on the way breaks them."""

from __future__ import annotations

import asyncio
import email
import mailbox
import re
from functools import cache
from pathlib import Path

import dkim
import pytest
from attrs import evolve
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mime.authentication.signing import OTHER, POST, Zone
from adapters.mime.test_compose import DRAFT, names
from convalias.adapters.mime import compose
from convalias.adapters.mime.authentication import Authenticator
from convalias.adapters.mime.authentication.signer import OVERSIGNED, Publication, Signer, Signing, publication
from convalias.domain.errors import InvalidValue
from convalias.ports.dns import TemporaryFailure
from convalias.ports.drafts import AttachedFile, Draft


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@cache
def rsa_pem(bits: int = 2048) -> bytes:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))


ED_PEM = pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32))
NAME = "s1._domainkey.reply.example"
KINDS = pytest.mark.parametrize("key", [rsa_pem(), ED_PEM], ids=["rsa", "ed25519"])
WHOLE = evolve(
    DRAFT,
    html="<p>Tuesday is fine.</p>",
    subject="Grüße " * 20,
    in_reply_to="<1@corp.example>",
    references=("<0@corp.example>", "<1@corp.example>"),
    thread_index="AdMAmDEptySbgXwPEpMc1zECXlCyaA==",
    thread_topic="Grüße",
    unsubscribe="https://reply.example/unsubscribe/" + "x" * 70,
    feedback_id="message:convalias",
    mark="n-1",
    attachments=(AttachedFile("a b.pdf", "application/pdf", b"%PDF \0\1"),),
)


def signing(key: bytes, *, domain: str | None = None) -> Signing:
    return Signing(compose, Signer(key, selector="s1", domain=domain))


def verifies(raw: bytes, record: str) -> bool:
    """What dkimpy says; it knows RSA as installed."""

    def answer(name: bytes, timeout: int = 5) -> bytes:
        assert name.rstrip(b".") == NAME.encode()
        return record.encode()

    return bool(dkim.verify(raw, dnsfunc=answer))


def is_aligned(raw: bytes, record: str) -> bool:
    """What our own check says."""
    found = asyncio.run(Authenticator(resolver=Zone({NAME: record})).evidence(raw, POST))
    return found.dkim_aligned


@KINDS
@pytest.mark.parametrize("draft", [DRAFT, WHOLE], ids=["plain", "whole"])
def test_what_we_sign_verifies_here_and_elsewhere(key: bytes, draft: Draft) -> None:
    sign = signing(key)
    raw = sign(draft)
    assert key is ED_PEM or verifies(raw, sign.signer.record)
    assert is_aligned(raw, sign.signer.record)
    assert not is_aligned(raw.replace(b"Tuesday", b"Thursday", 1), sign.signer.record)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_the_text_a_mailbox_file_on_the_way_changes_no_verdict(text: str, subject: str) -> None:
    sign = signing(rsa_pem())
    raw = sign(evolve(DRAFT, text=f"look\nFrom here on\n.\n{text}", subject=f"a  {subject}"))
    written = email.message_from_bytes(raw.replace(b"\r\n", b"\n")).as_bytes().replace(b"\n", b"\r\n")
    assert b"\nFrom " not in raw.partition(b"\r\n\r\n")[2]
    for mail in (raw, written):
        assert verifies(mail, sign.signer.record)
        assert is_aligned(mail, sign.signer.record)


def test_a_mail_from_an_mbox_verifies(tmp_path: Path) -> None:
    sign = signing(rsa_pem())
    box = mailbox.mbox(tmp_path / "box")
    box.add(mailbox.mboxMessage(sign(WHOLE).replace(b"\r\n", b"\n")))
    box.close()
    kept = (tmp_path / "box").read_bytes().split(b"\n", 1)[1].replace(b"\n", b"\r\n").rstrip(b"\r\n") + b"\r\n"
    assert verifies(kept, sign.signer.record)


@KINDS
def test_a_retry_makes_the_same_bytes(key: bytes) -> None:
    assert signing(key)(WHOLE) == signing(key)(WHOLE)


def tags(raw: bytes) -> dict[str, str]:
    value = email.message_from_bytes(raw)["DKIM-Signature"]
    return dict(re.sub(r"\s", "", part).split("=", 1) for part in value.split(";") if part.strip())


def test_every_field_is_signed_and_those_that_matter_once_more_than_they_are_there() -> None:
    raw = signing(ED_PEM)(WHOLE)
    signed, there = tags(raw)["h"].split(":"), names(compose(WHOLE))
    for name in {*there, *OVERSIGNED}:
        assert signed.count(name) == there.count(name) + (name in OVERSIGNED), name
    assert {"list-unsubscribe", "list-unsubscribe-post", "feedback-id", "thread-index"} <= {*signed}
    assert (tags(raw)["c"], tags(raw)["d"], tags(raw)["a"]) == ("relaxed/relaxed", "reply.example", "ed25519-sha256")
    assert max(map(len, raw.partition(b"From:")[0].split(b"\r\n"))) <= 78


@pytest.mark.parametrize("name", OVERSIGNED)
def test_a_field_that_is_added_on_the_way_breaks_the_signature(name: str) -> None:
    sign = signing(rsa_pem())
    signature, found, rest = sign(WHOLE).partition(b"From: ")
    raw = signature + f"{name}: <x@evil.example>\r\n".encode() + found + rest
    assert not verifies(raw, sign.signer.record)


def test_a_domain_above_the_sender_signs_for_him_and_no_other_does() -> None:
    assert tags(signing(ED_PEM, domain="Reply.example")(DRAFT))["d"] == "reply.example"
    below = evolve(DRAFT, sender=type(DRAFT.sender).parse("john@a.reply.example"))
    assert tags(signing(ED_PEM, domain="reply.example")(below))["d"] == "reply.example"
    assert tags(signing(ED_PEM)(below))["d"] == "a.reply.example"
    assert signing(ED_PEM, domain="other.example")(DRAFT) == compose(DRAFT)
    assert Signer(ED_PEM, selector="s1", domain="other.example").name_for("reply.example") is None
    assert Signer(ED_PEM, selector="s1").sign(b"no body", sender="reply.example") == b"no body"


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"secret of mine",
        OTHER.pem,
        rsa_pem(1024),
        pem(ec.generate_private_key(ec.SECP256R1())),
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        ),
    ],
    ids=["empty", "no PEM", "damaged", "short", "of another kind", "with a password"],
)
def test_what_is_no_key_for_dkim_is_refused_and_never_shown(key: bytes) -> None:
    with pytest.raises(InvalidValue, match="DKIM key: found") as refused:
        Signer(key, selector="s1")
    assert "secret of mine" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(("selector", "domain"), [("", None), ("a b", None), ("s1", "nodot"), ("s1", "a..b")])
def test_a_signer_has_names_that_can_stand_in_dns(selector: str, domain: str | None) -> None:
    with pytest.raises(InvalidValue, match="DKIM signer"):
        Signer(ED_PEM, selector=selector, domain=domain)


def test_no_key_is_shown() -> None:
    signer = Signer(ED_PEM, selector="s1")
    for line in ED_PEM.decode().splitlines()[1:-1]:
        assert line not in repr(signer) + repr(Signing(compose, signer)) + str(vars(signer))


@KINDS
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, Publication.MATCHES),
        ("v=DKIM1; k=rsa; p=", Publication.OTHER),
        (OTHER.record, Publication.OTHER),
        ([OTHER.record, OTHER.record], Publication.OTHER),
        (TemporaryFailure("SERVFAIL"), Publication.UNANSWERED),
    ],
)
def test_the_published_key_is_compared_with_the_signers(
    key: bytes, answer: str | list[str] | TemporaryFailure | None, expected: Publication
) -> None:
    signer = Signer(key, selector="S1")
    assert asyncio.run(publication(signer, NAME, Zone({NAME: answer or signer.record}))) is expected
    assert asyncio.run(publication(signer, NAME, Zone({}))) is Publication.MISSING
    assert asyncio.run(publication(signer, NAME, Zone({f"x.{NAME}": ""}))) is Publication.MISSING
