"""The strategies: what they draw is valid, small where it can be, and known to Hypothesis without being asked."""

from __future__ import annotations

import json
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import convalias.domain
from convalias.adapters.mime import Reader
from convalias.codec.document import Json
from convalias.codec.doors import SCHEMAS, read_world, schema, write_plan
from convalias.domain.aliases.alias import AliasFormat, Token
from convalias.domain.aliases.tokens import is_v1, is_v2
from convalias.domain.aliases.unwrapping import decode
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.projection import fold
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.rulebook import (
    AliasCase,
    ArrivalCase,
    AuthorCase,
    MailCase,
    OverlapCase,
    RelayCase,
    SenderCase,
)
from convalias.domain.routing.verdicts import HandToLegacy, Hold, RelayToConversation, SkipOverlap
from convalias.testing import registering, strategies
from convalias.testing.strategies import NOW, Exchange

FEW = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
READER = Reader(alias_domains=frozenset({"reply.example", "talk.example"}))
WORLD, PLAN = (Draft202012Validator(json.loads(schema(name))) for name in SCHEMAS)
NAMED = [getattr(convalias.domain, name) for name in convalias.domain.__all__]
PUBLIC = [one for one in NAMED if isinstance(one, type) and not issubclass(one, Exception)]
"""The classes of values: what is raised is never drawn."""


@pytest.mark.parametrize(
    "kind", [*PUBLIC, *sorted(set(registering.BY_TYPE) - set(PUBLIC), key=str)], ids=lambda kind: kind.__name__
)
def test_hypothesis_draws_every_public_class_by_itself(kind: type[object]) -> None:
    @FEW
    @given(st.from_type(kind))
    def draws(value: object) -> None:
        assert isinstance(value, kind)

    draws()


@pytest.mark.parametrize("kind", registering.BY_TYPE, ids=lambda kind: kind.__name__)
def test_what_is_registered_is_published(kind: type[object]) -> None:
    assert registering.BY_TYPE[kind] in strategies.__all__


def test_every_public_class_but_an_enumeration_is_registered() -> None:
    """What a rule is asked about is made by the core alone, of parts that are registered."""
    cases = {ArrivalCase, AliasCase, AuthorCase, MailCase, OverlapCase, RelayCase, SenderCase}
    assert {one for one in PUBLIC if not issubclass(one, Enum)} - cases <= set(registering.BY_TYPE)


@pytest.mark.slow
def test_from_type_just_works_in_a_process_that_never_named_the_library(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from hypothesis import find, strategies as st\n"
        "assert 'convalias.testing.strategies' not in sys.modules\n"
        "from convalias import MessageEnvelope\n"
        "print(find(st.from_type(MessageEnvelope), lambda one: bool(one.to)).to[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip().endswith("@reply.example")


@given(strategies.raw_mails())
def test_a_raw_mail_is_read_whole(raw: bytes) -> None:
    mail = READER.read_now(raw, Post(received_at=NOW)).mail
    assert isinstance(mail, MessageEnvelope)
    assert isinstance(mail.sender, ClearFrom)
    assert mail.to
    assert not mail.message_id.synthetic
    assert len(raw) < 2_000


@pytest.mark.slow
def test_a_raw_mail_that_fails_a_test_is_shown_small() -> None:
    smallest = find(strategies.raw_mails(), lambda raw: "こんにちは".encode() in raw)
    assert smallest.decode() == (
        "From: ann@home.example\nTo: ann-1ab131e0@reply.example\nMessage-ID: <1@corp.example>\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nこんにちは\n"
    )


@pytest.mark.slow
def test_an_automatic_mail_that_fails_a_test_is_shown_in_five_lines() -> None:
    def automatic(raw: bytes) -> bool:
        mail = READER.read_now(raw, Post(received_at=NOW)).mail
        return isinstance(mail, MessageEnvelope) and mail.mail_class is MailClass.AUTO_REPLY

    smallest = find(strategies.raw_mails(), automatic).decode().splitlines()
    assert len(smallest) <= 6
    assert "Auto-Submitted: auto-replied" in smallest


@pytest.mark.slow
@given(strategies.worlds())
def test_a_world_is_valid(world: dict[str, Json]) -> None:
    assert read_world(world).context.now == NOW


@given(strategies.raw_mails(), strategies.worlds())
def test_a_drawn_mail_in_a_drawn_world_makes_a_plan_and_both_are_as_the_schemas_say(
    raw: bytes, document: dict[str, Json]
) -> None:
    WORLD.validate(document)
    world = read_world(document)
    mail = READER.read_now(raw, world.post).mail
    PLAN.validate(write_plan(route(mail, world.context, world.policy)))


@given(strategies.aliases())
def test_an_alias_is_of_the_format_that_it_says(alias: convalias.ConversationAlias) -> None:
    shapes = {
        AliasFormat.V1: is_v1(alias.address.local),
        AliasFormat.V2: is_v2(alias.address.local),
        AliasFormat.V3: isinstance(decode(alias.address, strategies.KEYS), Token),
    }
    assert shapes[alias.format]


@pytest.mark.slow
@given(strategies.histories())
def test_a_history_is_one_conversation_without_a_gap(history: tuple[ConversationEvent, ...]) -> None:
    assert [event.seq for event in history] == list(range(1, len(history) + 1))
    assert [event.appended_at for event in history] == sorted(event.appended_at for event in history)
    assert fold(history).seq == len(history)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [RelayToConversation, HandToLegacy, SkipOverlap, Hold])
def test_exchanges_come_to_every_kind_of_verdict(kind: type[object]) -> None:
    def met(example: Exchange) -> bool:
        decision = route(example.mail, example.context)
        return isinstance(decision, RoutingPlan) and any(isinstance(one.verdict, kind) for one in decision)

    drawn = settings(max_examples=5_000, database=None, derandomize=True, phases=[Phase.generate])
    assert met(find(strategies.exchanges(), met, settings=drawn))


def test_an_envelope_that_fails_a_test_is_shown_with_what_matters_alone() -> None:
    smallest = find(strategies.envelopes(), lambda mail: len(mail.recipients) > 1 and mail.spam)
    assert smallest.recipients == strategies.ALIASES[:1] * 2
    assert smallest == MessageEnvelope(
        sender=ClearFrom(strategies.SENDERS[0]),
        message_id=smallest.message_id,
        received_at=NOW,
        recipients=smallest.recipients,
        evidence=smallest.evidence,
        spam=True,
        content=smallest.content,
    )
