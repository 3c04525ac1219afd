"""Rules, admissions and reasons of a host's own, on the whole way of a mail."""

from __future__ import annotations

import functools
import logging
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from attrs import evolve

from app.blips import PROVED
from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.guarded_rules import guard_rules
from convalias.app.guards import AdapterFaults
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.reasons import Severity, reason
from convalias.domain.routing import rules
from convalias.domain.routing.admission import Admittance, Applicant, Because, admission
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RelayCase, Rule, RuleBook, rule
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Reject, RelayToConversation, RuleName, Verdict
from convalias.ports.errors import AdapterFailed
from convalias.services.operations.operations import Asked
from convalias.services.running.log_lines import LogLines
from domain.cases import AUTHOR, KEY, RELAY_CASE

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
        assert "refused    QUOTA, the sender was told" in told
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


class Broken:
    """A rule that fails on some mails, and so many times at most."""

    def __init__(self, words: str, times: int, answer: object = None) -> None:
        self.words, self.left, self.answer = words, times, answer

    def __call__(self, case: RelayCase) -> Verdict | None:
        if self.words in case.mail.content.text and self.left:
            self.left -= 1
            if self.answer is None:
                raise KeyError("bob@home.example")
            return self.answer  # type: ignore[return-value]
        return None


def book_with(broken: Broken) -> RuleBook:
    return RULES.before(rules.empty, Rule(RuleName("broken"), 9, None, "Fails.", broken))


async def test_a_rule_that_fails_for_a_while_loses_no_mail(caplog: pytest.LogCaptureFixture) -> None:
    clock = memory.Clock()
    async with Convalias.in_memory(
        alias_domain="reply.example", rules=book_with(Broken("Hello", 3)), clock=clock
    ) as cv:
        await opened(cv)
        await arrives(cv, "bob@home.example", "Hello.")
        assert await texts(cv) == []
        told = str(await (await cv.checks())["adapters"]())
        assert told.startswith("rules.broken: KeyError at app/test_own_rules.py:")
        # For doctor, which is another process: this one may end with its run.
        left = await cv.services.numbers.signs.faults(since=clock.now())
        assert [*left.values()] == [told]
        waits = await why(cv, "<6@x>")
        assert "failing    1 times so far, last: rules.broken of the host: KeyError at app/test_own_rules.py" in waits
        for _ in range(4):
            await clock.advance(timedelta(minutes=1))
            await cv.run_until_idle()
        assert await texts(cv) == ["Hello."]
        assert not await cv.operations.dead()
    assert "rules.broken of the host: KeyError at app/test_own_rules.py:" in caplog.text
    assert "bob@home.example" not in caplog.text


@pytest.mark.parametrize("anchor", [table[0] for table in RULES.tables], ids=lambda one: one.name)
def test_a_rule_of_the_host_is_guarded_in_each_table(anchor: Rule[Any]) -> None:
    """It is called with what no rule sees: whatever comes of that is "try again", and names the rule."""

    def silent(_case: object) -> None:
        """Say nothing."""

    clock = memory.Clock()
    faults = AdapterFaults(clock, LogLines(logging.getLogger("convalias.test"), clock))
    book = RULES.before(anchor, Rule(RuleName("broken"), anchor.step, None, "Silent.", silent))
    (guarded,) = set(guard_rules(book, faults)) - set(RULES)
    decide: Any = guarded.decide
    with pytest.raises(AdapterFailed, match=r"rules\.broken of the host: case of rule"):
        decide(None)


def test_what_only_looks_like_a_rule_of_the_library_is_guarded_too() -> None:
    """Whoever wraps one copies its module; whoever listens may raise."""

    def deaf(heard: object) -> None:
        raise KeyError(heard)

    @functools.wraps(rules.empty.decide)
    def counted(case: RelayCase) -> Verdict | None:
        raise KeyError(case)

    clock = memory.Clock()
    faults = AdapterFaults(clock, LogLines(logging.getLogger("convalias.test"), clock))
    wrapped = RULES.replacing(rules.empty, evolve(rules.empty, decide=counted))
    for book in (wrapped, RULES.heard_by(deaf)):
        guarded: Any = next(one.decide for one in guard_rules(book, faults) if one.name == rules.empty.name)
        with pytest.raises(AdapterFailed, match=r"rules\.empty of the host: KeyError at app/test_own_rules"):
            guarded(RELAY_CASE)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "rules.broken of the host: KeyError at app/test_own_rules.py:"),
        ("bob@home.example", "rules.broken of the host: rule 'broken', found str, expected a Verdict or None"),
    ],
)
async def test_what_a_rule_fails_on_for_a_day_is_a_dead_letter_that_names_it(answer: object, why: str) -> None:
    clock = memory.Clock()
    broken = book_with(Broken("Bad", 10_000, answer))
    async with Convalias.in_memory(alias_domain="reply.example", rules=broken, clock=clock) as cv:
        await opened(cv)
        await arrives(cv, "bob@home.example", "Bad words.")
        await arrives(cv, "bob@home.example", "Hello.")
        assert await texts(cv) == ["Hello."]
        for _ in range(120):
            await clock.advance(timedelta(minutes=14))
            await cv.run_until_idle()
        (letter,) = await cv.operations.dead()
        assert letter.reason.startswith(why)
        assert "bob@home.example" not in letter.reason


