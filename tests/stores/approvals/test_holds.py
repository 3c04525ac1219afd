"""So many mails wait in a conversation and no more, whoever else takes a place at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters import memory
from convalias.codec import load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import ASK_AFTER, HoldPolicy, day_after
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits, Admitted, Asking, HeldMail, HoldId, HoldState, Waiting
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.context import HoldKey
from convalias.ports.records import Conflict, Insert, Key, Records, Replace, Write, Written
from convalias.stores.approvals.holds import PAGE, Holds
from convalias.stores.errors import Contended
from stores.interfering import Interfering, Stubborn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
C1 = ConversationId("c1")
BOB = EmailAddress.parse("bob@corp.example")
HOLD = HeldMail(
    HoldId("m-1"), C1, BOB, Reason.NEEDS_APPROVAL, RecordKey("envelopes/2026/03/01/ab.json"), "<1@corp.example>", NOON
)


def holds_over(records: Records | None = None) -> Holds:
    return Holds(records=memory.Records() if records is None else records, policy=HoldPolicy(most=2))


def mail(number: int) -> HeldMail:
    return evolve(HOLD, id=HoldId(f"m-{number}"))


def rejected(standing: HeldMail) -> HeldMail:
    return evolve(standing, state=HoldState.REJECTED)


@given(st.lists(st.tuples(st.sampled_from(["keep", "reject"]), st.integers(1, 5)), max_size=20))
def test_never_more_wait_than_may_and_a_mail_that_was_kept_stays(steps: list[tuple[str, int]]) -> None:
    async def story() -> None:
        holds = holds_over()
        kept: set[HoldId] = set()
        for act, number in steps:
            one = mail(number)
            if act == "reject":
                await holds.change(C1, one.id, rejected, now=NOON)
                continue
            standing = [await holds.get(C1, each) for each in kept]
            waiting = sum(each is not None and each.state is HoldState.HELD for each in standing)
            answer = await holds.keep(one)
            assert (answer is None) is (one.id not in kept and waiting >= 2)
            kept |= {one.id} if answer is not None else set()

    asyncio.run(story())


async def test_a_hold_is_kept_once_and_a_change_that_changes_nothing_makes_nothing_due() -> None:
    holds = holds_over()
    assert await holds.get(C1, HOLD.id) is None
    assert await holds.keep(HOLD) == HOLD
    assert await holds.keep(evolve(HOLD, message_id="<other>")) == HOLD
    decided = await holds.change(C1, HOLD.id, rejected, now=NOON)
    assert decided == rejected(HOLD)
    (row,) = await holds.due(until=NOON, limit=10)
    await holds.settle(row)
    assert await holds.change(C1, HOLD.id, rejected, now=NOON) == decided
    assert await holds.due(until=NOON + timedelta(days=365), limit=10) == []
    assert await holds.keep(HOLD) == decided
    assert await holds.get(C1, HOLD.id) == decided
    assert await holds.get(ConversationId("c2 @ä"), HOLD.id) is None


async def test_another_mail_under_the_same_key_has_a_hold_of_its_own() -> None:
    holds = holds_over()
    one, other = evolve(HOLD, content_digest="one"), evolve(HOLD, content_digest="other")
    assert await holds.keep(one) == one
    second = await holds.keep(other)
    assert second is not None
    assert second.id != one.id
    assert await holds.keep(other) == second
    keys = [HoldKey(C1, HOLD.id, None, digest) for digest in ("one", "other", "third")]
    assert [await holds.of(key) for key in keys] == [one, second, None]
    await holds.change(C1, second.id, approved, now=NOON)
    assert list((await holds.approvals(keys)).values()) == [None, Admits.THIS_MAIL, None]


async def test_a_no_to_a_mail_stands_above_a_yes_to_its_address() -> None:
    holds, eve = holds_over(), EmailAddress.parse("eve@else.example")
    await holds.admit(Admitted(conversation=C1, address=eve, by=AccountId("ann"), at=NOON))
    await holds.keep(HOLD)
    of_this_mail, of_another = HoldKey(C1, HOLD.id, eve), HoldKey(C1, HoldId("m-other"), eve)
    both = dict.fromkeys((of_this_mail, of_another), Admits.THIS_ADDRESS)
    assert await holds.approvals([of_this_mail, of_another]) == both
    await holds.change(C1, HOLD.id, rejected, now=NOON)
    assert await holds.approvals([of_this_mail, of_another]) == {**both, of_this_mail: None}


async def test_a_hold_of_an_older_release_is_of_whatever_has_its_key() -> None:
    holds = holds_over()
    await holds.keep(HOLD)
    assert await holds.keep(evolve(HOLD, content_digest="one")) == HOLD
    assert await holds.of(HoldKey(C1, HOLD.id, None, "other")) == HOLD


LATER_POSTS = [RecordKey(f"envelopes/2026/03/02/{number:03d}.json") for number in range(PAGE + 1)]


def approved(standing: HeldMail) -> HeldMail:
    return evolve(standing, state=HoldState.APPROVED)


async def posts(holds: Holds) -> set[RecordKey]:
    return {one async for one in holds.posts(HOLD)}


async def test_every_post_of_a_held_mail_is_known_until_it_is_concluded() -> None:
    holds = holds_over()
    await holds.keep(HOLD)
    assert await posts(holds) == {HOLD.record}
    for record in (*LATER_POSTS, LATER_POSTS[0]):
        assert await holds.keep(evolve(HOLD, record=record)) == HOLD
    assert await posts(holds) == {HOLD.record, *LATER_POSTS}
    assert await anext(holds.posts(HOLD)) == HOLD.record
    for record in (*LATER_POSTS[1:], LATER_POSTS[1]):
        await holds.concluded(HOLD, record)
    assert await posts(holds) == {HOLD.record, LATER_POSTS[0]}
    assert await posts_of_another(holds) == {HOLD.record}


async def posts_of_another(holds: Holds) -> set[RecordKey]:
    return {one async for one in holds.posts(mail(2))}


async def test_a_post_that_comes_after_an_approval_is_carried_out_too() -> None:
    holds = holds_over()
    await holds.keep(HOLD)
    await holds.change(C1, HOLD.id, approved, now=NOON)
    (row,) = await holds.due(until=NOON, limit=10)
    assert await holds.keep(evolve(HOLD, record=LATER_POSTS[0])) == approved(HOLD)
    assert await holds.due(until=NOON, limit=10) == [row]
    await holds.settle(row)
    await holds.keep(evolve(HOLD, record=LATER_POSTS[1]))
    assert len(await holds.due(until=NOON, limit=10)) == 1


async def test_a_post_that_comes_after_a_rejection_waits_for_nothing() -> None:
    holds = holds_over()
    await holds.keep(HOLD)
    await holds.change(C1, HOLD.id, rejected, now=NOON)
    assert await holds.keep(evolve(HOLD, record=LATER_POSTS[0])) == rejected(HOLD)
    assert await posts(holds) == {HOLD.record}


async def test_a_post_that_is_overtaken_for_ever_is_an_error() -> None:
    records = Stuck()

    holds = holds_over(records)
    await holds.keep(HOLD)
    await holds.change(C1, HOLD.id, approved, now=NOON)
    (row,) = await holds.due(until=NOON, limit=10)
    await holds.settle(row)
    records.stuck = True
    with pytest.raises(Contended):
        await holds.keep(evolve(HOLD, record=LATER_POSTS[0]))


async def test_a_place_that_was_taken_before_a_crash_is_found_again() -> None:
    records = Interfering()

    async def die() -> None:
        raise InterruptedError

    async def nothing() -> None:
        return None

    holds = holds_over(records)
    records.meanwhile = [nothing, die]
    with pytest.raises(InterruptedError):
        await holds.keep(HOLD)
    assert await holds.get(C1, HOLD.id) is None
    assert await holds.keep(HOLD) == HOLD
    assert [one.id for one in await holds.waiting(C1)] == [HOLD.id]


async def test_of_two_workers_with_one_mail_the_first_keeps_it() -> None:
    records = Interfering()

    holds = holds_over(records)

    async def first() -> None:
        await Holds(records=records).keep(evolve(HOLD, message_id="<first@corp.example>"))

    records.meanwhile = [first]
    standing = await holds.keep(HOLD)
    assert standing is not None
    assert standing.message_id == "<first@corp.example>"
    assert len(await holds.waiting(C1)) == 1


async def test_a_mail_that_came_while_a_mail_was_listed_is_not_forgotten() -> None:
    holds = holds_over()
    await holds.keep(mail(1))
    (row,) = await holds.to_ask(until=NOON + ASK_AFTER, limit=10)
    await holds.keep(mail(2))
    asking = load(row.body, Asking)
    await holds.asked(row, evolve(asking, answered=asking.wanted, at=NOON), due=None)
    (standing,) = await holds.to_ask(until=NOON + ASK_AFTER, limit=10)
    assert load(standing.body, Asking).wanted == 2


async def test_what_was_listed_needs_no_further_mail_and_what_comes_later_the_next_days() -> None:
    holds = holds_over()
    await holds.keep(mail(1))
    (row,) = await holds.to_ask(until=NOON + ASK_AFTER, limit=10)
    sending = evolve(load(row.body, Asking), answered=1, at=NOON, listed=(HoldId("m-1"),), sending=True)
    await holds.asked(row, sending, due=NOON)
    next_day = day_after(NOON)
    await holds.sent(C1, at=NOON - timedelta(days=1), again=next_day)  # of another mail
    assert await holds.to_ask(until=NOON, limit=10)
    await holds.sent(C1, at=NOON, again=next_day)
    await holds.sent(ConversationId("c2"), at=NOON, again=next_day)
    for number, wanted in ((1, 1), (2, 2)):
        await holds.keep(mail(number))
        assert not await holds.to_ask(until=next_day - timedelta(seconds=1), limit=10)
        (row,) = await holds.to_ask(until=next_day, limit=10)
        assert load(row.body, Asking).wanted == wanted


async def test_what_is_not_there_is_not_changed_and_nothing_waits_where_nothing_came() -> None:
    holds = holds_over()
    assert await holds.change(C1, HOLD.id, rejected, now=NOON) is None
    assert await holds.waiting(C1) == ()
    assert await holds.several(C1, ()) == ()


@pytest.mark.parametrize(("kind", "table"), [(Insert, "waiting"), (Insert, "asking")])
async def test_being_overtaken_for_ever_is_an_error(kind: type[Insert | Replace], table: str) -> None:
    holds = holds_over(Stubborn(kind, table))
    with pytest.raises(Contended):
        await holds.keep(HOLD)


async def test_a_decision_or_a_note_that_is_overtaken_for_ever_is_an_error() -> None:
    records = Stuck()

    holds = holds_over(records)
    await holds.keep(HOLD)
    (row,) = await holds.to_ask(until=NOON + ASK_AFTER, limit=10)
    await holds.asked(row, evolve(load(row.body, Asking), at=NOON, sending=True), due=NOON)
    records.stuck = True
    with pytest.raises(Contended):
        await holds.change(C1, HOLD.id, rejected, now=NOON)
    with pytest.raises(Contended):
        await holds.sent(C1, at=NOON, again=NOON)


class Stuck(memory.Records):
    """From some time on somebody else is always faster."""

    stuck = False

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return [Conflict() for _ in writes] if self.stuck else await super().write(writes)


async def test_the_stranger_who_gives_way_expires_and_that_is_due_at_once() -> None:
    holds = holds_over()
    for number in (1, 2):
        await holds.keep(evolve(mail(number), since=NOON + number * MINUTE))
    own = evolve(mail(3), participant=True, since=NOON + 3 * MINUTE)
    assert await holds.keep(own) == own
    expired = await holds.get(C1, mail(1).id)
    assert expired is not None
    assert expired.state is HoldState.EXPIRED
    assert [one.id for one in await holds.waiting(C1)] == [mail(2).id, own.id]
    (row,) = await holds.due(until=own.since, limit=10)
    assert load(row.body, HeldMail).id == mail(1).id


async def test_a_place_that_another_worker_is_about_to_fill_stays_taken() -> None:
    records = memory.Records()

    holds = holds_over(records)
    assert await holds._place(mail(1))  # of a worker that has not kept the mail yet
    await holds.keep(mail(2))
    stored = (await records.get([Key("waiting", "c1", "waiting")]))[Key("waiting", "c1", "waiting")]
    assert load(stored.body, Waiting).holds == (mail(1).id, mail(2).id)
    # Where places are short, one that was never filled is free again.
    assert await holds.keep(mail(3)) is not None
    assert [one.id for one in await holds.waiting(C1)] == [mail(2).id, mail(3).id]
