"""A signed mail that is sent on: what its signature covers decides, whoever found that it passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from adapters.mime.authentication.cases import CASES, beside
from adapters.mime.authentication.signing import NOW, OTHER, sealed, signed, zone
from convalias.adapters.mime import Reader
from convalias.adapters.mime.authentication import Authenticator
from convalias.codec.doors import read_world
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import MessageEnvelope
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Hold, RelayToConversation

ALIAS = "ann-alpha-1ab131e2@reply.example"
READER = Reader(alias_domains=frozenset({"reply.example"}), trusted_authserv_ids=frozenset({"mx.example"}))
WORLD = {
    "now": NOW.isoformat(),
    "alias_domains": ["reply.example"],
    "conversations": [
        {"id": "c1", "participants": [{"account": "ann"}, {"account": "bob"}]},
        {"id": "c2", "participants": [{"account": "bob"}]},
    ],
    "aliases": [
        {"address": ALIAS, "conversation": "c1", "participant": "ann"},
        {"address": "eve-beta-2bc242f3@reply.example", "conversation": "c2", "participant": "bob"},
    ],
    "accounts": [{"id": "ann", "addresses": ["ann@home.example"]}, {"id": "bob", "addresses": ["bob@corp.example"]}],
    "envelope": {"recipients": [ALIAS], "sender": "eve@evil.example"},
}
REPLAYED, UNVERIFIED, VERIFIED = "held by rule 12", "relayed, not verified", "relayed, verified"

Evidence = Callable[[bytes], SenderEvidence]


def own_check(raw: bytes) -> SenderEvidence:
    """What our own DKIM check finds."""
    return asyncio.run(Authenticator(resolver=zone()).evidence(raw, Post(received_at=NOW)))


def trusted_field(raw: bytes, results: str = "dkim=pass header.d=corp.example header.s=s1") -> SenderEvidence:
    """What a border says that checked the same."""
    line = f"Authentication-Results: mx.example; dmarc=pass (p=reject) header.from=corp.example; {results};\r\n"
    found = READER.read_now(line.encode() + b"Received: from a by mx.example\r\n" + raw, Post(received_at=NOW)).mail
    assert isinstance(found, MessageEnvelope)
    return found.evidence


SOURCES = pytest.mark.parametrize("source", [own_check, trusted_field])


def became(raw: bytes, evidence: SenderEvidence, **policy: str) -> str:
    """What becomes of a mail of Bob's in the world of these tests, for the alias of the envelope."""
    world = read_world({**WORLD, "policy": policy})
    decision = route(READER.read_now(raw, evolve(world.post, evidence=evidence)).mail, world.context, world.policy)
    assert isinstance(decision, RoutingPlan)
    (ruling,) = decision
    match ruling.verdict:
        case RelayToConversation(author=author):
            return VERIFIED if author.verified else UNVERIFIED
        case Hold(reason=reason):
            return REPLAYED if ruling.number == 12 else reason.value
        case verdict:
            return type(verdict).__name__


def mail(*lines: str, date: str = "Mon, 02 Mar 2026 11:00:00 +0000") -> bytes:
    head = ("From: Bob <bob@corp.example>", *lines, f"Date: {date}", "Message-ID: <orig@corp.example>")
    return "\r\n".join((*head, "", "OK, I agree to the price.", "")).encode()


DIRECT = mail(f"To: Ann <{ALIAS}>", "Subject: Re: price")
TO_EVE = mail("To: eve@evil.example", "Subject: Re: price")
FULL = "from:to:subject:date:message-id"

SIGNERS = {
    # name: h= as that provider signs; what a direct mail is without SPF; what a redirected one is
    "gmail": (
        "to:subject:message-id:date:from:mime-version:from:to:cc:subject:date:message-id:reply-to",
        VERIFIED,
        REPLAYED,
    ),
    "microsoft 365": (
        "From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-SenderADCheck",
        UNVERIFIED,
        UNVERIFIED,
    ),
    "yahoo": ("Date:From:To:Subject:References:From:Subject:Reply-To", VERIFIED, REPLAYED),
    "apple": ("From:Content-Type:MIME-Version:Subject:Date:Message-Id:To", VERIFIED, REPLAYED),
    "proton": (
        "Date:To:From:Subject:Message-ID:Feedback-ID:From:To:Cc:Date:Subject:Reply-To:Feedback-ID:Message-ID",
        VERIFIED,
        REPLAYED,
    ),
}


@SOURCES
@pytest.mark.parametrize(("names", "direct", "redirected"), SIGNERS.values(), ids=list(SIGNERS))
def test_mail_of_ordinary_signers_arrives(source: Evidence, names: str, direct: str, redirected: str) -> None:
    straight, sent_on = signed(DIRECT, names=names), signed(TO_EVE, names=names)
    assert became(straight, source(straight)) == direct
    assert became(sent_on, source(sent_on)) == redirected
    # Aligned SPF says that the domain itself sent the mail here: then it does not rest on the signature.
    by_spf = evolve(source(straight), spf_aligned=True)
    assert became(straight, by_spf) == VERIFIED
    assert became(sent_on, evolve(source(sent_on), spf_aligned=True)) == VERIFIED