async def test_a_verdict_that_its_recipient_cannot_have_is_tried_again_and_names_its_rule() -> None:
    elsewhere = RelayToConversation(ConversationId("c2"), AUTHOR, KEY)
    clock = memory.Clock()
    broken = book_with(Broken("Bad", 10_000, elsewhere))
    async with Convalias.in_memory(alias_domain="reply.example", rules=broken, clock=clock) as cv:
        await opened(cv)
        await arrives(cv, "bob@home.example", "Bad words.")
        await clock.advance(timedelta(minutes=1))
        await cv.run_until_idle()
        shown = str(await (await cv.checks())["adapters"]())
        why = "rule 'broken', found RelayToConversation, expected one to the conversation that the recipient leads to"
        assert shown.startswith(f"rules.broken: {why}")
        assert shown.endswith(" times in a row")
        for _ in range(120):
            await clock.advance(timedelta(minutes=14))
            await cv.run_until_idle()
        (letter,) = await cv.operations.dead()
        assert letter.reason == f"rules.broken of the host: {why}"
        await arrives(cv, "bob@home.example", "Hello.")
        assert await texts(cv) == ["Hello."]


async def test_a_rule_that_gives_a_right_verdict_has_worked_since() -> None:
    clock, answers = memory.Clock(), [Reject(QUOTA), RelayToConversation(ConversationId("c2"), AUTHOR, KEY)]
    book = RULES.before(rules.empty, Rule(RuleName("broken"), 9, None, "Fails once.", lambda _case: answers.pop()))
    async with Convalias.in_memory(alias_domain="reply.example", rules=book, clock=clock) as cv:
        await opened(cv)
        await arrives(cv, "bob@home.example", "Hello.")
        assert str(await (await cv.checks())["adapters"]()).endswith(", once")
        await clock.advance(timedelta(minutes=1))
        await cv.run_until_idle()
        assert str(await (await cv.checks())["adapters"]()).endswith(", has worked since")


@admission("failing")
def failing(_applicant: Applicant) -> Admittance:
    """Fail on everybody."""
    raise LookupError


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rules": book_with(Broken("Let", 10_000))}, "rules.broken: KeyError"),
        ({"rules": book_with(Broken("Let", 10_000, "no verdict"))}, "rules.broken: rule 'broken', found str"),
        ({"policy": RoutingPolicy(admission=failing)}, "admissions.failing: LookupError"),
    ],
)
async def test_a_process_is_ready_while_a_rule_fails_on_one_mail_again_and_again(given: Any, told: str) -> None:
    clock = memory.Clock()
    async with Convalias.in_memory(alias_domain="reply.example", clock=clock, **given) as cv:
        await opened(cv)
        await arrives(cv, "eve@home.example", "Let me in.")
        for _ in range(5):
            await clock.advance(timedelta(minutes=1))
            await cv.run_until_idle()
        shown = str(await (await cv.checks())["adapters"]())
        assert shown.startswith(told)
        assert shown.endswith(" times in a row")


async def test_an_admission_that_fails_is_named_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, left = memory.Clock(), [1, 2]

    @admission("broken")
    def broken(applicant: Applicant) -> Admittance:
        if left:
            left.pop()
            raise LookupError(str(applicant.address))
        return Admittance.ADMIT

    wished = RoutingPolicy(admission_by_use_case={UseCase("hiring"): broken})
    async with Convalias.in_memory(alias_domain="reply.example", policy=wished, clock=clock) as cv:
        await opened(cv)
        await arrives(cv, "eve@home.example", "Let me in.")
        for _ in range(4):
            await clock.advance(timedelta(minutes=1))
            await cv.run_until_idle()
        assert await texts(cv) == ["Let me in."]
    assert "admissions.broken of the host: LookupError at app/test_own_rules.py:" in caplog.text
    assert "eve@home.example" not in caplog.text
