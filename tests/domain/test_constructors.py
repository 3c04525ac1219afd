"""Every public constructor refuses what a type checker would refuse, at once, with what was found and expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, get_type_hints

import pytest
from attrs import fields, frozen, has
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st

import convalias.domain
from convalias import ports
from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import AliasKeys
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import check_fields, check_time, each, expect, whole_number
from convalias.domain.ids import AccountId, UseCase
from convalias.domain.mail.checks import Checked, Finding
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.migration.rollout import Rollout, Stage
from convalias.domain.routing.admission import LIGHT, admission
from convalias.domain.routing.commands import claims, commands
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan, TryAgain
from convalias.domain.routing.policy import BlockedSenders, LoopGuard, RoutingPolicy
from convalias.domain.routing.questions import questions
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES, empty
from convalias.domain.routing.verdicts import Reject, Ruling
from convalias.testing.strategies import NOW
from domain.cases import BOBS, C1, CONTEXT, DOMAINS, MAIL, MESSAGE, THREAD

NAIVE: Final = datetime(2026, 3, 1)  # noqa: DTZ001 - that is what is wrong with it
MADE_BY_THE_CORE: Final = {RoutingPlan, Ruling, TryAgain} | {
    kind for name in convalias.domain.__all__ if name.endswith("Case") and has(kind := getattr(convalias.domain, name))
}
"""A host is given these, and never makes one."""
NOT_SEEN: Final = {
    "RoutingContext": "facts are checked by `RoutingContext.of`",
    "MailDomains": "",
    "BlockedSenders": "",
}
QUICK: Final = settings(
    max_examples=200, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
WORDING: Final = re.compile(r".+: found .+, expected .+", re.DOTALL)


def samples() -> Mapping[type, Any]:
    """One value of each public class of the core that a host makes, and of each that its adapters answer with."""
    core = [getattr(convalias.domain, name) for name in convalias.domain.__all__]
    kinds = [kind for kind in core if isinstance(kind, type) and has(kind) and kind not in MADE_BY_THE_CORE]
    drawn = {kind: find(st.from_type(kind), lambda _: True, settings=QUICK) for kind in kinds}
    participant = Participant.of("ann")
    more = (
        ports.Thread(id="c1", use_case="hiring", members=(participant,)),
        ports.MessageRef("c1", "m1"),
        ports.Guarantee(),
        ports.Attachment("a.txt", "text/plain", 1, "00"),
        Checked(Finding.HARMFUL),
        LoopGuard(),
    )
    return {**drawn, **{type(one): one for one in more}}


SAMPLES: Final = samples()
ARGUMENTS: Final = [
    (kind, one.name, one.alias)
    for kind in SAMPLES
    if kind.__name__ not in NOT_SEEN
    for one in fields(kind)
    if one.init and get_type_hints(kind)[one.name] is not object
]


def wrong(value: object) -> list[object]:
    """What a checker would refuse in the place of this value."""
    match value:
        case bool():
            return ["no", 2]
        case Enum():
            return [value.value]
        case EmailAddress():
            return [str(value), b"a@x.example"]
        case str():
            return [7, b"octets"]
        case datetime():
            return [NAIVE, "2026-03-01"]
        case int():
            return ["1", 1.5, True]
        case Mapping():
            return [[], "text"]
        case tuple():
            return ["text", 7]
        case _:
            return ["text", 7] if value is not None else [object()]


def arguments(sample: object) -> dict[str, object]:
    return {one.alias: getattr(sample, one.name) for one in fields(type(sample)) if one.init}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "name", "alias"), ARGUMENTS, ids=lambda one: one.__name__ if isinstance(one, type) else one
)
def test_each_argument_of_the_wrong_kind_is_refused_at_once(kind: type, name: str, alias: str) -> None:
    sample = SAMPLES[kind]
    kind(**arguments(sample))
    for value in (object(), *wrong(getattr(sample, name))):
        with pytest.raises(InvalidValue, match=WORDING):
            kind(**{**arguments(sample), alias: value})


def test_most_public_classes_are_seen() -> None:
    assert len({kind for kind, _, _ in ARGUMENTS}) > 30
    assert len(ARGUMENTS) > 150


CASES: Final[Mapping[str, tuple[Callable[[], object], str]]] = {
    "a bare address as sender": (
        lambda: MessageEnvelope(sender="bob@x.example", message_id=MESSAGE, received_at=NOW),  # type: ignore[arg-type]
        "MessageEnvelope.sender: found 'bob@x.example', expected a ClearFrom or an AmbiguousFrom",
    ),
    "text in From": (
        lambda: ClearFrom("bob@x.example"),  # type: ignore[arg-type]
        "ClearFrom.address: found 'bob@x.example', expected an EmailAddress (EmailAddress.parse makes one)",
    ),
    "a string as admission": (
        lambda: RoutingPolicy(admission="light"),  # type: ignore[arg-type]
        "RoutingPolicy.admission: found 'light', expected an Admission",
    ),
    "a string as admission of a use case": (
        lambda: RoutingPolicy(admission_by_use_case={UseCase("apply"): "light"}),  # type: ignore[dict-item]
        "expected a mapping of text to an Admission",
    ),
    "a string as policy": (
        lambda: route(MAIL, CONTEXT, "light"),  # type: ignore[arg-type]
        "policy: found 'light', expected a RoutingPolicy",
    ),
    "an admission as policy": (
        lambda: questions(MAIL, CONTEXT, LIGHT),  # type: ignore[arg-type]
        "policy: found Admission(name='light'), expected a RoutingPolicy",
    ),
    "octets as mail": (
        lambda: route(b"From: a@x", CONTEXT),  # type: ignore[arg-type]
        "mail: found b'From: a@x', expected a MessageEnvelope or an UnreadableMail",
    ),
    "a fact as context": (
        lambda: route(MAIL, THREAD),  # type: ignore[arg-type]
        "expected a RoutingContext (RoutingContext.of makes one of facts)",
    ),
    "a rule as book": (lambda: route(MAIL, CONTEXT, rules=empty), "expected a RuleBook"),  # type: ignore[arg-type]
    "a naive time": (
        lambda: RoutingContext.of(THREAD, now=NAIVE, domains=DOMAINS),
        "RoutingContext.now: found datetime.datetime(2026, 3, 1, 0, 0), expected a time with a zone",
    ),
    "names as domains": (
        lambda: RoutingContext.of(now=NOW, domains={"reply.example"}),  # type: ignore[arg-type]
        "RoutingContext.domains: found {'reply.example'}, expected a MailDomains",
    ),
    "an address as fact": (
        lambda: RoutingContext.of(BOBS, now=NOW, domains=DOMAINS),  # type: ignore[arg-type]
        "fact: found <bob@corp.example>, expected one of ConversationThread, Enrolment",
    ),
    "one witness": (
        lambda: RoutingContext.of(now=NOW, domains=DOMAINS, away="legacy"),  # type: ignore[arg-type]
        "away: found 'legacy', expected several Witness",
    ),
    "octets as keys": (
        lambda: RoutingContext.of(now=NOW, domains=DOMAINS, keys=b"k"),  # type: ignore[arg-type]
        "keys: found b'k', expected AliasKeys or None",
    ),
    "one key": (lambda: AliasKeys(7), "keys: found 7, expected several AliasKey"),  # type: ignore[arg-type]
    "one domain": (lambda: MailDomains("reply.example"), "found 'reply.example', expected several domains"),
    "a number as domain": (lambda: MailDomains([7]), "domains: found 7"),  # type: ignore[list-item]
    "a number as domains": (lambda: MailDomains(7), "domains: found 7"),  # type: ignore[arg-type]
    "a blocked text": (lambda: BlockedSenders("a@x.example"), "expected several EmailAddress"),  # type: ignore[arg-type]
    "blocked texts": (lambda: BlockedSenders(["a@x.example"]), "expected several EmailAddress"),  # type: ignore[list-item]
    "a blocked domain": (lambda: BlockedSenders(domains="x.example"), "found 'x.example', expected several domains"),
    "a number as address": (lambda: EmailAddress.parse(7), "e-mail address: found 7, expected text"),  # type: ignore[arg-type]
    "one address of a participant": (
        lambda: Participant.of("ann", addresses="ann@x.example"),
        "addresses of a participant: found 'ann@x.example', expected several addresses, as text",
    ),
    "texts as addresses": (
        lambda: Account(AccountId("a"), ("ann@x.example",)),  # type: ignore[arg-type]
        "Account.addresses: found ('ann@x.example',), expected a tuple of EmailAddress",
    ),
    "accounts as participants": (
        lambda: ConversationThread(C1, UseCase("apply"), (AccountId("ann"),)),  # type: ignore[arg-type]
        "expected a tuple of Participant",
    ),
    "a word as stage": (lambda: Rollout(UseCase("u"), "native", 0, ""), "found 'native', expected a Stage"),  # type: ignore[arg-type]
    "too many basis points": (
        lambda: Rollout(UseCase("u"), Stage.NATIVE, 10_001, ""),
        "Rollout.basis_points: found 10001, expected a whole number, between 0 and 10_000",
    ),
    "no days": (
        lambda: RoutingPolicy(historical_days=-1),
        "RoutingPolicy.historical_days: found -1, expected a whole number, at least 0",
    ),
    "a word as reason": (lambda: Reject("SPAM"), "found 'SPAM', expected a Reason or an OwnReason"),  # type: ignore[arg-type]
    "no name of an admission": (lambda: admission(LIGHT), "name of an admission: found Admission("),  # type: ignore[arg-type]
    "a plan that waits": (lambda: commands(TryAgain(frozenset(), None)), "of a TryAgain nothing is carried out"),  # type: ignore[arg-type]
    "a verdict as plan": (lambda: claims("plan"), "plan: found 'plan', expected a RoutingPlan"),  # type: ignore[arg-type]
    "a rule in a wrong table": (
        lambda: RuleBook(mail=(empty,)),  # type: ignore[arg-type]
        "rules: found Rule(name='empty', step=9, number=None), expected rules that see a MailCase",
    ),
    "functions as rules": (lambda: RuleBook(relay=(len,)), "expected a tuple of Rule"),  # type: ignore[arg-type]
    "a function before a rule": (lambda: RULES.before(empty, len), "expected a rule: @rule(9)"),  # type: ignore[arg-type]
    "a name of a rule": (lambda: RULES.without("empty"), "rule: found 'empty', expected a rule"),  # type: ignore[arg-type]
    "a word as policy of a façade": (
        lambda: Convalias.in_memory(alias_domain="reply.example", policy="light"),  # type: ignore[arg-type]
        "policy: found 'light', expected a RoutingPolicy, such as RoutingPolicy(admission=LIGHT)",
    ),
    "rules of a façade": (
        lambda: Convalias.from_toml(rules=[empty]),  # type: ignore[arg-type]
        "expected a RuleBook, such as RULES.before",
    ),
    "a number as alias domain": (
        lambda: Convalias.in_memory(alias_domain=7),  # type: ignore[arg-type]
        "domains: found 7, expected several domains, as text",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_people_get_wrong_is_named_with_what_is_right(case: str) -> None:
    make, told = CASES[case]
    with pytest.raises(InvalidValue, match=re.escape(told)):
        make()


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    told = str(InvalidValue("text", found="x" * 1_000, expected="less"))
    assert told == f"text: found '{'x' * 199}… (str), expected less"


@frozen
class Anything:
    """Fields that are checked otherwise, or not at all."""

    call: Callable[[int], int]
    whatever: object
    ratio: float
    names: Mapping[str, int]
    pair: tuple[int, str] = (1, "a")
    several: frozenset[int] = frozenset()

    __attrs_post_init__ = check_fields


def test_functions_numbers_and_mappings_are_checked_and_unknown_types_are_not() -> None:
    Anything(abs, object(), 1, {"a": 1})
    Anything(abs, None, 0.5, {}, (1, "a"), frozenset({1}))
    for call, ratio, names, pair, several in (
        (7, 1.0, {}, (1, "a"), frozenset[int]()),
        (abs, "1", {}, (1, "a"), frozenset[int]()),
        (abs, True, {}, (1, "a"), frozenset[int]()),
        (abs, 1.0, {"a": "1"}, (1, "a"), frozenset[int]()),
        (abs, 1.0, {1: 1}, (1, "a"), frozenset[int]()),
        (abs, 1.0, {}, "1a", frozenset[int]()),
        (abs, 1.0, {}, (1, "a"), {1}),
        (abs, 1.0, {}, (1, "a"), frozenset({True})),
    ):
        with pytest.raises(InvalidValue, match="Anything"):
            Anything(call, None, ratio, names, pair, several)  # type: ignore[arg-type]


def test_a_time_with_a_zone_is_a_time() -> None:
    check_time("now", NOW)
    with pytest.raises(InvalidValue, match="now: found None, expected a time with a zone"):
        check_time("now", None)


def test_a_bool_is_no_number_and_one_text_is_not_several() -> None:
    with pytest.raises(InvalidValue, match="n: found True, expected a number"):
        expect("n", True, int, expected="a number")  # noqa: FBT003
    expect("b", True, bool, expected="a bool")  # noqa: FBT003
    for found in ("ab", b"ab", 7, ["a", 7]):
        with pytest.raises(InvalidValue, match="names: found"):
            each("names", found, str, expected="names")  # type: ignore[arg-type]
    assert each("names", iter("ab"), str, expected="names") == ("a", "b")


def test_a_bound_says_both_ends() -> None:
    check = whole_number(least=1, most=5)
    with pytest.raises(InvalidValue, match="found 6, expected a whole number, between 1 and 5"):
        check(Anything(abs, None, 1, {}), fields(Anything).ratio, 6)  # type: ignore[arg-type]
    check(Anything(abs, None, 1, {}), fields(Anything).ratio, 5)  # type: ignore[arg-type]
