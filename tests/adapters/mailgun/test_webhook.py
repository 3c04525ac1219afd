"""Each hostile post ends in its stated answer, and nothing that was signed is lost."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from adapters.mailgun.posting import ALIAS, KEY, NOON, RAW, Door, Field, raw_form, signed
from convalias.adapters import memory
from convalias.adapters.mailgun import Bounds
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath

HEADERS = json.dumps([["From", "mary@corp.example"], ["To", ALIAS], ["Subject", "Hi"], ["Message-Id", "<1@corp>"]])
PARSED: list[Field] = [
    *signed(),
    ("recipient", ALIAS),
    ("sender", "mary@corp.example"),
    ("body-plain", "Hello"),
    ("message-headers", HEADERS),
]


def without(fields: list[Field], *names: str) -> list[Field]:
    return [field for field in fields if field[0] not in names]


def test_a_signed_raw_mail_is_kept_as_it_came_and_queued() -> None:
    door = Door()
    assert door.post(raw_form()).status == 200
    (record,) = door.records()
    assert (record.post.recipients, record.quarantined, record.source) == (
        (EmailAddress.parse(ALIAS),),
        None,
        "mailgun",
    )
    assert (record.post.received_at, record.post.return_path) == (NOON, EmailAddress.parse("mary@corp.example"))
    assert door.kept() == RAW
    assert door.queued() == [record.key]


def test_an_urlencoded_form_is_the_same_post() -> None:
    door = Door()
    assert door.post_urlencoded(raw_form()).status == 200
    assert door.post(raw_form()).status == 200
    assert len(door.records()) == 1
    assert door.kept() == RAW


# --- signature -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature", [b"0" * 64, b"0" * 63, b"", "é".encode() * 32, b"\xff" * 64, b"zz", b"0" * 100_000], ids=repr
)
def test_a_wrong_signature_of_any_shape_is_401(signature: bytes) -> None:
    door = Door()
    fields: list[Field] = [*without(raw_form(), "signature"), ("signature", signature)]
    assert door.post(fields).status == 401
    assert door.records() == []


@pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
def test_a_missing_part_of_the_signature_is_401(name: str) -> None:
    assert Door().post(without(raw_form(), name)).status == 401


@pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
def test_a_part_of_the_signature_twice_is_403(name: str) -> None:
    assert Door().post([*raw_form(), (name, dict(raw_form())[name])]).status == 403


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(hours=9), 200),
        (timedelta(days=3), 200),
        (timedelta(days=3, seconds=1), 401),
        (timedelta(days=4), 401),
        (-timedelta(minutes=5), 200),
        (-timedelta(minutes=10), 401),
    ],
)
def test_a_retry_may_be_days_old_and_no_clock_is_far_ahead(age: timedelta, status: int) -> None:
    fields = [*signed(at=NOON - age), *without(raw_form(), "timestamp", "token", "signature")]
    assert Door().post(fields).status == status


@pytest.mark.parametrize("timestamp", ["1e9", "", "-1", " 1772366400", "1772366400.0", "9" * 40, "9" * 15, "１７７"])
def test_a_timestamp_that_is_no_plain_digits_of_our_time_is_401(timestamp: str) -> None:
    assert Door().post([*without(raw_form(), "timestamp"), ("timestamp", timestamp)]).status == 401


def test_two_keys_are_accepted_while_they_rotate() -> None:
    both = Door(keys=f"new, {KEY}")
    assert both.post(raw_form()).status == 200
    fresh = [*signed("n" * 50, key="new"), *without(raw_form(), "timestamp", "token", "signature")]
    assert both.post(fresh).status == 200
    assert Door(keys="new").post(raw_form()).status == 401
    assert Door(keys=" , ").post(raw_form()).status == 401


def test_no_key_is_shown() -> None:
    assert KEY not in repr(Door().webhook)


# --- one token, one post -------------------------------------------------------------------------------


def test_the_same_post_again_is_200_and_changes_nothing() -> None:
    door = Door()
    assert [door.post(raw_form()).status, door.post(raw_form(), boundary="another").status] == [200, 200]
    assert len(door.records()) == 1


def test_a_token_with_another_body_is_403_and_an_alarm() -> None:
    door = Door()
    assert door.post(raw_form()).status == 200
    assert door.post(raw_form(mail=RAW + b"more")).status == 403
    assert door.post(raw_form(recipient="other-1ab131e2@reply.example")).status == 403
    assert door.post(raw_form(), files=[("token", "x.png", b"1")]).status == 403
    assert door.telemetry.total("icer.token_reused") == 3
    assert door.kept() == RAW
    assert len(door.queued()) == 1


def test_what_is_away_is_503_and_the_retry_heals_it() -> None:
    door = Door()
    for call in ("blobs.put", "queue.put"):
        door.faults.fail(call, memory.before("it"), times=1)
        assert door.post(raw_form()).status == 503
        door.faults.fail(call, memory.after("it"), times=1)
        assert door.post(raw_form()).status == 503
    assert door.post(raw_form()).status == 200
    assert len(door.records()) == 1
    assert set(door.queued()) == {door.records()[0].key}


# --- recipients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [[], [("recipient", "")], [("Recipient", ALIAS)]], ids=repr)
def test_a_form_without_recipient_is_400(fields: list[Field]) -> None:
    assert Door().post([*without(raw_form(), "recipient"), *fields]).status == 400


def test_a_header_named_recipient_is_not_the_envelope() -> None:
    door = Door()
    assert door.post([("Recipient", "x@evil.example"), *raw_form(("Sender", "y@evil.example"))]).status == 200
    assert door.records()[0].post.recipients == (EmailAddress.parse(ALIAS),)


@pytest.mark.parametrize("name", ["recipient", "sender"])
def test_a_twofold_route_is_kept_and_quarantined(name: str) -> None:
    door = Door()
    assert door.post(raw_form((name, "x@evil.example"))).status == 200
    (record,) = door.records()
    assert (record.quarantined, record.post.recipients) == ("duplicate_field", ())
    assert door.telemetry.total("icer.messages.quarantined", reason="duplicate_field") == 1
    assert door.queued() == [record.key]


@pytest.mark.parametrize("name", ["recipient", "sender"])
def test_a_file_beside_the_route_makes_it_twofold(name: str) -> None:
    door = Door()
    assert door.post(raw_form(), files=[(name, "x.txt", b"x@evil.example")]).status == 200
    assert door.records()[0].quarantined == "duplicate_field"


def test_octets_that_are_no_text_are_no_address() -> None:
    door = Door()
    fields: list[Field] = [*without(raw_form(), "recipient", "sender"), ("sender", b"\xff@corp.example")]
    assert door.post([*fields, ("recipient", b"\xff@reply.example")]).status == 200
    (record,) = door.records()
    assert (record.quarantined, record.post.return_path) == ("unreadable_recipient", None)


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        (f"<{ALIAS}>", [ALIAS]),
        (f" <{ALIAS}> , b@reply.example", [ALIAS, "b@reply.example"]),
        ('"a,b"@reply.example', ['"a,b"@reply.example']),
        ('"a@b,c@d"@reply.example', ['"a@b,c@d"@reply.example']),
    ],
)
def test_brackets_and_quotes_of_a_recipient_are_understood(recipient: str, expected: list[str]) -> None:
    door = Door()
    assert door.post(raw_form(recipient=recipient)).status == 200
    assert [one.key for one in door.records()[0].post.recipients] == expected


@pytest.mark.parametrize("recipient", ["nobody", "a b@reply.example", "a@b@", "x@[1 2]"])
def test_a_recipient_that_is_no_address_is_kept_and_quarantined(recipient: str) -> None:
    door = Door()
    assert door.post(raw_form(recipient=recipient)).status == 200
    assert door.records()[0].quarantined == "unreadable_recipient"


def test_several_recipients_of_one_post_are_all_recipients() -> None:
    door = Door()
    assert door.post(raw_form(recipient=f"{ALIAS}, b-2ab131e2@reply.example")).status == 200
    assert len(door.records()[0].post.recipients) == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], None),
        ([("sender", "")], NULL_RETURN_PATH),
        ([("sender", " <> ")], NULL_RETURN_PATH),
        ([("sender", "no address")], None),
        ([("sender", "a@faß.example")], EmailAddress.parse("a@xn--fa-hia.example")),
    ],
)
def test_the_return_path_is_null_only_where_it_says_so(fields: list[Field], expected: ReturnPath) -> None:
    door = Door()
    assert door.post([*without(raw_form(), "sender"), *fields]).status == 200
    assert door.records()[0].post.return_path == expected


# --- the parsed form -----------------------------------------------------------------------------------


def test_the_parsed_form_is_put_together_again() -> None:
    door = Door()
    assert door.post(PARSED, files=[("attachment-1", "a.png", b"\x89PNG")], raw=False).status == 200
    assert door.kept().startswith(b"From: mary@corp.example\r\nTo: ")
    assert door.records()[0].quarantined is None


@pytest.mark.parametrize(
    "headers",
    ["", "{", "{}", '"x"', "[1]", '[["a"]]', '[["a", 1]]', '[["a b", "c"]]', "[" * 100_000, "9" * 5_000],
    ids=lambda text: text[:12],
)
def test_message_headers_that_are_none_are_kept_and_quarantined(headers: str) -> None:
    door = Door()
    fields: list[Field] = [*without(PARSED, "message-headers"), ("message-headers", headers)]
    assert door.post(fields, raw=False).status == 200
    assert door.records()[0].quarantined == "unparseable"
    assert door.kept().startswith(b"X-Convalias-Form: 1\r\n\r\n")
    assert b"timestamp" not in door.kept()


@pytest.mark.parametrize("pairs", [1_001, 100_000])
def test_too_many_headers_are_kept_and_quarantined(pairs: int) -> None:
    door = Door()
    headers = json.dumps([["X-A", "b" * 40]] * pairs)
    assert door.post([*without(PARSED, "message-headers"), ("message-headers", headers)], raw=False).status == 200
    assert door.records()[0].quarantined == "unparseable"


def test_a_claimed_number_of_attachments_is_bounded_by_those_that_are_there() -> None:
    door = Door()
    assert door.post([*PARSED, ("attachment-count", "1000000000")], raw=False).status == 200
    assert door.records()[0].quarantined is None


def test_a_header_named_body_mime_is_no_mail() -> None:
    door = Door()
    forged = b"From: boss@corp.example\r\n\r\nPay"
    assert door.post([*PARSED, ("body-mime", forged)], raw=False).status == 200
    assert b"Pay" not in door.kept()
    assert door.kept().startswith(b"From: mary@corp.example")


def test_two_raw_mails_in_one_post_are_kept_and_quarantined() -> None:
    door = Door()
    assert door.post(raw_form(("body-mime", b"From: boss@corp.example\r\n\r\nPay"))).status == 200
    assert door.records()[0].quarantined == "duplicate_field"


def test_raw_mail_at_the_other_address_and_in_a_file_is_raw_mail_too() -> None:
    for fields, files, raw in (
        (raw_form(), [], False),
        (without(raw_form(), "body-mime"), [("body-mime", "mail.eml", RAW)], True),
    ):
        door = Door()
        assert door.post(fields, files, raw=raw).status == 200
        assert door.kept() == RAW


def test_the_parsed_form_at_the_raw_address_is_read_too() -> None:
    door = Door()
    assert door.post(PARSED, raw=True).status == 200
    assert door.records()[0].quarantined is None


@pytest.mark.parametrize(("trusted", "flag", "spam"), [(True, "Yes", True), (True, "No", False), (False, "Yes", False)])
def test_the_spam_flag_counts_where_it_is_trusted(*, trusted: bool, flag: str, spam: bool) -> None:
    door = Door(trust_spam_flag=trusted)
    assert door.post(raw_form(("X-Mailgun-Sflag", flag))).status == 200
    assert door.records()[0].post.spam is spam


# --- bounds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [True, False])
def test_a_mail_over_the_limit_is_kept_in_part_and_quarantined(*, behind: bool) -> None:
    door = Door(bounds=Bounds(mail=300_000, request=1_200_000))
    head = b"From: mary@corp.example\r\n\r\n"
    fields = raw_form(mail=head + b"x" * 500_000)
    fields = [*fields[-1:], *fields[:-1]] if behind else fields
    assert door.post(fields).status == 200
    (record,) = door.records()
    assert (record.quarantined, record.post.recipients) == ("too_large", (EmailAddress.parse(ALIAS),))
    assert door.kept() == head + b"x" * 65_536
    assert door.telemetry.total("icer.messages.quarantined", reason="too_large") == 1


def test_a_mail_of_exactly_the_limit_is_kept_whole() -> None:
    door = Door(bounds=Bounds(mail=300_000))
    mail = RAW + b"x" * (300_000 - len(RAW))
    assert door.post(raw_form(mail=mail)).status == 200
    assert door.records()[0].quarantined is None
    assert door.kept() == mail


def test_a_mail_over_the_limit_without_an_end_of_headers_is_kept_in_part() -> None:
    door = Door(bounds=Bounds(mail=300_000, request=2_000_000))
    assert door.post(raw_form(mail=b"x" * 500_000)).status == 200
    assert door.kept() == b"x" * 65_536


def test_a_request_over_the_limit_is_kept_if_it_was_signed_by_then() -> None:
    large = b"x" * 500_000
    front = Door(bounds=Bounds(mail=1_000, request=100_000))
    assert front.post(raw_form(mail=large)).status == 200
    assert front.records()[0].quarantined == "too_large"
    back = Door(bounds=Bounds(mail=1_000, request=100_000))
    assert back.post([("body-mime", large), *raw_form()]).status == 413


def test_a_retry_of_a_request_over_the_limit_is_the_same_post() -> None:
    door = Door(bounds=Bounds(mail=1_000, request=100_000))
    fields = raw_form(mail=b"x" * 500_000)
    assert [door.post(fields, boundary=one).status for one in ("a", "a-longer-boundary")] == [200, 200]
    assert len(door.records()) == 1


def test_guesses_of_the_provider_take_no_place_of_the_mail() -> None:
    door = Door(bounds=Bounds(mail=300_000, request=9_000_000))
    guess = "x" * 1_200_000
    assert door.post([("stripped-text", guess), *raw_form()]).status == 200
    assert door.records()[0].quarantined is None
    changed: list[Field] = [("stripped-text", guess + "y"), *raw_form()]
    assert door.post(changed).status == 403


def test_too_many_fields_are_kept_in_part_and_quarantined() -> None:
    door = Door(bounds=Bounds(fields=50))
    more: list[Field] = [("X-A", "b")] * 100
    assert door.post([*more, *raw_form(), *more]).status == 200
    (record,) = door.records()
    assert (record.quarantined, record.post.recipients) == ("unparseable", (EmailAddress.parse(ALIAS),))
    assert door.kept() == RAW


def test_fields_without_end_are_not_read_to_their_end() -> None:
    door = Door(bounds=Bounds(fields=50))
    more: list[Field] = [("X-A", "b")] * 5_000
    assert door.post([*more, *raw_form()]).status == 401
    assert door.post([*raw_form(), *more]).status == 200
    assert door.records()[0].quarantined == "unparseable"


def test_what_is_no_form_is_400() -> None:
    door = Door()
    assert door.post([], boundary="").status == 400
    assert door.post_urlencoded([]).status == 401
