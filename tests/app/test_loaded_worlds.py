"""Whatever a world says, a deployment that loaded it decides as `convalias explain` does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from convalias.adapters.mime import Reader
from convalias.app import Convalias
from convalias.app.loading import load_world
from convalias.codec.doors import World, read_world
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.outcomes import Done, Effect, HandedOver, Held, Ignored, Refused, Relayed, Skipped
from convalias.domain.inbound.posts import IncomingMail, RecordKey
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    SkipOverlap,
    Verdict,
)

ALIAS, OLD = "ann-ray-1ab131e2@reply.example", "x1@relay.example"
ANN: Final = {"id": "ann", "addresses": ["ann@home.example"]}
BOB: Final = {"id": "bob", "addresses": ["bob@corp.example"]}
TALK: Final = {"id": "c1", "use_case": "apply", "participants": [{"account": "ann"}, {"account": "bob"}]}
PASS: Final = {"dmarc": "pass"}
THEN, LATER = "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"


def world(sender: str = "bob@corp.example", **more: Any) -> dict[str, Any]:
    """Bob writes to Ann, but for what is said."""
    return {
        "now": datetime.now(UTC).isoformat(),
        "alias_domains": ["reply.example"],
        "legacy_domains": ["relay.example"],
        "conversations": [TALK],
        "aliases": [{"address": ALIAS, "conversation": "c1", "participant": "ann"}],
        "accounts": [ANN, BOB],
        "envelope": {"recipients": [ALIAS], "sender": sender},
    } | more


EVE = "eve@corp.example"
OTHERS = "bob@before.example"
HISTORY: Final = {"address": OTHERS, "account": "bob", "from": THEN}
WORLDS: Final[Mapping[str, tuple[dict[str, Any], type[Verdict]]]] = {
    "a participant": (world(), RelayToConversation),
    "admission free": (world(EVE, policy={"admission": "free"}), RelayToConversation),
    "admission light": (world(EVE, authentication=PASS), Hold),
    "admission strict": (world(EVE, policy={"admission": "strict"}), Reject),
    "company domain": (
        world(EVE, accounts=[ANN, BOB | {"company_domains": ["Corp.example"]}], authentication=PASS),
        RelayToConversation,
    ),
    "company domain, unproved": (world(EVE, accounts=[ANN, BOB | {"company_domains": ["corp.example"]}]), Hold),
    "cc_seen": (world(EVE, conversations=[TALK | {"cc_seen": [EVE]}], authentication=PASS), RelayToConversation),
    "speaks_for": (
        world(EVE, accounts=[ANN, BOB, {"id": "ats", "addresses": [EVE], "speaks_for": ["bob"]}]),
        RelayToConversation,
    ),
    "authenticates": (world(accounts=[ANN, BOB | {"authenticates": ["bob@corp.example"]}]), Hold),
    "several accounts": (world(accounts=[ANN | {"addresses": BOB["addresses"]}, BOB]), Reject),
    "require_aligned": (world(policy={"sender_trust": "require_aligned"}), Hold),
    "blocked": (world(policy={"blocked_senders": ["@corp.example"]}), Ignore),
    "history": (world(OTHERS, address_history=[HISTORY]), RelayToConversation),
    "history, long ago": (world(OTHERS, address_history=[HISTORY | {"until": "2021-01-01T00:00:00Z"}]), Hold),
    "historical_days": (
        world(
            OTHERS,
            address_history=[HISTORY | {"until": "2021-01-01T00:00:00Z"}],
            policy={"historical_days": 36_500},
        ),
        RelayToConversation,
    ),
    "history, an employer's": (
        world(OTHERS, address_history=[HISTORY | {"until": LATER, "reason": "employer"}]),
        Hold,
    ),
    "closed": (world(conversations=[TALK | {"state": "closed"}]), Reject),
    "archived": (world(conversations=[TALK | {"state": "archived"}]), Reject),
    "erased": (world(conversations=[TALK | {"state": "erased"}]), Reject),
    "expired": (
        world(aliases=[{"address": ALIAS, "conversation": "c1", "participant": "ann", "expires_at": THEN}]),
        Reject,
    ),
    "not yet expired": (
        world(aliases=[{"address": ALIAS, "conversation": "c1", "participant": "ann", "expires_at": LATER}]),
        RelayToConversation,
    ),
    "revoked": (
        world(aliases=[{"address": ALIAS, "conversation": "c1", "participant": "ann", "revoked_at": THEN}]),
        Reject,
    ),
    "legacy": (
        world(
            conversations=[TALK | {"stage": "legacy"}],
            legacy_aliases=[{"address": OLD, "conversation": "c1"}],
            envelope={"recipients": [OLD], "sender": None},
        ),
        HandToLegacy,
    ),
    "legacy beside": (
        world(
            conversations=[TALK | {"stage": "legacy"}],
            legacy_aliases=[{"address": OLD, "conversation": "c1"}],
            envelope={"recipients": [OLD, ALIAS], "sender": "bob@corp.example"},
        ),
        SkipOverlap,
    ),
    "spam": (world(EVE, spam=True), Ignore),
}
EFFECTS: Final[Mapping[type[Effect], type[Verdict]]] = {
    Relayed: RelayToConversation,
    HandedOver: HandToLegacy,
    Skipped: SkipOverlap,
    Held: Hold,
    Refused: Reject,
    Ignored: Ignore,
}


def mail(told: World, sender: str) -> bytes:
    to = ", ".join(map(str, told.post.recipients))
    return f"From: {sender}\r\nTo: {to}\r\nMessage-ID: <1@corp>\r\nSubject: Hi\r\n\r\nHello\r\n".encode()


def explained(told: World, raw: bytes) -> Mapping[EmailAddress, type[Verdict]]:
    reader = Reader(alias_domains=told.context.domains.alias)
    plan = route(reader.read_now(raw, told.post).mail, told.context, told.policy)
    assert isinstance(plan, RoutingPlan)
    return {one.recipient.address: type(one.verdict) for one in plan}


async def lived(told: World, raw: bytes, folder: Path) -> Mapping[EmailAddress, type[Verdict]]:
    """The same by a whole deployment."""
    cv = Convalias.from_toml(data=folder, environ={})
    async with cv:
        await load_world(cv, told)
    async with cv:
        post = told.post
        await cv.receiver.accept(
            IncomingMail(
                raw, recipients=post.recipients, sender=post.return_path, evidence=post.evidence, spam=post.spam
            )
        )
        await cv.run_until_idle()
        (key,) = await cv.ports.blobs.names("envelopes/", after="", limit=2)
        record = await cv.services.stores.inbound.outcome(RecordKey(key))
        assert record is not None
        assert isinstance(record.outcome, Done)
        return {address: EFFECTS[type(effect)] for address, effect in record.outcome.effects}


@pytest.mark.parametrize("name", WORLDS)
def test_a_deployment_decides_as_explain_does(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document, expected = WORLDS[name]
    told = read_world(document)
    raw = mail(told, document["envelope"]["sender"] or "bob@corp.example")
    verdicts = explained(told, raw)
    assert expected in verdicts.values()
    assert asyncio.run(lived(told, raw, tmp_path / "data")) == verdicts


def test_a_public_mailbox_provider_is_nobodys_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = world("eve@gmail.com", accounts=[ANN, BOB | {"company_domains": ["gmail.com"]}], authentication=PASS)
    told = read_world(document)
    raw = mail(told, "eve@gmail.com")
    assert asyncio.run(lived(told, raw, tmp_path / "data")) == {EmailAddress.parse(ALIAS): Hold}
