"""A hold is decided once, in time, and asks at most once a day."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import (
    TRANSITIONS,
    Admits,
    Approve,
    Changed,
    Dismiss,
    GivesWay,
    HoldAnswer,
    HoldPolicy,
    Lapse,
    Proof,
    Room,
    Stands,
    approval_item,
    approval_key,
    decide,
    expires_at,
    gives_way,
    is_asked_again,
    room_for,
    to_ask_about,
)
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Asking, HeldMail, HoldId, HoldState
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence
from convalias.domain.mail.checks import Finding
from convalias.domain.mail.reasons import Reason
from convalias.testing.strategies import NOW
from domain.cases import ANN, BOB, C1, EVE

HELD = HeldMail(
    id=HoldId("m-1"),
    conversation=C1,
    sender=EVE,
    reason=Reason.NEEDS_APPROVAL,
    record=RecordKey("envelopes/2026/01/01/x.json"),
    message_id="<1@else.example>",
    since=NOW,
)
DAY = timedelta(days=1)
ANSWERS = st.sampled_from([Approve(ANN), Approve(ANN, Admits.THIS_ADDRESS), Dismiss(ANN), Dismiss(BOB), Lapse()])
TIMES = st.integers(-1, 20).map(lambda days: NOW + days * DAY)


def test_an_approval_admits_this_mail() -> None:
    assert decide(HELD, Approve(ANN), now=NOW) == Changed(evolve(HELD, state=HoldState.APPROVED, decided_by=ANN))


def test_an_approval_may_admit_the_address() -> None:
    decided = decide(HELD, Approve(ANN, Admits.THIS_ADDRESS), now=NOW)
    assert decided == Changed(evolve(HELD, state=HoldState.APPROVED, decided_by=ANN, admits=Admits.THIS_ADDRESS), EVE)


def test_where_from_is_ambiguous_there_is_no_address_to_admit() -> None:
    decided = decide(evolve(HELD, sender=None), Approve(ANN, Admits.THIS_ADDRESS), now=NOW)
    assert isinstance(decided, Changed)
    assert decided.admitted is None


def test_an_address_whose_later_mail_would_be_held_all_the_same_is_not_admitted() -> None:
    alone = evolve(HELD, by_address=False)
    decided = decide(alone, Approve(ANN, Admits.THIS_ADDRESS), now=NOW)
    assert decided == Changed(evolve(alone, state=HoldState.APPROVED, decided_by=ANN, admits=Admits.THIS_MAIL))


def test_a_participant_may_turn_it_down() -> None:
    assert decide(HELD, Dismiss(BOB), now=NOW) == Changed(evolve(HELD, state=HoldState.REJECTED, decided_by=BOB))


def test_it_lapses_after_fourteen_days_and_not_before() -> None:
    assert decide(HELD, Lapse(), now=NOW + 14 * DAY - timedelta(seconds=1)) == Stands(HELD)
    assert decide(HELD, Lapse(), now=NOW + 14 * DAY) == Changed(evolve(HELD, state=HoldState.EXPIRED))


def test_the_list_is_let_in_only_where_there_is_one() -> None:
    by_list = evolve(HELD, by_list="dev.lists.example")
    approved = evolve(by_list, state=HoldState.APPROVED, decided_by=ANN, admits=Admits.THIS_LIST)
    decided = decide(by_list, Approve(ANN, Admits.THIS_LIST), now=NOW)
    assert decided == Changed(approved, admitted_list="dev.lists.example")
    without = decide(HELD, Approve(ANN, Admits.THIS_LIST), now=NOW)
    assert without == Changed(evolve(HELD, state=HoldState.APPROVED, decided_by=ANN, admits=Admits.THIS_MAIL))


@pytest.mark.parametrize("answer", [Approve(ANN, Admits.THIS_ADDRESS), Dismiss(ANN)])
def test_an_answer_that_comes_too_late_expires_it(answer: HoldAnswer) -> None:
    assert decide(HELD, answer, now=NOW + 14 * DAY) == Changed(evolve(HELD, state=HoldState.EXPIRED))


@given(st.lists(st.tuples(ANSWERS, TIMES), max_size=6))
def test_the_first_answer_stands_and_moves_are_those_of_the_table(answers: list[tuple[HoldAnswer, object]]) -> None:
    hold, changes = HELD, 0
    for answer, now in answers:
        decided = decide(hold, answer, now=now)  # type: ignore[arg-type]  # drawn as a time
        if isinstance(decided, Changed):
            assert decided.hold.state in TRANSITIONS[hold.state]
            changes += 1
        hold = decided.hold
    assert changes <= 1
    assert (changes == 1) == (hold.state is not HoldState.HELD)


def test_no_mail_waits_longer_than_its_bytes_are_kept() -> None:
    HoldPolicy().fits(raw_kept=timedelta(days=30))
    with pytest.raises(InvalidValue, match="less than raw mail is kept"):
        HoldPolicy().fits(raw_kept=timedelta(days=14))


def held(kind: str, number: int, address: str = "eve@else.example") -> HeldMail:
    """A stranger's mail, a proved stranger's or a participant's; a higher number came later."""
    return evolve(
        HELD,
        id=HoldId(f"{kind}-{number}"),
        sender=EmailAddress.parse(address),
        evidence=SenderEvidence(Dmarc.PASS if kind == "proved" else Dmarc.NONE),
        participant=kind == "participant",
        since=NOW + timedelta(minutes=number),
    )


