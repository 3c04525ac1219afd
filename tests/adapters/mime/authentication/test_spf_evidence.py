"""SPF computed for the client in the border's own Received: each attack beside its honest look-alike."""

from __future__ import annotations

import asyncio

import pytest
from attrs import define, evolve, field

from adapters.mime.authentication.signing import NOW, PLAIN, Zone, sealed, signed, zone
from convalias.adapters.mime.authentication import Authenticator, WithoutSpf
from convalias.adapters.mime.authentication.received import Client, client_of
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence, requiring_dkim, rests_on_dkim_alone
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.ports.dns import TemporaryFailure
from convalias.ports.spf import SpfResult

BORDERS = {"mx.border.example"}
RECEIVED = "from mail.corp.example (mail.corp.example [11.22.33.44]) by mx.border.example (Postfix) with ESMTPS id 1; x"
HONEST = {
    "postfix": RECEIVED,
    "postfix with tls": (
        "from mail.corp.example (mail.corp.example [11.22.33.44])  (using TLSv1.3 with cipher X (256/256 bits) "
        "key-exchange X25519 (raw)) (No client certificate requested) by mx.border.example (Postfix) with ESMTPS id 1; x"
    ),
    "no reverse name": "from mail.corp.example (unknown [11.22.33.44]) by mx.border.example with SMTP; x",
    "exim": "from [11.22.33.44] (helo=mail.corp.example) by mx.border.example with esmtps (Exim 4.97) id 1; x",
    "letter case": "From mail.corp.example ([11.22.33.44]) By MX.border.example; x",
}


@pytest.mark.parametrize("value", HONEST.values(), ids=list(HONEST))
def test_the_client_of_an_ordinary_border_is_read(value: str) -> None:
    found = client_of(value, BORDERS)
    assert found is not None
    assert found.address == "11.22.33.44"


def test_a_client_of_ipv6_is_read() -> None:
    value = RECEIVED.replace("[11.22.33.44]", "[IPv6:2a00:1450:4864:20::52a]")
    assert client_of(value, BORDERS) == Client("2a00:1450:4864:20::52a", "mail.corp.example")


FORGED = {
    "by another host": RECEIVED.replace("mx.border.example", "mx.evil.example"),
    "by a host that begins like it": RECEIVED.replace("mx.border.example", "mx.border.example.evil.example"),
    "a greeting that holds a whole field": (
        "from x (corp.example [11.22.33.44]) by mx.border.example (Postfix) with ESMTP id 1; x "
        "(evil.example [11.9.9.9]) by mx.border.example (Postfix) with ESMTP id 2; x"
    ),
    "a greeting that holds an address": RECEIVED.replace("from mail", "from [11.1.1.1] mail"),
    "a greeting that opens a comment": RECEIVED.replace("from mail.corp.example", "from x("),
    "a greeting that closes one": RECEIVED.replace("from mail.corp.example", "from x)"),
    "a greeting of two words": RECEIVED.replace("from mail.corp.example", "from a b"),
    "a greeting with a by": RECEIVED.replace("from mail.corp.example", "from a by mx.border.example"),
    "an address within the host's own network": RECEIVED.replace("11.22.33.44", "10.0.0.1"),
    "an address that is none": RECEIVED.replace("11.22.33.44", "11.22.33.444"),
    "no address": RECEIVED.replace("[11.22.33.44]", ""),
    "an unclosed bracket": RECEIVED + " [",
    "nothing": "",
    "too much": RECEIVED + "x" * 2000,
}


@pytest.mark.parametrize("value", FORGED.values(), ids=list(FORGED))
def test_a_field_that_can_be_read_in_two_ways_names_no_client(value: str) -> None:
    assert client_of(value, BORDERS) is None


@define
class Spf:
    """A check that answers as it is told, and remembers what it was asked."""

    result: SpfResult = SpfResult.PASS
    asked: list[tuple[str, str, str]] = field(factory=list[tuple[str, str, str]])

    async def check(self, client: str, sender: str, helo: str) -> SpfResult:
        self.asked.append((client, sender, helo))
        return self.result


BOB = EmailAddress.parse("bob@corp.example")


