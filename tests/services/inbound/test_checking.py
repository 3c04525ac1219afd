"""A detector looks at mail of ours: spam is ignored, harm waits for a person, and while it is away the policy decides."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.inbound.outcomes import (
    Again,
    Dead,
    Done,
    HandedOver,
    Held,
    Ignored,
    Progress,
    Quarantined,
    Relayed,
)
from convalias.domain.inbound.posts import IncomingMail, Post
from convalias.domain.mail.checks import Checked, Finding, WhenAway
from convalias.domain.mail.reasons import Reason
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Check
from convalias.services.inbound.checking import Checking
from convalias.services.inbound.receiver import STRANGERS_KEPT, Kept
from convalias.services.inbound.relay import InboundRelay
from convalias.services.operations.replay import Replayed, Selection
from services.inbound_desk import C1, C2, LEGACY, TO_C1, Process, Town, open_town, written

EVE = EmailAddress.parse("eve@evil.example")
ELSEWHERE = EmailAddress.parse("ann@elsewhere.example")
SPAM, VIRUS = (word.decode() for word in (memory.Check().spam[0], memory.Check().harmful[0]))


@define
class Broken:
    """A detector that raises, or says nothing for a while."""

    error: Exception | None = None
    takes: timedelta = timedelta(0)
    asked: int = 0

    async def check(self, raw: bytes, post: Post) -> Checked:
        self.asked += 1
        await asyncio.sleep(self.takes.total_seconds())
        if self.error is not None:
            raise self.error
        return Checked(Finding.NOTHING)


def relay(desk: Process, check: Check, when_away: WhenAway = WhenAway.WAIT) -> InboundRelay:
    checking = Checking(
        check=check,
        domains=desk.facts.domains,
        telemetry=desk.town.telemetry,
        when_away=when_away,
        within=timedelta(milliseconds=20),
    )
    return evolve(desk.relay, checking=checking)


async def became(town: Town, mail: IncomingMail, check: Check, when_away: WhenAway = WhenAway.WAIT) -> Any:
    """The one effect of that mail, or what is instead of it."""
    desk = Process(town)
    progress = await relay(desk, check, when_away).process(await desk.take(mail))
    if not isinstance(progress, Done):
        return progress
    ((_, effect),) = progress.effects
    return effect


async def test_an_ordinary_mail_is_relayed_and_was_looked_at() -> None:
    town = await open_town()
    assert isinstance(await became(town, written(TO_C1), memory.Check()), Relayed)
    assert town.telemetry.total("icer.mail.checked", finding="nothing") == 1
    assert not (await town.messages())[0].flags & {"spam", "harmful"}


@pytest.mark.parametrize("text", [SPAM, VIRUS])
async def test_what_a_check_objects_to_is_ignored_from_whom_nothing_proves(text: str) -> None:
    town = await open_town()
    mail = written(TO_C1, sender=EVE, text=text, evidence=None)
    assert await became(town, mail, memory.Check()) == Ignored(Reason.SPAM)


async def test_spam_of_a_proved_participant_is_relayed_with_a_flag() -> None:
    town = await open_town()
    assert isinstance(await became(town, written(TO_C1, text=SPAM), memory.Check()), Relayed)
    assert {"spam"} == (await town.messages())[0].flags & {"spam", "harmful"}


async def test_harm_from_a_proved_participant_waits_for_a_person() -> None:
    town = await open_town()
    held = await became(town, written(TO_C1, text=VIRUS), memory.Check())
    assert isinstance(held, Held)
    assert [hold.reason for hold in await town.holds(C1)] == [Reason.NEEDS_APPROVAL]
    assert not await town.messages()


async def test_harm_from_whom_nothing_proves_is_not_handed_to_legacy() -> None:
    town = await open_town()
    strange = written(LEGACY, sender=EVE, text=VIRUS, evidence=None)
    assert await became(town, strange, memory.Check()) == Ignored(Reason.SPAM)
    assert isinstance(await became(town, written(LEGACY, number=2), memory.Check()), HandedOver)


@pytest.mark.parametrize(
    "check",
    [memory.Check(away=True), Broken(Unavailable("detector")), Broken(ValueError("a bug")), Broken(takes=timedelta(9))],
    ids=["away", "unavailable", "a bug", "silent"],
)
async def test_while_the_detector_is_away_the_policy_decides(check: Check) -> None:
    town = await open_town()
    assert isinstance(await became(town, written(TO_C1), check, WhenAway.WAIT), Again)
    held = await became(town, written(TO_C1, number=2), check, WhenAway.HOLD)
    assert isinstance(held, Held)
    assert isinstance(await became(town, written(TO_C1, number=3), check, WhenAway.GO_ON), Relayed)
    assert town.telemetry.total("icer.mail.checked", finding="passed unseen") == 1
    assert town.telemetry.total("icer.mail.checked", finding="held unseen") == 1


async def test_what_waited_is_looked_at_when_the_detector_is_back() -> None:
    town = await open_town()
    desk = Process(town)
    reference = await desk.take(written(TO_C1, text=SPAM, sender=EVE, evidence=None))
    for _ in range(100):
        assert isinstance(await relay(desk, memory.Check(away=True)).process(reference), Again)
    outcome = await relay(desk, memory.Check()).process(reference)
    assert isinstance(outcome, Done)
    assert [effect for _, effect in outcome.effects] == [Ignored(Reason.SPAM)]


async def test_a_mail_on_which_the_detector_fails_for_a_day_is_given_up_and_names_the_call() -> None:
    town = await open_town()
    desk = Process(town)
    reference = await desk.take(written(TO_C1))
    progress: Progress = Again(timedelta(0), "")
    for _ in range(2_000):
        progress = await relay(desk, Broken(ValueError("a secret of a mail"))).process(reference)
        if not isinstance(progress, Again):
            break
        await town.clock.advance(progress.after)
    assert isinstance(progress, Dead)
    assert "check.check" in progress.reason
    assert "secret" not in progress.reason


@pytest.mark.parametrize(
    "mail",
    [
        written(ELSEWHERE),
        written(TO_C1, headers="X: " + "x" * 300_000 + "\n"),
        written(TO_C1, quarantine="unparseable"),
    ],
    ids=["not ours", "over a limit", "quarantined"],
)
async def test_mail_that_is_relayed_to_nobody_is_not_looked_at(mail: IncomingMail) -> None:
    town = await open_town()
    desk, check = Process(town), Broken(ValueError("asked"))
    await relay(desk, check).process(await desk.take(mail))
    assert not check.asked


@pytest.mark.threads
async def test_mail_that_was_cut_and_is_ours_by_now_is_quarantined_and_not_looked_at() -> None:
    town = await open_town()
    desk, check = Process(town), Broken(Unavailable("detector"))
    receiver = evolve(desk.receiver, domains=MailDomains({"other.example"}))
    receipt = await receiver.accept(written(TO_C1, text="x" * STRANGERS_KEPT))
    assert isinstance(receipt, Kept)
    assert await relay(desk, check).process(await town.reference(receipt.record)) == Quarantined("too_large")
    assert not check.asked


async def test_mail_without_envelope_recipients_is_looked_at_by_its_header() -> None:
    town = await open_town()
    mail = written(to=[TO_C1], sender=EVE, text=SPAM, evidence=None)
    assert await became(town, mail, memory.Check()) == Ignored(Reason.SPAM)


async def test_a_restore_that_only_asks_where_a_mail_leads_asks_no_detector_about_mail_of_others() -> None:
    town = await open_town()
    desk, check = Process(town), Broken()
    await desk.take(written(TO_C1))
    await town.clock.advance(timedelta(hours=7))
    asking = relay(desk, check)
    replay = evolve(desk.replay, relay=asking, restoring=asking)
    assert await replay.all(dry_run=False, of=Selection(conversation=C2)) == Replayed()
    assert not check.asked
    assert (await replay.all(dry_run=False, of=Selection(conversation=C1))).events == 1
    assert check.asked == 1


async def test_the_finding_stands_in_the_explanation() -> None:
    town = await open_town()
    desk = Process(town)
    checking = relay(desk, memory.Check())
    record, raw = await checking._load(await desk.take(written(TO_C1, text=VIRUS)))
    assert record is not None
    assert raw is not None
    read = await checking.read(record, raw)
    assert not isinstance(read, Again)
    plan = await checking.decide(record, read)
    assert f"check: harmful, {VIRUS}" in plan.explain().text()
    assert {"step": "examined", "finding": "harmful", "said": VIRUS} in plan.explain().data()["steps"]
