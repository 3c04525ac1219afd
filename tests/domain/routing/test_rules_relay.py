"""The rules of what may stand and of overlaps, each alone."""

from datetime import timedelta
from typing import Final

import pytest
from attrs import evolve

from convalias.domain.conversations.participants import PeripheralAuthor, speaker
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.checks import Checked, Finding
from convalias.domain.mail.envelope import AmbiguousFrom, MailContent, Oddity
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.context import ListKey
from convalias.domain.routing.let_in import hold_key
from convalias.domain.routing.misses import BY_SOURCE, EVERYBODY, IN_ALL
from convalias.domain.routing.policy import LoopGuard, RoutingPolicy
from convalias.domain.routing.rulebook import RelayCase
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Reject,
    RelayToConversation,
    Repeats,
    SkipOverlap,
    Source,
    Verdict,
)
from convalias.testing.strategies import NOW
from domain.cases import (
    ALIAS,
    AUTHOR,
    BOBS,
    C1,
    CONTEXT,
    EVE,
    FIRST,
    KEY,
    LEGACY_RECIPIENT,
    MAIL,
    MESSAGE,
    OVERLAP_CASE,
    PROVED,
    RECIPIENT,
    RELAY_CASE,
    RELAYED,
    SECOND,
    THREAD,
)

PROVED_RELAY = RelayToConversation(C1, PROVED, KEY)
BY_PROVED = evolve(RELAY_CASE, verdict=PROVED_RELAY, authentication=Authentication.AUTHENTICATED)
PERIPHERAL = RelayToConversation(C1, PeripheralAuthor(EVE), KEY)
REFUSED = Reject(Reason.SPOOFED_SENDER)
UNKNOWN_HOLD = Hold(Reason.FROM_AMBIGUOUS)


@pytest.mark.parametrize("mail_class", [MailClass.BULK, MailClass.AUTO_GENERATED])
def test_automatic_mail_needs_a_proved_account(mail_class: MailClass) -> None:
    mail = evolve(MAIL, mail_class=mail_class)
    ignored = Ignore(Reason.AUTOMATED)
    assert rules.automatic_mail(evolve(BY_PROVED, mail=mail)) is None
    assert rules.automatic_mail(evolve(BY_PROVED, mail=mail, verdict=PERIPHERAL)) == ignored
    assert rules.automatic_mail(evolve(RELAY_CASE, mail=mail, verdict=REFUSED)) == ignored
    assert rules.automatic_mail(evolve(BY_PROVED, mail=mail, verdict=UNKNOWN_HOLD)) == ignored
    assert rules.automatic_mail(RELAY_CASE) is None


def test_generated_mail_of_an_account_that_nothing_proves_is_ignored() -> None:
    mail = evolve(MAIL, mail_class=MailClass.AUTO_GENERATED)
    assert rules.automatic_mail(evolve(RELAY_CASE, mail=mail)) == Ignore(Reason.AUTOMATED)


@pytest.mark.parametrize("verdict", [RELAYED, Hold(Reason.NEEDS_APPROVAL, AUTHOR, KEY)])
def test_bulk_mail_of_an_account_that_nothing_proves_waits_unless_it_is_spam(verdict: Verdict) -> None:
    mail = evolve(MAIL, mail_class=MailClass.BULK)
    waits = Hold(Reason.NEEDS_APPROVAL, AUTHOR, KEY)
    assert rules.automatic_mail(evolve(RELAY_CASE, mail=mail, verdict=verdict)) == waits
    spam = evolve(mail, spam=True)
    assert rules.automatic_mail(evolve(RELAY_CASE, mail=spam, verdict=verdict)) == Ignore(Reason.SPAM)


def test_spam_needs_a_proved_account() -> None:
    mail = evolve(MAIL, spam=True)
    assert rules.spam(evolve(BY_PROVED, mail=mail)) is None
    assert rules.spam(evolve(BY_PROVED, mail=mail, verdict=Hold(Reason.NEEDS_APPROVAL, PROVED, KEY))) is None
    assert rules.spam(evolve(RELAY_CASE, mail=mail)) == Ignore(Reason.SPAM)
    assert rules.spam(RELAY_CASE) is None


GUARDED = RoutingPolicy(loop_guard=LoopGuard(same_text=3, mails_an_hour=10))


LONG = MailContent(text="Thank you for your message. I shall be back next week.", repeat_digest="d")
LOOP = Ignore(Reason.LOOP, Repeats(AUTHOR, 1))
OURS = MessageId(b"n.0123@reply.example")