def several(kind: str, count: int) -> list[HeldMail]:
    """So many, each of an address and a domain of its own."""
    return [held(kind, number, f"eve@{kind}{number}.example") for number in range(count)]


STRANGER, PROVED, PARTICIPANT = (held(kind, 99, "new@new.test") for kind in ("stranger", "proved", "participant"))


def test_strangers_share_twenty_places_and_the_same_mail_takes_no_second_one() -> None:
    twenty = several("stranger", 20)
    assert room_for(STRANGER, twenty[1:]) is Room.FREE
    assert room_for(STRANGER, twenty) is Room.FULL
    assert room_for(twenty[7], twenty) is Room.KNOWN
    assert room_for(STRANGER, [*twenty[1:], evolve(twenty[0], state=HoldState.REJECTED)]) is Room.FREE
    assert room_for(PROVED, twenty) is Room.FREE
    assert room_for(PARTICIPANT, twenty) is Room.FREE


def test_ten_places_are_for_participants_and_for_more_of_them_the_oldest_stranger_gives_way() -> None:
    full = [*several("stranger", 20), *several("proved", 20)]
    assert room_for(STRANGER, full[1:]) is Room.FREE
    assert room_for(PROVED, full) == GivesWay(full[0])
    assert room_for(PARTICIPANT, full) is Room.FREE
    fifty = [*full, *several("participant", 10)]
    assert room_for(PARTICIPANT, fifty) is Room.FULL
    more = [*several("stranger", 20), *several("proved", 21), *several("participant", 9)]
    assert room_for(PARTICIPANT, more) == GivesWay(more[0])
    assert room_for(PARTICIPANT, more[20:] + several("proved", 41)[21:]) == GivesWay(more[20])


def test_a_domain_and_a_sender_that_are_proved_have_few_places() -> None:
    three = [held("proved", number, "new@new.test") for number in range(3)]
    assert room_for(PROVED, three[1:]) is Room.FREE
    assert room_for(PROVED, three) is Room.FULL
    five = [held("proved", number, f"a{number}@mail{number}.new.test") for number in range(5)]
    assert room_for(PROVED, five[1:]) is Room.FREE
    assert room_for(PROVED, five) is Room.FULL
    assert room_for(PROVED, several("proved", 40)) is Room.FULL  # nobody is there who would give way


def test_who_writes_in_a_participants_name_takes_ten_places_at_most() -> None:
    ten = [held("participant", number, "new@new.test") for number in range(10)]
    assert room_for(PARTICIPANT, ten[1:]) is Room.FREE
    assert room_for(PARTICIPANT, ten) is Room.FULL
    assert room_for(evolve(PARTICIPANT, sender=EVE), ten) is Room.FREE
    alone = HoldPolicy(most=1, participants=1)
    assert room_for(PARTICIPANT, [STRANGER], alone) == GivesWay(STRANGER)
    assert room_for(held("participant", 98), [PARTICIPANT], evolve(alone, participants=2)) is Room.FULL


CONFIRMED = evolve(PARTICIPANT, evidence=SenderEvidence(Dmarc.PASS))
SIGNED = SenderEvidence(Dmarc.PASS, dkim_aligned=True, dkim_signed=frozenset({"from", "to"}))


def forged(name: int, count: int) -> list[HeldMail]:
    """So many in the name of that participant, each later than those before; a higher name came later, too."""
    return [
        evolve(held("participant", 100 * name + number), sender=EmailAddress.parse(f"p{name}@home.example"))
        for number in range(count)
    ]


def confirmed(name: int, count: int) -> list[HeldMail]:
    return [evolve(one, evidence=SenderEvidence(Dmarc.PASS)) for one in forged(name, count)]