def added(raw: bytes, *lines: str) -> bytes:
    """The mail with these lines below its signature."""
    signature, found, rest = raw.partition(b"From: Bob")
    return signature + "".join(f"{line}\r\n" for line in lines).encode() + found + rest


ATTACKS = {
    # name: the attack; its honest look-alike
    "an alias in a Cc that nobody signed": (
        added(signed(TO_EVE, names=FULL), f"Cc: {ALIAS}"),
        signed(added(DIRECT, "Cc: eve@evil.example"), names=FULL),
    ),
    "a type and a Cc that nobody signed": (
        added(signed(TO_EVE, names=FULL), "Content-Type: text/html", f"Cc: {ALIAS}"),
        added(signed(DIRECT, names=FULL), "Content-Type: text/plain"),
    ),
    "fresh, as it was": (signed(TO_EVE, names=FULL), signed(DIRECT, names=FULL)),
    "a broken signature of the attacker beside it": (
        signed(signed(TO_EVE, names=FULL), domain="evil.example", key=OTHER).replace(b"h=from", b"h=x:from", 1),
        signed(signed(DIRECT, names=FULL), domain="evil.example", key=OTHER).replace(b"h=from", b"h=x:from", 1),
    ),
    "a signature of the attacker that covers an added Cc": (
        signed(added(signed(TO_EVE, names=FULL), f"Cc: {ALIAS}"), domain="evil.example", key=OTHER, names="from:cc"),
        signed(
            added(signed(DIRECT, names=FULL), "Cc: x@else.example"), domain="evil.example", key=OTHER, names="from:cc"
        ),
    ),
    "signed for another conversation of ours": (
        signed(mail("To: eve-beta-2bc242f3@reply.example", "Subject: Re: price"), names=FULL),
        signed(mail(f"To: eve-beta-2bc242f3@reply.example, {ALIAS}", "Subject: Re: price"), names=FULL),
    ),
    "signed with no To at all": (
        signed(mail("Subject: Re: price"), names=FULL),
        signed(mail("Subject: Re: price", f"To: {ALIAS}"), names=FULL),
    ),
}


@SOURCES
@pytest.mark.parametrize(("attack", "honest"), ATTACKS.values(), ids=list(ATTACKS))
def test_a_mail_that_was_signed_for_somebody_else_waits(source: Evidence, attack: bytes, honest: bytes) -> None:
    assert became(attack, source(attack)) == REPLAYED
    assert became(honest, source(honest)) == VERIFIED


def swapped(raw: bytes, **fields: str) -> bytes:
    """The mail with other values in fields that its signature does not cover."""
    for name, value in fields.items():
        head, colon, rest = raw.partition(f"\r\n{name.replace('_', '-')}: ".encode())
        assert colon
        raw = head + colon + value.encode() + rest[rest.index(b"\r\n") :]
    return raw


WEAK = {
    "only From is signed": swapped(
        signed(TO_EVE, names="from"), To=ALIAS, Subject="Re: contract of 1,000,000", Message_ID="<new2@corp.example>"
    ),
    "To is not signed": swapped(signed(TO_EVE, names="from:subject:date"), To=ALIAS, Message_ID="<new1@corp.example>"),
    "From is signed, and no name of the recipients": signed(DIRECT, names="from:subject:date"),
}


@SOURCES
@pytest.mark.parametrize("raw", WEAK.values(), ids=list(WEAK))
def test_a_weak_mail_is_no_proof(source: Evidence, raw: bytes) -> None:
    evidence = source(raw)
    assert became(raw, evidence) == UNVERIFIED
    assert became(raw, evidence, sender_trust="require_aligned") == "NEEDS_APPROVAL"
    passed = {
        **WORLD,
        "accounts": [{"id": "bob", "addresses": ["bob@corp.example"], "authenticates": ["bob@corp.example"]}],
    }
    world = read_world(
        {
            **passed,
            "conversations": [{"id": "c1", "participants": [{"account": "bob"}]}],
            "aliases": [{"address": ALIAS, "conversation": "c1", "participant": "bob"}],
        }
    )
    decision = route(READER.read_now(raw, evolve(world.post, evidence=evidence)).mail, world.context, world.policy)
    assert isinstance(decision, RoutingPlan)
    assert [type(one.verdict) for one in decision] == [Hold]


@SOURCES
def test_a_second_to_is_not_covered_by_a_signature_of_one(source: Evidence) -> None:
    raw = added(signed(TO_EVE, names=FULL), f"To: {ALIAS}")
    assert source(raw).dkim_signed == {"from", "subject", "date", "message-id"}
    assert became(raw, source(raw)) == "MIME_AMBIGUOUS"


