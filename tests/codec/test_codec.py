"""Bodies say what they are; other versions are read, written on request, and never guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import frozen

from convalias.codec import OUTCOME, BrokenRecord, Codec, CodecError, Format, UnknownFormat, dump, dumps, load, loads
from convalias.codec.converter import build, read_time, time_text
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId
from convalias.domain.inbound.outcomes import Done, Expired, Ignored, Refused
from convalias.domain.mail.reasons import OwnReason, Reason, Severity, reason
from convalias.ports.records import Body

ANN = Account(AccountId("ann"), (EmailAddress.parse("Ann@x.example"),))


@frozen
class Note:
    words: str
    length: timedelta = timedelta(0)
    weight: float = 0.0
    octets: bytes = b""
    count: int = 0


def _second_from_first(body: Body) -> Body:
    return {"words": body["text"]}


def _first_from_second(body: Body) -> Body:
    return {"text": body["words"]}


NOTE = Format("note", (Note,), 2, {1: _second_from_first}, {1: _first_from_second})


def _codec(write_format: Mapping[str, int] | None = None) -> Codec:
    return Codec(write_format or {}, formats=(NOTE,), tags={})


def test_a_body_says_its_tag_and_version_and_comes_back_as_it_was() -> None:
    assert dump(ANN)["$"] == "account/1"
    assert load(dump(ANN), Account) == ANN
    assert loads(dumps(ANN), Account) == ANN


def test_octets_are_ascii_whatever_the_text_says() -> None:
    assert dumps(Account(AccountId("\udcff東"))).isascii()
    assert loads(dumps(Account(AccountId("\udcff東"))), Account).id == "\udcff東"


def test_a_class_without_a_row_is_misuse() -> None:
    with pytest.raises(TypeError, match="object has no row"):
        dump(object())


@pytest.mark.parametrize("mark", ["claim/1", "account/2"])
def test_a_body_of_another_kind_or_version_says_what_would_be_read(mark: str) -> None:
    with pytest.raises(UnknownFormat, match=r"account: found format .*, this release reads account/1") as caught:
        load({**dump(ANN), "$": mark}, Account)
    assert (caught.value.kind, caught.value.found, caught.value.readable) == ("account", mark, ("account/1",))
    assert isinstance(caught.value, CodecError)


@pytest.mark.parametrize("mark", ["account/x", "account", "/1", "", None, 7])
def test_a_body_that_does_not_say_what_it_is_is_damaged_and_of_no_newer_release(mark: str | int | None) -> None:
    with pytest.raises(BrokenRecord, match=r"account: a stored record cannot be read \(no format\)"):
        load({**dump(ANN), "$": mark}, Account)


def test_a_list_is_no_body() -> None:
    with pytest.raises(BrokenRecord, match="no object"):
        loads(b"[]", Account)


def test_no_json_is_a_broken_record() -> None:
    with pytest.raises(BrokenRecord, match=r"account: .* \(JSONDecodeError\)"):
        loads(b"{", Account)


@pytest.mark.parametrize(
    "damage",
    [{"id": None}, {"id": 7}, {"addresses": ["no address"]}, {"addresses": [7]}, {"addresses": None}],
)
def test_a_damaged_body_is_broken_and_its_values_stay_out_of_the_message(damage: Body) -> None:
    with pytest.raises(BrokenRecord) as caught:
        load({**dump(ANN), **damage}, Account)
    assert "no address" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert (caught.value.kind, str(caught.value)[:8]) == ("account", "account:")


def test_a_field_that_a_newer_release_added_is_ignored() -> None:
    assert load({**dump(ANN), "shoe_size": 44}, Account) == ANN


def test_members_of_a_union_are_told_apart_by_name() -> None:
    assert dump(Expired()) == {"$": "outcome/1", "is": "expired"}
    assert load(dump(Done(())), OUTCOME) == Done(())
    assert load(dump(Done(())), Done) == Done(())


def test_a_member_that_a_newer_release_added_is_an_unknown_format() -> None:
    with pytest.raises(UnknownFormat, match=r"dead\|done"):
        load({"$": "outcome/1", "is": "evaporated"}, OUTCOME)


def test_an_older_version_is_read() -> None:
    assert _codec().load({"$": "note/1", "text": "hello"}, Note) == Note("hello")
    assert NOTE.readable == (1, 2)


def test_an_older_version_is_written_while_older_processes_read_along() -> None:
    assert _codec({"note": 1}).dump(Note("hello")) == {"$": "note/1", "text": "hello"}
    assert _codec({"note": 2}).dump(Note("hello"))["$"] == "note/2"
    assert NOTE.writable == (1, 2)


@pytest.mark.parametrize("setting", [{"note": 0}, {"note": 3}, {"nota": 1}])
def test_a_version_that_cannot_be_written_is_refused_at_once(setting: Mapping[str, int]) -> None:
    with pytest.raises(InvalidValue, match="write_format of not"):
        _codec(setting)


def test_durations_numbers_and_octets_come_back() -> None:
    note = Note("", timedelta(days=2, microseconds=7), 0.5, b"\x00\xff", 3)
    body = _codec().dump(note)
    assert (body["length"], body["octets"]) == (172800.000007, "AP8=")
    assert _codec().loads(json.dumps(body).encode(), Note) == note


@pytest.mark.parametrize("damage", [{"weight": True}, {"weight": "1"}, {"octets": "?"}, {"count": True}])
def test_values_of_another_type_are_never_bent_into_shape(damage: Body) -> None:
    with pytest.raises(BrokenRecord):
        _codec().load({**_codec().dump(Note("")), **damage}, Note)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("Ann@X.example", "Ann@X.example"), ("ann@x.example", "ann@x.example"), ("ann@faß.example", "ann@x.example")],
)
def test_an_address_is_kept_as_written_where_that_leads_back_to_it(written: str, kept: str) -> None:
    assert build({}).unstructure(EmailAddress("ann@x.example", written)) == kept


def test_an_address_written_like_another_is_kept_by_its_key() -> None:
    assert build({}).unstructure(EmailAddress("ann@x.example", "bob@x.example")) == "ann@x.example"


def test_times_are_utc_microseconds_whatever_the_zone() -> None:
    tokyo = datetime(2026, 3, 1, 21, 0, tzinfo=timezone(timedelta(hours=9)))
    assert time_text(tokyo) == "2026-03-01T12:00:00.000000Z"
    assert read_time("2026-03-01T21:00:00+09:00") == tokyo
    assert read_time(time_text(tokyo)).tzinfo is UTC


def test_a_date_at_the_edge_of_the_calendar_is_kept() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert time_text(first) == "0001-01-01T00:00:00.000000Z"


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(ValueError, match="zone"):
        time_text(datetime(2026, 3, 1))  # noqa: DTZ001 - the fault under test
    with pytest.raises(ValueError, match="zone"):
        read_time("2026-03-01T12:00:00")


QUOTA = {
    "own": "QUOTA",
    "severity": "alarm",
    "retryable": True,
    "refusals": {"de": "Genug.", "en": "Enough."},
    "advice": "raise it",
}
"""As the first release wrote it that had reasons of a host's own: a change of this is a new version."""


