"""Laws of deciding: every mail gets its verdicts, the same ones however it is asked."""

# ruff: noqa: S101 - a law is an assertion, and run by tests alone

from __future__ import annotations

import json
from typing import Final, get_args

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.arrival import recipients
from convalias.domain.routing.context import Answers, Holders, RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Decision, RoutingPlan, TryAgain
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.questions import Questions, questions
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.verdicts import RelayToConversation, Source, Verdict
from convalias.testing.strategies import Exchange

ROUNDS: Final = 4
"""After so many rounds nothing is lacking any more."""


def every_mail_is_decided(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Every mail is decided: no rule and no policy raises, and only a witness who is away is waited for."""
    try:
        decision = route(example.mail, example.context, policy, rules)
    except Exception as error:
        raise AssertionError(f"deciding raised {error!r}") from error
    if isinstance(decision, TryAgain):
        assert decision.waiting_for
        assert decision.waiting_for <= example.context.away


def every_recipient_has_one_verdict(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Each recipient has a verdict of the six kinds, in canonical order; so has a header alias that relays."""
    decision = route(example.mail, example.context, policy, rules)
    if isinstance(decision, RoutingPlan):
        shown = [ruling.recipient.address.key for ruling in decision]
        assert shown == sorted(set(shown))
        expected = {one.address.key for one in recipients(example.mail, example.context)}
        extra = [one for one in decision if one.recipient.address.key not in expected]
        assert expected <= set(shown)
        assert all(isinstance(one.verdict, get_args(Verdict)) for one in decision)
        assert all(one.recipient.source is Source.HEADER for one in extra)
        assert all(isinstance(one.verdict, RelayToConversation) for one in extra)


def order_case_and_duplicates_change_nothing(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """A source may list the recipients in any order, in any case and twice."""
    mail = example.mail
    shouted = tuple(map(_shouted, reversed((*mail.recipients, *mail.recipients))))
    other = route(evolve(mail, recipients=shouted), example.context, policy, rules)
    assert _said(other) == _said(route(mail, example.context, policy, rules))


def what_is_asked_for_is_enough(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """Once nothing is asked any more, further facts change nothing; and no answered question comes again."""
    whole = example.context
    known = RoutingContext(now=whole.now, domains=whole.domains, keys=whole.keys)
    asked_before: set[object] = set()
    for _ in range(ROUNDS):
        lacking = questions(example.mail, known, policy, rules)
        asked = {(place, key) for place, group in enumerate(lacking.groups()) for key in group}
        assert not asked & asked_before
        asked_before |= asked
        known = known.learning(answered(lacking, whole))
    assert not questions(example.mail, known, policy, rules)
    assert _said(route(example.mail, known, policy, rules)) == _said(route(example.mail, whole, policy, rules))


def explaining_decides_nothing_else(example: Exchange, policy: RoutingPolicy, rules: RuleBook) -> None:
    """The same case gives the same plan and the same explanation, and no address is in its data."""
    decision = route(example.mail, example.context, policy, rules)
    first = decision.explain()
    assert decision.explain() == first
    assert _said(route(example.mail, example.context, policy, rules)) == _said(decision)
    assert "@" not in json.dumps(first.data())


def answered(lacking: Questions, whole: RoutingContext) -> Answers:
    """Answer from a world that is known whole; a witness who is away answers nothing."""
    return Answers(
        aliases={one: whole.aliases.get(one) for one in lacking.aliases},
        legacy={one: whole.legacy.get(one) for one in lacking.legacy},
        threads={one: whole.threads.get(one) for one in lacking.threads},
        stages={one: whole.stages.get(one, Stage.LEGACY) for one in lacking.stages},
        holders={one: whole.holders.get(one, Holders()) for one in lacking.holders},
        accounts={one: whole.accounts.get(one) for one in lacking.accounts},
        tenures={one: whole.tenures.get(one, ()) for one in lacking.tenures},
        sightings={one: whole.sightings.get(one, frozenset()) for one in lacking.sightings},
        repeats={one: whole.repeats.get(one, 0) for one in lacking.repeats},
        heard={one: whole.heard.get(one) for one in lacking.heard},
        subjects={one: whole.subjects.get(one, frozenset()) for one in lacking.subjects},
        traffic={one: whole.traffic.get(one, 0) for one in lacking.traffic},
        approvals={one: whole.approvals.get(one) for one in lacking.approvals},
        lists={one: whole.lists.get(one, False) for one in lacking.lists},
        misses={one: whole.misses.get(one, 0) for one in lacking.misses},
        away=whole.away,
    )


def _shouted(address: EmailAddress) -> EmailAddress:
    return EmailAddress.parse(str(address).upper())


def _said(decision: Decision) -> object:
    """A decision without its case."""
    return (decision.rulings, decision.tell_sender) if isinstance(decision, RoutingPlan) else decision.waiting_for
