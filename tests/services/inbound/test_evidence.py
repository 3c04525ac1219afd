"""What proves a sender: the border first, then an authenticator, asked once; no answer is waited for, then held."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve, field, frozen

from adapters.mime.authentication.signing import PLAIN, Zone, signed, zone
from convalias.adapters.mime import Reader
from convalias.adapters.mime.authentication import Authenticator, WithoutSpf
from convalias.codec import loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKeys
from convalias.domain.inbound.outcomes import Again, Done, Held, Refused, Relayed
from convalias.domain.inbound.posts import EnvelopeRecord, IncomingMail, Post
from convalias.domain.inbound.tries import Patience
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.reasons import Reason
from convalias.ports.dns import TemporaryFailure, TxtAnswer, TxtRecords
from convalias.ports.errors import Unavailable
from convalias.ports.spf import SpfResult
from convalias.services.inbound.evidence import TURN, UNANSWERED, Insistence
from convalias.services.operations.replay import Replayed, Selection
from services.inbound_desk import BOBS, C1, C2, PROVED, TO_C1, TO_C2, Process, Town, open_town

AWAY = TemporaryFailure("SERVFAIL")
TRUSTED = b"Authentication-Results: mx.border.example; dmarc=%b header.from=corp.example\r\nReceived: by mx\r\n"
ELSEWHERE = EmailAddress.parse("eve@elsewhere.example")


def posted(raw: bytes, *recipients: EmailAddress, **more: Any) -> IncomingMail:
    return IncomingMail(raw, recipients=recipients or (TO_C1,), sender=BOBS, source="eml", **more)


def process(town: Town, names: Zone, *, spf: WithoutSpf = WithoutSpf.ASK, **more: Any) -> Process:
    reader = Reader(alias_domains=frozenset({"reply.example"}), trusted_authserv_ids=frozenset({"mx.border.example"}))
    return Process(town, authenticator=Authenticator(resolver=names, without_spf=spf), **({"reader": reader} | more))


def silent() -> Zone:
    """A zone of whose name servers none answers."""
    return zone(_dmarc__corp__example=AWAY)


async def became(town: Town, mail: IncomingMail, names: Zone, **more: Any) -> Any:
    """The one effect of that mail."""
    desk = process(town, names, **more)
    outcome = await desk.relay.process(await desk.take(mail))
    assert isinstance(outcome, Done)
    ((_, effect),) = outcome.effects
    return effect


async def verified(town: Town) -> list[bool]:
    return [one.author.verified for one in await town.messages()]


async def test_a_signed_mail_is_relayed_as_verified() -> None:
    town = await open_town()
    assert isinstance(await became(town, posted(signed()), zone()), Relayed)
    assert await verified(town) == [True]
    assert town.telemetry.total("icer.evidence.asked") == 1


async def test_a_restore_that_only_asks_where_a_mail_leads_keeps_no_evidence_of_others() -> None:
    """Mail of other conversations is read to be passed over: nothing of it is written."""
    town = await open_town()
    desk = process(town, zone())
    await desk.take(posted(signed()))
    await town.clock.advance(timedelta(hours=7))
    elsewhere = Selection(conversation=C2)
    assert await desk.replay.all(dry_run=False, of=elsewhere) == Replayed()
    assert town.telemetry.total("icer.evidence.asked") == 1
    assert "evidence" not in town.records.tables()


async def test_without_an_authenticator_the_same_mail_is_shown_as_not_verified() -> None:
    town = await open_town()
    desk = Process(town)
    await desk.relay.process(await desk.take(posted(signed())))
    assert await verified(town) == [False]


async def test_an_unsigned_mail_of_a_domain_that_says_reject_is_spoofed_or_held_as_spf_is_known_or_not() -> None:
    town = await open_town()
    border = SenderEvidence()  # it looked at SPF, and found nothing aligned
    spoofed = Refused(Reason.SPOOFED_SENDER)
    assert await became(town, posted(PLAIN, evidence=border), zone()) == spoofed
    assert isinstance(await became(town, posted(PLAIN + b"1"), zone()), Held)
    assert await became(town, posted(PLAIN + b"2"), zone(), spf=WithoutSpf.FAIL) == spoofed
    assert await town.messages() == []


@pytest.mark.parametrize(
    ("said", "effect"), [(b"pass", Relayed), (b"fail (p=reject)", Refused), (b"temperror", Held)], ids=repr
)
async def test_what_a_trusted_border_said_stands_and_nobody_is_asked(said: bytes, effect: type[object]) -> None:
    town = await open_town()
    names = silent()
    assert isinstance(await became(town, posted(TRUSTED % said + PLAIN), names), effect)
    assert names.asked == []


async def test_what_nobody_of_ours_wrote_into_the_mail_stands_for_nothing() -> None:
    town = await open_town()
    forged = (TRUSTED % b"pass").replace(b"mx.border.example", b"mx.evil.example") + PLAIN
    assert isinstance(await became(town, posted(forged), zone()), Held)


@pytest.mark.threads
@pytest.mark.parametrize(
    "mail",
    [
        posted(PLAIN, ELSEWHERE),
        posted(PLAIN, evidence=PROVED),
        posted(b"Subject: " + b"x" * 200_000 + b"\r\n" + b"X: y\r\n" * 2_000 + PLAIN),
        posted(PLAIN, quarantine="too_large"),
    ],
    ids=["not ours", "proved by its source", "unreadable", "quarantined"],
)
async def test_for_mail_that_needs_none_no_evidence_is_looked_for(mail: IncomingMail) -> None:
    town = await open_town()
    names = zone()
    desk = process(town, names)
    assert not isinstance(await desk.relay.process(await desk.take(mail)), Again)
    assert names.asked == []


async def test_an_alias_in_the_fields_of_a_mail_without_envelope_is_ours() -> None:
    town = await open_town()
    mail = IncomingMail(signed(), sender=BOBS)
    assert isinstance(await became(town, mail, zone()), Relayed)
    assert await verified(town) == [True]


# --- no answer -------------------------------------------------------------------------------------------


async def test_without_an_answer_the_job_is_given_back_and_after_four_tries_the_mail_is_held() -> None:
    town = await open_town()
    desk = process(town, silent())
    mail = await desk.take(posted(signed()))
    pauses = [await desk.relay.process(mail, receives=one) for one in (1, 2, 3)]
    assert [one.because for one in pauses if isinstance(one, Again)] == [UNANSWERED] * 3
    assert all(timedelta(seconds=30) <= one.after <= timedelta(minutes=4) for one in pauses)
    assert await town.outcomes() == []
    outcome = await desk.relay.process(mail, receives=4)
    assert isinstance(outcome, Done)
    assert isinstance(dict(outcome.effects)[TO_C1], Held)
    assert [hold.reason for hold in await town.holds(C1)] == [Reason.NEEDS_APPROVAL]


async def test_waiting_for_an_answer_is_no_failure_of_the_mail() -> None:
    town = await open_town()
    desk = process(town, silent())
    desk.relay = evolve(desk.relay, patience=Patience(failures=1))
    desk.worker = evolve(desk.worker, relay=desk.relay)
    await desk.take(posted(signed()))
    await desk.drain()
    ((effect,),) = [one.values() for one in await town.effects()]
    assert isinstance(effect, Held)
    assert [letter async for letter in desk.dead_letters.list("inbound")] == []


async def test_an_answer_that_comes_in_time_is_all_that_counts() -> None:
    town = await open_town()
    desk = process(town, silent())
    mail = await desk.take(posted(signed()))
    assert isinstance(await desk.relay.process(mail), Again)
    later = process(town, zone())
    assert isinstance(await later.relay.process(mail), Done)
    assert await verified(town) == [True]


async def test_a_mail_that_was_held_without_an_answer_is_asked_about_again_at_a_replay() -> None:
    town = await open_town()
    desk = process(town, silent())
    mail = await desk.take(posted(signed()))
    for receives in range(1, 5):
        await desk.relay.process(mail, receives=receives)
    assert (await desk.replay.all(dry_run=False)).decided == 1  # held again, at once: nobody waits any more
    assert await town.messages() == []
    later = process(town, zone())
    assert (await later.replay.all(dry_run=True)).events == 1
    assert await town.messages() == []
    assert (await later.replay.all(dry_run=False)).events == 1
    assert await verified(town) == [True]


async def test_a_dry_run_neither_waits_nor_writes() -> None:
    town = await open_town()
    desk = process(town, silent())
    mail = await desk.take(posted(signed()))
    for _ in range(6):
        done = await desk.replay.one(mail.record, dry_run=True)
        assert (done.decided, done.waiting, done.events) == (0, 1, 0)  # as a run of it would
    (job,) = await town.queue.take(limit=1, wait=timedelta(0), lease=timedelta(minutes=1))
    assert job.receives == 1
    assert isinstance((await desk.worker.process([job]))[0].progress, Again)


# --- a silent name server is its own domain's trouble ----------------------------------------------------


@frozen
class Hanging:
    """A resolver that never answers."""

    async def txt(self, name: str) -> TxtAnswer:
        await asyncio.Event().wait()
        return TxtRecords()


async def test_a_name_server_that_says_nothing_costs_one_try_and_no_more_than_was_allowed() -> None:
    town = await open_town()
    desk = process(town, silent())
    hanging, soon = Authenticator(resolver=Hanging()), Insistence(within=timedelta(milliseconds=1))
    assert desk.relay.evidence is not None
    finder = evolve(desk.relay.evidence, authenticator=hanging, insistence=soon)
    desk.relay = evolve(desk.relay, evidence=finder)
    waiting = await desk.relay.process(await desk.take(posted(signed())))
    assert isinstance(waiting, Again)
    assert waiting.because == UNANSWERED


async def test_while_a_domain_is_silent_its_other_mails_wait_their_turn_and_count_no_try() -> None:
    town = await open_town()
    desk = process(town, silent())
    finder = desk.relay.evidence
    assert finder is not None
    first, second = [await desk.take(posted(signed() + b"%d" % number)) for number in (1, 2)]
    finder.budget.enter("corp.example", at=town.clock.now())
    finder.budget.leave("mail.corp.example", at=town.clock.now(), answered=False)
    assert finder.budget.enter("corp.example", at=town.clock.now())  # somebody asks already
    for _ in range(6):
        turned = await desk.relay.process(first)
        assert isinstance(turned, Again)
        assert (turned.because, turned.after) == (TURN, timedelta(seconds=5))
    other = signed(PLAIN.replace(b"bob@corp.example", b"bob@else.example"), domain="else.example")
    assert isinstance(await desk.relay.process(await desk.take(posted(other))), Done | Again)
    finder.budget.leave("corp.example", at=town.clock.now(), answered=True)
    assert (await desk.relay.process(second)).because == UNANSWERED  # type: ignore[union-attr]


async def test_an_authenticator_that_times_out_by_itself_is_a_failure_like_any_other() -> None:
    class Late:
        async def evidence(self, raw: bytes, post: Post) -> SenderEvidence:
            raise TimeoutError

    town = await open_town()
    desk = process(town, silent())
    mail = await desk.take(posted(signed()))
    record = loads(await town.blobs.get(mail.record) or b"", EnvelopeRecord)
    assert desk.relay.evidence is not None
    desk.relay = evolve(desk.relay, evidence=evolve(desk.relay.evidence, authenticator=Late()))
    with pytest.raises(TimeoutError):
        await desk.relay.read(record, await town.blobs.get(record.raw) or b"")


async def test_a_token_that_we_did_not_make_costs_no_look_up_and_an_older_address_always_does() -> None:
    town = await open_town()
    names = zone()
    desk = process(town, names)
    finder = desk.relay.evidence
    assert finder is not None
    keys = AliasKeys.of({0: b"a secret of ours"})
    desk.relay = evolve(desk.relay, evidence=evolve(finder, keys=keys))
    forged = EmailAddress.parse("ann-00000000000zzzzzz@reply.example")
    await desk.relay.process(await desk.take(posted(signed(), forged)))
    assert names.asked == []
    for guess in ("ann-12345678@reply.example", "lost@relay.example"):
        await desk.relay.process(await desk.take(posted(signed() + guess.encode(), EmailAddress.parse(guess))))
        assert names.asked != []
        names.asked.clear()


# --- an answer is kept -----------------------------------------------------------------------------------


async def test_what_was_proved_once_is_kept_though_the_key_is_gone() -> None:
    town = await open_town()
    desk = process(town, zone())
    mail = await desk.take(posted(signed(), TO_C2))  # Bob takes no part in c2: held, so a replay decides anew
    await desk.relay.process(mail)
    gone = zone(s1___domainkey__corp__example="v=DKIM1; p=")
    later = process(town, gone)
    await later.replay.all(dry_run=False)
    record = loads(await town.blobs.get(mail.record) or b"", EnvelopeRecord)
    read = await later.relay.read(record, await town.blobs.get(record.raw) or b"")
    assert not isinstance(read, Again)
    covered = frozenset({"from", "to", "subject", "date", "message-id"})
    proved = SenderEvidence(Dmarc.PASS, DmarcPolicy.REJECT, dkim_aligned=True, dkim_signed=covered)
    assert read.mail.evidence == proved
    assert gone.asked == []


async def test_two_posts_of_one_mail_have_one_evidence() -> None:
    town = await open_town()
    assert isinstance(await became(town, posted(signed()), zone()), Relayed)
    names = silent()
    assert isinstance(await became(town, posted(signed(), TO_C2), names), Held)
    assert names.asked == []
    assert [one.reason for one in await town.holds()] == [Reason.NEEDS_APPROVAL]


async def test_of_a_list_that_rewrites_from_the_evidence_that_was_found_says_who_wrote() -> None:
    town = await open_town()
    raw = (
        b"From: Bob via List <list@corp.example>\r\nReply-To: bob@corp.example\r\n"
        b"X-Original-From: Bob <bob@corp.example>\r\nList-Id: <list.corp.example>\r\n" + PLAIN.partition(b"\r\n")[2]
    )
    reader = Reader(alias_domains=frozenset({"reply.example"}), rewriters=frozenset({"corp.example"}))
    assert isinstance(await became(town, posted(signed(raw)), zone(), reader=reader), Relayed)


@define
class Failing:
    """An authenticator with a fault of its own."""

    error: Exception
    asked: int = field(default=0)

    async def evidence(self, raw: bytes, post: object) -> SenderEvidence:
        self.asked += 1
        raise self.error


async def test_an_authenticator_that_fails_is_a_failure_and_one_that_is_away_is_none() -> None:
    town = await open_town()
    broken = Process(town, authenticator=Failing(ZeroDivisionError()))
    mail = await broken.take(posted(PLAIN))
    assert "failed 1 of 3 times" in str(await broken.relay.process(mail))
    away = Process(town, authenticator=Failing(Unavailable("authenticator")))
    assert "authenticator" in str(await away.relay.process(mail))


async def test_how_long_it_insists_can_be_said() -> None:
    town = await open_town()
    desk = process(town, silent())
    assert desk.relay.evidence is not None
    relay = evolve(desk.relay, evidence=evolve(desk.relay.evidence, insistence=Insistence(tries=1)))
    assert isinstance(await relay.process(await desk.take(posted(signed()))), Done)


async def test_a_copy_vouches_for_nobody_unless_a_signature_covers_it_or_spf_speaks_for_the_mail() -> None:
    copied = PLAIN.replace(b"Subject:", b"Cc: eve@elsewhere.example\r\nSubject:", 1)
    plain, covering = "from:to:subject:date:message-id", "from:to:cc:subject:date:message-id"

    async def seen(names: str, more: bytes = b"") -> set[EmailAddress]:
        desk = process(await open_town(), zone())
        await desk.relay.process(await desk.take(posted(more + signed(copied, names=names))))
        return {*(await desk.messaging.thread(C1)).cc_seen}

    by_spf = TRUSTED.replace(b"; dmarc=%b", b"; spf=pass smtp.mailfrom=corp.example; dmarc=%b") % b"pass"
    assert await seen(plain) == set()
    assert await seen(covering) == {ELSEWHERE}
    assert await seen(plain, by_spf) == {ELSEWHERE}


@frozen
class Spf:
    """Says the same of every client."""

    result: SpfResult

    async def check(self, client: str, sender: str, helo: str) -> SpfResult:
        return self.result


WEAK = signed(names="from:subject:date:message-id")
BY_BORDER = (
    b"Authentication-Results: mx.border.example; dmarc=pass header.from=corp.example; dkim=pass header.d=corp.example%b\r\n"
    b"Received: from mail.corp.example (mail.corp.example [11.22.33.44]) by mx.border.example with ESMTP id 1; x\r\n"
)


def completing(town: Town, spf: SpfResult, names: Zone | None = None) -> Process:
    borders = frozenset({"mx.border.example"})
    authenticator = Authenticator(resolver=names or zone(), spf=Spf(spf), borders=borders)
    reader = Reader(alias_domains=frozenset({"reply.example"}), trusted_authserv_ids=borders)
    return Process(town, reader=reader, authenticator=authenticator)


@pytest.mark.parametrize(
    ("said", "spf", "is_verified", "asked"),
    [
        (b"", SpfResult.PASS, True, 1),
        (b"", SpfResult.NO_PASS, False, 1),
        (b"; spf=fail smtp.mailfrom=corp.example", SpfResult.PASS, False, 0),
        (b"; spf=pass smtp.mailfrom=corp.example", SpfResult.NO_PASS, True, 0),
    ],
)
async def test_spf_that_the_border_did_not_look_at_is_computed_once(
    said: bytes,
    spf: SpfResult,
    is_verified: bool,  # noqa: FBT001
    asked: int,
) -> None:
    town = await open_town()
    desk = completing(town, spf)
    mail = await desk.take(posted(BY_BORDER % said + WEAK))
    await desk.relay.process(mail)
    assert await verified(town) == [is_verified]
    await desk.relay.conclude(mail)
    assert town.telemetry.total("icer.evidence.asked") == asked


async def test_while_spf_cannot_be_told_the_mail_waits_and_then_goes_by_what_the_border_says() -> None:
    town = await open_town()
    desk = completing(town, SpfResult.TEMPERROR)
    mail = await desk.take(posted(BY_BORDER % b"" + WEAK))
    for _ in range(Insistence().tries - 1):
        waits = await desk.relay.process(mail)
        assert isinstance(waits, Again)
        assert waits.because == UNANSWERED
    assert isinstance(await desk.relay.process(mail), Done)
    assert await verified(town) == [False]


async def test_who_cannot_compute_spf_is_not_asked_about_mail_that_the_border_proved() -> None:
    town = await open_town()
    names = zone()
    assert isinstance(await became(town, posted(BY_BORDER % b"" + WEAK), names), Relayed)
    assert names.asked == []
    assert await verified(town) == [False]
