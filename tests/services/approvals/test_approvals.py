"""A held mail is asked about, answered once, and carried out by the worker, whatever dies in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import HeldPage, HoldPolicy, day_after, proof_of
from convalias.domain.approvals.links import Allow, Deny, NotHis, Request, Unusable
from convalias.domain.conversations.participants import Account, Participant, ParticipantKind, PeripheralAuthor
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits, Admitted, AdmittedList, Asking, HeldMail, HoldId, HoldState
from convalias.domain.inbound.outcomes import Done, Effect, Held, OutcomeRecord, Refused, Relayed, Skipped
from convalias.domain.inbound.posts import MailReference, RecordKey
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.context import HoldKey
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Hold
from convalias.ports.errors import AdapterFailed, Unavailable
from convalias.ports.hub import Guarantee
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.conversations.parking import RECORDS, Parking
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.mails import InboundRecords
from domain.cases import saying
from services.approval_desk import ANNS, Desk, at_home, token
from services.inbound.test_inbound_crashes import DiesAt, Killed
from services.inbound_desk import ANN, BOB, BOBS, C1, C2, NOON, TO_C1, TO_C1_TOO, TO_C2, Town, open_town, written

STRANGER = EmailAddress.parse("cem@other.example")
DOUBTFUL = SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE)


async def holding(town: Town, desk: Desk) -> HeldMail:
    await at_home(town)
    await desk.take(written(TO_C2))
    await desk.worker.step()
    (hold,) = await town.holds()
    return hold


async def effect(town: Town, to: EmailAddress = TO_C2) -> Effect:
    (effects,) = await town.effects()
    return effects[to]


def state_of(page: object) -> HoldState | None:
    return page.state if isinstance(page, HeldPage) else None


async def test_an_approved_mail_is_carried_out_by_the_worker_and_not_by_the_answer() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    assert state_of(await desk.approvals.decide(token(hold), Allow())) is HoldState.APPROVED
    assert await town.messages(C2) == []
    assert isinstance(await effect(town), Held)
    await desk.work()
    await desk.work()
    (message,) = await town.messages(C2)
    assert message.author == PeripheralAuthor(BOBS, verified=True)
    assert isinstance(await effect(town), Relayed)
    (standing,) = await town.holds()
    assert (standing.state, standing.decided_by, standing.admits) == (HoldState.APPROVED, ANN, Admits.THIS_MAIL)


async def test_showing_changes_nothing_and_a_second_answer_shows_the_first() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    page = await desk.approvals.show(token(hold))
    assert isinstance(page, HeldPage)
    assert (page.state, page.sender, page.may_admit_address) == (HoldState.HELD, "b…@corp.example", True)
    assert (page.proof, page.finding) == (proof_of(hold.evidence or SenderEvidence()), None)
    assert await town.holds() == [hold]
    assert state_of(await desk.approvals.decide(token(hold), Deny())) is HoldState.REJECTED
    assert state_of(await desk.approvals.decide(token(hold), Allow())) is HoldState.REJECTED
    await desk.work()
    assert await town.messages(C2) == []
    assert await effect(town) == Refused(Reason.NEEDS_APPROVAL)


async def test_of_two_answers_at_once_the_second_changes_nothing() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    slow = evolve(desk.approvals, holds=Overtaken(records=desk.records))
    assert state_of(await slow.decide(token(hold), Allow())) is HoldState.REJECTED


class Overtaken(Holds):
    """Between each look at a mail and what follows, somebody turns it down."""

    async def get(self, conversation: ConversationId, hold: HoldId) -> HeldMail | None:
        seen = await super().get(conversation, hold)
        await super().change(conversation, hold, lambda one: evolve(one, state=HoldState.REJECTED), now=NOON)
        return seen


async def test_what_was_rejected_stays_rejected_when_it_is_replayed() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Deny())
    await desk.replay.one(hold.record, dry_run=False)
    await desk.messaging.add_participant(C2, Participant(BOB))
    await desk.replay.one(hold.record, dry_run=False)
    assert await town.messages(C2) == []


async def two_posts(town: Town, desk: Desk) -> HeldMail:
    """One mail of a stranger to two aliases of a conversation, posted once for each."""
    await at_home(town)
    for alias in (TO_C1, TO_C1_TOO):
        await desk.take(written(alias, sender=STRANGER, to=[TO_C1, TO_C1_TOO]))
        await desk.worker.step()
    (hold,) = await town.holds(C1)
    return hold


async def ends(town: Town) -> list[Effect]:
    """Of both posts, by alias."""
    effects = {to: one for post in await town.effects() for to, one in post.items()}
    return [effects[TO_C1], effects[TO_C1_TOO]]


async def test_an_approval_concludes_every_post_of_the_mail() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await two_posts(town, desk)
    assert await ends(town) == [Held(hold.id)] * 2
    await desk.approvals.decide(token(hold), Allow())
    await desk.work()
    (first, second) = await ends(town)
    assert isinstance(first, Relayed)
    assert second == evolve(first, added=False)
    assert len(await town.messages(C1)) == 1
    assert [one async for one in desk.holds.posts(hold)] == [hold.record]
    assert await desk.approvals.carry_due() == 0


async def test_a_rejection_concludes_every_post_of_the_mail_and_a_replay_leaves_it() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await two_posts(town, desk)
    await desk.approvals.decide(token(hold), Deny())
    await desk.work()
    assert await ends(town) == [Refused(Reason.NEEDS_APPROVAL)] * 2
    await desk.replay.all(dry_run=False)
    assert await ends(town) == [Refused(Reason.NEEDS_APPROVAL)] * 2
    await IdentityDirectory(records=town.records).upsert(Account(AccountId("cem"), (STRANGER,)))
    await desk.messaging.add_participant(C1, Participant(AccountId("cem")))
    await desk.replay.all(dry_run=False)
    assert await ends(town) == [Refused(Reason.NEEDS_APPROVAL)] * 2
    assert await town.messages(C1) == []


async def test_expiry_concludes_every_post_of_the_mail_and_whoever_was_told_stays_told() -> None:
    town = await open_town()
    desk = Desk(town)
    await two_posts(town, desk)
    await desk.work(minutes=15 * 24 * 60)
    refused = Refused(Reason.NEEDS_APPROVAL, told=True)
    assert await ends(town) == [refused] * 2
    await desk.replay.all(dry_run=False)
    assert await ends(town) == [refused] * 2


@pytest.mark.parametrize(("request_", "kind"), [(Allow(), Relayed), (Deny(), Refused)], ids=["let in", "turned down"])
async def test_a_post_that_comes_after_the_answer_ends_as_the_others(request_: Request, kind: type[Effect]) -> None:
    town = await open_town()
    desk = Desk(town)
    await at_home(town)
    await desk.take(written(TO_C1, sender=STRANGER, to=[TO_C1, TO_C1_TOO]))
    await desk.worker.step()
    (hold,) = await town.holds(C1)
    await desk.approvals.decide(token(hold), request_)
    await desk.work()
    await desk.take(written(TO_C1_TOO, sender=STRANGER, to=[TO_C1, TO_C1_TOO]))
    await desk.work()
    assert [type(one) for one in await ends(town)] == [kind] * 2
    assert len(await town.messages(C1)) == (kind is Relayed)


async def test_a_post_that_fails_is_no_reason_to_leave_the_others() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await two_posts(town, desk)
    await desk.approvals.decide(token(hold), Allow())
    desk.faults.fail("blobs.get", memory.before(ZeroDivisionError), times=1)
    await desk.approvals.carry_due()
    (first, second) = await ends(town)
    assert isinstance(first, Held)
    assert isinstance(second, Relayed)
    await desk.work(minutes=15)
    assert [type(one) for one in await ends(town)] == [Relayed] * 2
    assert len(await town.messages(C1)) == 1


async def test_a_sender_who_cannot_be_told_yet_is_told_later() -> None:
    town = await open_town()
    desk = Desk(town)
    await two_posts(town, desk)
    await town.clock.advance(timedelta(days=14))
    await desk.approvals.carry_due()
    desk.faults.fail("blobs.get", memory.before(ZeroDivisionError), times=1)
    assert await desk.approvals.carry_due() == 1
    assert [type(one) for one in await ends(town)] == [Held] * 2
    await desk.work(minutes=15)
    assert await ends(town) == [Refused(Reason.NEEDS_APPROVAL, told=True)] * 2


async def test_what_a_replay_decided_meanwhile_is_not_refused() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Deny())
    inbound = Replaying(records=town.records)
    relay = evolve(desk.relay, stores=evolve(desk.relay.stores, inbound=inbound))
    await evolve(desk.approvals, relay=relay).carry_due()
    assert await effect(town) == Skipped()


class Replaying(InboundRecords):
    """Whenever an outcome is to be changed, a replay has just changed it."""

    async def amend(self, record: RecordKey, change: Callable[[OutcomeRecord], OutcomeRecord]) -> OutcomeRecord | None:
        standing = await self.outcome(record)
        assert standing is not None
        await self.conclude_anew(evolve(standing, outcome=Done(((TO_C2, Skipped()),))))
        return await super().amend(record, change)


async def test_an_answer_is_about_that_mail_and_no_other_under_its_message_id() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    for text in ("Another", "Hello"):
        await desk.take(written(TO_C2, text=text))
        await desk.worker.step()
    (other,) = [one for one in await town.holds() if one.id != hold.id]
    await desk.approvals.decide(token(hold), Allow())
    await desk.work()
    assert [one.text for one in await town.messages(C2)] == ["Hello"]
    assert sorted(type(one[TO_C2]).__name__ for one in await town.effects()) == ["Held", "Relayed"]
    await desk.approvals.decide(token(other), Deny())
    await desk.work()
    await desk.messaging.add_participant(C2, Participant(BOB))
    await desk.replay.all(dry_run=False)
    assert [one.text for one in await town.messages(C2)] == ["Hello"]
    assert sorted(type(one[TO_C2]).__name__ for one in await town.effects()) == ["Refused", "Relayed"]


async def test_a_mail_that_borrows_the_id_of_one_that_was_turned_down_is_asked_about_by_itself() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Deny())
    await desk.work()
    await desk.take(written(TO_C2, text="Another"))
    await desk.work()
    (other,) = [one for one in await town.holds() if one.id != hold.id]
    assert other.state is HoldState.HELD
    await desk.approvals.decide(token(other), Allow())
    await desk.work()
    assert [one.text for one in await town.messages(C2)] == ["Another"]


async def test_no_link_but_ours_in_time_opens_anything() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    assert await desk.approvals.decide("1.2.3", Allow()) is Unusable.FORGED
    assert await desk.approvals.show(token(evolve(hold, id=HoldId("m-0")))) is NotHis.GONE
    for kind in (ParticipantKind.DELEGATED, ParticipantKind.HISTORICAL):  # they let nobody in, with an old link neither
        await desk.messaging.remove_participant(C2, ANN)
        await desk.messaging.add_participant(C2, Participant(ANN, kind=kind))
        assert await desk.approvals.decide(token(hold), Allow()) is NotHis.NOT_A_PARTICIPANT
    await desk.messaging.remove_participant(C2, ANN)
    assert await desk.approvals.decide(token(hold), Allow()) is NotHis.NOT_A_PARTICIPANT
    await town.clock.advance(timedelta(days=14))
    assert await desk.approvals.show(token(hold)) is Unusable.EXPIRED
    assert state_of(await desk.approvals.show(token(hold, lasts=timedelta(days=15)))) is None


async def test_after_14_days_it_expires_and_its_sender_is_told_once() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    assert hold.tell
    await desk.work(minutes=14 * 24 * 60 - 3)
    assert [one.state for one in await town.holds()] == [HoldState.HELD]
    await desk.work(minutes=3)
    late = token(hold, lasts=timedelta(days=20))
    assert state_of(await desk.approvals.decide(late, Allow())) is HoldState.EXPIRED
    await desk.work()
    assert [one.state for one in await town.holds()] == [HoldState.EXPIRED]
    assert len(town.outbox.mailbox(BOBS)) == 1
    assert await town.messages(C2) == []


async def test_a_late_answer_lets_it_expire() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await town.clock.advance(timedelta(days=15))
    late = token(hold, lasts=timedelta(days=20))
    assert state_of(await desk.approvals.show(late)) is HoldState.EXPIRED
    assert state_of(await desk.approvals.decide(late, Allow())) is HoldState.EXPIRED
    await desk.work()
    assert len(town.outbox.mailbox(BOBS)) == 1


async def test_nobody_is_told_whose_address_is_not_proved_or_whose_mail_is_gone() -> None:
    town = await open_town()
    desk = Desk(town)
    await at_home(town)
    await desk.take(written(TO_C1, evidence=DOUBTFUL))
    await desk.worker.step()
    gone = evolve(
        (await town.holds(C1))[0], id=HoldId("m-1"), record=RecordKey("envelopes/2026/03/01/0.json"), tell=True
    )
    await desk.holds.keep(gone)
    await desk.work(minutes=15 * 24 * 60)
    assert [one.state for one in await town.holds(C1)] == [HoldState.EXPIRED] * 2
    assert not town.outbox.mailbox(BOBS)


async def test_a_longer_patience_lets_it_wait_on() -> None:
    town = await open_town()
    await holding(town, Desk(town))
    await Desk(town, policy=HoldPolicy(lasts=timedelta(days=20))).work(minutes=15 * 24 * 60)
    assert [one.state for one in await town.holds()] == [HoldState.HELD]


async def test_an_address_that_was_let_in_may_write_on() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Allow(Admits.THIS_ADDRESS))
    await desk.work()
    await desk.take(written(TO_C2, number=2, text="More"))
    await desk.take(written(TO_C2, number=3, text="Is it me?", evidence=DOUBTFUL))
    await desk.work()
    assert [message.text.strip() for message in await town.messages(C2)] == ["Hello", "More"]
    key = HoldKey(C1, hold.id, BOBS, hold.content_digest)
    assert await desk.holds.approvals([key]) == {key: None}
    admitted = Admitted(conversation=C1, address=BOBS, by=ANN, at=NOON)
    await desk.holds.admit(admitted)
    await desk.holds.admit(evolve(admitted, by=BOB))
    assert await desk.holds.approvals([key]) == {key: Admits.THIS_ADDRESS}


@pytest.mark.parametrize("by_address", [True, False], ids=["asks about the address", "asks about the mail"])
async def test_a_rule_of_the_host_that_asks_about_an_address_holds_no_later_mail_of_it(*, by_address: bool) -> None:
    town = await open_town()
    desk = Desk(town)
    held = Hold(Reason.NEEDS_APPROVAL, by_address=by_address)
    relay = evolve(desk.relay, rules=RULES.before(rules.own_mail, saying(held, 6)))
    desk.worker, desk.approvals = evolve(desk.worker, relay=relay), evolve(desk.approvals, relay=relay)
    hold = await holding(town, desk)
    page = await desk.approvals.decide(token(hold), Allow(Admits.THIS_ADDRESS))
    assert isinstance(page, HeldPage)
    assert (page.state, page.may_admit_address) == (HoldState.APPROVED, by_address)
    await desk.work()
    await desk.take(written(TO_C2, number=2, text="More"))
    await desk.work()
    assert [message.text.strip() for message in await town.messages(C2)] == ["Hello", *["More"] * by_address]


LIST = "dev.lists.example"
BY_LIST = SenderEvidence(Dmarc.PASS, dkim_aligned=True, dkim_signed=frozenset({"from", "to"}), via_list=LIST)
TO_LIST = (EmailAddress.parse("dev@lists.example"),)


async def test_a_list_that_was_let_in_brings_mail_of_participants_from_then_on() -> None:
    town = await open_town()
    desk = Desk(town)
    await at_home(town)
    await desk.take(written(TO_C1, to=TO_LIST, evidence=BY_LIST))
    await desk.work()
    (hold,) = await town.holds(C1)
    assert hold.by_list == LIST
    page = await desk.approvals.decide(token(hold), Allow(Admits.THIS_LIST))
    assert isinstance(page, HeldPage)
    assert (page.state, page.by_list) == (HoldState.APPROVED, LIST)
    await desk.work()
    await desk.take(written(TO_C1, number=2, text="More", to=TO_LIST, evidence=BY_LIST))
    other = evolve(BY_LIST, via_list="men.lists.example")
    await desk.take(written(TO_C1, number=3, text="Of another list", to=TO_LIST, evidence=other))
    await desk.take(
        written(TO_C1, number=4, text="Signed for a list", to=TO_LIST, evidence=evolve(BY_LIST, via_list=None))
    )
    stranger = written(TO_C1, number=5, text="Who is this?", sender=STRANGER, to=TO_LIST, evidence=BY_LIST)
    await desk.take(stranger)
    await desk.work()
    assert [message.text.strip() for message in await town.messages(C1)] == ["Hello", "More"]
    waiting = {one.message_id: one.by_list for one in await town.holds(C1) if one.state is HoldState.HELD}
    # What a stranger's mail waits for is its author: letting the list in would change nothing.
    assert waiting == {
        "<3@corp.example>": "men.lists.example",
        "<4@corp.example>": None,
        "<5@corp.example>": None,
    }


async def test_a_list_is_let_in_for_its_conversation_by_the_first_who_did() -> None:
    holds = Holds(records=memory.Records())
    first = AdmittedList(conversation=C1, by_list=LIST, by=ANN, at=NOON)
    await holds.admit_list(first)
    await holds.admit_list(evolve(first, by=BOB))
    asked = [(C1, LIST), (C2, LIST), (C1, "men.lists.example")]
    assert list((await holds.lists(asked)).values()) == [True, False, False]
    (stored,) = await holds.records.range("admitted_lists", "c1", after="", limit=2)
    assert load(stored.body, AdmittedList) == first


async def test_the_51st_mail_is_refused_and_the_same_mail_is_no_further_one() -> None:
    town = await open_town()
    desk = Desk(town, policy=HoldPolicy(most=2))
    await at_home(town)
    for number in (1, 2, 2, 3):
        await desk.take(written(TO_C2, number=number))
        await desk.worker.step()
    assert len(await town.holds()) == 2
    refused = [effects[TO_C2] for effects in await town.effects() if isinstance(effects[TO_C2], Refused)]
    assert refused == [Refused(Reason.RATE_LIMITED, told=True)]
    (first, _) = await town.holds()
    await desk.approvals.decide(token(first), Deny())
    await desk.take(written(TO_C2, number=4))
    await desk.worker.step()
    assert len(await town.holds()) == 3


async def test_what_was_let_in_ends_with_its_conversation_whatever_the_rules() -> None:
    town = await open_town()
    desk = Desk(town)
    relay = evolve(desk.relay, rules=RULES.without(rules.closed_conversation))
    desk.worker, desk.approvals = evolve(desk.worker, relay=relay), evolve(desk.approvals, relay=relay)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Allow())
    await desk.messaging.close(C2, by=ANN)
    await desk.work()
    assert await effect(town) == Refused(Reason.CONVERSATION_CLOSED, told=True)
    assert len(town.outbox.mailbox(BOBS)) == 1
    assert await desk.holds.due(until=town.clock.now() + timedelta(days=365), limit=1) == []


async def test_what_cannot_be_carried_out_yet_is_tried_again_and_an_outage_is_raised() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Allow())
    desk.faults.fail("directory.at", memory.before("directory"), times=1)
    assert await desk.approvals.carry_due() == 1
    await desk.work(minutes=0)
    assert await town.messages(C2) == []
    desk.faults.fail("blobs.get", memory.before(ZeroDivisionError), times=1)
    await desk.work()
    assert await town.messages(C2) == []
    await town.clock.advance(timedelta(minutes=15))
    desk.faults.fail("blobs.get", memory.before("raw store"), times=1)
    with pytest.raises(Unavailable):
        await desk.approvals.carry_due()
    await desk.work()
    assert len(await town.messages(C2)) == 1


async def test_an_approval_waits_for_the_outcome_it_is_about() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    early = evolve(hold, id=HoldId("m-2"), record=RecordKey("envelopes/2026/03/01/1.json"), state=HoldState.APPROVED)
    await desk.holds.keep(early)
    assert await desk.approvals.carry_out(early) is None  # its envelope record is gone: there is nothing to wait for
    await desk.blobs.put(early.record, b"{}")
    assert await desk.approvals.carry_out(early) == NOON + timedelta(seconds=5)
    assert await desk.approvals.carry_out(evolve(early, record=hold.record)) is None
    again = await desk.approvals.carry_out(hold)  # nobody has approved it: held all the same
    assert again == NOON + timedelta(minutes=15)


@pytest.mark.parametrize("done", [True, False])
async def test_a_death_between_answer_and_message_neither_loses_nor_doubles_it(*, done: bool) -> None:
    town = await open_town()
    hold = await holding(town, Desk(town))
    for number in range(1, 60):
        dying = Desk(town, faults=DiesAt(number, done=done))
        try:
            await dying.approvals.decide(token(hold), Allow(Admits.THIS_ADDRESS))
            await dying.approvals.carry_due()
        except (Killed, BaseExceptionGroup):
            continue
        break
    await Desk(town).work()
    assert len(await town.messages(C2)) == 1
    assert isinstance(await effect(town), Relayed)


# --- asking ------------------------------------------------------------------------------------------


async def test_participants_are_asked_once_a_day_and_quoted_nothing() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.work(minutes=0)
    assert desk.asked() == []  # others may come along in the next minute
    await desk.work()
    assert desk.asked() == [f"b…@corp.example  {token(hold)}"]
    await desk.take(written(TO_C2, number=2))
    await desk.work(minutes=60)
    assert len(desk.asked()) == 1
    await desk.work(minutes=12 * 60)
    assert len(town.outbox.mailbox(ANNS)) == 2
    assert len(desk.asked()) == 3
    await desk.work(minutes=24 * 60)
    assert len(town.outbox.mailbox(ANNS)) == 2


async def test_who_was_asked_by_links_to_other_pages_is_asked_once_more_the_next_day() -> None:
    town = await open_town()
    wrong, right = Desk(town, pages="https://wrong.example"), Desk(town)
    hold = await holding(town, wrong)
    await wrong.work()
    await right.work(minutes=60)
    assert len(right.asked()) == 1
    await right.work(minutes=24 * 60)
    assert right.asked() == [f"b…@corp.example  {token(hold)}"] * 2
    for _ in range(3):  # two machines that differ, turn by turn
        await wrong.work(minutes=24 * 60)
        await right.work(minutes=24 * 60)
    assert len(right.asked()) == 2
    await right.approvals.decide(token(hold), Deny())
    await right.work(minutes=24 * 60)
    assert await right.holds.to_ask(until=town.clock.now() + timedelta(days=365), limit=10) == []


async def test_a_day_on_which_nothing_new_waits_costs_one_look_and_no_mail() -> None:
    town = await open_town()
    desk = Desk(town)
    await holding(town, desk)
    await desk.work()
    await town.clock.advance(timedelta(days=1))
    assert [await desk.mails.enter_due() for _ in range(3)] == [1, 0, 0]
    assert len(desk.asked()) == 1


async def test_mail_that_is_held_days_later_is_asked_about_soon() -> None:
    town = await open_town()
    desk = Desk(town)
    await holding(town, desk)
    await desk.work()
    await desk.work(minutes=3 * 24 * 60)
    await desk.take(written(TO_C2, number=2))
    await desk.work(minutes=0)
    await desk.work()
    assert len(town.outbox.mailbox(ANNS)) == 2


async def test_pages_that_the_release_before_did_not_write_down_are_those_of_the_next_look() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.work()
    far = town.clock.now() + timedelta(days=365)
    (row,) = await desk.holds.to_ask(until=far, limit=10)
    await desk.holds.asked(row, evolve(load(row.body, Asking), pages=()), due=day_after(town.clock.now()))
    await desk.work(minutes=24 * 60)
    assert len(desk.asked()) == 1
    moved = Desk(town, pages="https://moved.example")
    await moved.work(minutes=24 * 60)
    assert moved.asked() == [f"b…@corp.example  {token(hold)}"] * 2


async def test_what_comes_while_an_approval_mail_is_made_is_asked_about_the_next_day() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await town.clock.advance(timedelta(minutes=2))
    assert await desk.mails.enter_due() == 1  # listed, not entered
    await desk.holds.keep(evolve(hold, id=HoldId("m-3")))
    assert [await desk.mails.enter_due(), await desk.system_outbox.send_due()] == [1, 1]
    assert len(desk.asked()) == 1
    assert [await desk.mails.enter_due(), await desk.system_outbox.send_due()] == [0, 0]
    await desk.work(minutes=12 * 60)
    assert len(desk.asked()) == 3


async def test_what_was_answered_before_anybody_was_asked_needs_no_mail() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.approvals.decide(token(hold), Deny())
    await desk.work()
    assert desk.asked() == []


async def test_nobody_is_asked_about_a_closed_conversation() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await desk.messaging.close(C2, by=ANN)
    await desk.work()
    assert desk.asked() == []
    assert hold.state is HoldState.HELD


async def test_without_pages_the_question_is_put_off_until_nothing_waits() -> None:
    town = await open_town()
    hold = await holding(town, Desk(town))
    desk = Desk(town, pages=None)
    far = town.clock.now() + timedelta(days=365)
    await desk.work()
    (row,) = await desk.holds.to_ask(until=far, limit=10)
    assert row.due is not None
    assert row.due.at == day_after(town.clock.now())
    assert await desk.mails.enter_due() == 0
    assert town.telemetry.total("icer.approvals.not_asked", reason="no base_url") == 1
    await desk.work(minutes=15 * 24 * 60)
    await desk.work(minutes=24 * 60)
    assert await desk.holds.to_ask(until=far, limit=10) == []
    assert [one.state for one in await town.holds()] == [HoldState.EXPIRED]
    assert desk.asked() == []
    assert hold.state is HoldState.HELD


async def test_pages_that_come_later_are_linked_to_the_next_day() -> None:
    town = await open_town()
    hold = await holding(town, Desk(town))
    await Desk(town, pages=None).work()
    desk = Desk(town)
    await desk.work(minutes=24 * 60)
    assert desk.asked() == [f"b…@corp.example  {token(hold)}"]


async def test_a_mail_that_was_on_its_way_ends_when_pages_are_gone_for_good() -> None:
    town = await open_town()
    desk = Desk(town)
    await holding(town, desk)
    await town.clock.advance(timedelta(minutes=2))
    await desk.mails.enter_due()
    gone = Desk(town, pages=None)
    await gone.work(minutes=15 * 24 * 60)
    await gone.work()
    assert await desk.holds.to_ask(until=town.clock.now() + timedelta(days=365), limit=10) == []
    assert desk.asked() == []


async def test_a_mail_that_cannot_be_sent_is_given_up_and_an_outage_leaves_it_due() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await town.clock.advance(timedelta(minutes=2))
    await desk.mails.enter_due()
    await desk.mails.enter_due()
    desk.faults.fail("outgoing.send", memory.before("smtp"), times=1)
    with pytest.raises(Unavailable):
        await desk.system_outbox.send_due()
    await desk.system_outbox.send_due()
    assert desk.asked() == [f"b…@corp.example  {token(hold)}"]
    await desk.holds.keep(evolve(hold, id=HoldId("m-3")))
    desk.faults.fail("outgoing.send", memory.before(ZeroDivisionError), times=1)
    desk.system_outbox = evolve(desk.system_outbox, guarantee=Guarantee())
    await desk.work(minutes=24 * 60)
    assert len(desk.asked()) == 1
    assert [await desk.mails.enter_due(), await desk.system_outbox.send_due()] == [0, 0]
    assert town.telemetry.total("icer.approvals.given_up", error="ZeroDivisionError") == 1


async def test_a_question_that_was_entered_waits_for_pages_and_ends_with_its_mails() -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await town.clock.advance(timedelta(minutes=2))
    assert [await desk.mails.enter_due(), await desk.mails.enter_due()] == [1, 1]
    gone = Desk(town, pages=None)
    assert [await gone.system_outbox.send_due(), await gone.system_outbox.send_due()] == [1, 0]
    await desk.work(minutes=24 * 60)
    assert desk.asked() == [f"b…@corp.example  {token(hold)}"]


@pytest.mark.parametrize("answered", [Allow(), Deny()])
async def test_a_question_that_was_answered_before_it_left_is_not_sent(answered: Request) -> None:
    town = await open_town()
    desk = Desk(town)
    hold = await holding(town, desk)
    await town.clock.advance(timedelta(minutes=2))
    assert [await desk.mails.enter_due(), await desk.mails.enter_due()] == [1, 1]
    await desk.approvals.decide(token(hold), answered)
    assert [await desk.system_outbox.send_due(), await desk.system_outbox.send_due()] == [1, 0]
    assert desk.asked() == []


async def test_who_has_no_address_is_not_asked() -> None:
    town = await open_town()
    desk = Desk(town)
    await desk.take(written(TO_C2))
    await desk.work()
    assert desk.asked() == []


async def test_a_strangers_mail_that_gave_way_to_a_participants_is_refused_and_he_may_hear_of_it() -> None:
    town = await open_town()
    desk = Desk(town, policy=HoldPolicy(most=1, participants=1))
    await at_home(town)
    await desk.take(written(TO_C2, number=1))
    await desk.worker.step()
    (hold,) = await town.holds()
    own = evolve(hold, id=HoldId("own"), participant=True)
    assert await desk.holds.keep(own, asks=False) == own
    assert await desk.approvals.carry_due() == 1
    states = {one.id: one.state for one in await town.holds()}
    assert states == {hold.id: HoldState.EXPIRED, own.id: HoldState.HELD}
    assert [effects[TO_C2] for effects in await town.effects()] == [Refused(Reason.NEEDS_APPROVAL, told=True)]


# --- an adapter of the host that fails on one mail, or in one conversation -----------------------------


FAULT = AdapterFailed("conversations.thread", "KeyError at app/talks.py:3 in Talks.thread")


class FailsOn:
    """The same, but an adapter of the host fails on one mail, or in one conversation."""

    def __init__(self, inner: object, name: str) -> None:
        self.inner, self.name = inner, name

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def conclude(self, mail: MailReference, **how: object) -> object:
        if mail.record == self.name:
            raise FAULT
        return await self.inner.conclude(mail, **how)  # type: ignore[attr-defined]

    async def thread(self, conversation: ConversationId) -> object:
        if conversation == self.name:
            raise FAULT
        return await self.inner.thread(conversation)  # type: ignore[attr-defined]


async def holding_two(town: Town, desk: Desk) -> dict[ConversationId, HeldMail]:
    await at_home(town)
    for number, alias in enumerate((TO_C1, TO_C2), 1):
        await desk.take(written(alias, number=number, sender=STRANGER))
    while await desk.worker.step():
        pass
    return {hold.conversation: hold for hold in [*await town.holds(C1), *await town.holds(C2)]}


async def set_aside(town: Town) -> list[str]:
    return [one.reason async for one in DeadLetters(records=town.records).list(RECORDS)]


@pytest.mark.parametrize("bad", [C1, C2])
async def test_a_mail_on_which_the_host_fails_keeps_no_other_from_being_carried_out(bad: ConversationId) -> None:
    town = await open_town()
    desk = Desk(town)
    holds = await holding_two(town, desk)
    (good,) = holds.keys() - {bad}
    for hold in holds.values():
        await desk.approvals.decide(token(hold), Allow())
    whole, desk.approvals = (
        desk.approvals.relay,
        evolve(desk.approvals, relay=FailsOn(desk.relay, holds[bad].record)),  # type: ignore[arg-type]
    )
    await desk.approvals.carry_due()
    assert (len(await town.messages(good)), len(await town.messages(bad))) == (1, 0)
    for _ in range(2):
        assert await set_aside(town) == []
        await town.clock.advance(timedelta(hours=12))
        await desk.approvals.carry_due()
    assert await set_aside(town) == [str(FAULT)]
    await town.clock.advance(timedelta(days=1))
    assert await desk.approvals.carry_due() == 0
    desk.approvals = evolve(desk.approvals, relay=whole)
    (letter,) = [one async for one in DeadLetters(records=town.records).list(RECORDS)]
    assert await Parking(records=town.records).put_back(letter)
    await desk.approvals.carry_due()
    assert len(await town.messages(bad)) == 1


@pytest.mark.parametrize("bad", [C1, C2])
async def test_a_conversation_on_which_the_host_fails_keeps_no_other_from_being_asked_about(
    bad: ConversationId,
) -> None:
    town = await open_town()
    desk = Desk(town)
    await holding_two(town, desk)
    desk.mails = evolve(desk.mails, conversations=FailsOn(desk.conversations, bad))  # type: ignore[arg-type]
    await desk.work()
    assert len(desk.asked()) == 1
    for _ in range(2):
        assert await set_aside(town) == []
        await town.clock.advance(timedelta(hours=12))
        await desk.mails.enter_due()
    assert await set_aside(town) == [str(FAULT)]
