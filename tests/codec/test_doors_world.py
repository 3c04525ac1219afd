"""A world: its defaults, and every way in which it cannot be."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from convalias.codec.document import read_domain
from convalias.codec.doors import InvalidWorld, read_world, schema
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat, AliasKey, ConversationAlias, LegacyAlias
from convalias.domain.conversations.participants import Account, AddressTenure, GivenUp
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.admission import LIGHT, STRICT
from convalias.domain.routing.context import Enrolment, Sighting, Witness
from convalias.domain.routing.policy import SenderTrust
from doors.worlds import cases

World = dict[str, Any]
VALIDATOR = Draft202012Validator(json.loads(schema("world")))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAST: World = {"now": "2026-03-01T12:00:00Z", "alias_domains": ["reply.example"]}
WHOLE: World = {
    "format": 1,
    "now": "2026-03-01T12:00:00Z",
    "alias_domains": ["reply.example"],
    "legacy_domains": ["relay.example"],
    "policy": {
        "admission": "strict",
        "sender_trust": "require_aligned",
        "blocked_senders": ["x@evil.example", "@Bad.example"],
        "historical_days": 30,
    },
    "conversations": [
        {
            "id": "c1",
            "use_case": "sourcing",
            "state": "closed",
            "stage": "native",
            "participants": [{"account": "a1", "role": "candidate", "name": "John Smith"}],
            "cc_seen": ["who@else.example"],
        }
    ],
    "aliases": [
        {
            "address": "john-smith-1ab131e2@reply.example",
            "conversation": "c1",
            "participant": "a1",
            "expires_at": "2026-04-01T00:00:00Z",
            "revoked_at": None,
        }
    ],
    "legacy_aliases": [
        {"address": "xyz@relay.example", "conversation": "c1"},
        {"address": "abc@relay.example", "conversation": None},
    ],
    "accounts": [
        {
            "id": "a1",
            "addresses": ["John@home.example"],
            "authenticates": ["john@home.example"],
            "company_domains": ["Corp.example"],
            "speaks_for": ["a2"],
        },
        {"id": "a2"},
    ],
    "address_history": [
        {
            "address": "old@home.example",
            "account": "a1",
            "from": "2024-01-01T00:00:00Z",
            "until": "2025-12-01T00:00:00Z",
            "reason": "security",
        }
    ],
    "seen": [{"message_id": "<x@y>", "sender": "john@home.example", "conversation": "elsewhere"}],
    "envelope": {"recipients": ["john-smith-1ab131e2@reply.example"], "sender": "mary@corp.example"},
    "authentication": {"dmarc": "pass", "policy": "reject", "spf_aligned": True, "dkim_aligned": False},
    "spam": True,
    "unavailable": ["legacy", "identity"],
    "keys": [{"id": 3, "secret": "c2VjcmV0"}],
}


def but(**keys: Any) -> World:
    return {**copy.deepcopy(WHOLE), **keys}


def changed(path: str, value: Any) -> World:
    """The whole world with another value at `conversations.0.state`."""
    world = copy.deepcopy(WHOLE)
    *way, last = path.split(".")
    place: Any = world
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return world


def problems(world: Any) -> list[str]:
    with pytest.raises(InvalidWorld) as told:
        read_world(world)
    return [str(problem) for problem in told.value.problems]


def address(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


def test_now_and_alias_domains_are_all_that_a_world_needs() -> None:
    world = read_world(LEAST)
    assert world.facts == ()
    assert world.context.now == world.post.received_at == NOON
    assert world.policy.admission is LIGHT
    assert world.policy.sender_trust is SenderTrust.ACCEPT_KNOWN
    assert world.policy.historical_days == 365
    assert not world.policy.blocked
    assert world.post.recipients == ()
    assert world.post.return_path is None
    assert world.post.evidence == SenderEvidence(Dmarc.NONE)
    assert world.post.spam is False
    assert world.context.keys is None
    assert world.context.away == frozenset()


def test_every_key_is_read() -> None:
    world = read_world(WHOLE)
    thread, enrolment, alias, legacy, unplaced, account, other, tenure, sighting = world.facts
    assert isinstance(thread, ConversationThread)
    assert (thread.id, thread.use_case, thread.state) == ("c1", "sourcing", ThreadState.CLOSED)
    assert [(one.account, one.role, one.name) for one in thread.participants] == [("a1", "candidate", "John Smith")]
    assert thread.cc_seen == {address("who@else.example")}
    assert enrolment == Enrolment(thread.id, Stage.NATIVE)
    assert isinstance(alias, ConversationAlias)
    assert (alias.conversation, alias.stands_for, alias.format) == ("c1", "a1", AliasFormat.V2)
    assert (alias.expires_at, alias.revoked_at) == (datetime(2026, 4, 1, tzinfo=UTC), None)
    assert legacy == LegacyAlias(address("xyz@relay.example"), thread.id)
    assert unplaced == LegacyAlias(address("abc@relay.example"), None)
    assert isinstance(account, Account)
    assert (account.addresses, account.speaks_for) == ((address("john@home.example"),), {"a2"})
    assert (account.authenticates, account.company_domains) == ({address("john@home.example")}, {"corp.example"})
    assert isinstance(other, Account)
    assert isinstance(tenure, AddressTenure)
    assert (tenure.account, tenure.given_up) == ("a1", GivenUp.SECURITY)
    assert (tenure.since.year, tenure.until) == (2024, datetime(2025, 12, 1, tzinfo=UTC))
    assert isinstance(sighting, Sighting)
    assert (sighting.message_id.value, sighting.conversation) == (b"x@y", "elsewhere")
    assert (world.policy.admission, world.policy.sender_trust) == (STRICT, SenderTrust.REQUIRE_ALIGNED)
    assert address("anybody@bad.example") in world.policy.blocked
    assert address("x@evil.example") in world.policy.blocked
    assert address("x@good.example") not in world.policy.blocked
    assert world.policy.historical_days == 30
    assert world.post.return_path == address("mary@corp.example")
    assert world.post.evidence == SenderEvidence(Dmarc.PASS, DmarcPolicy.REJECT, spf_aligned=True)
    assert world.post.spam is True
    assert world.context.away == set(Witness)
    assert world.context.keys is not None
    assert world.context.keys.keys == (AliasKey(3, b"secret"),)


def test_a_conversation_and_an_alias_have_the_documented_defaults() -> None:
    world = read_world(
        {
            **LEAST,
            "conversations": [{"id": "c"}],
            "accounts": [{"id": "a"}],
            "aliases": [
                {
                    "address": "1ab131e2-9b14-4a49-93bc-56cb01e413a6@reply.example",
                    "conversation": "c",
                    "participant": "a",
                }
            ],
        }
    )
    thread, enrolment, alias, _ = world.facts
    assert isinstance(thread, ConversationThread)
    assert (thread.use_case, thread.state, thread.participants) == ("apply", ThreadState.OPEN, ())
    assert isinstance(enrolment, Enrolment)
    assert enrolment.stage is Stage.PARALLEL
    assert isinstance(alias, ConversationAlias)
    assert (alias.format, alias.expires_at, alias.revoked_at) == (AliasFormat.V1, None, None)


def test_an_alias_of_no_older_shape_is_v3() -> None:
    facts = read_world(changed("aliases.0.address", "john-0123456789abcdefg@reply.example")).facts
    assert [one.format for one in facts if isinstance(one, ConversationAlias)] == [AliasFormat.V3]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({}, None),
        ({"dkim_signed": None}, None),
        ({"dkim_signed": []}, frozenset()),
        ({"dkim_signed": ["To", ""]}, {"To", ""}),
    ],
)
def test_signed_fields_are_names_as_written_or_not_known(written: Any, read: Any) -> None:
    evidence = read_world(but(authentication=written)).post.evidence
    assert evidence is not None
    assert evidence.dkim_signed == read


@pytest.mark.parametrize("sender", [None, "", "<>", " <> "])
def test_a_null_return_path_is_written_in_several_ways(sender: str | None) -> None:
    assert read_world(but(envelope={"sender": sender})).post.return_path is NULL_RETURN_PATH


@pytest.mark.parametrize(
    "written",
    [
        "john-1@reply.example",
        "JOHN-1@Reply.Example.",
        "<john-1@reply.example>",
        '"john-1@reply.example"',
        " john-1@reply.example ",
    ],
)
def test_an_envelope_recipient_is_read_as_sources_write_it(written: str) -> None:
    assert read_world(but(envelope={"recipients": [written]})).post.recipients == (address("john-1@reply.example"),)


def test_internationalised_domains_become_a_labels() -> None:
    world = read_world(
        {
            **LEAST,
            "alias_domains": ["antwort.bücher.example"],
            "accounts": [{"id": "a", "addresses": ["jörg@bücher.example", "<x@faß.example>"]}],
        }
    )
    assert world.context.domains.alias == {"antwort.xn--bcher-kva.example"}
    assert isinstance(account := world.facts[0], Account)
    assert [str(one) for one in account.addresses] == ["jörg@xn--bcher-kva.example", "x@xn--fa-hia.example"]
    assert read_domain("bücher.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01t12:00:00z", NOON),
        ("2026-03-01 12:00:00Z", NOON),
        ("2026-03-01T13:00:00+01:00", NOON),
        ("2026-03-01T12:00:00-00:00", NOON),
        ("2026-03-01T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-03-01T12:00:00.123456789Z", NOON.replace(microsecond=123_456)),
        ("2026-03-01T11:59:60Z", NOON),
    ],
)
def test_a_time_is_any_that_rfc_3339_allows(written: str, moment: datetime) -> None:
    assert read_world(but(now=written)).context.now == moment


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T12:00:00", "2026-03-01", "2026-13-01T12:00:00Z", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z", "noon",
        "2026-03-01T12:00Z", "20260301T120000Z", "2026-03-01T12:00:00+0100", "٢026-03-01T12:00:00Z", "0001-01-01T00:00:00+10:00",
        "", 1772366400, None, True, [], "2026-W09-7T12:00:00Z", "2026-03-01T12:00:00+25:00", "2026-03-01T12:00:00Z\n",
    ],
)  # fmt: skip
def test_anything_else_is_no_time(written: Any) -> None:
    (told,) = problems(but(now=written))
    assert told.startswith("now: ")
    assert "RFC 3339" in told


@pytest.mark.parametrize(
    ("world", "key", "expected"),
    [
        ([], "$", "an object"),
        (None, "$", "an object"),
        (but(format=2), "format", "1, the one format there is"),
        (but(format=True), "format", "1,"),
        (but(format="1"), "format", "1,"),
        (but(format=None), "format", "1,"),
        (but(alias_domains=None), "alias_domains", "a list of domains"),
        (but(alias_domains="reply.example"), "alias_domains", "a list"),
        (but(alias_domains=["reply.example", "a b"]), "alias_domains[1]", "a domain"),
        (but(alias_domains=["reply.example", 7]), "alias_domains[1]", "a domain"),
        (but(legacy_domains=["relay.example", "REPLY.example"]), "legacy_domains[1]", "not in alias_domains as well"),
        (but(policy=[]), "policy", "an object"),
        (changed("policy.admission", "open"), "policy.admission", "one of light, free, strict"),
        (changed("policy.admission", None), "policy.admission", "one of light, free, strict"),
        (changed("policy.admission", ["light"]), "policy.admission", "one of"),
        (changed("policy.sender_trust", "all"), "policy.sender_trust", "one of accept_known, require_aligned, accept_any"),
        (changed("policy.blocked_senders", "x@y.example"), "policy.blocked_senders", "a list"),
        (changed("policy.blocked_senders", ["evil"]), "policy.blocked_senders[0]", "an e-mail address"),
        (changed("policy.blocked_senders", ["@"]), "policy.blocked_senders[0]", "a domain"),
        (changed("policy.blocked_senders", [None]), "policy.blocked_senders[0]", "an e-mail address"),
        (but(authentication={"dkim_signed": "from"}), "authentication.dkim_signed", "null or a list"),
        (but(authentication={"dkim_signed": ["from", None]}), "authentication.dkim_signed", "null or a list"),
        (but(authentication={"dkim_signed": True}), "authentication.dkim_signed", "null or a list"),
        (changed("policy.historical_days", -1), "policy.historical_days", "a whole number of 0 or more"),
        (changed("policy.historical_days", "365"), "policy.historical_days", "a whole number"),
        (changed("policy.historical_days", 1.5), "policy.historical_days", "a whole number"),
        (changed("policy.historical_days", value=True), "policy.historical_days", "a whole number"),
        (but(conversations={}), "conversations", "a list"),
        (changed("conversations.0.state", "shut"), "conversations[0].state", "one of open, closed, archived, erased"),
        (changed("conversations.0.stage", "beta"), "conversations[0].stage", "one of legacy, shadow, parallel, native"),
        (changed("conversations.0.use_case", 7), "conversations[0].use_case", "a use case"),
        (changed("conversations.0.participants.0.account", "a9"), "conversations[0].participants[0].account", "one of accounts"),
        (changed("conversations.0.participants.0.account", 1), "conversations[0].participants[0].account", "one of accounts"),
        (changed("conversations.0.participants.0.role", 1), "conversations[0].participants[0].role", "text"),
        (changed("conversations.0.participants.0", "a1"), "conversations[0].participants[0]", "an object"),
        (changed("conversations.0.cc_seen", ["who"]), "conversations[0].cc_seen[0]", "an e-mail address"),
        (changed("aliases.0.address", "john@else.example"), "aliases[0].address", "one of alias_domains (reply.example)"),
        (changed("aliases.0.address", "x@relay.example"), "aliases[0].address", "one of alias_domains (reply.example)"),
        (changed("aliases.0.address", "john"), "aliases[0].address", "an e-mail address"),
        (changed("aliases.0.address", None), "aliases[0].address", "an e-mail address"),
        (changed("legacy_aliases.0.address", None), "legacy_aliases[0].address", "an e-mail address"),
        (changed("aliases.0.conversation", "c9"), "aliases[0].conversation", "the id of one of conversations"),
        (changed("aliases.0.conversation", None), "aliases[0].conversation", "the id of one of conversations"),
        (changed("aliases.0.participant", "a9"), "aliases[0].participant", "the id of one of accounts"),
        (changed("aliases.0.expires_at", "soon"), "aliases[0].expires_at", "RFC 3339"),
        (changed("aliases.0.revoked_at", 0), "aliases[0].revoked_at", "RFC 3339"),
        (changed("legacy_aliases.1.address", "XYZ@relay.example"), "legacy_aliases[1].address", "listed once"),
        (changed("legacy_aliases.1.address", "x@reply.example"), "legacy_aliases[1].address", "one of legacy_domains"),
        (changed("legacy_aliases.1.conversation", "c9"), "legacy_aliases[1].conversation", "one of conversations"),
        (but(legacy_domains=[]), "legacy_aliases[0].address", "one of legacy_domains (none)"),
        (changed("accounts.0.id", "a2"), "accounts[1].id", "an account's id that no other has"),
        (changed("accounts.1.id", None), "accounts[1].id", "an account's id"),
        (changed("accounts.0.addresses", ["x@reply.example"]), "accounts[0].addresses[0]", "outside alias_domains"),
        (changed("accounts.0.addresses", ["x@RELAY.example"]), "accounts[0].addresses[0]", "outside alias_domains"),
        (changed("accounts.0.addresses", "x@home.example"), "accounts[0].addresses", "a list"),
        (changed("accounts.0.speaks_for", ["a9"]), "accounts[0].speaks_for[0]", "the id of one of accounts"),
        (changed("accounts.0.company_domains", ["@corp.example"]), "accounts[0].company_domains[0]", "a domain"),
        (changed("accounts.0.authenticates", [1]), "accounts[0].authenticates[0]", "an e-mail address"),
        (changed("address_history.0.account", "a9"), "address_history[0].account", "the id of one of accounts"),
        (changed("address_history.0.from", None), "address_history[0].from", "RFC 3339"),
        (changed("address_history.0.until", "later"), "address_history[0].until", "RFC 3339"),
        (changed("address_history.0.reason", "moved"), "address_history[0].reason", "one of security, employer"),
        (changed("address_history.0.address", "@"), "address_history[0].address", "an e-mail address"),
        (changed("seen.0.sender", None), "seen[0].sender", "an e-mail address"),
        (changed("seen.0.message_id", ""), "seen[0].message_id", "a Message-ID"),
        (but(envelope={"recipients": "x@y.example"}), "envelope.recipients", "a list"),
        (but(envelope={"recipients": ["x"]}), "envelope.recipients[0]", "an e-mail address"),
        (but(envelope={"sender": "mary"}), "envelope.sender", "an e-mail address"),
        (but(envelope={"sender": 1}), "envelope.sender", "an e-mail address"),
        (but(envelope="x"), "envelope", "an object"),
        (changed("authentication.dmarc", "ok"), "authentication.dmarc", "one of pass, fail, none, permerror, temperror"),
        (changed("authentication.policy", "block"), "authentication.policy", "one of none, quarantine, reject"),
        (changed("authentication.spf_aligned", "yes"), "authentication.spf_aligned", "true or false"),
        (but(spam="no"), "spam", "true or false"),
        (but(unavailable=["hub"]), "unavailable[0]", "one of legacy, identity"),
        (but(unavailable=[None]), "unavailable[0]", "one of legacy, identity"),
        (but(keys=[{"id": 32, "secret": "eA=="}]), "keys[0].id", "a whole number from 0 to 31"),
        (but(keys=[{"secret": "eA=="}]), "keys[0].id", "a whole number from 0 to 31"),
        (but(keys=[{"id": 0, "secret": "e"}]), "keys[0].secret", "a secret in base64"),
        (but(keys=[{"id": 0, "secret": ""}]), "keys[0].secret", "a secret in base64"),
        (but(keys=[{"id": 0, "secret": "é"}]), "keys[0].secret", "a secret in base64"),
        (but(keys=[{"id": 0, "secret": 7}]), "keys[0].secret", "a secret in base64"),
        (but(keys=[{"id": 0, "secret": "eA=="}, {"id": 0, "secret": "eQ=="}]), "keys[1].id", "the id of no other key"),
        (but(alias_domains=["BÜCHER.example"]), "alias_domains[0]", "IDNA 2008"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_key_and_what_would_be_right(world: Any, key: str, expected: str) -> None:
    told = problems(world)
    assert any(line.startswith(f"{key}: ") and expected in line for line in told), told


def test_a_missing_key_says_so() -> None:
    assert problems({"alias_domains": []}) == [
        "now: missing, expected a time by RFC 3339, such as 2026-03-01T12:00:00Z"
    ]


def test_all_faults_are_told_at_once() -> None:
    told = problems({**LEAST, "spam": 1, "aliases": [{}], "unavailable": "all"})
    assert [line.partition(":")[0] for line in told] == [
        "aliases[0].address", "aliases[0].conversation", "aliases[0].participant", "spam", "unavailable",
    ]  # fmt: skip


def test_a_message_is_one_bounded_line() -> None:
    with pytest.raises(InvalidWorld) as told:
        read_world({**LEAST, "unavailable": ["x" * 500] * 30})
    assert str(told.value).endswith("; and 10 more")
    assert len(str(told.value)) < 4000
    assert "\n" not in str(told.value)


def test_a_wrong_secret_is_never_quoted() -> None:
    assert not any("hunter" in line for line in problems(but(keys=[{"id": 0, "secret": "hunter 2"}])))


def test_unknown_keys_are_ignored_everywhere() -> None:
    world = but(comment={"x": 1})
    world["conversations"][0]["colour"] = "red"
    world["accounts"][0]["age"] = 7
    assert read_world(world).facts == read_world(WHOLE).facts


@pytest.mark.parametrize(
    "key",
    [
        "legacy_domains",
        "policy",
        "conversations",
        "accounts",
        "seen",
        "envelope",
        "authentication",
        "spam",
        "keys",
        "unavailable",
    ],
)
def test_null_counts_as_missing_where_nothing_is_the_default(key: str) -> None:
    read_world({**LEAST, key: None})


def test_two_accounts_may_share_an_address() -> None:
    world = changed("accounts.1.addresses", ["JOHN@home.example"])
    assert [len(one.addresses) for one in read_world(world).facts if isinstance(one, Account)] == [1, 1]


def test_years_of_history_are_bounded_by_the_calendar() -> None:
    assert read_world(changed("policy.historical_days", 10**30)).policy.historical_days < 800_000


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("<x@y>", b"x@y"), ("x@y", b"x@y"), (" < a b > ", b"ab"), ("<a<b>c>d", b"a<b>c"), (">x<", b">x<")],
)
def test_a_seen_message_id_is_canonical(written: str, canonical: bytes) -> None:
    facts = read_world(changed("seen.0.message_id", written)).facts
    assert [one.message_id.value for one in facts if isinstance(one, Sighting)] == [canonical]


def test_no_mail_is_seen_under_what_is_no_message_id() -> None:
    assert read_world(changed("seen.0.message_id", "<>")).facts == read_world(changed("seen", [])).facts


def test_a_seen_conversation_may_be_any() -> None:
    for conversation in ("nowhere", None):
        read_world(changed("seen.0.conversation", conversation))


def test_generated_worlds_are_valid_by_the_schema_too() -> None:
    for case in cases(7, 100):
        VALIDATOR.validate(case.world)
        read_world(case.world)
    for world in (LEAST, WHOLE):
        VALIDATOR.validate(world)


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.pop("now"), lambda world: world.update(format=2), lambda world: world.update(spam="no"),
        lambda world: world["policy"].update(admission="open"), lambda world: world["conversations"][0].update(stage="beta"),
        lambda world: world["keys"][0].update(id=32), lambda world: world.update(unavailable=["hub"]),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_reader_refuses(change: Callable[[World], object]) -> None:
    world = copy.deepcopy(WHOLE)
    change(world)
    assert not VALIDATOR.is_valid(world)
    assert problems(world)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WHOLE, "id", "address"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_world_or_is_told_to_be_none(document: Any) -> None:
    with pytest.raises(InvalidWorld):
        read_world(document)


@given(st.sampled_from(sorted(WHOLE)), JSON)
def test_any_value_under_any_key_is_taken_or_told(key: str, value: Any) -> None:
    try:
        read_world(but(**{key: value}))
    except InvalidWorld as told:
        assert told.problems  # noqa: PT017 - either is fine, nothing else is