@pytest.mark.parametrize(("others", "verdict"), [(1, None), (2, LOOP)])
def test_the_third_mail_with_one_text_is_a_loop(others: int, verdict: Verdict | None) -> None:
    mail = evolve(MAIL, content=LONG)
    context = evolve(CONTEXT, repeats={(C1, BOBS, "d"): others})
    case = evolve(RELAY_CASE, mail=mail, context=context)
    assert rules.repeated_text(case) == verdict
    assert rules.repeated_text(evolve(case, policy=RoutingPolicy(loop_guard=None))) is None
    assert rules.repeated_text(evolve(case, verdict=REFUSED)) is None
    assert rules.repeated_text(evolve(case, verdict=UNKNOWN_HOLD)) is None
    assert rules.repeated_text(evolve(case, mail=evolve(mail, sender=AmbiguousFrom()))) is None
    assert rules.repeated_text(evolve(case, mail=evolve(mail, content=MailContent(text=LONG.text)))) is None


@pytest.mark.parametrize("answered", [{"in_reply_to": (OURS,)}, {"references": (MESSAGE, OURS)}])
def test_a_short_text_counts_only_within_two_minutes_of_what_it_answers(answered: dict[str, tuple[MessageId]]) -> None:
    mail = evolve(MAIL, content=evolve(LONG, text="ok, thanks"), **answered)
    context = evolve(CONTEXT, repeats={(C1, BOBS, "d"): 2})
    case = evolve(RELAY_CASE, mail=mail, context=context)
    assert rules.repeated_text(case) is None
    for minutes, verdict in ((2, LOOP), (3, None)):
        heard = {(C1, speaker(AUTHOR)): NOW - timedelta(minutes=minutes)}
        quick = evolve(case, context=evolve(context, heard=heard))
        assert rules.repeated_text(quick) == verdict
        assert rules.repeated_text(evolve(quick, mail=evolve(mail, in_reply_to=(), references=(MESSAGE,)))) is None
        bare = evolve(mail, in_reply_to=(), references=())
        assert rules.repeated_text(evolve(quick, mail=bare)) is None
        marked = evolve(bare, content=evolve(bare.content, subject="Re: the job"))
        assert rules.repeated_text(evolve(quick, mail=marked)) == verdict


def test_a_conversation_is_told_how_many_equal_mails_it_does_not_show() -> None:
    context = evolve(CONTEXT, repeats={(C1, BOBS, "d"): 6})
    case = evolve(RELAY_CASE, mail=evolve(MAIL, content=LONG), context=context)
    assert rules.repeated_text(case) == Ignore(Reason.LOOP, Repeats(AUTHOR, 5))


@pytest.mark.parametrize(("others", "verdict"), [(9, None), (10, Reject(Reason.RATE_LIMITED))])
def test_a_conversation_has_a_budget(others: int, verdict: Verdict | None) -> None:
    case = evolve(RELAY_CASE, context=evolve(CONTEXT, traffic={C1: others}), policy=GUARDED)
    assert rules.over_budget(case) == verdict
    assert rules.over_budget(evolve(case, verdict=REFUSED)) is None
    assert rules.over_budget(evolve(case, policy=RoutingPolicy())) is None
    assert rules.over_budget(evolve(case, policy=RoutingPolicy(loop_guard=LoopGuard()))) is None


@pytest.mark.parametrize(
    ("subject", "refused"),
    [("Re: The  Job", True), ("AW: Re: the job", True), ("the job", False), ("Re: yes, Tuesday at ten", False)],
)
def test_an_answer_that_says_nothing_but_an_earlier_subject_is_empty(subject: str, *, refused: bool) -> None:
    mail = evolve(MAIL, content=MailContent(subject=subject, text=subject, subject_alone=True))
    context = evolve(CONTEXT, subjects={(C1, MESSAGE): frozenset({"the job"})})
    case = evolve(RELAY_CASE, mail=mail, context=context)
    assert rules.empty(case) == (Reject(Reason.EMPTY) if refused else None)
    assert rules.empty(evolve(case, context=CONTEXT)) is None
    assert rules.empty(evolve(case, verdict=REFUSED)) is None
    assert rules.empty(evolve(case, mail=evolve(mail, content=evolve(mail.content, subject_alone=False)))) is None


STRANGER = evolve(RELAY_CASE, verdict=PERIPHERAL)
PROVED_STRANGER = evolve(
    STRANGER, mail=evolve(MAIL, evidence=SenderEvidence(Dmarc.PASS)), authentication=Authentication.AUTHENTICATED
)
TURNED_AWAY = Reject(Reason.RATE_LIMITED)


