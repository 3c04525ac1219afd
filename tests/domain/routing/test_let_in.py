"""What a participant let in is relayed, and what speaks against an address still speaks against it."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.approvals.holds import masked, may_answer
from convalias.domain.conversations.participants import Participant, ParticipantKind, PeripheralAuthor
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import AccountId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.authentication import Authentication, Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.checks import Checked, Finding
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, MailContent, MessageEnvelope, Oddity
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.admission import STRICT
from convalias.domain.routing.context import Holders, RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.let_in import NOBODY, as_relayed, hold_key, let_in
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.policy import RoutingPolicy, SenderTrust
from convalias.domain.routing.rulebook import (
    AuthorCase,
    RelayCase,
    RuleBook,
    rule,
)
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import HandToLegacy, Hold, Reject, RelayToConversation, SkipOverlap, Verdict
from convalias.testing.strategies import NOW
from domain.cases import ALIAS, BOBS_ACCOUNT, CONTEXT, DOMAINS, EVE, KEY, LEGACY, SECOND, STORED, THREAD, saying
from domain.routing.test_rules_author import ADMITTED, ASKED
from domain.routing.test_rules_author import NOBODY as STRANGER
from domain.routing.test_rules_relay import C1, MAIL, RELAY_CASE, STALE, UNKNOWN_HOLD, WAITS


def test_a_mail_that_was_let_in_is_relayed_as_whom_it_was_held() -> None:
    key = hold_key(C1, MAIL, WAITS.dedup_key)
    known = evolve(RELAY_CASE.context, approvals={key: Admits.THIS_MAIL})
    assert let_in(known, MAIL, C1, WAITS) is Admits.THIS_MAIL
    assert rules.approved(evolve(RELAY_CASE, verdict=WAITS, context=known)) == as_relayed(C1, MAIL, WAITS)
    assert rules.approved(evolve(RELAY_CASE, verdict=WAITS)) is None
    assert rules.approved(RELAY_CASE) is None
    address_only = evolve(RELAY_CASE.context, approvals={key: Admits.THIS_ADDRESS})
    assert rules.approved(evolve(RELAY_CASE, verdict=WAITS, context=address_only)) is None


def test_what_was_let_in_is_that_mail_and_no_other_under_its_message_id() -> None:
    key = hold_key(C1, MAIL, WAITS.dedup_key)
    known = evolve(RELAY_CASE.context, approvals={key: Admits.THIS_MAIL})
    assert let_in(known, evolve(MAIL, content=evolve(MAIL.content, digest="another")), C1, WAITS) is None


HELD = Hold(Reason.NEEDS_APPROVAL)
at_the_alias, at_the_class, at_the_sender = saying(HELD, 5), saying(HELD, 6), saying(HELD, 7)
at_the_second, at_the_legacy_address = saying(HELD, 10), saying(HELD, 11)


@rule(8)
def at_the_author(case: AuthorCase) -> Verdict | None:
    """Everything waits."""
    return Hold(Reason.NEEDS_APPROVAL, case.author)


@rule(9)
def at_the_end(case: RelayCase) -> Verdict | None:
    """Everything waits."""
    return Hold(Reason.NEEDS_APPROVAL, dedup_key=KEY) if isinstance(case.verdict, RelayToConversation) else None


@pytest.mark.parametrize(
    ("book", "mail"),
    [
        pytest.param(RULES.before(rules.revoked_alias, at_the_alias), MAIL, id="an own rule of step 5"),
        pytest.param(RULES.before(rules.own_mail, at_the_class), MAIL, id="an own rule of step 6"),
        pytest.param(RULES.before(rules.own_mail, at_the_sender), MAIL, id="an own rule of step 7"),
        pytest.param(RULES.before(rules.several_accounts, at_the_author), MAIL, id="an own rule of step 8"),
        pytest.param(RULES.before(rules.automatic_mail, at_the_end), MAIL, id="an own rule of step 9"),
        pytest.param(RULES, evolve(STALE.mail, to=()), id="a replayed signature"),
        pytest.param(RULES, evolve(MAIL, oddities=frozenset({Oddity.HEADER})), id="an odd header"),
        pytest.param(RULES, evolve(MAIL, checked=Checked(Finding.HARMFUL)), id="a finding"),
        pytest.param(RULES, evolve(MAIL, mail_class=MailClass.BULK), id="bulk"),
    ],
)
def test_a_mail_that_was_let_in_is_relayed_whichever_rule_held_it(book: RuleBook, mail: MessageEnvelope) -> None:
    held = decided(mail, CONTEXT, book)
    assert isinstance(held, Hold)
    known = [
        decided(mail, evolve(CONTEXT, approvals={hold_key(C1, mail, held.dedup_key): admits}), book)
        for admits in Admits
    ]
    assert [isinstance(one, RelayToConversation) for one in known] == [admits is Admits.THIS_MAIL for admits in Admits]


OF_ADDRESS = Hold(Reason.NEEDS_APPROVAL, by_address=True)
EVES = evolve(MAIL, sender=ClearFrom(EVE), evidence=SenderEvidence(Dmarc.PASS))
EVES_KEY = MailKey(C1, EVE, EVES.message_id)


@rule(8)
def strangers_wait(case: AuthorCase) -> Verdict | None:
    """Whoever takes no part waits."""
    return None if case.author is not None else OF_ADDRESS


@rule(9)
def new_names_wait(case: RelayCase) -> Verdict | None:
    """Who is new here waits."""
    return OF_ADDRESS if isinstance(case.verdict, RelayToConversation) else None


@pytest.mark.parametrize(
    "book",
    [
        pytest.param(RULES, id="the library's"),
        pytest.param(RULES.before(rules.revoked_alias, saying(OF_ADDRESS, 5)), id="an own rule of step 5"),
        pytest.param(RULES.before(rules.own_mail, saying(OF_ADDRESS, 6)), id="an own rule of step 6"),
        pytest.param(RULES.before(rules.own_mail, saying(OF_ADDRESS, 7)), id="an own rule of step 7"),
        pytest.param(RULES.before(rules.several_accounts, strangers_wait), id="an own rule of step 8"),
        pytest.param(RULES.replacing(rules.applicant, strangers_wait), id="the last rule of step 8"),
        pytest.param(RULES.before(rules.automatic_mail, new_names_wait), id="an own rule of step 9"),
    ],
)
def test_later_mail_of_an_address_that_was_let_in_is_held_by_no_rule_that_asks_about_the_address(
    book: RuleBook,
) -> None:
    held = decided(EVES, CONTEXT, book)
    assert isinstance(held, Hold)
    assert held.by_address
    known = evolve(CONTEXT, approvals={hold_key(C1, EVES, EVES_KEY): Admits.THIS_ADDRESS})
    relayed = decided(EVES, known, book)
    assert isinstance(relayed, RelayToConversation)
    assert (type(relayed.author), relayed.dedup_key) == (PeripheralAuthor, EVES_KEY)
    doubtful = evolve(EVES, evidence=SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE))
    assert isinstance(decided(doubtful, known, book), Hold)


def test_a_rule_that_holds_for_another_reason_holds_later_mail_of_the_address_too() -> None:
    known = evolve(CONTEXT, approvals={hold_key(C1, EVES, EVES_KEY): Admits.THIS_ADDRESS})
    for book in (RULES.before(rules.own_mail, at_the_sender), RULES.before(rules.automatic_mail, at_the_end)):
        assert isinstance(decided(EVES, known, book), Hold)


def test_an_address_that_was_let_in_stands_for_no_participant_and_for_nobody() -> None:
    book = RULES.before(rules.own_mail, saying(OF_ADDRESS, 6))
    known = evolve(CONTEXT, approvals={hold_key(C1, MAIL, KEY): Admits.THIS_ADDRESS})
    assert decided(MAIL, known, book) == evolve(OF_ADDRESS, author=WAITS.author, dedup_key=KEY)
    nobody = evolve(EVES, sender=AmbiguousFrom())
    known = evolve(CONTEXT, approvals={hold_key(C1, nobody, None): Admits.THIS_ADDRESS})
    assert decided(nobody, known, book) == OF_ADDRESS


def test_so_is_one_that_was_held_at_its_second_address() -> None:
    book, mail = RULES.before(rules.second_alias, at_the_second), evolve(MAIL, recipients=(ALIAS, SECOND))
    context = RoutingContext.of(THREAD, STORED, evolve(STORED, address=SECOND), BOBS_ACCOUNT, now=NOW, domains=DOMAINS)
    assert isinstance(plan(mail, context, book).of(SECOND).verdict, Hold)
    known = evolve(context, approvals={hold_key(C1, mail, KEY): Admits.THIS_MAIL})
    assert plan(mail, known, book).of(SECOND).verdict == SkipOverlap(ALIAS)


def test_and_one_for_its_legacy_address() -> None:
    mail = evolve(MAIL, recipients=(LEGACY,), to=())
    context = evolve(CONTEXT, legacy={LEGACY: LegacyAlias(LEGACY, C1)})
    assert plan(mail, context, RULES).of(LEGACY).verdict == HandToLegacy()
    book = RULES.before(rules.carried_already, at_the_legacy_address)
    assert plan(mail, context, book).of(LEGACY).verdict == WAITS
    known = evolve(context, approvals={hold_key(C1, mail, KEY): Admits.THIS_MAIL})
    assert plan(mail, known, book).of(LEGACY).verdict == HandToLegacy()


def test_rules_behind_a_hold_that_was_answered_still_refuse() -> None:
    """As whoever wrote: a participant is one, and whom the policy does not know is let in by no rule before it."""
    short = evolve(MAIL, content=MailContent(empty=True))
    known = evolve(CONTEXT, approvals={hold_key(C1, short, KEY): Admits.THIS_MAIL})
    for book in (RULES.before(rules.own_mail, at_the_sender), RULES.before(rules.several_accounts, at_the_author)):
        assert decided(short, CONTEXT, book) == WAITS
        assert decided(short, known, book) == Reject(Reason.EMPTY)
    nobody = evolve(short, sender=AmbiguousFrom(), evidence=SenderEvidence(Dmarc.PASS))
    assert decided(nobody, CONTEXT, RULES) == Hold(Reason.FROM_AMBIGUOUS)
    let_in = {hold_key(C1, nobody, None): Admits.THIS_MAIL}
    assert decided(nobody, evolve(CONTEXT, approvals=let_in), RULES) == Reject(Reason.EMPTY)
    eves = evolve(MAIL, sender=ClearFrom(EVE))
    key = MailKey(C1, EVE, MAIL.message_id)
    strict = RoutingPolicy(admission=STRICT)
    stranger = evolve(CONTEXT, approvals={hold_key(C1, eves, key): Admits.THIS_MAIL})
    for context, verdict in (
        (CONTEXT, Hold(Reason.NEEDS_APPROVAL, None, key)),
        (stranger, Reject(Reason.UNKNOWN_SENDER)),
    ):
        (ruling,) = route(eves, context, strict, RULES.before(rules.own_mail, at_the_sender))  # type: ignore[misc]
        assert ruling.verdict == verdict


def test_who_wrote_a_held_mail_is_its_author_whatever_the_rule_says() -> None:
    for before, own in ((rules.revoked_alias, at_the_alias), (rules.own_mail, at_the_sender)):
        book = RULES.before(before, own)
        assert decided(MAIL, CONTEXT, book) == WAITS
        known = evolve(CONTEXT, approvals={hold_key(C1, MAIL, KEY): Admits.THIS_MAIL})
        assert decided(MAIL, known, book) == as_relayed(C1, MAIL, WAITS)


def test_another_mail_of_the_same_words_was_not_let_in() -> None:
    for mail in (MAIL, evolve(MAIL, sender=AmbiguousFrom())):
        another = evolve(mail, message_id=MessageId(b"2@corp.example"))
        keys = (
            [None] * 2 if isinstance(mail.sender, AmbiguousFrom) else [KEY, evolve(KEY, message_id=another.message_id)]
        )
        assert hold_key(C1, mail, keys[0]) != hold_key(C1, another, keys[1])


def decided(mail: MessageEnvelope, context: RoutingContext, book: RuleBook) -> Verdict:
    (ruling,) = plan(mail, context, book)
    return ruling.verdict


def plan(mail: MessageEnvelope, context: RoutingContext, book: RuleBook) -> RoutingPlan:
    found = route(mail, context, rules=book)
    assert isinstance(found, RoutingPlan)
    return found


def test_from_that_names_nobody_is_relayed_from_nobody() -> None:
    mail = evolve(MAIL, sender=AmbiguousFrom())
    key = hold_key(C1, mail, None)
    known = evolve(RELAY_CASE.context, approvals={key: Admits.THIS_MAIL})
    assert rules.approved(evolve(RELAY_CASE, mail=mail, verdict=UNKNOWN_HOLD, context=known)) == RelayToConversation(
        C1, PeripheralAuthor(NOBODY), MailKey(C1, NOBODY, mail.message_id)
    )


@pytest.mark.parametrize(
    ("authentication", "trust", "passed", "verdict"),
    [
        (Authentication.AUTHENTICATED, SenderTrust.ACCEPT_KNOWN, True, ADMITTED),
        (Authentication.UNPROVED, SenderTrust.ACCEPT_KNOWN, False, ADMITTED),
        (Authentication.UNPROVED, SenderTrust.ACCEPT_KNOWN, True, ASKED),
        (Authentication.UNPROVED, SenderTrust.REQUIRE_ALIGNED, False, ASKED),
        (Authentication.DOUBTFUL, SenderTrust.ACCEPT_KNOWN, False, ASKED),
    ],
)
def test_an_address_that_was_let_in_still_needs_its_proof(
    *, authentication: Authentication, trust: SenderTrust, passed: bool, verdict: Verdict
) -> None:
    case = evolve(STRANGER, authentication=authentication, trust=trust)
    conversation = case.recipient.thread.id
    sender = case.sender.address
    key = hold_key(conversation, case.mail, MailKey(conversation, sender, case.mail.message_id))
    known = evolve(
        case.context,
        approvals={key: Admits.THIS_ADDRESS},
        holders={sender: Holders(authenticated_before=passed)},
    )
    assert isinstance(rules.applicant(case), Hold)
    found = rules.applicant(evolve(case, context=known))
    assert isinstance(found, type(verdict))


def test_who_lets_in_is_registered_and_a_sender_is_shown_masked() -> None:
    ann, old = Participant(AccountId("ann")), Participant(AccountId("old"), kind=ParticipantKind.HISTORICAL)
    thread = evolve(RELAY_CASE.recipient.thread, participants=(ann, old))
    assert may_answer(thread) == (ann,)
    assert masked(EmailAddress.parse("eve@x.example")) == "e…@x.example"
    assert masked(None) == "an unreadable sender"


def test_each_root_secret_has_a_key_of_that_use() -> None:
    ring = Keyring((RootKey(1, b"n" * 32), RootKey(0, b"o" * 32)))
    (newest, older) = ring.each("approval")
    assert newest == (1, ring.derived("approval"))
    assert older == (0, Keyring(ring.keys[1:]).derived("approval"))