def evidence(
    raw: bytes = PLAIN,
    *,
    spf: Spf | None = None,
    sender: ReturnPath = BOB,
    received: str = RECEIVED,
    policy: str | None = "v=DMARC1; p=reject",
    source: SenderEvidence | None = None,
    without: WithoutSpf = WithoutSpf.ASK,
) -> SenderEvidence:
    top = f"Received: {received}\r\n".encode() if received else b""
    authenticator = Authenticator(
        resolver=zone(policy=policy), spf=spf, borders=frozenset(BORDERS), without_spf=without
    )
    return asyncio.run(authenticator.evidence(top + raw, Post(received_at=NOW, return_path=sender, evidence=source)))


def test_a_pass_authenticates_and_a_signed_mail_rests_no_more_on_dkim_alone() -> None:
    spf = Spf()
    assert evidence(spf=spf).dmarc is Dmarc.PASS
    assert spf.asked == [("11.22.33.44", "bob@corp.example", "mail.corp.example")]
    assert not rests_on_dkim_alone(evidence(signed(), spf=Spf()))
    assert rests_on_dkim_alone(evidence(signed()))
    assert rests_on_dkim_alone(evidence(signed(), spf=Spf(SpfResult.NO_PASS)))


def test_off_by_default_and_where_the_field_says_nothing_nobody_knows() -> None:
    assert evidence().dmarc is Dmarc.PERMERROR
    for received in (FORGED["by another host"], ""):
        spf = Spf()
        assert evidence(spf=spf, received=received).dmarc is Dmarc.PERMERROR
        assert spf.asked == []
    for sender in (None, NULL_RETURN_PATH):
        assert evidence(spf=Spf(), sender=sender).dmarc is Dmarc.PERMERROR
    assert evidence(without=WithoutSpf.FAIL).dmarc is Dmarc.FAIL


def test_a_received_of_the_sender_below_that_of_the_border_counts_for_nothing() -> None:
    spf = Spf()
    forged = f"Received: {RECEIVED}\r\n".encode() + PLAIN
    assert evidence(forged, spf=spf, received=FORGED["by another host"]).dmarc is Dmarc.PERMERROR
    assert spf.asked == []


def test_without_a_pass_the_domain_has_spoken() -> None:
    assert evidence(spf=Spf(SpfResult.NO_PASS)).dmarc is Dmarc.FAIL
    assert evidence(spf=Spf(SpfResult.TEMPERROR)).dmarc is Dmarc.TEMPERROR
    assert evidence(signed(), spf=Spf(SpfResult.TEMPERROR)).dmarc is Dmarc.PASS
    none = evidence(spf=Spf(SpfResult.NO_PASS), policy=None)
    assert (none.dmarc, none.spf_aligned) == (Dmarc.NONE, False)


@pytest.mark.parametrize(
    ("sender", "policy", "aligned"),
    [
        ("bob@mail.corp.example", "v=DMARC1; p=reject", True),
        ("bob@mail.corp.example", "v=DMARC1; p=reject; aspf=s", False),
        ("bob@mail.corp.example", "v=DMARC1; p=reject; adkim=s", True),
        ("bob@evil.example", "v=DMARC1; p=reject", False),
        ("bob@corp.example.evil.example", "v=DMARC1; p=reject", False),
        ("bob@evil.example", None, False),
    ],
)
def test_only_an_aligned_sender_is_asked_about(sender: str, policy: str | None, aligned: bool) -> None:  # noqa: FBT001
    spf = Spf()
    found = evidence(spf=spf, sender=EmailAddress.parse(sender), policy=policy)
    assert (found.spf_aligned, bool(spf.asked)) == (aligned, aligned)
    assert policy is None or found.dmarc is (Dmarc.PASS if aligned else Dmarc.FAIL)


def test_what_the_source_says_of_spf_stands() -> None:
    spf = Spf()
    assert evidence(spf=spf, source=SenderEvidence()).dmarc is Dmarc.FAIL
    assert evidence(spf=spf, source=SenderEvidence(spf_aligned=True)).dmarc is Dmarc.PASS
    assert spf.asked == []


def test_where_dkim_is_required_a_computed_pass_is_none_either() -> None:
    assert requiring_dkim(evidence(spf=Spf())).dmarc is Dmarc.NONE
    assert requiring_dkim(evidence(signed(), spf=Spf())).dmarc is Dmarc.PASS


