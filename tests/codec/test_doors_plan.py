"""A plan as JSON: its keys, their order, and the schema that it keeps to."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from convalias.adapters.mime import Reader
from convalias.codec.doors import SCHEMAS, read_world, schema, write_plan
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.decision import route
from doors.worlds import cases

VALIDATOR = Draft202012Validator(json.loads(schema("plan")))
WORLD: dict[str, Any] = {
    "now": "2026-03-01T12:00:00Z",
    "alias_domains": ["reply.example"],
    "legacy_domains": ["relay.example"],
    "conversations": [{"id": "c1", "participants": [{"account": "a1"}]}],
    "aliases": [{"address": "john-smith-1ab131e2@reply.example", "conversation": "c1", "participant": "a1"}],
    "accounts": [{"id": "a1", "addresses": ["john@home.example"]}],
    "envelope": {"recipients": ["<John-Smith-1ab131e2+x@REPLY.example>", "x@else.example"]},
    "authentication": {"dmarc": "pass"},
}
MAIL = b"From: John <john@home.example>\nTo: john-smith-1ab131e2@reply.example\nMessage-ID: <m@home.example>\nDate: Sun, 01 Mar 2026 11:59:00 +0000\nSubject: Re: the job\n\nYes.\n"
PLAN_KEYS = ["format", "message_id", "automation", "retry", "verdicts", "tell_sender", "record"]
VERDICT_KEYS = [
    "recipient", "outcome", "reason", "conversation", "author", "author_kind", "verified", "dedup_key", "rule", "rule_name",
    "source", "flags",
]  # fmt: skip


def plan(mail: bytes = MAIL, **keys: Any) -> Mapping[str, Any]:
    world = read_world({**WORLD, **keys})
    reader = Reader(alias_domains=world.context.domains.alias)
    document = write_plan(route(reader.read_now(mail, world.post).mail, world.context, world.policy))
    VALIDATOR.validate(json.loads(json.dumps(document)))
    return document


def test_a_plan_has_the_documented_keys_in_their_order() -> None:
    document = plan()
    assert list(document) == PLAN_KEYS
    assert [list(verdict) for verdict in document["verdicts"]] == [VERDICT_KEYS, VERDICT_KEYS]
    assert (document["format"], document["message_id"], document["automation"]) == (1, "<m@home.example>", "human")
    assert (document["retry"], document["tell_sender"]) == (False, False)


def test_a_relay_says_who_wrote_under_which_key() -> None:
    relayed, foreign = plan()["verdicts"]
    key = relayed.pop("dedup_key")
    assert relayed == {
        "recipient": "john-smith-1ab131e2@reply.example",
        "outcome": "relay",
        "reason": None,
        "conversation": "c1",
        "author": "a1",
        "author_kind": "registered",
        "verified": True,
        "rule": 1,
        "rule_name": "participant",
        "source": "envelope",
        "flags": [],
    }
    assert key.startswith("m-")
    assert (foreign["outcome"], foreign["reason"], foreign["author"], foreign["dedup_key"]) == (
        "ignore",
        "NOT_OURS",
        None,
        None,
    )


def test_a_held_stranger_is_named_by_address() -> None:
    held = plan(MAIL.replace(b"john@home", b"Who@home"))["verdicts"][0]
    assert (held["outcome"], held["reason"]) == ("hold", "NEEDS_APPROVAL")
    assert (held["author"], held["author_kind"]) == ("peripheral:who@home.example", "peripheral")
    assert held["dedup_key"] is not None


def test_an_ambiguous_from_has_no_author_and_no_key() -> None:
    held = plan(MAIL.replace(b"From: John", b"From: ceo@corp.example"))["verdicts"][0]
    assert (held["outcome"], held["reason"]) == ("hold", "FROM_AMBIGUOUS")
    assert (held["author"], held["author_kind"], held["dedup_key"]) == (None, None, None)


def test_a_skip_and_a_legacy_alias_have_no_author() -> None:
    legacy = [{"address": "xyz@relay.example", "conversation": "c1"}]
    recipients = {"recipients": ["john-smith-1ab131e2@reply.example", "xyz@relay.example", "lost@relay.example"]}
    said = {one["recipient"]: one for one in plan(legacy_aliases=legacy, envelope=recipients)["verdicts"]}
    assert [said[name]["outcome"] for name in sorted(said)] == ["relay", "legacy", "skip"]
    assert said["xyz@relay.example"]["rule"] == 6
    assert said["lost@relay.example"]["author"] is None


def test_a_refusal_may_be_told() -> None:
    document = plan(envelope={"recipients": ["gone-1@reply.example"]})
    assert document["tell_sender"] is True
    assert (document["verdicts"][0]["outcome"], document["verdicts"][0]["reason"]) == ("reject", "UNKNOWN_ALIAS")


def test_try_again_is_a_plan_without_verdicts() -> None:
    document = plan(unavailable=["identity"])
    assert list(document) == PLAN_KEYS
    assert (document["retry"], document["verdicts"], document["tell_sender"]) == (True, [], False)


def test_flags_stand_in_their_order() -> None:
    odd = MAIL.replace(b"Message-ID: <m@home.example>\n", b"").replace(
        b"\n\nYes", b"\nContent-Type: text/plain\nContent-Type: text/plain\n\nYes"
    )
    assert plan(odd, spam=True)["verdicts"][0]["flags"] == ["spam", "mime_ambiguous", "message_id_synthetic"]


def test_a_mail_over_a_limit_has_no_class() -> None:
    document = plan(b"X: y\n" * 1001 + MAIL)
    assert document["automation"] is None
    assert {one["reason"] for one in document["verdicts"]} == {"MALFORMED"}
    assert document["verdicts"][0]["conversation"] is None
    assert document["verdicts"][0]["flags"] == []


def test_octets_that_are_no_utf_8_are_escaped_in_the_message_id() -> None:
    assert plan(MAIL.replace(b"<m@", b"<\xff@"))["message_id"] == "<\\xff@home.example>"


def test_the_record_shows_no_address_and_no_text() -> None:
    record = json.dumps(plan()["record"])
    assert "@" not in record
    assert "Yes" not in record
    assert "the job" not in record


def test_generated_plans_keep_to_the_schema() -> None:
    for case in cases(9, 150):
        world = read_world(case.world)
        mail = Reader(alias_domains=world.context.domains.alias).read_now(case.mail, world.post).mail
        VALIDATOR.validate(json.loads(json.dumps(write_plan(route(mail, world.context, world.policy)))))


def test_the_schema_lists_every_reason_and_class() -> None:
    document = json.loads(schema("plan"))
    reasons = document["$defs"]["verdict"]["properties"]["reason"]["enum"]
    assert reasons == [*(one.value for one in Reason if one is not Reason.DECLINED), None]  # no rule gives it
    assert document["properties"]["automation"]["enum"] == [*(one.value for one in MailClass), None]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: Any) -> None:
    Draft202012Validator.check_schema(json.loads(schema(name)))


def test_a_relay_without_a_key_is_no_plan() -> None:
    document = json.loads(json.dumps(plan()))
    document["verdicts"][0]["dedup_key"] = None
    assert not VALIDATOR.is_valid(document)
