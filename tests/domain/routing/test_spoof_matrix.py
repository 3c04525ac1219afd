"""The spoof matrix: every attack under every admission and sender trust, through the real reader and the real rules."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from attrs import evolve

from convalias.adapters.mime import Reader
from convalias.adapters.mime.authentication import Authenticator
from convalias.domain.conversations.participants import AccountAuthor, PeripheralAuthor
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.policy import RoutingPolicy, SenderTrust
from convalias.domain.routing.verdicts import Hold, Ignore, Reject, RelayToConversation
from domain import spoofs
from domain.honest import BESIDE, SENDERS, SIGNED, Honest
from domain.spoofs import ALIAS, BOB_PROVED, CELLS, DOMAINS, LISTS, NOW, SPOOFS, WORLD, ZONE, Spoof

READER = Reader(
    alias_domains=frozenset({"reply.example"}),
    trusted_authserv_ids=frozenset({"mx.reply.example"}),
    rewriters=LISTS,
)
ADMISSIONS = (FREE, LIGHT, STRICT)
TRUSTS = {"known": SenderTrust.ACCEPT_KNOWN, "aligned": SenderTrust.REQUIRE_ALIGNED, "any": SenderTrust.ACCEPT_ANY}


def posted(spoof: Spoof) -> Post:
    post = Post(received_at=NOW, recipients=(ALIAS,))
    if spoof.zone is None:
        return post
    border = evolve(post, evidence=SenderEvidence()) if spoof.spf_failed else post
    authenticator = Authenticator(resolver=spoof.zone, sealers=spoof.sealers)
    return evolve(post, evidence=asyncio.run(authenticator.evidence(spoof.raw, border)))


def verdicts(spoof: Spoof, trust: SenderTrust) -> str:
    """One letter for each admission."""
    mail = READER.read_now(spoof.raw, posted(spoof)).mail
    context = RoutingContext.of(*WORLD, *spoof.facts, now=NOW, domains=DOMAINS)
    return " ".join(
        letter(route(mail, context, RoutingPolicy(admission=admission, sender_trust=trust))) for admission in ADMISSIONS
    )


def letter(plan: object) -> str:
    assert isinstance(plan, RoutingPlan)
    (ruling,) = plan
    match ruling.verdict:
        case RelayToConversation(author=AccountAuthor(account="bob")):
            said = "relay as Bob"
        case RelayToConversation(author=PeripheralAuthor()):
            said = "relay as the sender's own address"
        case Hold(reason=reason):
            said = f"hold {reason.value}"
        case Reject(reason=reason):
            said = f"reject {reason.value}"
        case Ignore(reason=reason):
            said = f"ignore {reason.value}"
        case _:
            return "?"
    return {text: name for name, text in CELLS.items()}.get(said, "?")


@pytest.mark.parametrize("trust", TRUSTS)
@pytest.mark.parametrize("spoof", SPOOFS, ids=lambda spoof: spoof.name)
def test_every_cell_of_the_matrix(spoof: Spoof, trust: str) -> None:
    assert verdicts(spoof, TRUSTS[trust]) == getattr(spoof, trust)


def test_nobody_posts_as_another_but_where_the_risk_is_accepted_by_name() -> None:
    posts = [spoof for spoof in SPOOFS if "B" in spoof.known + spoof.aligned + spoof.any]
    assert all(spoof.accepted for spoof in posts)
    assert not any("B" in spoof.aligned for spoof in SPOOFS)
    by_default = [spoof for spoof in SPOOFS if "B" in spoof.known]
    assert {spoof.accepted.partition(" ")[0] for spoof in by_default} == {"ACCEPT_KNOWN"}


def test_the_matrix_is_whole() -> None:
    assert len({spoof.name for spoof in SPOOFS}) == len(SPOOFS) >= 80
    used = Counter("".join(spoof.known + spoof.aligned + spoof.any for spoof in SPOOFS))
    assert set(used) - {" "} == set(CELLS)


@pytest.mark.parametrize("admission", ADMISSIONS, ids=lambda admission: admission.name)
@pytest.mark.parametrize("honest", SENDERS, ids=lambda honest: honest.name)
def test_ordinary_mail_is_relayed_under_every_admission(honest: Honest, admission: Admission) -> None:
    mail = READER.read_now(honest.raw, Post(received_at=NOW, recipients=(ALIAS,))).mail
    context = RoutingContext.of(*WORLD, *honest.facts, now=NOW, domains=DOMAINS)
    assert letter(route(mail, context, RoutingPolicy(admission=admission))) == "B"


def test_there_are_at_least_sixty_ordinary_senders() -> None:
    assert len({honest.name for honest in SENDERS}) == len(SENDERS) >= 60


@pytest.mark.parametrize("name", SIGNED)
def test_signed_mail_is_relayed_though_its_address_must_pass(name: str) -> None:
    honest = Spoof(name, SIGNED[name], "B B B", "B B B", "B B B", (BOB_PROVED,), ZONE, LISTS, spf_failed=True)
    assert [verdicts(honest, trust) for trust in TRUSTS.values()] == ["B B B"] * 3


@pytest.mark.parametrize("group", BESIDE)
def test_beside_each_attack_stands_an_honest_mail_that_looks_like_it(group: str) -> None:
    attacks = {spoof.name for spoof in getattr(spoofs, group)}
    honest = {one.name for one in SENDERS} | SIGNED.keys()
    assert set(BESIDE[group]) - {""} <= attacks
    assert set(BESIDE[group].values()) <= honest
    assert "" in BESIDE[group]
