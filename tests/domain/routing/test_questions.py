"""What a decision asks for, round by round. Its laws are tested with those of routing."""

from typing import Final

import pytest
from attrs import evolve
from hypothesis import given

from convalias.domain.aliases.alias import ByName, LegacyAlias, Token
from convalias.domain.mail.envelope import AmbiguousFrom, MailContent, UnreadableMail
from convalias.domain.mail.reasons import Reason
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing import rules
from convalias.domain.routing.context import Answers, Holders, RoutingContext, Witness
from convalias.domain.routing.decision import route
from convalias.domain.routing.misses import EVERYBODY
from convalias.domain.routing.plan import Case, Decision
from convalias.domain.routing.policy import LoopGuard, RoutingPolicy
from convalias.domain.routing.questions import Questions, decide_or_ask, questions
from convalias.domain.routing.rulebook import AliasCase, MailCase, RuleBook, rule
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Reject, Verdict
from convalias.testing.laws.deciding import answered
from convalias.testing.strategies import NOW, Exchange, exchanges, policies
from domain.cases import ALIAS, BOB, BOBS, C1, CONTEXT, DOMAINS, EVE, LEGACY, MAIL, MESSAGE, STORED, THREAD

NOTHING = RoutingContext(now=NOW, domains=DOMAINS)
ROUNDS: Final = 4
WITH_ALIAS = NOTHING.learning(Answers(aliases={ByName(ALIAS): STORED}))


def test_a_whole_world_lacks_nothing() -> None:
    assert not questions(MAIL, CONTEXT)
    assert questions(MAIL, CONTEXT) == Questions()


def test_first_the_addresses_are_asked_for_with_those_in_to_and_cc() -> None:
    renamed = BOBS.parse("x-0123456789abcdefg@reply.example")
    asked = questions(evolve(MAIL, recipients=(LEGACY,), cc=(renamed, EVE)), NOTHING)
    token = Token("0123456789abcdefg", "reply.example")
    assert asked == Questions(aliases=frozenset({ByName(ALIAS), ByName(renamed), token}), legacy=frozenset({LEGACY}))


def test_every_step_of_unwrapping_is_asked_for() -> None:
    wrapped = BOBS.parse("ann-1ab131e2+tag@reply.example")
    asked = questions(evolve(MAIL, recipients=(wrapped,), to=()), NOTHING)
    assert asked.aliases == {ByName(wrapped), ByName(ALIAS)}


def test_then_the_conversation_and_who_the_sender_is() -> None:
    assert questions(MAIL, WITH_ALIAS) == Questions(
        threads=frozenset({C1}), holders=frozenset({BOBS}), sightings=frozenset({(MESSAGE, BOBS)})
    )


def test_the_stage_is_asked_for_where_there_is_a_legacy_alias() -> None:
    known = NOTHING.learning(Answers(legacy={LEGACY: LegacyAlias(LEGACY, C1)}))
    asked = questions(evolve(MAIL, recipients=(LEGACY,), to=()), known)
    assert (asked.threads, asked.stages) == ({C1}, {C1})


def test_an_ambiguous_sender_is_not_asked_about() -> None:
    asked = questions(evolve(MAIL, sender=AmbiguousFrom()), WITH_ALIAS)
    assert asked == Questions(threads=frozenset({C1}))


def test_then_the_history_and_the_accounts_of_the_conversation() -> None:
    known = WITH_ALIAS.learning(
        Answers(threads={C1: THREAD}, holders={BOBS: Holders()}, sightings={(MESSAGE, BOBS): frozenset()})
    )
    asked = questions(MAIL, known)
    assert asked.tenures == {BOBS}
    assert asked.accounts == {one.account for one in THREAD.participants}
    answered = known.learning(Answers(tenures={BOBS: ()}, accounts=dict.fromkeys(asked.accounts)))
    held = questions(MAIL, answered)
    assert held == Questions(approvals=held.approvals, misses=frozenset({"corp.example", EVERYBODY}))
    assert [(one.conversation, one.sender) for one in held.approvals] == [(C1, BOBS)]
    known_all = Answers(approvals=dict.fromkeys(held.approvals), misses=dict.fromkeys(held.misses, 0))
    assert not questions(MAIL, answered.learning(known_all))