@pytest.mark.parametrize(("misses", "verdict"), [(BY_SOURCE, None), (BY_SOURCE + 1, TURNED_AWAY)])
def test_mail_of_a_stranger_who_guesses_is_refused(misses: int, verdict: Verdict | None) -> None:
    case = evolve(STRANGER, context=evolve(CONTEXT, misses={"corp.example": misses}))
    assert rules.guesser(case) == verdict
    assert rules.guesser(evolve(case, verdict=UNKNOWN_HOLD)) == verdict
    assert rules.guesser(evolve(case, verdict=RELAYED)) is None
    assert rules.guesser(evolve(case, verdict=REFUSED)) is None
    assert rules.guesser(evolve(case, mail=PROVED_STRANGER.mail)) is None
    proved = evolve(PROVED_STRANGER, context=evolve(CONTEXT, misses={"from:corp.example": misses}))
    assert rules.guesser(proved) == verdict


@pytest.mark.parametrize(("misses", "verdict"), [(IN_ALL, None), (IN_ALL + 1, TURNED_AWAY)])
def test_where_many_guess_strangers_whom_nothing_proves_are_refused(misses: int, verdict: Verdict | None) -> None:
    context = evolve(CONTEXT, misses={EVERYBODY: misses})
    assert rules.guesser(evolve(STRANGER, context=context)) == verdict
    assert rules.guesser(evolve(PROVED_STRANGER, context=context)) is None


@pytest.mark.parametrize("admits", Admits)
def test_whom_a_participant_let_in_is_no_guesser(admits: Admits) -> None:
    context = evolve(CONTEXT, misses={EVERYBODY: IN_ALL + 1}, approvals={hold_key(C1, MAIL, KEY): admits})
    assert rules.guesser(evolve(STRANGER, context=context)) is None


def test_empty() -> None:
    mail = evolve(MAIL, content=MailContent(empty=True))
    assert rules.empty(evolve(RELAY_CASE, mail=mail)) == Reject(Reason.EMPTY)
    assert rules.empty(evolve(RELAY_CASE, mail=mail, verdict=UNKNOWN_HOLD)) is None
    assert rules.empty(RELAY_CASE) is None


@pytest.mark.parametrize("finding", [Finding.HARMFUL, Finding.HELD_UNSEEN])
def test_what_a_check_found_harmful_or_nobody_could_look_at_waits_for_a_person(finding: Finding) -> None:
    case = evolve(BY_PROVED, mail=evolve(MAIL, checked=Checked(finding)))
    hold = Hold(Reason.NEEDS_APPROVAL, PROVED, KEY)
    assert rules.found_by_check(case) == hold
    assert rules.found_by_check(evolve(case, verdict=UNKNOWN_HOLD)) is None


@pytest.mark.parametrize("finding", [None, Finding.NOTHING, Finding.SPAM, Finding.PASSED_UNSEEN])
def test_whatever_else_a_check_says_holds_nothing(finding: Finding | None) -> None:
    mail = evolve(MAIL, checked=None if finding is None else Checked(finding))
    assert rules.found_by_check(evolve(BY_PROVED, mail=mail)) is None


def test_odd_header() -> None:
    mail = evolve(MAIL, oddities=frozenset(Oddity))
    assert rules.odd_header(evolve(RELAY_CASE, mail=mail)) == Hold(Reason.MIME_AMBIGUOUS, AUTHOR, KEY)
    assert rules.odd_header(evolve(RELAY_CASE, mail=mail, verdict=UNKNOWN_HOLD)) is None
    assert rules.odd_header(evolve(RELAY_CASE, mail=evolve(MAIL, oddities=frozenset({Oddity.BODY})))) is None
    assert rules.odd_header(RELAY_CASE) is None


DAY = timedelta(hours=24)
STALE = evolve(RELAY_CASE, mail=evolve(MAIL, date=NOW - DAY - timedelta(seconds=1)))
WAITS = Hold(Reason.NEEDS_APPROVAL, AUTHOR, KEY)


def test_a_stale_mail_that_names_nobody_here_waits() -> None:
    assert rules.replayed_signature(STALE) == WAITS
    assert rules.replayed_signature(evolve(STALE, named={C1})) is None
    assert rules.replayed_signature(evolve(STALE, verdict=REFUSED)) is None


@pytest.mark.parametrize("date", [None, NOW, NOW - DAY, NOW + DAY])
def test_a_fresh_mail_does_not(date: None) -> None:
    assert rules.replayed_signature(evolve(RELAY_CASE, mail=evolve(MAIL, date=date))) is None


