"""The case of a plan: written without text or secrets, read back, decided again."""

import json
from typing import Any

import pytest
from attrs import evolve

from convalias.adapters.mime import Reader
from convalias.codec.case import CASES, Cases, NotRegistered
from convalias.codec.doors import read_world, write_plan
from convalias.codec.errors import BrokenRecord, UnknownFormat
from convalias.domain.aliases.alias import AliasKeys
from convalias.domain.routing.admission import Admittance, admission
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Case, RoutingPlan
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Reject, RelayToConversation
from doors.worlds import cases

WORLD: dict[str, Any] = {
    "now": "2026-03-01T12:00:00Z",
    "alias_domains": ["reply.example"],
    "conversations": [{"id": "c1", "participants": [{"account": "a1"}]}],
    "aliases": [{"address": "john-smith-1ab131e2@reply.example", "conversation": "c1", "participant": "a1"}],
    "accounts": [{"id": "a1", "addresses": ["john@home.example"]}],
    "envelope": {"recipients": ["john-smith-1ab131e2@reply.example"], "sender": "x@else.example"},
    "authentication": {"dmarc": "pass"},
}
MAIL = b"""From: "Mr Secret Name" <john@home.example>
To: john-smith-1ab131e2@reply.example
Message-ID: <m@home.example>
Subject: secret subject
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html

<p>secret text</p>
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="secret.pdf"

secret content
--b--
"""


def decided(mail: bytes = MAIL, policy: RoutingPolicy | None = None, rules: RuleBook = RULES, **keys: Any) -> Any:
    world = read_world({**WORLD, **keys})
    reader = Reader(alias_domains=world.context.domains.alias)
    return route(reader.read_now(mail, world.post).mail, world.context, policy or world.policy, rules)


def written(case: Case, codec: Cases = CASES) -> Any:
    return json.loads(json.dumps(codec.dump(case)))


def test_a_case_decides_again_as_it_did() -> None:
    codecs: dict[AliasKeys | None, Cases] = {}
    for case in cases(3, 200):
        world = read_world(case.world)
        mail = Reader(alias_domains=world.context.domains.alias).read_now(case.mail, world.post).mail
        decision = route(mail, world.context, world.policy)
        keys = world.context.keys
        codec = codecs.setdefault(keys, codecs.get(keys) or Cases(keys=keys))
        replay = codec.replay(written(decision.case, codec))
        assert replay.decision == decision, case.name
        assert write_plan(replay.decision) == write_plan(decision), case.name
        assert replay.note == ""


def test_a_case_that_is_read_is_written_as_before() -> None:
    body = written(decided().case)
    assert written(CASES.load(body)) == body


def test_no_text_of_the_mail_is_written() -> None:
    body = json.dumps(written(decided().case))
    assert "ecret" not in body
    assert body.count("sha256:") == 6


def test_a_null_return_path_stays_one() -> None:
    decision = decided(envelope={"recipients": ["john-smith-1ab131e2@reply.example"], "sender": None})
    assert CASES.replay(written(decision.case)).decision == decision


def test_a_mail_over_a_limit_is_a_case_too() -> None:
    decision = decided(b"X: y\n" * 1001 + MAIL)
    assert CASES.replay(written(decision.case)).decision == decision


def test_keys_are_written_by_id_and_come_from_the_ring() -> None:
    decision = decided(keys=[{"id": 3, "secret": "c2VjcmV0IHNlY3JldA=="}])
    body = written(decision.case)
    assert body["context"]["keys"] == [3]
    ring = AliasKeys.of({4: b"new", 3: b"secret secret"})
    replay = Cases(keys=ring).replay(body)
    assert replay.decision == decision
    with pytest.raises(NotRegistered, match="alias key '3' is not registered here, expected one of: none"):
        CASES.load(body)


@admission("partners")
def partners(_: object) -> Admittance:
    """Everybody."""
    return Admittance.ADMIT


def test_an_admission_policy_of_ones_own_has_to_be_registered() -> None:
    decision = decided(MAIL.replace(b"john@home", b"who@home"), RoutingPolicy(admission=partners))
    assert isinstance(decision, RoutingPlan)
    assert isinstance(decision.rulings[0].verdict, RelayToConversation)
    body = written(decision.case)
    assert body["policy"]["admission"] == "partners"
    with pytest.raises(
        NotRegistered, match="admission policy 'partners' is not registered here, expected one of: free"
    ):
        CASES.load(body)
    assert Cases(admissions=(partners,)).replay(body).decision == decision


def test_a_rule_book_of_ones_own_has_to_be_registered() -> None:
    book = evolve(RULES, name="ours", author=())
    decision = decided(rules=book)
    body = written(decision.case)
    assert body["rules"] == "ours"
    with pytest.raises(NotRegistered, match="rule book 'ours' is not registered here, expected one of: convalias/1"):
        CASES.load(body)
    assert Cases(books=(RULES, book)).replay(body).decision == decision


def test_a_replay_under_another_rule_book_says_so() -> None:
    strict = evolve(RULES, name="stricter", relay=())
    replay = CASES.replay(written(decided().case), under=strict)
    assert replay.note == "decided under rule book 'convalias/1', replayed under 'stricter'"
    again = Cases(books=()).replay(written(decided(rules=strict).case), under=RULES)
    assert again.note == "decided under rule book 'stricter', replayed under 'convalias/1'"


def test_an_unknown_format_names_what_is_read() -> None:
    with pytest.raises(UnknownFormat, match="case/1"):
        CASES.load({**written(decided().case), "$": "case/2"})


@pytest.mark.parametrize("part", ["mail", "context", "policy", "rules"])
def test_a_damaged_case_is_a_broken_record(part: str) -> None:
    body = written(decided().case)
    for broken in ({key: value for key, value in body.items() if key != part}, {**body, part: 7}):
        with pytest.raises(BrokenRecord):
            CASES.load(broken)


def test_a_mail_of_an_unknown_kind_is_an_unknown_format() -> None:
    body = written(decided().case)
    with pytest.raises(UnknownFormat, match="postcard"):
        CASES.load({**body, "mail": {**body["mail"], "is": "postcard"}})


def test_a_refusal_replays_as_one() -> None:
    replay = CASES.replay(written(decided(envelope={"recipients": ["gone@reply.example"]}).case))
    assert isinstance(replay.decision, RoutingPlan)
    assert isinstance(replay.decision.rulings[0].verdict, Reject)