@SOURCES
def test_a_subject_that_was_not_signed_is_not_verified(source: Evidence) -> None:
    raw = signed(DIRECT, names="from:to:date")
    assert became(raw, source(raw)) == UNVERIFIED
    assert became(added(raw, "Subject: "), source(raw)) != VERIFIED


@SOURCES
def test_of_several_signatures_what_any_of_them_covers_is_covered(source: Evidence) -> None:
    raw = signed(signed(DIRECT, names="from:subject:date"), names="from:to")
    assert source(raw).dkim_signed == {"from", "to", "subject", "date"} or source is trusted_field
    both = "dkim=pass header.d=corp.example header.b={}; dkim=pass header.d=corp.example header.b={}"
    values = [part[:8].decode() for part in raw.replace(b"\r\n b=", b" b=").split(b" b=")[1:]]
    assert trusted_field(raw, both.format(*values)).dkim_signed == {"from", "to", "subject", "date"}


def test_a_border_names_the_signature_that_it_saw() -> None:
    raw = signed(signed(TO_EVE, names="from:subject"), names="from:to", selector="s2")
    assert trusted_field(raw, "dkim=pass header.d=corp.example").dkim_signed == {"from"}
    assert trusted_field(raw, "dkim=pass header.i=@corp.example").dkim_signed == {"from"}
    assert trusted_field(raw, "dkim=pass header.d=corp.example header.s=s2").dkim_signed == {"from", "to"}
    assert trusted_field(raw, "dkim=pass header.d=corp.example header.s=s3").dkim_signed == {"from"}
    assert trusted_field(raw, "dkim=pass header.d=evil.example").dkim_signed is None
    assert trusted_field(raw, "dkim=fail header.d=corp.example").dkim_signed is None
    assert trusted_field(raw, "dkim=pass").dkim_signed is None


def test_a_signature_of_a_part_of_the_body_covers_nothing() -> None:
    raw = signed(DIRECT, names=FULL, extra="l=5; ")
    assert trusted_field(raw).dkim_signed == frozenset()
    assert became(raw, trusted_field(raw)) == UNVERIFIED


def test_a_broken_signature_beside_it_does_not_hide_that_a_pass_rests_on_dkim() -> None:
    raw = signed(TO_EVE, names=FULL)
    both = trusted_field(raw, "dkim=pass header.d=corp.example; dkim=fail header.d=evil.example; spf=fail")
    assert (both.dkim_aligned, became(raw, both)) == (True, REPLAYED)
    # Aligned by the organisation alone: a signature of a name below the From domain.
    below = signed(TO_EVE, names=FULL, domain="mail.corp.example")
    akin = trusted_field(below, "dkim=pass header.d=mail.corp.example")
    assert (akin.dkim_signed, became(below, akin)) == (frozenset(FULL.split(":")), REPLAYED)


@SOURCES
def test_a_fresh_mail_to_a_dead_alias_of_the_conversation_counts(source: Evidence) -> None:
    raw = signed(mail(f"To: ann-old-9ab131e2@reply.example, {ALIAS}", "Subject: Re: price"), names=FULL)
    assert became(raw, source(raw)) == VERIFIED


def test_a_listed_sealer_that_saw_spf_pass_knows_more_than_a_signature() -> None:
    def evidence(results: str) -> SenderEvidence:
        raw = sealed(signed(TO_EVE, names=FULL), results=results)
        sealers = frozenset({"lists.example"})
        return asyncio.run(Authenticator(resolver=zone(), sealers=sealers).evidence(raw, Post(received_at=NOW)))

    seen = evidence("spf=pass smtp.mailfrom=bob@corp.example; dmarc=pass header.from=corp.example")
    assert (seen.dmarc, seen.dkim_signed, became(TO_EVE, seen)) == (Dmarc.PASS, None, VERIFIED)
    for results in (
        "spf=pass smtp.mailfrom=eve@evil.example",
        "dmarc=pass header.from=corp.example",
        "spf=fail; spf=pass",
    ):
        assert became(TO_EVE, evidence(results)) == REPLAYED


@beside
@pytest.mark.parametrize("path", sorted(CASES.glob("replay-*.eml")), ids=lambda path: path.stem)
def test_the_shared_replays_are_never_shown_as_verified(path: Path) -> None:
    raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    evidence = trusted_field(raw, "dkim=pass header.d=corp.example header.s=s; spf=pass smtp.mailfrom=evil.example")
    assert evidence.dkim_signed is not None
    found = became(raw, evidence)
    assert found in {REPLAYED, UNVERIFIED}
    assert became(raw, evidence, sender_trust="require_aligned") in {REPLAYED, "NEEDS_APPROVAL"}
