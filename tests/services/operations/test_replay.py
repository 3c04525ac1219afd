"""It is safe to replay everything, twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import RESTORED
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.inbound.held import HoldState
from convalias.domain.inbound.outcomes import Dead, Done, Refused, Relayed
from convalias.services.operations.replay import Replay, Replayed, Selection
from convalias.stores.approvals.holds import Holds
from convalias.stores.retention import MAIL_KEPT
from services.inbound_desk import (
    ANN,
    BOB,
    BOBS,
    C1,
    C2,
    LEGACY,
    NOBODY,
    TO_C1,
    TO_C2,
    Process,
    open_town,
    written,
)

CARL = EmailAddress.parse("carl@corp.example")


async def test_what_is_final_is_left_alone() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1, LEGACY))
    await process.drain()
    for _ in range(2):
        assert await process.replay.all(dry_run=False) == Replayed(looked_at=1, final=1)
    assert len(await town.messages()) == 1


async def test_a_refused_mail_is_decided_anew_and_mails_nobody() -> None:
    town = await open_town()
    process = Process(town)
    await process.messaging.close(C1)
    await process.take(written(TO_C1))
    await process.drain()
    assert len(town.outbox.mails) == 1
    await process.messaging.reopen(C1)
    assert await process.replay.all(dry_run=True) == Replayed(looked_at=1, decided=1, events=1)
    assert await town.messages() == []
    assert await process.replay.all(dry_run=False) == Replayed(looked_at=1, decided=1, events=1)
    assert await process.replay.all(dry_run=False) == Replayed(looked_at=1, final=1)
    assert len(await town.messages()) == 1
    await town.clock.advance(timedelta(days=1))
    await process.drain()
    assert len(town.outbox.mails) == 1


async def test_what_was_final_for_one_recipient_stays_though_another_is_decided_anew() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, NOBODY, LEGACY))
    await process.drain()
    await process.messaging.close(C1)
    for _ in range(2):
        assert await process.replay.one(reference.record, dry_run=False) == Replayed(looked_at=1, decided=1)
    (effects,) = await town.effects()
    assert isinstance(effects[TO_C1], Relayed)
    assert effects[NOBODY] == Refused(effects[NOBODY].reason) if isinstance(effects[NOBODY], Refused) else False
    assert len(await town.legacy.calls()) == 1


async def test_what_the_plan_no_longer_names_stays_written_down() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, NOBODY))
    await process.drain()
    standing = await town.inbound.outcome(reference.record)
    assert standing is not None
    assert isinstance(standing.outcome, Done)
    other = EmailAddress.parse("was-1ab131e2@reply.example")
    ((_, relayed), *rest) = [one for one in standing.outcome.effects if one[0] == TO_C1] + [
        one for one in standing.outcome.effects if one[0] != TO_C1
    ]
    await town.inbound.conclude_anew(evolve(standing, outcome=Done(((other, relayed), *rest))))
    await process.replay.all(dry_run=False)
    (effects,) = await town.effects()
    assert effects[other] == relayed


@pytest.mark.parametrize(("state", "kept"), [(HoldState.REJECTED, True), (HoldState.HELD, False)])
async def test_what_a_person_rejected_stays_rejected(*, state: HoldState, kept: bool) -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C2))
    await process.drain()
    (hold,) = await town.holds()
    holds = Holds(records=town.records)
    await holds.change(C2, hold.id, lambda standing: evolve(standing, state=state), now=town.clock.now())
    await process.messaging.add_participant(C2, Participant(BOB))
    await process.replay.one(reference.record, dry_run=False)
    (effects,) = await town.effects()
    assert isinstance(effects[TO_C2], Refused) is kept
    assert len(await town.messages(C2)) == (0 if kept else 1)


async def test_dead_mail_is_redriven_and_its_letter_dropped() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("legacy.process", memory.before(ZeroDivisionError))
    await process.take(written(LEGACY))
    await process.drain()
    assert len(await process.operations.dead()) == 1
    assert await process.replay.dead(dry_run=False) == Replayed(looked_at=1, failed=1)
    process.faults.mend()
    process.faults.fail("directory.at", memory.before("directory"))
    process.faults.fail("legacy.aliases", memory.before("legacy"))
    assert await process.replay.dead(dry_run=True) == Replayed(looked_at=1, waiting=1)
    assert await process.replay.dead(dry_run=False) == Replayed(looked_at=1, waiting=1)
    process.faults.mend()
    assert await process.replay.dead(dry_run=True) == Replayed(looked_at=1, decided=1)
    assert len(await process.operations.dead()) == 1
    assert await process.replay.dead(dry_run=False) == Replayed(looked_at=1, decided=1)
    assert await process.operations.dead() == ()
    assert len(await town.legacy.calls()) == 1
    assert await process.replay.dead(dry_run=False) == Replayed()


async def test_replaying_all_drops_the_letter_of_a_mail_that_came_through() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("legacy.process", memory.before(ZeroDivisionError))
    await process.take(written(LEGACY))
    await process.drain()
    process.faults.mend()
    assert (await process.replay.all(dry_run=False)).decided == 1
    assert await process.operations.dead() == ()


async def test_a_dead_mail_without_its_letter_is_redriven_too() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    process.faults.fail("directory.at", memory.before(ZeroDivisionError))
    for _ in range(3):
        outcome = await process.relay.process(reference)
    assert isinstance(outcome, Dead)
    for letter in await process.operations.dead():
        await process.dead_letters.drop(letter)
    process.faults.mend()
    assert (await process.replay.all(dry_run=False)).events == 1


async def test_a_letter_about_no_mail_is_dropped() -> None:
    town = await open_town()
    process = Process(town)
    await town.queue.put(["hello"])
    await process.worker.step()
    assert await process.replay.dead(dry_run=False) == Replayed(looked_at=1, final=1)
    assert await process.operations.dead() == ()


async def test_one_that_fails_blocks_no_other() -> None:
    town = await open_town()
    process = Process(town)
    await town.blobs.put("envelopes/2026/03/01/0.json", b"no record")
    await process.take(written(TO_C1))
    await process.take(written(TO_C1, number=2, text="two"))
    process.faults.fail("directory.at", memory.before("directory"), times=1)
    await town.clock.advance(timedelta(hours=7))
    done = await process.replay.all(dry_run=False)
    assert done == Replayed(looked_at=3, failed=1, waiting=1, decided=1, events=1)


async def test_an_outage_is_told_as_waiting() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    process.faults.fail("records.latest", memory.before("records"))
    process.faults.fail("records.range", memory.before("records"))
    assert await process.replay.all(dry_run=False) == Replayed(looked_at=1, waiting=1, young=1)


async def test_a_quarantined_or_lost_mail_adds_nothing() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1, quarantine="too_large"))
    lost = await process.take(written(TO_C1, number=2))
    await town.blobs.delete(["raw/" + name[4:] for name in await town.blobs.names("raw/", after="", limit=9)])
    assert await process.replay.all(dry_run=True) == Replayed(looked_at=2, waiting=2, young=2)  # the workers have them
    await town.clock.advance(timedelta(hours=7))
    assert await process.replay.all(dry_run=True) == Replayed(looked_at=2, failed=2)
    await town.clock.advance(MAIL_KEPT)  # retention has it
    for _ in range(2):  # looked at again: it may be back
        assert await process.replay.one(lost.record, dry_run=False) == Replayed(looked_at=1, decided=1)
    assert await town.messages() == []


async def test_a_sender_who_is_known_by_now_is_let_in() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1, sender=CARL, return_path=CARL))
    await process.drain()
    assert len(await town.holds(C1)) == 1
    await town.directory.upsert(Account(ANN, (CARL,)))
    assert (await process.replay.all(dry_run=False)).events == 1
    assert BOBS not in [mail.to for mail in town.outbox.mails]


def test_figures_add_up() -> None:
    one = Replayed(looked_at=1, final=2, decided=3, events=4, waiting=5, failed=6, lost=7, young=8)
    assert one.plus(one) == Replayed(
        looked_at=2, final=4, decided=6, events=8, waiting=10, failed=12, lost=14, young=16
    )
    assert Replay.__doc__


async def test_after_a_restored_backup_mail_of_the_last_hours_is_added_and_told_to_nobody() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    everything = await process.replay.all(dry_run=False)
    assert everything == Replayed(looked_at=1, waiting=1, young=1)
    lost = Selection(until=town.clock.now() + timedelta(seconds=1), recent=True)
    assert await process.replay.all(dry_run=False, of=lost) == Replayed(looked_at=1, decided=1, events=1)
    (message,) = await town.messages(C1)
    assert RESTORED in message.flags
    assert await process.replay.all(dry_run=False, of=lost) == Replayed(looked_at=1, final=1)