# --- what a trusted border left open ----------------------------------------------------------------------------------

BY_DKIM = SenderEvidence(
    Dmarc.PASS, DmarcPolicy.REJECT, dkim_aligned=True, dkim_signed=frozenset({"from", "to"}), spf_known=False
)
BARE = SenderEvidence(Dmarc.PASS, DmarcPolicy.REJECT, spf_known=False)
SIGNED_FIELDS = frozenset({"from", "to", "subject", "date", "message-id"})


def completed(
    border: SenderEvidence,
    raw: bytes = PLAIN,
    *,
    spf: Spf | None,
    received: str = RECEIVED,
    sealers: frozenset[str] = frozenset(),
    names: Zone | None = None,
) -> SenderEvidence:
    authenticator = Authenticator(
        resolver=names or zone(), spf=spf, borders=frozenset(BORDERS if spf else ()), sealers=sealers
    )
    top = f"Received: {received}\r\n".encode()
    post = Post(received_at=NOW, return_path=BOB)
    assert authenticator.completes is bool(spf or sealers)
    return asyncio.run(authenticator.completed(top + raw, post, border))


def test_a_border_that_looked_at_no_spf_gets_what_is_computed() -> None:
    spf = Spf()
    found = completed(BY_DKIM, spf=spf)
    assert found == evolve(BY_DKIM, spf_aligned=True, spf_known=True)
    assert not rests_on_dkim_alone(found)
    assert spf.asked == [("11.22.33.44", "bob@corp.example", "mail.corp.example")]


def test_a_mail_that_is_sent_on_from_elsewhere_rests_on_dkim_still() -> None:
    assert completed(BY_DKIM, spf=Spf(SpfResult.NO_PASS)) == evolve(BY_DKIM, spf_known=True)
    assert completed(BY_DKIM, spf=Spf(), received=FORGED["by another host"]) == BY_DKIM


def test_what_a_pass_rests_on_is_looked_for_where_the_border_names_no_method() -> None:
    assert completed(BARE, signed(), spf=Spf()) == evolve(BARE, spf_aligned=True, spf_known=True)
    by_dkim = evolve(BARE, dkim_aligned=True, dkim_signed=SIGNED_FIELDS)
    assert completed(BARE, signed(), spf=Spf(SpfResult.NO_PASS)) == evolve(by_dkim, spf_known=True)
    assert completed(BARE, signed(), spf=Spf(), received="nothing") == by_dkim
    assert completed(BARE, spf=Spf(SpfResult.NO_PASS)) == evolve(BARE, spf_known=True)


def test_a_listed_sealer_that_saw_spf_pass_knows_more_than_a_signature() -> None:
    sealers = frozenset({"lists.example"})
    saw = sealed(signed(), results="spf=pass smtp.mailfrom=corp.example; dmarc=pass header.from=corp.example")
    assert completed(BY_DKIM, saw, spf=None, sealers=sealers).dkim_signed is None
    assert completed(BY_DKIM, saw, spf=None, sealers=frozenset({"other.example"})) == BY_DKIM
    assert completed(BARE, saw, spf=None, sealers=sealers) == evolve(BARE, dkim_aligned=True)


def test_where_name_servers_are_silent_it_is_told_another_time() -> None:
    assert completed(BY_DKIM, spf=Spf(SpfResult.TEMPERROR)).dmarc is Dmarc.TEMPERROR
    silent = zone(_dmarc__corp__example=TemporaryFailure())
    assert completed(BY_DKIM, spf=Spf(), names=silent).dmarc is Dmarc.TEMPERROR
    keys = Zone({**zone().records, "s1._domainkey.corp.example": TemporaryFailure()})
    assert completed(BARE, signed(), spf=Spf(SpfResult.NO_PASS), names=keys).dmarc is Dmarc.TEMPERROR


def test_a_mail_of_two_authors_stays_as_the_border_says() -> None:
    spf = Spf()
    assert completed(BY_DKIM, b"From: eve@evil.example\r\n" + PLAIN, spf=spf) == BY_DKIM
    assert spf.asked == []