@pytest.mark.parametrize(("seen", "verdict"), [(("c1",), None), (("c2",), WAITS), (("c1", "c2"), WAITS)])
def test_a_message_id_used_in_another_conversation_waits(seen: tuple[str, ...], verdict: Verdict | None) -> None:
    sightings = {(MESSAGE, BOBS): frozenset(map(ConversationId, seen))}
    case = evolve(RELAY_CASE, context=evolve(CONTEXT, sightings=sightings))
    assert rules.replayed_signature(case) == verdict
    assert rules.replayed_signature(evolve(case, mail=evolve(MAIL, sender=AmbiguousFrom()))) is None


LIST: Final = "dev.lists.example"
BY_LIST = evolve(STALE, mail=evolve(STALE.mail, evidence=SenderEvidence(via_list=LIST)))
SIGNED_FOR_THE_LIST = evolve(
    RELAY_CASE,
    mail=evolve(
        MAIL,
        evidence=SenderEvidence(dkim_aligned=True, dkim_signed=frozenset({"from", "to"}), via_list=LIST),
    ),
)


@pytest.mark.parametrize("case", [BY_LIST, SIGNED_FOR_THE_LIST], ids=["stale", "signed for the list"])
def test_mail_by_a_list_waits_until_a_participant_let_the_list_in_here(case: RelayCase) -> None:
    assert rules.replayed_signature(case) == evolve(WAITS, by_list=LIST)

    def with_lists(lists: dict[ListKey, bool]) -> Verdict | None:
        return rules.replayed_signature(evolve(case, context=evolve(CONTEXT, lists=lists)))

    assert with_lists({(C1, LIST): True}) is None
    for lists in ({(C1, LIST): False}, {(ConversationId("c2"), LIST): True}, {(C1, "x.lists.example"): True}):
        assert with_lists(lists) == evolve(WAITS, by_list=LIST)


def test_a_list_that_was_let_in_says_nothing_about_mail_that_no_signature_proves_to_be_its() -> None:
    let_in = evolve(CONTEXT, lists={(C1, LIST): True})
    assert rules.replayed_signature(evolve(STALE, context=let_in)) == WAITS


SECOND_RECIPIENT = evolve(RECIPIENT, address=SECOND)
DECIDED = evolve(FIRST, verdict=Ignore(Reason.LOOP))
BY_HEADER = evolve(FIRST, recipient=evolve(RECIPIENT, source=Source.HEADER))


def test_second_alias() -> None:
    case = evolve(OVERLAP_CASE, recipient=SECOND_RECIPIENT)
    assert rules.second_alias(case) == SkipOverlap(ALIAS)
    assert rules.second_alias(evolve(case, first=DECIDED)) == Ignore(Reason.LOOP)
    assert rules.second_alias(evolve(case, first=None)) is None
    assert rules.second_alias(OVERLAP_CASE) is None


def test_carried_already() -> None:
    assert rules.carried_already(OVERLAP_CASE) == SkipOverlap(ALIAS)
    for first in (None, DECIDED, BY_HEADER):
        assert rules.carried_already(evolve(OVERLAP_CASE, first=first)) is None


def test_carried_by_header_alias() -> None:
    assert rules.carried_by_header_alias(evolve(OVERLAP_CASE, first=BY_HEADER)) == SkipOverlap(ALIAS)
    for first in (None, DECIDED):
        assert rules.carried_by_header_alias(evolve(OVERLAP_CASE, first=first)) is None


def test_decided_already() -> None:
    assert rules.decided_already(evolve(OVERLAP_CASE, first=DECIDED)) == Ignore(Reason.LOOP)
    assert rules.decided_already(evolve(OVERLAP_CASE, first=None)) is None


ALONE = evolve(OVERLAP_CASE, first=None)


def test_erased_legacy() -> None:
    erased = evolve(LEGACY_RECIPIENT, thread=evolve(THREAD, state=ThreadState.ERASED))
    assert rules.erased_legacy(evolve(ALONE, recipient=erased)) == Reject(Reason.UNKNOWN_ALIAS)
    assert rules.erased_legacy(ALONE) is None
    assert rules.erased_legacy(evolve(ALONE, recipient=evolve(LEGACY_RECIPIENT, thread=None))) is None


def test_spam_for_legacy() -> None:
    spam = evolve(ALONE, mail=evolve(MAIL, spam=True))
    assert rules.spam_for_legacy(spam) == Ignore(Reason.SPAM)
    assert rules.spam_for_legacy(evolve(spam, authentication=Authentication.AUTHENTICATED)) is None
    assert rules.spam_for_legacy(ALONE) is None


def test_legacy_alone() -> None:
    assert isinstance(ALONE.recipient, LegacyRecipient)
    assert rules.legacy_alone(ALONE) == HandToLegacy()
    assert rules.legacy_alone(evolve(ALONE, recipient=RECIPIENT)) is None
    assert RELAYED.dedup_key == KEY