def waiting(*mails: HeldMail, policy: HoldPolicy = HoldPolicy()) -> list[HeldMail]:  # noqa: B008 - frozen
    """What waits when those have come one after the other."""
    there: list[HeldMail] = []
    for mail in mails:
        room = room_for(mail, there, policy)
        if isinstance(room, GivesWay):
            there.remove(room.hold)
        if room is not Room.FULL:
            there.append(mail)
    return there


def flood(*names: int) -> list[HeldMail]:
    """Ten in each of those names, and as many of strangers who are made up."""
    return [*chain.from_iterable(forged(name, 10) for name in names), *several("stranger", 10 * len(names))]


def test_mail_in_the_names_of_participants_fills_twenty_places_and_keeps_nobody_proved_out() -> None:
    five = [*chain.from_iterable(forged(name, 10) for name in range(5))]
    there = waiting(*five)
    assert len(there) == 20
    assert room_for(STRANGER, there) is Room.FREE
    full = waiting(*flood(*range(5)))
    assert len(full) == 40
    assert (room_for(PROVED, full), room_for(CONFIRMED, full)) == (Room.FREE, Room.FREE)
    of_domains, of_people = several("proved", 40), [*chain(confirmed(7, 10), confirmed(8, 10))]
    assert [one for one in waiting(*flood(*range(5)), *of_domains) if one in of_domains] == of_domains
    assert [one for one in waiting(*flood(*range(5)), *of_people) if one in of_people] == of_people


