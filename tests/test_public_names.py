"""The public names of the core: which there are, that they are lazy, and the example of the README."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

import convalias
import convalias.domain
from convalias import (
    Account,
    AccountId,
    ClearFrom,
    ConversationAlias,
    ConversationId,
    ConversationThread,
    EmailAddress,
    MailDomains,
    MessageEnvelope,
    MessageId,
    Participant,
    RoutingContext,
    RoutingPlan,
    UseCase,
    route,
)

MOST_NAMES = 60


def test_there_are_at_most_sixty_sorted_as_the_linter_sorts() -> None:
    assert len(convalias.__all__) <= MOST_NAMES
    assert len(set(convalias.__all__)) == len(convalias.__all__)
    assert set(convalias.__all__) - {"Convalias"} < set(convalias.domain.__all__)


@pytest.mark.parametrize("name", sorted({*convalias.__all__} - {"Convalias"}))
def test_each_name_is_there_in_both_places_and_is_one_thing(name: str) -> None:
    assert getattr(convalias, name) is getattr(convalias.domain, name)
    assert name in dir(convalias)
    assert name in dir(convalias.domain)


def test_what_the_core_raises_is_caught_by_its_public_name() -> None:
    with pytest.raises(convalias.domain.InvalidAddress):
        EmailAddress.parse("no address")
    with pytest.raises(convalias.domain.InvalidValue):
        MailDomains(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("module", [convalias, convalias.domain])
def test_a_misspelt_name_is_named(module: object) -> None:
    with pytest.raises(AttributeError, match="ruote"):
        getattr(module, "ruote")  # noqa: B009 - the checkers refuse it written plainly


def test_importing_the_package_loads_none_of_its_modules() -> None:
    script = (
        "import sys, convalias; print(sorted(m for m in sys.modules if m.startswith('convalias.') or m == 'attrs'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_core_loads_no_optional_package() -> None:
    script = (
        "import sys, convalias; convalias.route; "
        "print([m for m in ('asyncio', 'cattrs', 'idna', 'click', 'hypothesis', 'logging') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_plan_and_why_in_a_few_lines() -> None:
    now, apply = datetime(2026, 3, 1, 12, tzinfo=UTC), ConversationId("c1")
    john, mary = AccountId("john"), AccountId("mary")
    alias = EmailAddress.parse("john-smith-1ab131e2@reply.example")
    work = EmailAddress.parse("mary@corp.example")
    context = RoutingContext.of(
        ConversationThread(apply, UseCase("apply"), (Participant(john), Participant(mary))),
        ConversationAlias(address=alias, conversation=apply, stands_for=john),
        Account(mary, (work,)),
        now=now,
        domains=MailDomains({"reply.example"}),
    )
    mail = MessageEnvelope(
        recipients=(alias,), sender=ClearFrom(work), message_id=MessageId(b"1@corp"), received_at=now
    )
    plan = route(mail, context)
    assert isinstance(plan, RoutingPlan)
    assert "relay to c1 as mary" in str(plan.explain())
