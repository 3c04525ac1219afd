"""Rules, admissions and reasons of a host's own, on the whole way of a mail."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from app.blips import PROVED
from convalias.adapters import memory
from convalias.app import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.reasons import Severity, reason
from convalias.domain.routing import rules
from convalias.domain.routing.admission import Admittance, Applicant, Because, admission
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RelayCase, rule
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Reject, RelayToConversation, Verdict
from convalias.services.operations.operations import Asked

QUOTA = reason(
    "QUOTA",
    refusal={"en": "You have written enough for today.", "de": "Für heute haben Sie genug geschrieben."},
    severity=Severity.NOTABLE,
    advice="raise the sender's quota",
)
NO_CONTRACT = reason("NO_CONTRACT", refusal="There is no contract with your company.")


@rule(9)
def over_quota(case: RelayCase) -> Verdict | None:
    """Who has used up the quota waits for tomorrow."""
    return (
        Reject(QUOTA) if isinstance(case.verdict, RelayToConversation) and "quota" in case.mail.content.text else None
    )


@admission("contracts")
def contracts(_applicant: Applicant) -> Admittance | Because:
    """Only who has a contract may write."""
    return Admittance.REFUSE.because(NO_CONTRACT)


BOOK = RULES.before(rules.empty, over_quota)


async def arrives(cv: Convalias, sender: str, text: str) -> None:
    alias = await cv.alias("c1", for_="ann")
    raw = f"From: {sender}\r\nTo: {alias}\r\nMessage-ID: <{len(text)}@x>\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\n"
    mail = IncomingMail(f"{raw}\r\n{text}\r\n".encode(), recipients=[alias], sender=sender, evidence=PROVED)
    await cv.receiver.accept(mail)
    await cv.run_until_idle()


async def opened(cv: Convalias) -> None:
    people = [Participant.of(one, name=one.title(), addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
    await cv.open_conversation("c1", use_case="hiring", participants=people)


async def texts(cv: Convalias) -> list[object]:
    return [text for one in await cv.messaging.events("c1") if (text := getattr(one.happening, "text", None))]


async def why(cv: Convalias, message_id: str) -> str:
    (story,) = await cv.operations.why(Asked(message_id=message_id))
    return str(story)


async def test_a_mail_is_refused_for_a_reason_of_the_hosts_own_and_everybody_hears_of_it() -> None:
    clock, left = memory.Clock(), memory.Outbox()
    async with Convalias.in_memory(alias_domain="reply.example", rules=BOOK, clock=clock, system_mail=left) as cv:
        await opened(cv)
        await arrives(cv, "bob@home.example", "Hello.")
        await arrives(cv, "bob@home.example", "More than the quota.")
        assert await texts(cv) == ["Hello."]
        telemetry = cv.ports.telemetry
        assert isinstance(telemetry, memory.Telemetry)
        assert telemetry.total("icer.messages.processed", reason="QUOTA", severity="notable") == 1
        await clock.advance(timedelta(minutes=10))
        await cv.run_until_idle()
        (sent,) = [message_from_bytes(one.raw, policy=policy.default) for one in left.mails]
        body = sent.get_body(("plain",))
        assert body is not None
        assert "You have written enough for today." in body.get_content()
        assert telemetry.total("icer.refusals.sent", reason="QUOTA") == 1
        told = await why(cv, "<20@x>")
        assert "refused    QUOTA, the sender is told" in told
        assert told.split()[-5:] == ["next", "raise", "the", "sender's", "quota"]


async def test_who_is_not_admitted_is_refused_for_a_reason_of_the_hosts_own() -> None:
    wished = RoutingPolicy(admission=contracts)
    async with Convalias.in_memory(alias_domain="reply.example", policy=wished) as cv:
        await opened(cv)
        await arrives(cv, "eve@home.example", "Let me in.")
        assert await texts(cv) == []
        told = await why(cv, "<10@x>")
        assert "NO_CONTRACT" in told
        assert "a rule of the host said NO_CONTRACT: ask whoever wrote that rule" in told


async def test_by_settings_too_a_host_has_rules_and_a_policy_of_its_own(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONVALIAS_DATA", raising=False)
    wished = RoutingPolicy(admission=contracts)
    made = Convalias.from_toml(data=str(tmp_path), rules=BOOK, policy=wished)
    for cv in (made, made.anew()):
        async with cv:
            relay = cv.services.inbound.relay
            assert [one.name for one in relay.rules] == [one.name for one in BOOK]
            assert relay.policy.admission == contracts
