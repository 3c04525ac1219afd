"""From a plan to what is to be done: claims first, then commands, each under its own key."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AccountAuthor, PeripheralAuthor
from convalias.domain.ids import AccountId
from convalias.domain.inbound.claims import Claim, ClaimKey, Path
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, MailContent, MessageEnvelope, UnreadableMail
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.commands import (
    AddMail,
    HandOver,
    KeepHold,
    Note,
    NoteRepeats,
    Refuse,
    claims,
    commands,
    external_id,
    hold_id,
)
from convalias.domain.routing.context import Answers
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.verdicts import Hold, Ignore, Repeats, RuleName, Ruling
from convalias.testing import strategies
from convalias.testing.strategies import NOW, Exchange
from domain.cases import ALIAS, AUTHOR, BOBS, C1, CONTEXT, EVE, KEY, LEGACY, MAIL, MESSAGE, PROVED, RECIPIENT, SECOND

WORLD = CONTEXT.learning(Answers(legacy={LEGACY: LegacyAlias(LEGACY, C1)}))
OUR_CLAIM = Claim(ClaimKey(C1, BOBS, MESSAGE), Path.RELAY, AUTHOR)
LEGACY_CLAIM = Claim(ClaimKey(C1, BOBS, MESSAGE), Path.LEGACY)
NOBODY = EmailAddress.parse("nobody@reply.example")


def plan(mail: MessageEnvelope | UnreadableMail = MAIL) -> RoutingPlan:
    decision = route(mail, WORLD)
    assert isinstance(decision, RoutingPlan)
    return decision


def test_a_relayed_mail_is_claimed_and_added_under_its_dedup_key() -> None:
    assert claims(plan()) == (OUR_CLAIM,)
    assert commands(plan()) == (AddMail(ALIAS, C1, AUTHOR, KEY),)
    assert commands(plan())[0].key == str(KEY)


def test_a_skipped_recipient_is_noted() -> None:
    both = plan(evolve(MAIL, recipients=(ALIAS, LEGACY)))
    assert claims(both) == (OUR_CLAIM,)
    assert commands(both)[1] == Note(LEGACY, None, ALIAS)
    assert commands(both)[1].key is None


def test_a_hand_over_is_claimed_and_keyed_by_message_and_address() -> None:
    alone = plan(evolve(MAIL, recipients=(LEGACY,), to=()))
    (done,) = commands(alone)
    assert claims(alone) == (LEGACY_CLAIM,)
    assert done == HandOver(LEGACY, external_id(alone, LEGACY), "<1@corp.example>")
    assert done.key == external_id(alone, LEGACY)
    assert external_id(alone, ALIAS) != done.key


def test_an_unlisted_legacy_address_is_handed_over_without_a_claim() -> None:
    lost = plan(evolve(MAIL, recipients=(EmailAddress.parse("lost@relay.example"),)))
    assert claims(lost) == ()
    assert isinstance(commands(lost)[0], HandOver)


def test_the_first_claim_stands() -> None:
    assert commands(plan(), (LEGACY_CLAIM,)) == (Note(ALIAS, None),)
    alone = plan(evolve(MAIL, recipients=(LEGACY,), to=()))
    assert commands(alone, (OUR_CLAIM,)) == (Note(LEGACY, None),)


def test_the_author_of_the_first_claim_stands() -> None:
    claimed = AccountAuthor(AccountId("ann"), verified=True)
    (added,) = commands(plan(), (evolve(OUR_CLAIM, author=claimed),))
    assert isinstance(added, AddMail)
    assert added.author == evolve(claimed, verified=False)


def test_who_claimed_the_mail_and_left_since_is_refused_and_nobody_writes_in_his_place() -> None:
    gone = Claim(ClaimKey(C1, BOBS, MESSAGE), Path.RELAY, AccountAuthor(AccountId("gone")))
    for evidence, told in ((SenderEvidence(), None), (SenderEvidence(Dmarc.PASS), BOBS)):
        (refusal,) = commands(plan(evolve(MAIL, evidence=evidence)), [gone])
        assert isinstance(refusal, Refuse)
        assert (refusal.reason, refusal.tell) == (Reason.NOT_PARTICIPANT, told)


def test_a_claim_that_names_no_author_leaves_the_one_of_the_rules() -> None:
    (added,) = commands(plan(), (evolve(OUR_CLAIM, author=None),))
    assert added == AddMail(ALIAS, C1, AUTHOR, KEY)


def test_whether_the_author_is_proved_is_said_by_the_evidence_of_the_mail_itself() -> None:
    proved = plan(evolve(MAIL, evidence=SenderEvidence(Dmarc.PASS)))
    for claimed in (PROVED, AUTHOR):
        (added,), (unproved,) = (commands(one, (evolve(OUR_CLAIM, author=claimed),)) for one in (proved, plan()))
        assert isinstance(added, AddMail)
        assert isinstance(unproved, AddMail)
        assert (added.author, unproved.author) == (PROVED, AUTHOR)


STRANGER = evolve(MAIL, sender=ClearFrom(EVE))


def test_a_held_mail_is_kept_under_its_dedup_key() -> None:
    held = plan(STRANGER)
    (kept,) = commands(held)
    assert isinstance(kept, KeepHold)
    assert (kept.recipient, kept.conversation, kept.sender) == (ALIAS, C1, EVE)
    assert kept.reason is Reason.NEEDS_APPROVAL
    assert kept.author == PeripheralAuthor(EVE)
    assert kept.key == kept.hold == str(kept.dedup_key)
    assert claims(held) == (Claim(ClaimKey(C1, EVE, MESSAGE), Path.RELAY, PeripheralAuthor(EVE)),)


def test_a_mail_that_legacy_has_is_not_held_as_well() -> None:
    claim = Claim(ClaimKey(C1, EVE, MESSAGE), Path.LEGACY)
    assert commands(plan(STRANGER), (claim,)) == (Note(ALIAS, None),)


def test_a_hold_without_a_sender_is_keyed_by_what_the_mail_says() -> None:
    unclear = evolve(MAIL, sender=AmbiguousFrom(), evidence=SenderEvidence(Dmarc.PASS), content=MailContent(digest="d"))
    (kept,) = commands(plan(unclear))
    (other,) = commands(plan(evolve(unclear, content=MailContent(digest="e"))))
    assert isinstance(kept, KeepHold)
    assert isinstance(other, KeepHold)
    assert claims(plan(unclear)) == ()
    assert (kept.sender, kept.author, kept.dedup_key) == (None, None, None)
    assert kept.hold.startswith("h-")
    assert kept.hold != other.hold


def test_a_hold_that_leads_nowhere_is_noted() -> None:
    held = Hold(Reason.NEEDS_APPROVAL)
    nowhere = RoutingPlan(
        (Ruling(RECIPIENT, held, RuleName("own"), about_mail=True),), tell_sender=False, case=plan().case
    )
    assert commands(nowhere) == (Note(ALIAS, Reason.NEEDS_APPROVAL),)
    unreadable = plan(UnreadableMail(limit="size", found=1, received_at=NOW, recipients=(ALIAS,)))
    assert hold_id(C1, held, unreadable).startswith("h-")


REFUSED = evolve(MAIL, recipients=(NOBODY,), evidence=SenderEvidence(Dmarc.PASS))


def test_a_refusal_is_told_to_a_proved_sender_once_a_day() -> None:
    (refused,) = commands(plan(REFUSED))
    assert isinstance(refused, Refuse)
    assert (refused.recipient, refused.reason, refused.tell) == (NOBODY, Reason.UNKNOWN_ALIAS, BOBS)
    decision = route(REFUSED, evolve(WORLD, now=NOW + timedelta(hours=11)))
    assert isinstance(decision, RoutingPlan)
    assert commands(decision)[0].key == refused.key
    decision = route(REFUSED, evolve(WORLD, now=NOW + timedelta(hours=12)))
    assert isinstance(decision, RoutingPlan)
    assert commands(decision)[0].key != refused.key


@pytest.mark.parametrize(
    "mail",
    [
        evolve(REFUSED, evidence=SenderEvidence()),
        evolve(REFUSED, sender=AmbiguousFrom()),
        evolve(REFUSED, recipients=(), to=(NOBODY,)),
        UnreadableMail(limit="size", found=1, received_at=NOW, recipients=(ALIAS,)),
    ],
)
def test_nobody_else_is_told(mail: MessageEnvelope) -> None:
    (refused,) = commands(plan(mail))
    assert isinstance(refused, Refuse)
    assert refused.tell is None


def test_what_may_not_be_told_is_not_though_another_refusal_may() -> None:
    refused = Ruling(RECIPIENT, Hold(Reason.NEEDS_APPROVAL), RuleName("own"))
    told = plan(REFUSED)
    other = RoutingPlan((refused, *told.rulings), tell_sender=True, case=told.case)
    assert [getattr(one, "tell", None) for one in commands(other)] == [None, BOBS]


def test_an_ignored_mail_is_noted_with_its_reason() -> None:
    assert commands(plan(evolve(MAIL, mail_class=MailClass.BOUNCE))) == (Note(ALIAS, Reason.BOUNCE),)


@pytest.mark.parametrize(("count", "is_noted"), [(1, True), (100, True), (101, False), (200, True)])
def test_a_conversation_is_told_of_each_hundredth_mail_of_a_flood(count: int, *, is_noted: bool) -> None:
    told = plan()
    ruling = Ruling(RECIPIENT, Ignore(Reason.LOOP, Repeats(AUTHOR, count)), RuleName("repeated-text"))
    (command,) = commands(RoutingPlan((ruling,), tell_sender=True, case=told.case))
    noted = NoteRepeats(ALIAS, Reason.LOOP, C1, AUTHOR.account, count, str(command.key))
    assert command == (noted if is_noted else Note(ALIAS, Reason.LOOP))


def test_a_loop_of_somebody_peripheral_is_noted_in_the_outcome_alone() -> None:
    verdict = Ignore(Reason.LOOP, Repeats(PeripheralAuthor(EVE), 1))
    ruling = Ruling(RECIPIENT, verdict, RuleName("repeated-text"))
    assert commands(RoutingPlan((ruling,), tell_sender=True, case=plan().case)) == (Note(ALIAS, Reason.LOOP),)


def test_a_mail_without_an_id_still_has_an_external_id() -> None:
    unreadable = plan(UnreadableMail(limit="size", found=1, received_at=NOW, recipients=(LEGACY,)))
    known = plan(
        UnreadableMail(limit="size", found=1, received_at=NOW, recipients=(LEGACY,), message_id=MessageId(b"1"))
    )
    assert external_id(unreadable, LEGACY) != external_id(known, LEGACY)
    assert SECOND not in {ruling.recipient.address for ruling in known}


@given(strategies.exchanges(), strategies.policies())
def test_every_ruling_has_a_command_and_every_effect_a_key(example: Exchange, policy: RoutingPolicy) -> None:
    decision = route(example.mail, example.context, policy)
    if isinstance(decision, RoutingPlan):
        done = commands(decision)
        assert [one.recipient for one in done] == [one.recipient.address for one in decision]
        assert all(isinstance(one, Note) or one.key for one in done)
        conversations = [claim.key.conversation for claim in claims(decision)]
        assert len(conversations) == len(set(conversations))
