"""Who guesses aliases is noticed: by source, in all, once for each recipient of a post."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.outcomes import Done, Effect, Held, Refused, Relayed
from convalias.domain.inbound.posts import IncomingMail, Post
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.misses import BY_SOURCE, IN_ALL, source_of
from convalias.domain.routing.questions import Questions
from convalias.services.inbound.relay import InboundRelay
from convalias.stores.inbound.misses import Misses
from services.inbound_desk import C1, PROVED, TO_C1, Process, Town, open_town, written


def guess(number: int, *, by: str = "evil.example", count: int = 1) -> IncomingMail:
    sender = EmailAddress.parse(f"eve@{by}")
    recipients = [EmailAddress.parse(f"john-smith-{number + place:08x}@reply.example") for place in range(count)]
    return written(*recipients, number=number, sender=sender, return_path=sender, evidence=None)


def relay(desk: Process) -> InboundRelay:
    return evolve(desk.relay, stores=evolve(desk.relay.stores, misses=Misses(records=desk.records)))


async def guessed(town: Town, *mails: IncomingMail) -> float:
    """The alarms by source after these mails."""
    desk = Process(town)
    for mail in mails:
        await relay(desk).process(await desk.take(mail))
    return town.telemetry.total("icer.aliases.guessed", by="source")


async def test_many_misses_of_one_source_within_an_hour_are_an_alarm() -> None:
    town = await open_town()
    assert await guessed(town, *map(guess, range(BY_SOURCE))) == 0
    assert await guessed(town, guess(99, by="home.example"), written(TO_C1)) == 0
    assert await guessed(town, guess(100)) == 1
    await town.clock.advance(timedelta(hours=1, seconds=1))
    assert await guessed(town, guess(101)) == 1


async def test_a_mail_that_is_processed_late_counts_the_hour_before_its_own_receipt() -> None:
    town = await open_town()
    desk = Process(town)
    late = await desk.take(guess(0))
    for number in range(1, 3 * BY_SOURCE):
        await town.clock.advance(timedelta(minutes=4))  # fifteen an hour
        await relay(desk).process(await desk.take(guess(number)))
    await relay(desk).process(late)
    await relay(desk).conclude(late)
    assert town.telemetry.total("icer.aliases.guessed") == 0


async def test_late_mail_of_a_guesser_is_an_alarm_as_well() -> None:
    town = await open_town()
    desk = Process(town)
    late = [await desk.take(guess(number)) for number in range(BY_SOURCE + 1)]
    await town.clock.advance(timedelta(hours=30))
    for mail in late:
        await relay(desk).process(mail)
    assert town.telemetry.total("icer.aliases.guessed", by="source") == 1


async def test_the_recipients_of_one_post_count_each_and_only_once() -> None:
    town = await open_town()
    assert await guessed(town, guess(0, count=BY_SOURCE)) == 0
    desk = Process(town)
    reference = await desk.take(guess(0, count=BY_SOURCE))
    for _ in range(3):
        await relay(desk).conclude(reference)
    assert town.telemetry.total("icer.aliases.guessed") == 0
    assert await guessed(town, guess(500, count=BY_SOURCE + 5)) == 1


async def test_misses_of_many_sources_are_an_alarm_in_all() -> None:
    town = await open_town()
    count = IN_ALL // BY_SOURCE
    for number in range(count + 1):
        assert await guessed(town, guess(1_000 * number, by=f"d{number}.example", count=BY_SOURCE)) == 0
    assert town.telemetry.total("icer.aliases.guessed", by="all") == 1


@pytest.mark.parametrize("sender", ["eve@evil.example", "eve@evil.example, ann@home.example"], ids=["one", "two"])
async def test_without_a_return_path_the_source_is_that_of_from_or_nobody(sender: str) -> None:
    town = await open_town()
    mails = [evolve(guess(number), sender=NULL_RETURN_PATH) for number in range(BY_SOURCE + 1)]
    mails = [evolve(mail, raw=mail.raw.replace(b"eve@evil.example", sender.encode())) for mail in mails]
    assert await guessed(town, *mails) == 1


# --- who guesses is turned away ---------------------------------------------------------------------------------------

EVE = EmailAddress.parse("eve@evil.example")


def turning_away(desk: Process) -> InboundRelay:
    misses = Misses(records=desk.records)
    return evolve(
        desk.relay, facts=evolve(desk.relay.facts, misses=misses), stores=evolve(desk.relay.stores, misses=misses)
    )


async def became(town: Town, mail: IncomingMail) -> Effect:
    """The effect for its one recipient."""
    desk = Process(town)
    outcome = await turning_away(desk).process(await desk.take(mail))
    assert isinstance(outcome, Done)
    ((_, effect),) = outcome.effects
    return effect


async def test_a_hit_of_who_missed_too_often_is_refused_for_an_hour() -> None:
    town = await open_town()
    hit = written(TO_C1, number=900, sender=EVE, return_path=EVE, evidence=None)
    for number in range(BY_SOURCE + 1):
        assert isinstance(await became(town, guess(number)), Refused)
    await town.clock.advance(timedelta(seconds=1))
    assert await became(town, hit) == Refused(Reason.RATE_LIMITED)
    assert await town.holds(C1) == []
    other = EmailAddress.parse("cem@other.example")
    assert isinstance(
        await became(town, written(TO_C1, number=901, sender=other, return_path=other, evidence=None)), Held
    )
    participant = written(TO_C1, number=902, return_path=EVE, evidence=None)
    assert isinstance(await became(town, participant), Relayed)
    await town.clock.advance(timedelta(hours=1, seconds=1))
    later = written(TO_C1, number=903, sender=EVE, return_path=EVE, evidence=None)
    assert isinstance(await became(town, later), Held)


async def test_nobody_misses_in_the_name_of_who_is_proved() -> None:
    town = await open_town()
    for number in range(BY_SOURCE + 1):
        await became(town, guess(number))
    await town.clock.advance(timedelta(seconds=1))
    proved = written(TO_C1, number=900, sender=EVE, return_path=EVE)
    assert isinstance(await became(town, proved), Held)


async def test_a_mail_does_not_count_its_own_misses_when_it_is_decided_again() -> None:
    town = await open_town()
    desk = Process(town)
    relay = turning_away(desk)
    both = guess(0, count=BY_SOURCE + 1)
    mail = await desk.take(evolve(both, recipients=(*both.recipients, TO_C1)))
    for _ in range(2):
        outcome = await relay.conclude(mail)
        assert isinstance(outcome, Done)
        assert isinstance(dict(outcome.effects)[TO_C1], Held)


async def test_without_counts_nobody_is_turned_away() -> None:
    town = await open_town()
    desk = Process(town)
    context = await desk.relay.facts.answer(Questions(misses=frozenset({"evil.example"})), now=town.clock.now())
    assert context.misses == {"evil.example": 0}


@pytest.mark.parametrize(
    ("evidence", "sender", "source"),
    [
        (None, "eve@evil.example", "elsewhere.example"),
        (PROVED, "eve@evil.example", "from:evil.example"),
        (PROVED, "eve@gmail.com", "from:eve@gmail.com"),
    ],
)
async def test_who_is_proved_is_the_source_else_the_domain_that_the_mail_claims(
    evidence: SenderEvidence | None, sender: str, source: str
) -> None:
    town = await open_town()
    desk = Process(town)
    mail = written(
        TO_C1,
        sender=EmailAddress.parse(sender),
        return_path=EmailAddress.parse("x@elsewhere.example"),
        evidence=evidence,
    )
    read = await desk.relay.reader.read(
        mail.raw, Post(received_at=town.clock.now(), return_path=mail.sender, evidence=evidence)
    )
    assert source_of(read.mail) == source