def test_a_loop_guard_asks_for_what_it_counts() -> None:
    mail = evolve(MAIL, content=MailContent(text="Words. " * 9, repeat_digest="d"))
    assert questions(mail, WITH_ALIAS).repeats == {(C1, BOBS, "d")}
    assert questions(mail, WITH_ALIAS).traffic == set()
    assert questions(mail, WITH_ALIAS, RoutingPolicy(loop_guard=None)).repeats == set()
    assert questions(MAIL, WITH_ALIAS).repeats == set()
    assert questions(mail, WITH_ALIAS, RoutingPolicy(loop_guard=LoopGuard(mails_an_hour=9))).traffic == {C1}


def test_an_absent_witness_is_not_asked_again() -> None:
    away = frozenset(Witness)
    mail = evolve(MAIL, recipients=(ALIAS, LEGACY))
    assert questions(mail, evolve(NOTHING, away=away)).legacy == set()
    known = evolve(WITH_ALIAS, away=away).learning(Answers(threads={C1: THREAD}, stages={C1: Stage.LEGACY}))
    asked = questions(MAIL, known)
    assert (asked.holders, asked.accounts, asked.tenures) == (set(), set(), set())


def test_an_unreadable_mail_asks_for_its_addresses_alone() -> None:
    mail = UnreadableMail(limit="size", found=1, received_at=NOW, recipients=(ALIAS,))
    assert questions(mail, NOTHING) == Questions(aliases=frozenset({ByName(ALIAS)}))


def test_one_open_question_is_a_question() -> None:
    assert Questions(accounts=frozenset({BOB}))
    assert not Questions()
    assert len(Questions().groups()) == 15


def test_a_rule_of_ones_own_may_look_at_everything_that_is_known() -> None:
    @rule(5)
    def counts(case: AliasCase) -> Verdict | None:
        """Refuse where anything at all is known of anybody's history."""
        return Reject(Reason.UNKNOWN_SENDER) if len(list(case.context.tenures)) + len(case.context.holders) else None

    book = RULES.before(rules.revoked_alias, counts)
    known = WITH_ALIAS.learning(Answers(threads={C1: THREAD}, holders={BOBS: Holders()}, tenures={BOBS: ()}))
    assert not questions(MAIL, known, rules=book)


def concluded(example: Exchange, policy: RoutingPolicy, rules: RuleBook = RULES) -> tuple[Decision, int]:
    """Ask a whole world round by round until it is decided, and count the rounds of asking."""
    whole = example.context
    known = RoutingContext(now=whole.now, domains=whole.domains, keys=whole.keys)
    for asked in range(ROUNDS + 1):
        found = decide_or_ask(example.mail, known, policy, rules)
        if not isinstance(found, Questions):
            return found, asked
        known = known.learning(answered(found, whole))
    raise AssertionError("the core keeps asking")


@given(exchanges(), policies())
def test_the_last_round_decides_as_route_does_over_the_same_facts(example: Exchange, policy: RoutingPolicy) -> None:
    decision, _ = concluded(example, policy)
    case = decision.case
    again = route(case.mail, case.context, case.policy, case.rules)
    assert decision == again
    assert decision.case == again.case
    assert decision.explain() == again.explain()


@given(exchanges())
def test_a_whole_world_is_decided_at_once(example: Exchange) -> None:
    whole = evolve(example.context, whole=True)
    decision = decide_or_ask(example.mail, whole)
    assert decision == route(example.mail, whole)
    assert isinstance(decision, Questions) or decision.case.context is whole


@pytest.mark.parametrize("whole", [True, False])
def test_the_rules_run_once_a_round_and_the_last_round_is_the_decision(*, whole: bool) -> None:
    runs = 0

    @rule(1)
    def counting(case: MailCase) -> Verdict | None:
        """Count how often the rules are run."""
        nonlocal runs
        runs += 1
        return None

    book = RULES.before(RULES.mail[0], counting)
    if whole:
        asked = 0
        decide_or_ask(MAIL, evolve(CONTEXT, whole=True), rules=book)
    else:
        _, asked = concluded(Exchange(MAIL, CONTEXT), RoutingPolicy(), book)
        assert asked == 2
    assert runs == asked + 1


def test_the_case_of_a_decision_holds_the_facts_and_no_notes() -> None:
    decision, _ = concluded(Exchange(MAIL, CONTEXT), RoutingPolicy())
    context = decision.case.context
    assert decision.case == Case(MAIL, context, RoutingPolicy(), RULES)
    assert {type(group) for group in (context.aliases, context.threads, context.holders, context.misses)} == {dict}