def _refused(written: object) -> Body:
    return {"$": "outcome/1", "is": "done", "effects": [["ann@x.example", {"is": "refused", "reason": written}]]}  # type: ignore[dict-item]


def _reason_of(body: Body) -> Reason | OwnReason:
    outcome = load(body, OUTCOME)
    assert isinstance(outcome, Done)
    ((_, effect),) = outcome.effects
    assert isinstance(effect, Refused)
    return effect.reason


def test_a_reason_of_a_hosts_own_is_written_whole_and_read_by_whoever_never_heard_of_it() -> None:
    own = reason(
        "QUOTA", refusal={"de": "Genug.", "en": "Enough."}, severity=Severity.ALARM, retryable=True, advice="raise it"
    )
    address = EmailAddress.parse("ann@x.example")
    body = dump(Done(((address, Refused(own, told=True)), (address, Ignored(own)))))
    assert body["effects"] == [
        ["ann@x.example", {"is": "refused", "reason": QUOTA, "told": True}],
        ["ann@x.example", {"is": "ignored", "reason": QUOTA}],
    ]
    read = _reason_of(_refused(QUOTA))
    assert isinstance(read, OwnReason)
    assert (read.name, read.advice, read.refusal("de"), read.consequence) == (
        "QUOTA",
        "raise it",
        "Genug.",
        own.consequence,
    )


def test_a_reason_that_nobody_knows_here_stays_readable_and_says_so() -> None:
    assert _reason_of(_refused("SPAM")) is Reason.SPAM
    unknown = _reason_of(_refused("OF_A_NEWER_RELEASE"))
    assert isinstance(unknown, OwnReason)
    assert "is no reason that this release knows" in unknown.advice


@pytest.mark.parametrize(
    "broken", ["no name", 3, None, {"own": "QUOTA"}, {**QUOTA, "own": "x y"}, {**QUOTA, "severity": "?"}]
)
def test_a_broken_reason_is_a_broken_record(broken: object) -> None:
    with pytest.raises(BrokenRecord):
        load(_refused(broken), OUTCOME)