@pytest.mark.parametrize("names", [1, 2, 3, 7, 10, 20])
def test_of_mail_in_participants_names_each_name_keeps_its_part_of_the_places(names: int) -> None:
    others, part = flood(*range(1, names)), min(20 // names, 10)
    mine = forged(names, part)
    assert [one for one in waiting(*others, *mine, *others) if one in mine] == mine
    early = forged(0, part)
    assert [one for one in waiting(*early, *others) if one in early] == early
    assert len(waiting(*others, *mine)) <= 40


def test_the_newest_of_the_name_that_has_the_most_gives_way_and_none_that_has_one_more() -> None:
    there = [*forged(1, 10), *forged(2, 9), *forged(3, 1)]
    assert room_for(PARTICIPANT, there) == GivesWay(there[9])
    ten = [one for name in range(10) for one in forged(name, 2)]
    assert room_for(PARTICIPANT, ten) == GivesWay(ten[-1])
    twenty = [one for name in range(20) for one in forged(name, 1)]
    assert room_for(PARTICIPANT, twenty) is Room.FULL


def test_a_participants_own_mail_takes_the_place_of_one_in_his_name() -> None:
    ten = forged(1, 10)
    own = evolve(CONFIRMED, sender=ten[0].sender)
    assert room_for(own, ten) == GivesWay(ten[-1])
    assert room_for(evolve(own, evidence=SIGNED), ten) is Room.FULL, "who has a signed mail may post it again"
    assert room_for(evolve(own, id=HoldId("own")), confirmed(1, 10)) is Room.FULL


def test_of_the_places_of_a_domain_each_of_its_addresses_keeps_its_part() -> None:
    """Or two accounts at a provider that gives them to everybody would keep everybody there out."""
    first, second = ([held("proved", 10 * one + number, f"a{one}@new.test") for number in range(3)] for one in (1, 2))
    assert room_for(PROVED, [*first, *second[:2]]) == GivesWay(first[2])
    there = waiting(*first, *second, PROVED, evolve(PROVED, id=HoldId("again")))
    assert [one.sender for one in there if one.sender == PROVED.sender] == [PROVED.sender]
    assert len(there) == 5


def test_a_strangers_own_mail_takes_the_place_of_a_signed_one_that_was_posted_again() -> None:
    three = [evolve(held("proved", number, "new@new.test"), evidence=SIGNED) for number in range(3)]
    assert room_for(PROVED, three) == GivesWay(three[2])
    assert room_for(evolve(PROVED, evidence=SIGNED), three) is Room.FULL


def test_ten_places_stay_participants_though_strangers_are_proved() -> None:
    claims, proved = forged(1, 10) + forged(2, 10), several("proved", 40)
    assert room_for(PROVED, [*claims, *proved[:30]]) == GivesWay(claims[-1])
    there = waiting(*claims, *proved)
    assert [one for one in there if one.participant] == [*forged(1, 5), *forged(2, 5)]
    assert room_for(PROVED, there) is Room.FULL
    assert room_for(CONFIRMED, there) == GivesWay(there[9])
    assert room_for(PARTICIPANT, there) == GivesWay(there[9])
    assert room_for(CONFIRMED, [*confirmed(1, 9), *several("proved", 41)]) == GivesWay(proved[0])
    assert room_for(CONFIRMED, [*confirmed(1, 10), *proved]) == GivesWay(confirmed(1, 10)[-1])
    assert room_for(CONFIRMED, [one for name in range(50) for one in confirmed(name, 1)]) is Room.FULL


@given(st.lists(st.sampled_from([*flood(1, 2, 3), *confirmed(4, 11), *confirmed(5, 11), *several("proved", 40)])))
def test_no_order_of_coming_takes_more_places_than_there_are(mails: list[HeldMail]) -> None:
    there = waiting(*mails)
    assert len(there) <= 50
    assert sum(not one.participant for one in there) <= 40
    assert sum(one.id.startswith("stranger") for one in there) <= 20
    assert sum(one.evidence == SenderEvidence(Dmarc.NONE) for one in there if one.participant) <= 20
    if CONFIRMED not in there:
        assert room_for(CONFIRMED, there) is not Room.FULL


def test_where_strangers_have_no_place_participants_have() -> None:
    nobody = HoldPolicy(strangers=0)
    assert room_for(STRANGER, [], nobody) is Room.FULL
    assert len(waiting(*forged(1, 10), *forged(2, 10), policy=nobody)) == 10


def test_an_ambiguous_sender_is_a_stranger_whatever_is_proved() -> None:
    vague = evolve(PROVED, sender=None)
    assert room_for(vague, several("stranger", 20)) is Room.FULL
    assert room_for(PROVED, [evolve(vague, id=HoldId("x"))]) is Room.FREE


def test_only_what_waits_gives_way() -> None:
    assert gives_way(HELD).state is HoldState.EXPIRED
    assert gives_way(evolve(HELD, state=HoldState.APPROVED)).state is HoldState.APPROVED


def test_the_approval_mail_quotes_nothing_of_unauthenticated_mail() -> None:
    assert approval_item(HELD, SenderEvidence(), "Buy now").subject == ""
    proved = approval_item(HELD, SenderEvidence(Dmarc.PASS), "The job")
    assert (proved.subject, proved.sender) == ("The job", "eve@else.example")
    assert proved.authentication is Authentication.AUTHENTICATED
    assert proved.expires_at == expires_at(HELD)


def test_of_an_ambiguous_from_nothing_is_shown() -> None:
    item = approval_item(evolve(HELD, sender=None), SenderEvidence(Dmarc.PASS), "The job")
    assert (item.sender, item.subject) == ("", "")


def test_one_approval_mail_a_day() -> None:
    assert approval_key(C1, ANN, NOW) == approval_key(C1, ANN, NOW.replace(hour=23, minute=59))
    others = {approval_key(C1, ANN, NOW + DAY), approval_key(ConversationId("c2"), ANN, NOW)}
    assert len({*others, approval_key(C1, AccountId("x"), NOW), approval_key(C1, ANN, NOW)}) == 4


def test_it_lists_what_can_still_be_answered_oldest_first() -> None:
    older = evolve(HELD, id=HoldId("m-0"), since=NOW - DAY)
    gone = evolve(HELD, id=HoldId("m-2"), since=NOW - 14 * DAY)
    decided = evolve(HELD, id=HoldId("m-3"), state=HoldState.APPROVED)
    assert to_ask_about([HELD, decided, gone, older], now=NOW) == (older, HELD)


def test_of_mail_that_rests_on_a_signature_only_what_is_signed_is_quoted() -> None:
    evidence = SenderEvidence(Dmarc.PASS, dkim_aligned=True, dkim_signed=frozenset({"from", "to"}))
    item = approval_item(HELD, evidence, "The job")
    assert (item.subject, item.proof) == ("", Proof.SIGNED)
    signed = evolve(evidence, dkim_signed=frozenset({"from", "to", "subject"}))
    assert approval_item(HELD, signed, "The job").subject == "The job"
    assert approval_item(HELD, SenderEvidence(), "").proof is Proof.UNPROVED


def test_who_is_asked_is_told_what_a_detector_found() -> None:
    item = approval_item(evolve(HELD, finding=Finding.SPAM, sender=None), SenderEvidence(), "")
    assert (item.finding, item.masked) == (Finding.SPAM, "")


@pytest.mark.parametrize(
    ("wanted", "pages", "again"),
    [
        (3, ("https://a.example",), True),
        (2, ("https://a.example",), True),
        (2, ("https://a.example", "https://b.example"), False),
        (2, ("https://b.example", "https://a.example"), False),
        (2, (), False),
    ],
)
def test_new_mail_is_asked_about_and_old_mail_once_for_each_place_of_the_pages(
    wanted: int, pages: tuple[str, ...], *, again: bool
) -> None:
    asking = Asking(conversation=C1, wanted=wanted, answered=2, pages=pages)
    assert is_asked_again(asking, "https://b.example") is again
